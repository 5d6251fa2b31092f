// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessEntry} from "./AccessRequest.sol";

/// @notice Which ledger a checkpoint is about. Its struct hash is the `ledgerId`.
struct LedgerIdentity {
    string origin; // first line of the checkpoints of its log
    uint256 chainId;
    bytes32 genesisHash; // hash of block 0
    address accessLedger; // the contract that decides
}

/// @notice What witnesses sign: so many events are in the ledger's log up to the end of a block. Signed as EIP-712
/// typed data.
/// @dev All members are static, so `abi.encode` of the struct is EIP-712 `encodeData`.
struct LedgerCheckpoint {
    bytes32 ledgerId;
    uint64 size; // leaves of the log
    bytes32 root; // RFC 6962 with SHA-256
    uint64 blockNumber; // the last block whose events are in the log
    bytes32 blockHash;
    uint64 seenAt; // seconds since the epoch, when the witnesses saw it
}

/// @notice What shows that witnesses signed what contradicts an anchored checkpoint.
struct ConflictEvidence {
    LedgerCheckpoint checkpoint; // what they signed
    LedgerCheckpoint known; // the anchored one; its signatures are in its own event
    bytes32[] nodes; // of the larger tree; they show the conflict where it is `NOT_A_PREFIX`
    bytes[] signers; // ERC-7913
    bytes[] signatures; // theirs
}

/// @notice Where an event stands: in which block, and in which place of the ledger's log.
struct LogPlace {
    uint64 blockNumber;
    bytes32 blockHash;
    uint64 index; // from 0
}

/// @notice Where an event stands in the receipts of its block.
struct ReceiptPlace {
    uint256 transactionIndex;
    uint256 logIndex; // within the receipt
}

/// @notice A decision of a provincial ledger, as its `AccessLedger` logged it.
struct ProvenDecision {
    uint256 requestId;
    bytes32 subjectId;
    address institution;
    AccessEntry entry;
}

bytes32 constant LEDGER_IDENTITY_TYPEHASH =
    keccak256("LedgerIdentity(string origin,uint256 chainId,bytes32 genesisHash,address accessLedger)");
bytes32 constant LEDGER_CHECKPOINT_TYPEHASH = keccak256(
    "LedgerCheckpoint(bytes32 ledgerId,uint64 size,bytes32 root,uint64 blockNumber,bytes32 blockHash,uint64 seenAt)"
);

using {ledgerIdOf} for LedgerIdentity global;
using {checkpointHashOf} for LedgerCheckpoint global;

/// @notice EIP-712 struct hash of the identity of a ledger.
function ledgerIdOf(LedgerIdentity calldata identity) pure returns (bytes32) {
    return keccak256(
        abi.encode(
            LEDGER_IDENTITY_TYPEHASH,
            keccak256(bytes(identity.origin)),
            identity.chainId,
            identity.genesisHash,
            identity.accessLedger
        )
    );
}

/// @notice EIP-712 struct hash of a checkpoint.
function checkpointHashOf(LedgerCheckpoint calldata checkpoint) pure returns (bytes32) {
    return keccak256(abi.encode(LEDGER_CHECKPOINT_TYPEHASH, checkpoint));
}
