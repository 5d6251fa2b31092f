// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A named deny: signed for the subject, it beats every grant.
struct Exclusion {
    bytes32 subjectId;
    bytes32 guardian; // appointment under which a guardian signs; zero when the subject does
    uint8 kind; // what is excluded: EXCLUDED_INSTITUTION … EXCLUDED_CATEGORY
    bytes32 target; // institution (left-padded), group, practitioner, or category (as a number)
    uint256 nonce; // random; makes equal exclusions distinct acts
    uint64 signBefore; // seconds since the epoch, exclusive
}

/// @notice Takes an exclusion back.
struct ExclusionLift {
    bytes32 subjectId;
    bytes32 guardian; // as in the exclusion
    uint8 kind;
    bytes32 target;
    uint256 nonce;
    uint64 signBefore;
}

/// @dev Kinds of exclusions.
uint8 constant EXCLUDED_INSTITUTION = 1;
uint8 constant EXCLUDED_GROUP = 2;
uint8 constant EXCLUDED_PRACTITIONER = 3;
uint8 constant EXCLUDED_CATEGORY = 4;

bytes32 constant EXCLUSION_TYPEHASH = keccak256(
    "Exclusion(bytes32 subjectId,bytes32 guardian,uint8 kind,bytes32 target,uint256 nonce,uint64 signBefore)"
);
bytes32 constant EXCLUSION_LIFT_TYPEHASH = keccak256(
    "ExclusionLift(bytes32 subjectId,bytes32 guardian,uint8 kind,bytes32 target,uint256 nonce,uint64 signBefore)"
);

using {exclusionHashOf} for Exclusion global;
using {liftHashOf} for ExclusionLift global;

/// @notice EIP-712 struct hash of an exclusion.
function exclusionHashOf(Exclusion calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(EXCLUSION_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of a lift.
function liftHashOf(ExclusionLift calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(EXCLUSION_LIFT_TYPEHASH, act));
}
