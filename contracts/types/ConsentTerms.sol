// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice EIP-712 struct hash of `ConsentTerms`.
type ConsentId is bytes32;

/// @notice The exact terms a subject signs. Every member is enforced by `AccessLedger` or refused by `Consents`.
/// @dev All members are static, so `abi.encode` of the struct is EIP-712 `encodeData`.
struct ConsentTerms {
    bytes32 subjectId;
    bytes32 guardian; // appointment under which a guardian signs; zero when the subject does
    address institution; // grantee, or zero when a group is named
    bytes32 group; // grantee, or zero when an institution is named
    bytes32 practitioner; // narrows an institution to one practitioner; zero for any
    bytes32 recordsRoot; // Merkle root over scope keys, or zero when categories are named
    uint32 categories; // set of document classes, or zero when records are named
    uint32 purposes; // set of purposes of use
    uint8 actions; // set of actions
    uint8 maxSensitivity; // highest sensitivity level covered, 1..5
    uint16 dataFrom; // first month of content covered, counted from January 1970
    uint16 dataUntil; // last month of content covered, inclusive
    uint64 validFrom; // seconds since the epoch, inclusive
    uint64 validUntil; // seconds since the epoch, exclusive
    uint32 maxUses; // permitted accesses; UNLIMITED_USES for no limit
    bool onwardDisclosure; // must be false: onward disclosure is refused
    uint64 eraseBy; // copies are to be erased by then; zero unless storing is granted
    bytes32 noticeHash; // SHA-256 of the notice text shown
    uint32 noticeVersion;
    uint8 assurance; // how the act was made
    uint256 nonce; // random; makes equal terms distinct consents
}

/// @notice Takes a consent back. Signed by the subject, or by a guardian who may, as EIP-712 typed data.
struct Revocation {
    bytes32 consentId;
    bytes32 subjectId;
    bytes32 guardian; // appointment under which a guardian signs; zero when the subject does
}

bytes32 constant CONSENT_TERMS_TYPEHASH = keccak256(
    "ConsentTerms(bytes32 subjectId,bytes32 guardian,address institution,bytes32 group,bytes32 practitioner,"
    "bytes32 recordsRoot,uint32 categories,uint32 purposes,uint8 actions,uint8 maxSensitivity,uint16 dataFrom,"
    "uint16 dataUntil,uint64 validFrom,uint64 validUntil,uint32 maxUses,bool onwardDisclosure,uint64 eraseBy,"
    "bytes32 noticeHash,uint32 noticeVersion,uint8 assurance,uint256 nonce)"
);

bytes32 constant REVOCATION_TYPEHASH = keccak256("Revocation(bytes32 consentId,bytes32 subjectId,bytes32 guardian)");

using {consentIdOf} for ConsentTerms global;

/// @notice Derives the id of a consent from its terms.
function consentIdOf(ConsentTerms memory terms) pure returns (ConsentId) {
    return ConsentId.wrap(keccak256(abi.encode(CONSENT_TERMS_TYPEHASH, terms)));
}
