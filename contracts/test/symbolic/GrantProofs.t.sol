// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Consents} from "../../Consents.sol";
import {IGuardianship} from "../../interfaces/IGuardianship.sol";
import {IParticipants} from "../../interfaces/IParticipants.sol";
import {ISignerKeys} from "../../interfaces/ISignerKeys.sol";
import {ISubjects} from "../../interfaces/ISubjects.sol";
import {ACTION_STORE, HIGHEST_SENSITIVITY, Standing} from "../../types/Codes.sol";
import {ConsentTerms} from "../../types/ConsentTerms.sol";
import {Scripted} from "../Scripted.sol";

/// @title What can be granted at all, for all terms there can be
/// @notice The real contract among neighbours that agree to everything.
contract GrantProofs {
    Consents private _consents;

    /// @notice Runs before each proof.
    function setUp() external {
        Scripted participants = new Scripted();
        Scripted subjects = new Scripted();
        participants.script(IParticipants.isActiveRelay.selector, abi.encode(true));
        participants.script(IParticipants.institutionStanding.selector, abi.encode(Standing.ACTIVE));
        subjects.script(ISubjects.custodianOf.selector, abi.encode(address(0xA000)));
        // ERC-7913: an answer of the function's own selector means yes.
        bytes4 verify = bytes4(keccak256("verify(bytes,bytes32,bytes)"));
        Scripted verifier = new Scripted();
        verifier.script(verify, abi.encode(verify));
        subjects.script(IGuardianship.signerFor.selector, abi.encode(abi.encodePacked(verifier, "key")));
        // Nobody has a card: whatever needs one is refused.
        subjects.script(ISignerKeys.cardSignerFor.selector, abi.encode(""));
        _consents = new Consents(
            IParticipants(address(participants)),
            ISubjects(address(subjects)),
            address(0xB000),
            30 days
        );
    }

    /// @notice Whatever the times, no sum runs over: terms are accepted or refused with an error of the contract's own.
    /// @param terms any.
    function check_window_neverRunsOver(ConsentTerms memory terms) external {
        if (block.timestamp > type(uint64).max) return;
        try _consents.grant(terms, "") {
            return;
        } catch Panic(uint256) {
            assert(false);
        } catch {
            return;
        }
    }

    /// @notice What was granted has a period that is not over, and a copy may be stored only where it is erased later.
    /// @param terms any.
    function check_window_isOpenWhereGranted(ConsentTerms memory terms) external {
        if (block.timestamp > type(uint64).max) return;
        _consents.grant(terms, "");
        assert(terms.validFrom < terms.validUntil);
        assert(block.timestamp < terms.validUntil);
        bool stores = (terms.actions >> ACTION_STORE) % 2 == 1;
        assert(!stores || (terms.eraseBy > terms.validFrom && terms.eraseBy > block.timestamp));
        assert(stores || terms.eraseBy == 0);
    }

    /// @notice No terms cover the highest level by category, and none disclose onward.
    /// @param terms any.
    function check_scope_neverCoversLevelFiveByCategory(ConsentTerms memory terms) external {
        _consents.grant(terms, "");
        assert(terms.recordsRoot != bytes32(0) || terms.maxSensitivity < HIGHEST_SENSITIVITY);
        assert((terms.recordsRoot == bytes32(0)) != (terms.categories == 0));
        assert(terms.purposes != 0 && terms.actions != 0 && terms.maxUses != 0 && !terms.onwardDisclosure);
    }
}
