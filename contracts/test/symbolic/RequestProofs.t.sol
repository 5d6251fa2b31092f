// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentRules} from "../../libraries/ConsentRules.sol";
import {CompactRequest} from "../../types/AccessRequest.sol";
import {
    ACTION_STORE,
    ACTOR_HUMAN,
    ACTOR_MACHINE,
    BASIS_CONSENT,
    BASIS_PUBLIC_HEALTH,
    CLOCK_TOLERANCE,
    HIGHEST_PURPOSE,
    Reason,
    RecordStatus
} from "../../types/Codes.sol";

/// @title What a request must be, for every request there can be
/// @notice The arithmetic of the window is done here in 256 bits, where nothing can run over.
contract RequestProofs {
    /// @notice Everything the rules are told of a request.
    struct Case {
        CompactRequest request;
        bool active;
        bool ownKey;
        uint64 blockTime;
    }

    /// @notice A request counts only inside its window, of which the end is outside.
    /// @param c any case.
    function check_request_passesOnlyInsideItsWindow(Case calldata c) external pure {
        assert(!_passes(c) || _isInWindow(c));
    }

    /// @notice Only an active institution with its registered release key is heard.
    /// @param c any case.
    function check_request_passesOnlyFromAnActiveInstitution(Case calldata c) external pure {
        assert(!_passes(c) || (c.active && c.ownKey));
    }

    /// @notice No unknown purpose, action, actor or legal basis passes.
    /// @param c any case.
    function check_request_passesOnlyWithKnownCodes(Case calldata c) external pure {
        assert(!_passes(c) || _isKnown(c.request));
    }

    /// @notice Where all of the above holds, the request is heard.
    /// @param c any case.
    function check_request_isHeardWhereEverythingIsInOrder(Case calldata c) external pure {
        assert(!(c.active && c.ownKey && _isInWindow(c) && _isKnown(c.request)) || _passes(c));
    }

    /// @notice Only a version that is current passes.
    /// @param status any.
    function check_record_passesOnlyWhenCurrent(RecordStatus status) external pure {
        assert((ConsentRules.judgeRecord(status) == Reason.NONE) == (status == RecordStatus.CURRENT));
    }

    function _passes(Case calldata c) private pure returns (bool passed) {
        return ConsentRules.judgeRequest(c.request, c.active, c.ownKey, c.blockTime) == Reason.NONE;
    }

    function _isInWindow(Case calldata c) private pure returns (bool inside) {
        return
            c.blockTime < c.request.codes.expiresAtOf() &&
            uint256(c.request.codes.issuedAtOf()) <= uint256(c.blockTime) + CLOCK_TOLERANCE;
    }

    function _isKnown(CompactRequest calldata request) private pure returns (bool known) {
        bool purpose = _isWithin(request.codes.purposeOf(), 1, HIGHEST_PURPOSE);
        bool action = _isWithin(request.codes.actionOf(), 1, ACTION_STORE);
        bool actor = _isWithin(request.codes.actorKindOf(), ACTOR_HUMAN, ACTOR_MACHINE);
        bool basis = _isWithin(request.codes.legalBasisOf(), BASIS_CONSENT, BASIS_PUBLIC_HEALTH);
        return purpose && action && actor && basis && request.practitioner != bytes32(0);
    }

    function _isWithin(uint8 code, uint8 first, uint8 last) private pure returns (bool within) {
        return first <= code && code <= last;
    }
}
