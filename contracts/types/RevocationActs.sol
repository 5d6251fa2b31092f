// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice An institution says that it knows of a revocation, and what became of copies.
struct RevocationAcknowledgement {
    bytes32 consentId;
    address institution; // grantee, or custodian of the subject
    bytes32 subjectId;
    uint8 copies; // COPIES_NONE … COPIES_ERASED
    uint64 signBefore; // seconds since the epoch, exclusive
}

/// @notice A former grantee attests that its copies are erased.
struct ErasureAttestation {
    bytes32 consentId;
    address institution;
    bytes32 subjectId;
    uint32 copies; // how many were erased
    uint64 erasedAt; // seconds since the epoch
    bytes32 practitioner; // who answers for it
    uint64 signBefore; // seconds since the epoch, exclusive
}

bytes32 constant REVOCATION_ACKNOWLEDGEMENT_TYPEHASH = keccak256(
    "RevocationAcknowledgement(bytes32 consentId,address institution,bytes32 subjectId,uint8 copies,uint64 signBefore)"
);
bytes32 constant ERASURE_ATTESTATION_TYPEHASH = keccak256(
    "ErasureAttestation(bytes32 consentId,address institution,bytes32 subjectId,uint32 copies,uint64 erasedAt,"
    "bytes32 practitioner,uint64 signBefore)"
);

using {acknowledgementHashOf} for RevocationAcknowledgement global;
using {attestationHashOf} for ErasureAttestation global;

/// @notice EIP-712 struct hash of an acknowledgement.
function acknowledgementHashOf(RevocationAcknowledgement calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(REVOCATION_ACKNOWLEDGEMENT_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of an attestation.
function attestationHashOf(ErasureAttestation calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(ERASURE_ATTESTATION_TYPEHASH, act));
}
