// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessEntry, AccessRequest, Material} from "../types/AccessRequest.sol";
import {Reason} from "../types/Codes.sol";

/// @title The access log that decides
/// @notice Permit or deny is computed in the transaction that logs it. Each item of a batch is decided on its own.
///
/// Heads. `head' = keccak256(abi.encode(key, head, entryHash))` with its low 48 bits replaced by the new sequence number;
/// `key` is the subjectId, or the institution's address as 32 bytes; a head starts as zero.
/// `entryHash = keccak256(abi.encode(requestHash, subjectId, reason, decidedAt))`.
interface IAccessLedger {
    error AccessLedgerRelayRequired(address account);
    error AccessLedgerBatchMalformed(uint256 requests, uint256 signatures, uint256 items);

    /// @notice One decision, permitted or denied. `subjectId` is zero when the record is unknown.
    event AccessDecided(
        uint256 indexed requestId, bytes32 indexed subjectId, address indexed institution, AccessEntry entry
    );
    /// @notice An item that was no authentic, fresh request with the right material. Nothing was decided.
    event RequestRejected(
        uint256 indexed requestId, address indexed institution, bytes32 requestHash, Reason reason, address relay
    );

    /// @notice Decides a batch. An institution signs each EIP-712 `AccessRequest` in this contract's domain.
    function decide(AccessRequest[] calldata requests, bytes[] calldata signatures, Material calldata material) external;
    function isDecided(address institution, uint256 requestId) external view returns (bool);
    /// @return head of the subject's log; the low 48 bits are the sequence number of its latest entry.
    function subjectHead(bytes32 subjectId) external view returns (bytes32);
    /// @return head of the institution's log; the low 48 bits are the sequence number of its latest entry.
    function institutionHead(address institution) external view returns (bytes32);
}
