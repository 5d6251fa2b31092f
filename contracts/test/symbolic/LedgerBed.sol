// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessLedger} from "../../AccessLedger.sol";
import {IAuthorisations} from "../../interfaces/IAuthorisations.sol";
import {ConsentState, IConsents} from "../../interfaces/IConsents.sol";
import {IEmergencies} from "../../interfaces/IEmergencies.sol";
import {IExclusions} from "../../interfaces/IExclusions.sol";
import {IGuardianship} from "../../interfaces/IGuardianship.sol";
import {IParticipants} from "../../interfaces/IParticipants.sol";
import {IRecords} from "../../interfaces/IRecords.sol";
import {CompactRequest, Material, RequestCodes} from "../../types/AccessRequest.sol";
import {ConsentStatus, RecordStatus, Standing} from "../../types/Codes.sol";
import {ConsentTerms} from "../../types/ConsentTerms.sol";
import {RecordFacts} from "../../types/RecordFacts.sol";
import {RecordId} from "../../types/RecordLeaf.sol";
import {Scripted} from "../Scripted.sol";

/// @title A ledger whose neighbours are scripted
/// @notice The real ledger: its institution signs with a verifier that says yes, and its one record is current.
abstract contract LedgerBed {
    address internal constant _INSTITUTION = address(0xA000);
    bytes32 private constant _SUBJECT = keccak256("subject");
    bytes32 private constant _RELEASE_KEY_HASH = keccak256("release key");

    AccessLedger internal _ledger;

    /// @param excluded what the register of exclusions answers.
    /// @param limit accesses a day, and those of them in an emergency.
    function _lay(bool excluded, uint256 limit) internal {
        Scripted emergencies = new Scripted();
        emergencies.scriptCaller(IEmergencies.accessLedger.selector);
        emergencies.script(IEmergencies.open.selector, "");
        _ledger = new AccessLedger(
            IParticipants(_participants(limit)),
            IRecords(_records()),
            IConsents(_consents(excluded)),
            IEmergencies(address(emergencies)),
            IAuthorisations(address(0xB000))
        );
    }

    function _participants(uint256 limit) private returns (address register) {
        Scripted verifier = new Scripted();
        Scripted participants = new Scripted();
        // ERC-7913: an answer of the function's own selector means yes.
        bytes4 verify = bytes4(keccak256("verify(bytes,bytes32,bytes)"));
        verifier.script(verify, abi.encode(verify));
        bytes memory signer = abi.encodePacked(verifier, "key");
        bytes memory institution = abi.encode(Standing.ACTIVE, _RELEASE_KEY_HASH, signer, limit, limit);
        participants.script(IParticipants.isActiveRelay.selector, abi.encode(true));
        participants.script(IParticipants.institutionForDecision.selector, institution);
        return address(participants);
    }

    function _records() private returns (address register) {
        Scripted records = new Scripted();
        RecordFacts[] memory facts = new RecordFacts[](1);
        uint256 mark = uint256(keccak256(abi.encode(_SUBJECT))) >> 96 << 96;
        facts[0] = RecordFacts.wrap(mark | uint256(RecordStatus.CURRENT) | (3 << 8) | (2 << 16));
        records.script(IRecords.factsOf.selector, abi.encode(facts));
        return address(records);
    }

    function _consents(bool excluded) private returns (address register) {
        Scripted consents = new Scripted();
        ConsentState[] memory states = new ConsentState[](1);
        states[0].status = ConsentStatus.ACTIVE;
        consents.script(IConsents.statesOf.selector, abi.encode(states));
        consents.script(IConsents.countUses.selector, "");
        consents.scriptCaller(IConsents.accessLedger.selector);
        uint256[] memory summaries = new uint256[](2);
        if (excluded) (summaries[0], summaries[1]) = (1, 1);
        consents.script(IExclusions.exclusionSummaries.selector, abi.encode(summaries));
        consents.script(IExclusions.isExcluded.selector, abi.encode(excluded));
        Scripted subjects = new Scripted();
        subjects.script(IGuardianship.factsOf.selector, abi.encode(uint256(0)));
        consents.script(IConsents.subjects.selector, abi.encode(subjects));
        return address(consents);
    }

    /// @dev Under terms that cover the record for every purpose and action.
    function _decide(uint256 requestId, uint256 codes, uint8 basis, bytes32 practitioner) internal {
        CompactRequest[] memory requests = new CompactRequest[](1);
        requests[0] = CompactRequest({
            requestId: requestId,
            recordId: RecordId.wrap(keccak256("record")),
            codes: RequestCodes.wrap((codes & ~uint256(0xff0000)) | (uint256(basis) << 16)),
            reasonHash: keccak256("reason"),
            practitioner: practitioner,
            places: (uint256(1) << 48) | (uint256(1) << 32)
        });
        Material memory material;
        material.institutions = new address[](1);
        material.institutions[0] = _INSTITUTION;
        material.releaseKeyHashes = new bytes32[](1);
        material.releaseKeyHashes[0] = _RELEASE_KEY_HASH;
        material.subjects = new bytes32[](1);
        material.subjects[0] = _SUBJECT;
        material.consents = new ConsentTerms[](1);
        ConsentTerms memory terms = material.consents[0];
        (terms.subjectId, terms.institution) = (_SUBJECT, _INSTITUTION);
        (terms.categories, terms.purposes, terms.actions) = (1 << 3, type(uint32).max, type(uint8).max);
        (terms.maxSensitivity, terms.dataUntil, terms.maxUses) = (4, type(uint16).max, type(uint32).max);
        (terms.validUntil, terms.eraseBy) = (type(uint64).max, type(uint64).max);
        _ledger.decide(requests, new bytes[](1), material);
    }

    function _permits() internal view returns (uint256 accesses, uint256 inEmergency) {
        return _ledger.permitsToday(_INSTITUTION);
    }
}
