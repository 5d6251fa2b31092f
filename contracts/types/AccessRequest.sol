// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentTerms} from "./ConsentTerms.sol";
import {RecordLeaf} from "./RecordLeaf.sol";

/// @notice What an institution signs to ask for one record.
/// @dev All members are static, so `abi.encode` of the struct is EIP-712 `encodeData`.
struct AccessRequest {
    uint256 requestId; // made by the client; used at most once per institution, in any order
    address institution; // who asks
    bytes32 recordId;
    bytes32 consentId; // zero when no consent is invoked
    uint8 purpose;
    uint8 action;
    uint8 legalBasis;
    uint8 actorKind;
    bytes32 reasonHash; // keyed hash of a reason text, may be zero
    bytes32 practitioner; // keyed hash of the person or agent
    bytes32 releaseKeyHash; // SHA-256 of the HPKE key the data key is to be wrapped for
    uint64 issuedAt; // seconds since the epoch
    uint64 expiresAt; // seconds since the epoch, exclusive
}

/// @notice What the relay adds so that the contract can check the commitments behind a request.
struct Material {
    ConsentTerms[] consents; // each distinct consent of the batch once
    RecordLeaf[] records; // each distinct record of the batch once
    ItemReference[] items; // one for each request
}

/// @notice Points from a request into the tables of the batch.
struct ItemReference {
    uint16 consent; // index into `consents`; ignored when the request names no consent
    uint16 record; // index into `records`
    bytes32[] scopeProof; // Merkle proof of the record in `recordsRoot`; empty for categories or a single record
}

/// @notice One line of the access log, as emitted.
struct AccessEntry {
    bytes32 recordId;
    bytes32 consentId;
    uint8 purpose;
    uint8 action;
    uint8 legalBasis;
    uint8 actorKind;
    bytes32 reasonHash;
    bytes32 practitioner;
    bytes32 releaseKeyHash;
    uint64 issuedAt;
    uint64 expiresAt;
    uint8 reason; // Reason; zero means permitted
    uint64 decidedAt; // block time
    uint48 subjectSequence; // place in the subject's log, from 1; zero when no subject is concerned
    uint48 institutionSequence; // place in the institution's log, from 1
}

bytes32 constant ACCESS_REQUEST_TYPEHASH = keccak256(
    "AccessRequest(uint256 requestId,address institution,bytes32 recordId,bytes32 consentId,uint8 purpose,"
    "uint8 action,uint8 legalBasis,uint8 actorKind,bytes32 reasonHash,bytes32 practitioner,"
    "bytes32 releaseKeyHash,uint64 issuedAt,uint64 expiresAt)"
);

using {requestHashOf} for AccessRequest global;

/// @notice EIP-712 struct hash of a request.
function requestHashOf(AccessRequest calldata request) pure returns (bytes32) {
    return keccak256(abi.encode(ACCESS_REQUEST_TYPEHASH, request));
}
