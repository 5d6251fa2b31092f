// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice EIP-712 struct hash of a `RecordLeaf`.
type RecordId is bytes32;

/// @notice What the chain knows of one version of a record. The custodian signs it as EIP-712 typed data.
/// @dev All members are static, so `abi.encode` of the struct is EIP-712 `encodeData`.
struct RecordLeaf {
    address custodian; // institution that holds the record
    bytes32 subjectId; // random pseudonym of the patient at this custodian
    bytes32 previous; // recordId of the version before, zero for the first
    bytes32 lineage; // recordId of the first version, zero in the first itself
    uint32 version; // 1, 2, 3 …
    uint8 category; // coarse document class, 1..12
    uint8 sensitivity; // 1..5
    uint16 dataMonth; // month of the content, counted from January 1970
    uint16 suite; // cryptographic suite, 1 = Cobblestone-256 with SHA-256
    uint8 retention; // retention class: 1 outpatient (15 years), 2 inpatient (30 years)
    bytes32 ciphertextDigest; // SHA-256 of the stored ciphertext
    uint64 ciphertextSize; // bytes
    bytes32 commitment; // HMAC-SHA-256 of the plaintext digest under a random blinding value
}

bytes32 constant RECORD_LEAF_TYPEHASH = keccak256(
    "RecordLeaf(address custodian,bytes32 subjectId,bytes32 previous,bytes32 lineage,uint32 version,"
    "uint8 category,uint8 sensitivity,uint16 dataMonth,uint16 suite,uint8 retention,bytes32 ciphertextDigest,"
    "uint64 ciphertextSize,bytes32 commitment)"
);

using {recordIdOf, scopeKeyOf} for RecordLeaf global;

/// @notice Derives the id of a record version from its leaf.
function recordIdOf(RecordLeaf memory leaf) pure returns (RecordId) {
    return RecordId.wrap(keccak256(abi.encode(RECORD_LEAF_TYPEHASH, leaf)));
}

/// @notice The id under which a consent names a record: that of its first version, so that a correction stays covered.
function scopeKeyOf(RecordLeaf memory leaf) pure returns (bytes32) {
    return leaf.lineage == bytes32(0) ? RecordId.unwrap(recordIdOf(leaf)) : leaf.lineage;
}
