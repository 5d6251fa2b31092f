// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Staff of an institution prepared a consent with a patient who cannot do it alone. It grants nothing.
struct Assistance {
    bytes32 consentId; // of the terms that were prepared
    bytes32 subjectId;
    address institution; // whose staff it was
    bytes32 practitioner; // who helped
    bytes32 evidenceHash; // blinded hash of what was kept: the signed paper, the recording
    uint256 nonce; // random; makes equal acts distinct
    uint64 signBefore; // seconds since the epoch, exclusive
}

bytes32 constant ASSISTANCE_TYPEHASH = keccak256(
    "Assistance(bytes32 consentId,bytes32 subjectId,address institution,bytes32 practitioner,bytes32 evidenceHash,"
    "uint256 nonce,uint64 signBefore)"
);

using {assistanceHashOf} for Assistance global;

/// @notice EIP-712 struct hash of an assistance.
function assistanceHashOf(Assistance calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(ASSISTANCE_TYPEHASH, act));
}
