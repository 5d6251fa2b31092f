// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StandingAuthorisation} from "./Authorisation.sol";
import {BASIS_EMERGENCY, BASIS_PUBLIC_HEALTH, BASIS_STATUTORY_DUTY} from "./Codes.sol";
import {ConsentTerms} from "./ConsentTerms.sol";
import {RecordId, RecordLeaf} from "./RecordLeaf.sol";

/// @notice What an institution signs to ask for one record.
/// @dev All members are static, so `abi.encode` of the struct is EIP-712 `encodeData`.
struct AccessRequest {
    uint256 requestId; // made by the client; used at most once per institution, in any order
    address institution; // who asks
    bytes32 recordId;
    bytes32 consentId; // zero when no consent is invoked
    bytes32 authorisationId; // standing one of an authority; zero unless the basis is a duty or public health
    uint8 purpose;
    uint8 action;
    uint8 legalBasis;
    uint8 actorKind;
    uint8 reasonCode; // why an emergency access is needed; zero unless the basis is emergency
    bytes32 reasonHash; // keyed hash of a reason text, may be zero
    bytes32 practitioner; // keyed hash of the person or agent
    bytes32 releaseKeyHash; // SHA-256 of the HPKE key the data key is to be wrapped for
    uint64 issuedAt; // seconds since the epoch
    uint64 expiresAt; // seconds since the epoch, exclusive
}

/// @notice What an institution signs once to ask for many records.
struct RequestBatch {
    address institution; // who asks; each request of the batch names it too
    bytes32 root; // RFC 6962 tree over the struct hashes of the requests, with keccak-256; see `BatchTree`
    uint32 size; // number of requests
}

/// @notice Codes and times of a request in one word, from the lowest bit: purpose, action, legal basis, actor kind and
/// reason code (8 bits each), issued-at and expires-at (64 bits each).
type RequestCodes is uint256;

/// @notice A request as it travels. What repeats in a batch stands in the tables of `Material` and is named by its
/// place.
/// @dev The signed `AccessRequest` is put together from both; with a wrong place it is another one, which nobody
/// signed.
struct CompactRequest {
    uint256 requestId;
    RecordId recordId;
    // From the lowest bit, 16 bits each: institution, release key, consent, subject, leaf, scope proof, authorisation,
    // codes, practitioner, reason.
    uint256 places;
}

/// @notice The tables of a batch: each distinct value once. Places in those from `consents` to `authorisations` and in
/// `reasonHashes` are counted from 1; 0 stands for none. In the others they are counted from 0.
struct Material {
    address[] institutions;
    bytes32[] releaseKeyHashes;
    ConsentTerms[] consents; // in ascending order of their ids
    bytes32[] subjects; // of records where the consent does not tell it; none where it does
    RecordLeaf[] leaves; // of later versions where a consent names records by their first
    bytes32[][] scopeProofs; // Merkle proofs of records in a `recordsRoot`; none where a record is the only one
    StandingAuthorisation[] authorisations;
    RequestCodes[] codes;
    bytes32[] practitioners;
    bytes32[] reasonHashes; // none where it is zero
}

/// @notice Reason, block time and sequence numbers of a decision in one word, from the lowest bit: reason (8 bits),
/// decided-at (64), place in the subject's log and in the institution's log (48 each, from 1; the first is zero when no
/// subject is concerned).
type Outcome is uint256;

/// @notice One line of the access log, as emitted.
struct AccessEntry {
    bytes32 recordId;
    bytes32 ground; // the consent or the authorisation that is invoked, told apart by the legal basis; zero for none
    bytes32 reasonHash;
    bytes32 practitioner;
    bytes32 releaseKeyHash;
    RequestCodes codes;
    Outcome outcome;
}

bytes32 constant ACCESS_REQUEST_TYPEHASH = keccak256(
    "AccessRequest(uint256 requestId,address institution,bytes32 recordId,bytes32 consentId,bytes32 authorisationId,"
    "uint8 purpose,uint8 action,uint8 legalBasis,uint8 actorKind,uint8 reasonCode,bytes32 reasonHash,"
    "bytes32 practitioner,bytes32 releaseKeyHash,uint64 issuedAt,uint64 expiresAt)"
);

bytes32 constant REQUEST_BATCH_TYPEHASH = keccak256("RequestBatch(address institution,bytes32 root,uint32 size)");

/// @dev Bits of a place in `CompactRequest.places`.
uint256 constant PLACE_BITS = 16;

using {requestHashOf} for AccessRequest global;
using {
    purposeOf,
    actionOf,
    legalBasisOf,
    actorKindOf,
    reasonCodeOf,
    issuedAtOf,
    expiresAtOf,
    isByAuthority,
    isByConsent,
    signedOf
} for RequestCodes global;
using {placeOf} for CompactRequest global;

/// @notice EIP-712 struct hash of a request.
function requestHashOf(AccessRequest memory request) pure returns (bytes32) {
    return keccak256(abi.encode(ACCESS_REQUEST_TYPEHASH, request));
}

/// @notice Gives the purpose of use.
function purposeOf(RequestCodes codes) pure returns (uint8) {
    return uint8(RequestCodes.unwrap(codes));
}

/// @notice Gives the action.
function actionOf(RequestCodes codes) pure returns (uint8) {
    return uint8(RequestCodes.unwrap(codes) >> 8);
}

/// @notice Gives the legal basis.
function legalBasisOf(RequestCodes codes) pure returns (uint8) {
    return uint8(RequestCodes.unwrap(codes) >> 16);
}

/// @notice Gives the actor kind.
function actorKindOf(RequestCodes codes) pure returns (uint8) {
    return uint8(RequestCodes.unwrap(codes) >> 24);
}

/// @notice Gives the reason code.
function reasonCodeOf(RequestCodes codes) pure returns (uint8) {
    return uint8(RequestCodes.unwrap(codes) >> 32);
}

/// @notice Gives the time of issue, in seconds.
function issuedAtOf(RequestCodes codes) pure returns (uint64) {
    return uint64(RequestCodes.unwrap(codes) >> 40);
}

/// @notice Gives the end of validity, in seconds, exclusive.
function expiresAtOf(RequestCodes codes) pure returns (uint64) {
    return uint64(RequestCodes.unwrap(codes) >> 104);
}

/// @notice Whether the legal basis is one on which a request invokes an authorisation of an authority, and no consent.
function isByAuthority(RequestCodes codes) pure returns (bool) {
    uint8 basis = codes.legalBasisOf();
    return basis == BASIS_STATUTORY_DUTY || basis == BASIS_PUBLIC_HEALTH;
}

/// @notice Whether a request may invoke a consent: on any legal basis but an emergency and those of an authority.
function isByConsent(RequestCodes codes) pure returns (bool) {
    return codes.legalBasisOf() != BASIS_EMERGENCY && !codes.isByAuthority();
}

/// @notice Gives the same without the bits that stand for nothing, which nobody signed.
function signedOf(RequestCodes codes) pure returns (RequestCodes) {
    return RequestCodes.wrap(uint168(RequestCodes.unwrap(codes)));
}

/// @notice Gives one of the places of a request.
function placeOf(CompactRequest calldata request, uint256 which) pure returns (uint16) {
    return uint16(request.places >> (which * PLACE_BITS));
}
