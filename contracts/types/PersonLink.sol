// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Says that several subjects are one person. Who they are stands off chain; here is a commitment to it.
struct SubjectLink {
    address authority; // who answers for it
    bytes32 commitment; // HMAC-SHA-256 over the subjects under a random blinding value
    uint64 signBefore; // seconds since the epoch, exclusive
}

/// @notice Undoes a link that was wrong, or is no longer wanted.
struct SubjectUnlink {
    address authority; // the one that made the link, or one for the whole country
    bytes32 link; // hash of the link
    bytes32 commitment; // HMAC-SHA-256 over the reason under a random blinding value
    uint64 signBefore; // seconds since the epoch, exclusive
}

bytes32 constant SUBJECT_LINK_TYPEHASH =
    keccak256("SubjectLink(address authority,bytes32 commitment,uint64 signBefore)");
bytes32 constant SUBJECT_UNLINK_TYPEHASH =
    keccak256("SubjectUnlink(address authority,bytes32 link,bytes32 commitment,uint64 signBefore)");

using {linkHashOf} for SubjectLink global;
using {unlinkHashOf} for SubjectUnlink global;

/// @notice EIP-712 struct hash of a link.
function linkHashOf(SubjectLink calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(SUBJECT_LINK_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of an unlink.
function unlinkHashOf(SubjectUnlink calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(SUBJECT_UNLINK_TYPEHASH, act));
}
