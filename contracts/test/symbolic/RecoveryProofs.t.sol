// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Subjects} from "../../Subjects.sol";
import {IParticipants} from "../../interfaces/IParticipants.sol";
import {PROPOSER_AUTHORITY, Standing} from "../../types/Codes.sol";
import {Enrolment} from "../../types/Enrolment.sol";
import {RecoveryCompletion, RecoveryProposal} from "../../types/SubjectKeys.sol";
import {Scripted} from "../Scripted.sol";
import {VM} from "../Vm.sol";

/// @title When a recovery counts, for all times there can be
/// @notice The real register among neighbours that agree to everything; an authority over the whole country proposes.
/// Times are reckoned here in 256 bits, where nothing can run over.
contract RecoveryProofs {
    address private constant _CUSTODIAN = address(0xA000);
    bytes32 private constant _SUBJECT = keccak256("subject");
    uint256 private constant _TIME_TO_COMPLETE = 30 days;

    Scripted private _participants;
    Scripted private _verifier;

    /// @notice Runs before each proof.
    function setUp() external {
        (_participants, _verifier) = (new Scripted(), new Scripted());
        // ERC-7913 and ERC-1271: an answer of the function's own selector means yes.
        bytes4 verify = bytes4(keccak256("verify(bytes,bytes32,bytes)"));
        _verifier.script(verify, abi.encode(verify));
        bytes4 isValid = bytes4(keccak256("isValidSignature(bytes32,bytes)"));
        _verifier.script(isValid, abi.encode(isValid));
        _participants.script(IParticipants.isActiveRelay.selector, abi.encode(true));
        _participants.script(IParticipants.isAcceptableSigner.selector, abi.encode(true));
        _participants.script(IParticipants.institutionStanding.selector, abi.encode(Standing.ACTIVE));
        _participants.script(IParticipants.institutionSigner.selector, abi.encode(_signer("custodian")));
        _participants.script(IParticipants.institutionRegion.selector, abi.encode(440_300));
        _participants.script(bytes4(keccak256("authorityStanding(address)")), abi.encode(Standing.ACTIVE, 0));
    }

    /// @notice The key changes only within thirty days from the end of the delay.
    /// @param delay any.
    /// @param proposedAt any time.
    /// @param completedAt any time that is not before.
    function check_recovery_countsInItsWindowAlone(uint64 delay, uint64 proposedAt, uint64 completedAt) external {
        uint256 due = uint256(proposedAt) + delay;
        if (completedAt < proposedAt || !_isTime(due)) return;
        (Subjects register, bytes32 id) = _propose(delay, proposedAt);
        VM.warp(completedAt);
        register.completeRecovery(RecoveryCompletion(_SUBJECT, id, type(uint64).max), new bytes[](0));
        assert(completedAt >= due && completedAt < due + _TIME_TO_COMPLETE);
    }

    /// @notice Within that time it does, and before it nothing is decided: it can be stopped.
    /// @param delay any.
    /// @param proposedAt any time.
    /// @param completedAt any time in the window.
    function check_recovery_isOpenToTheEndOfItsWindow(uint64 delay, uint64 proposedAt, uint64 completedAt) external {
        uint256 due = uint256(proposedAt) + delay;
        if (completedAt < proposedAt || completedAt >= due + _TIME_TO_COMPLETE || !_isTime(due)) return;
        (Subjects register, bytes32 id) = _propose(delay, proposedAt);
        VM.warp(completedAt);
        assert(register.recoveryOf(_SUBJECT).id == id);
        if (completedAt < due) return;
        try register.completeRecovery(RecoveryCompletion(_SUBJECT, id, type(uint64).max), new bytes[](0)) {
            assert(keccak256(register.signerOf(_SUBJECT)) == keccak256(_signer("new")));
        } catch {
            assert(false);
        }
    }

    function _propose(uint64 delay, uint64 proposedAt) private returns (Subjects register, bytes32 id) {
        register = new Subjects(IParticipants(address(_participants)), delay);
        VM.warp(proposedAt);
        register.enrol(Enrolment(_SUBJECT, _signer("old"), _CUSTODIAN, type(uint64).max), "", "");
        bytes32 authority = bytes32(uint256(uint160(address(_verifier))));
        RecoveryProposal memory act = RecoveryProposal({
            subjectId: _SUBJECT,
            signer: _signer("new"),
            by: PROPOSER_AUTHORITY,
            proposer: authority,
            evidenceHash: keccak256("evidence"),
            nonce: 1,
            signBefore: type(uint64).max
        });
        register.proposeRecovery(act, new bytes[](2));
        return (register, register.recoveryOf(_SUBJECT).id);
    }

    /// @dev Beyond 64 bits no recovery can be proposed: the sums run over.
    function _isTime(uint256 due) private pure returns (bool time) {
        return due + _TIME_TO_COMPLETE <= type(uint64).max;
    }

    function _signer(bytes memory key) private view returns (bytes memory signer) {
        return abi.encodePacked(_verifier, key);
    }
}
