// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice An institution asks a patient for a consent. The patient may grant all of it, less, or nothing.
/// @dev All members are static, so `abi.encode` of the struct is EIP-712 `encodeData`.
struct ConsentAsk {
    address institution; // who asks, and who would be the grantee
    bytes32 subjectId;
    bytes32 practitioner; // the one person who would look; zero for anybody there
    uint8 purpose; // exactly one
    uint32 categories; // set of document classes, or zero when records are named
    bytes32 recordsRoot; // Merkle root over scope keys, or zero when categories are named
    uint8 actions; // set of actions
    uint8 maxSensitivity;
    uint16 dataFrom; // months counted from January 1970, inclusive
    uint16 dataUntil;
    uint64 validUntil; // latest end of what may be granted, seconds since the epoch
    uint32 maxUses; // most accesses; UNLIMITED_USES for no limit
    bytes32 noticeHash; // SHA-256 of the notice the patient is shown with it
    uint32 noticeVersion;
    uint64 lapsesAt; // open until then, exclusive
    uint256 nonce; // random; makes equal asks distinct acts
    uint64 signBefore; // seconds since the epoch, exclusive
}

/// @notice The patient says no.
struct AskDenial {
    bytes32 askId; // EIP-712 struct hash of the ask
    bytes32 subjectId;
    bytes32 guardian; // appointment under which a guardian signs; zero when the subject does
    uint64 signBefore;
}

bytes32 constant CONSENT_ASK_TYPEHASH = keccak256(
    "ConsentAsk(address institution,bytes32 subjectId,bytes32 practitioner,uint8 purpose,uint32 categories,"
    "bytes32 recordsRoot,uint8 actions,uint8 maxSensitivity,uint16 dataFrom,uint16 dataUntil,uint64 validUntil,"
    "uint32 maxUses,bytes32 noticeHash,uint32 noticeVersion,uint64 lapsesAt,uint256 nonce,uint64 signBefore)"
);
bytes32 constant ASK_DENIAL_TYPEHASH = keccak256(
    "AskDenial(bytes32 askId,bytes32 subjectId,bytes32 guardian,uint64 signBefore)"
);

using {askHashOf} for ConsentAsk global;
using {denialHashOf} for AskDenial global;

/// @notice EIP-712 struct hash of an ask: its id.
function askHashOf(ConsentAsk calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(CONSENT_ASK_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of a denial.
function denialHashOf(AskDenial calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(ASK_DENIAL_TYPEHASH, act));
}
