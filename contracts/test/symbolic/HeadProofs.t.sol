// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Heads} from "../../libraries/Heads.sol";
import {Reason} from "../../types/Codes.sol";

/// @title Heads count one up and chain over everything that was decided
contract HeadProofs {
    using Heads for bytes32;

    /// @notice A head counts one up, and the rest of it is the chain over the head before.
    /// @param head any that is not the last: 2^48 entries are in no log.
    /// @param key of the log.
    /// @param entryHash of the decision.
    function check_head_countsOneUp(bytes32 head, bytes32 key, bytes32 entryHash) external pure {
        if (head.sequenceOf() == type(uint48).max) return;
        bytes32 next = head.advance(key, entryHash);
        assert(next.sequenceOf() == uint256(uint48(uint256(head))) + 1);
        assert(uint256(next) >> 48 == uint256(keccak256(abi.encode(key, head, entryHash))) >> 48);
    }

    /// @notice An entry says what was asked, about whom, what was answered and when.
    /// @param requestHash of what was signed.
    /// @param subjectId whose record it is.
    /// @param reason any answer.
    /// @param decidedAt any time.
    function check_entry_saysEverythingThatWasDecided(
        bytes32 requestHash,
        bytes32 subjectId,
        Reason reason,
        uint64 decidedAt
    ) external pure {
        bytes32 entryHash = Heads.entryHashOf(requestHash, subjectId, reason, decidedAt);
        assert(entryHash == keccak256(abi.encode(requestHash, subjectId, reason, decidedAt)));
    }
}
