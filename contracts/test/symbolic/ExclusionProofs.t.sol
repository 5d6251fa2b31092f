// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Consents} from "../../Consents.sol";
import {IGuardianship} from "../../interfaces/IGuardianship.sol";
import {IParticipants} from "../../interfaces/IParticipants.sol";
import {ISubjects} from "../../interfaces/ISubjects.sol";
import {BasisRules} from "../../libraries/BasisRules.sol";
import {CompactRequest} from "../../types/AccessRequest.sol";
import {Reason} from "../../types/Codes.sol";
import {
    EXCLUDED_CATEGORY,
    EXCLUDED_GROUP,
    EXCLUDED_INSTITUTION,
    EXCLUDED_PRACTITIONER,
    Exclusion
} from "../../types/Exclusion.sol";
import {Scripted} from "../Scripted.sol";

/// @title An exclusion is seen by whatever it names
/// @notice The real register among neighbours that agree to everything: every institution is a member of every group.
/// That the ledger never permits what the register calls excluded stands in `LedgerProofs`.
contract ExclusionProofs {
    Consents private _consents;

    /// @notice Runs before each proof.
    function setUp() external {
        Scripted verifier = new Scripted();
        Scripted participants = new Scripted();
        Scripted subjects = new Scripted();
        // ERC-7913: an answer of the function's own selector means yes.
        bytes4 verify = bytes4(keccak256("verify(bytes,bytes32,bytes)"));
        verifier.script(verify, abi.encode(verify));
        participants.script(IParticipants.isActiveRelay.selector, abi.encode(true));
        participants.script(IParticipants.isGroupMember.selector, abi.encode(true));
        subjects.script(ISubjects.custodianOf.selector, abi.encode(address(0xA000)));
        subjects.script(IGuardianship.signerFor.selector, abi.encode(abi.encodePacked(verifier, "key")));
        _consents = new Consents(
            IParticipants(address(participants)),
            ISubjects(address(subjects)),
            address(0xB000),
            30 days
        );
    }

    /// @notice Whoever or whatever an exclusion names is excluded from then on, for each of the four kinds.
    /// @param act any exclusion.
    /// @param institution any that asks.
    /// @param practitioner any that asks.
    /// @param category any class of a record.
    function check_exclusion_isSeenByWhatItNames(
        Exclusion calldata act,
        address institution,
        bytes32 practitioner,
        uint8 category
    ) external {
        _consents.exclude(act, new bytes[](1));
        if (!_names(act, institution, practitioner, category)) return;
        assert(_consents.isExcluded(act.subjectId, institution, practitioner, category));
        assert(_summaryOf(act.subjectId) != 0);
    }

    /// @notice What is excluded afterwards, for whomever, leaves an exclusion as it stands.
    /// @param act any exclusion.
    /// @param other any that is made after it.
    function check_exclusion_standsBesideOthers(Exclusion calldata act, Exclusion calldata other) external {
        _consents.exclude(act, new bytes[](1));
        _consents.exclude(other, new bytes[](1));
        assert(_consents.isTargetExcluded(act.subjectId, act.kind, act.target));
        assert(_summaryOf(act.subjectId) != 0);
    }

    /// @notice No emergency reaches what the patient excluded or forbade.
    /// @param request any.
    /// @param forbidden whether the patient forbids emergency accesses.
    /// @param opened any number of them.
    /// @param limit any limit.
    function check_emergency_neverOverridesAnExclusion(
        CompactRequest calldata request,
        bool forbidden,
        uint256 opened,
        uint256 limit
    ) external pure {
        Reason reason = BasisRules.judgeEmergency(request, forbidden, true, opened, limit);
        assert(reason != Reason.NONE && reason != Reason.EMERGENCY_LIMIT);
        assert(BasisRules.judgeEmergency(request, true, false, opened, limit) != Reason.NONE);
    }

    function _summaryOf(bytes32 subjectId) private view returns (uint256 summary) {
        bytes32[] memory subjectIds = new bytes32[](1);
        subjectIds[0] = subjectId;
        return _consents.exclusionSummaries(subjectIds)[0];
    }

    /// @dev Every institution is a member of every group here.
    function _names(
        Exclusion calldata act,
        address institution,
        bytes32 practitioner,
        uint8 category
    ) private pure returns (bool named) {
        if (act.kind == EXCLUDED_INSTITUTION) return act.target == bytes32(uint256(uint160(institution)));
        if (act.kind == EXCLUDED_PRACTITIONER) return act.target == practitioner;
        if (act.kind == EXCLUDED_CATEGORY) return act.target == bytes32(uint256(category));
        return act.kind == EXCLUDED_GROUP;
    }
}
