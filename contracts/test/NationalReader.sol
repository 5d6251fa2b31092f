// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LogTree} from "../libraries/LogTree.sol";
import {ProvincialLogs} from "../libraries/ProvincialLogs.sol";
import {LedgerCheckpoint, LedgerIdentity, LogPlace} from "../types/LedgerCheckpoint.sol";

/// @title Hands calldata to the libraries of the national ledger
contract NationalReader {
    /// @notice See `ProvincialLogs.entryOf`.
    /// @param identity of the ledger.
    /// @param place of the event.
    /// @param topics of the event.
    /// @param data of the event.
    /// @return leaf its hash.
    function leafOf(
        LedgerIdentity calldata identity,
        LogPlace calldata place,
        bytes32[] calldata topics,
        bytes calldata data
    ) external pure returns (bytes32 leaf) {
        return LogTree.leafOf(ProvincialLogs.entryOf(identity, place, topics, data));
    }

    /// @notice See `LedgerIdentity`.
    /// @param identity of a ledger.
    /// @return ledgerId its struct hash.
    function idOf(LedgerIdentity calldata identity) external pure returns (bytes32 ledgerId) {
        return identity.ledgerIdOf();
    }

    /// @notice See `LedgerCheckpoint`.
    /// @param checkpoint of a ledger.
    /// @return checkpointHash its struct hash.
    function hashOf(LedgerCheckpoint calldata checkpoint) external pure returns (bytes32 checkpointHash) {
        return checkpoint.checkpointHashOf();
    }
}
