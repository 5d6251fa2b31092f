// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Reason} from "../types/Codes.sol";
import {Hashing} from "./Hashing.sol";

/// @title Heads of the logs
/// @notice A head is the latest value of a hash chain over the decisions of a subject or an institution; its low 48
/// bits are the sequence number of the latest entry. See `IAccessLedger`.
library Heads {
    /// @dev Low 48 bits of a head.
    uint256 private constant _SEQUENCE_MASK = type(uint48).max;

    /// @notice Hashes one decision.
    /// @param requestHash EIP-712 struct hash of the request.
    /// @param subjectId whose record it is; zero when the record is unknown.
    /// @param reason answer of the decision.
    /// @param decidedAt block time in seconds.
    /// @return entryHash what the heads are moved by.
    function entryHashOf(
        bytes32 requestHash,
        bytes32 subjectId,
        Reason reason,
        uint256 decidedAt
    ) internal pure returns (bytes32 entryHash) {
        return Hashing.hashOf(requestHash, subjectId, bytes32(uint256(reason)), bytes32(decidedAt));
    }

    /// @notice Moves a head past one decision.
    /// @param head before; zero for an empty log.
    /// @param key of the log: the subjectId, or the institution's address as 32 bytes.
    /// @param entryHash of the decision.
    /// @return next head after it.
    function advance(bytes32 head, bytes32 key, bytes32 entryHash) internal pure returns (bytes32 next) {
        uint256 sequence = 0;
        unchecked {
            sequence = sequenceOf(head) + 1; // far below the width of a word
        }
        uint256 chained = uint256(Hashing.hashOf(key, head, entryHash));
        return bytes32((chained & ~_SEQUENCE_MASK) | sequence);
    }

    /// @notice Gives the sequence number of the latest entry.
    /// @param head of a log.
    /// @return sequence from 1; zero for an empty log.
    function sequenceOf(bytes32 head) internal pure returns (uint256 sequence) {
        return uint256(head) & _SEQUENCE_MASK;
    }
}
