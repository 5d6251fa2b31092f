// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentRules} from "../../libraries/ConsentRules.sol";
import {AccessRequest} from "../../types/AccessRequest.sol";
import {
    ACTION_STORE,
    ACTOR_HUMAN,
    ACTOR_MACHINE,
    CLOCK_TOLERANCE,
    HIGHEST_PURPOSE,
    Reason,
    RecordStatus,
    Standing
} from "../../types/Codes.sol";

/// @title What a request must be, for every request there can be
/// @notice The arithmetic of the window is done here in 256 bits, where nothing can run over.
contract RequestProofs {
    /// @notice Everything the rules are told of a request.
    struct Case {
        AccessRequest request;
        Standing standing;
        bytes32 releaseKeyHash;
        uint64 blockTime;
    }

    /// @notice A request counts only inside its window, of which the end is outside.
    /// @param c any case.
    function check_request_passesOnlyInsideItsWindow(Case memory c) external pure {
        if (_isBeyondTime(c)) return;
        assert(!_passes(c) || _isInWindow(c));
    }

    /// @notice Only an active institution with its registered release key is heard.
    /// @param c any case.
    function check_request_passesOnlyFromAnActiveInstitution(Case memory c) external pure {
        if (_isBeyondTime(c)) return;
        bool own = c.standing == Standing.ACTIVE && c.request.releaseKeyHash == c.releaseKeyHash;
        assert(!_passes(c) || own);
    }

    /// @notice No unknown purpose, action or actor passes.
    /// @param c any case.
    function check_request_passesOnlyWithKnownCodes(Case memory c) external pure {
        if (_isBeyondTime(c)) return;
        assert(!_passes(c) || _isKnown(c.request));
    }

    /// @notice Where all of the above holds, at most the legal basis is left to be refused.
    /// @param c any case.
    function check_request_isHeardWhereEverythingIsInOrder(Case memory c) external pure {
        if (_isBeyondTime(c)) return;
        bool own = c.standing == Standing.ACTIVE && c.request.releaseKeyHash == c.releaseKeyHash;
        Reason reason = _judge(c);
        bool heard = reason == Reason.NONE || reason == Reason.LEGAL_BASIS_UNSUPPORTED;
        assert(!(own && _isInWindow(c) && _isKnown(c.request)) || heard);
    }

    /// @notice Only a version that is current passes.
    /// @param status any.
    function check_record_passesOnlyWhenCurrent(RecordStatus status) external pure {
        assert((ConsentRules.judgeRecord(status) == Reason.NONE) == (status == RecordStatus.CURRENT));
    }

    /// @dev The last minute before the end of 64-bit time, where the sum of the window runs over.
    function _isBeyondTime(Case memory c) private pure returns (bool beyond) {
        return c.blockTime > type(uint64).max - CLOCK_TOLERANCE;
    }

    function _passes(Case memory c) private pure returns (bool passed) {
        return _judge(c) == Reason.NONE;
    }

    function _judge(Case memory c) private pure returns (Reason reason) {
        return ConsentRules.judgeRequest(c.request, c.standing, c.releaseKeyHash, c.blockTime);
    }

    function _isInWindow(Case memory c) private pure returns (bool inside) {
        return
            c.blockTime < c.request.expiresAt &&
            uint256(c.request.issuedAt) <= uint256(c.blockTime) + CLOCK_TOLERANCE;
    }

    function _isKnown(AccessRequest memory request) private pure returns (bool known) {
        bool purpose = 1 <= request.purpose && request.purpose <= HIGHEST_PURPOSE;
        bool action = 1 <= request.action && request.action <= ACTION_STORE;
        bool actor = ACTOR_HUMAN <= request.actorKind && request.actorKind <= ACTOR_MACHINE;
        return purpose && action && actor && request.practitioner != bytes32(0);
    }
}
