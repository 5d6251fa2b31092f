// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordId} from "./RecordLeaf.sol";

/// @notice A quality mark: within its scope, a result counts as if it had been made there.
struct ResultMark {
    RecordId recordId;
    address institution; // issuer: custodian of the record
    bytes32 subjectId;
    uint32 itemCode; // what was examined, in the list of items that are recognised
    uint8 scope; // MARK_NATIONAL, MARK_PROVINCIAL or MARK_CITY
    uint32 region; // province or city the mark counts in; zero for the country
    uint64 issuedAt; // when the result was issued, seconds since the epoch
    uint256 nonce; // random; makes equal acts distinct
    uint64 signBefore; // seconds since the epoch, exclusive
}

/// @notice What a receiving institution made of a marked result.
struct Recognition {
    RecordId recordId;
    address institution; // the receiving one
    bytes32 subjectId;
    bytes32 practitioner; // keyed hash of who decided
    bool accepted;
    uint8 reasonCode; // why not; zero when it was accepted
    bool explained; // the patient was told why not
    uint256 nonce;
    uint64 signBefore;
}

/// @notice An imaging study, so that images received elsewhere can be told to be those of the study.
struct StudyRegistration {
    RecordId recordId; // the record that tells the key of the hashes
    address institution; // custodian of the record
    bytes32 subjectId;
    bytes32 studyHash; // keyed hash of the study's UID
    bytes32 instancesRoot; // root over the keyed digests of its instances
    uint32 instances; // how many
    uint256 nonce;
    uint64 signBefore;
}

/// @notice A mark as it stands.
struct Mark {
    address issuer;
    uint32 itemCode;
    uint8 scope;
    uint32 region;
}

/// @notice A study as it stands.
struct Study {
    bytes32 studyHash;
    bytes32 instancesRoot;
    uint32 instances;
}

/// @notice How often results were accepted, and how often not.
struct RecognitionCounts {
    uint128 accepted;
    uint128 refused;
}

/// @notice What an institution holds of one result now.
struct RecognitionState {
    bool decided;
    bool accepted;
    uint8 reasonCode;
}

bytes32 constant RESULT_MARK_TYPEHASH = keccak256(
    "ResultMark(bytes32 recordId,address institution,bytes32 subjectId,uint32 itemCode,uint8 scope,uint32 region,"
    "uint64 issuedAt,uint256 nonce,uint64 signBefore)"
);
bytes32 constant RECOGNITION_TYPEHASH = keccak256(
    "Recognition(bytes32 recordId,address institution,bytes32 subjectId,bytes32 practitioner,bool accepted,"
    "uint8 reasonCode,bool explained,uint256 nonce,uint64 signBefore)"
);
bytes32 constant STUDY_REGISTRATION_TYPEHASH = keccak256(
    "StudyRegistration(bytes32 recordId,address institution,bytes32 subjectId,bytes32 studyHash,"
    "bytes32 instancesRoot,uint32 instances,uint256 nonce,uint64 signBefore)"
);

using {markHashOf} for ResultMark global;
using {recognitionHashOf} for Recognition global;
using {studyRegistrationHashOf} for StudyRegistration global;

/// @notice EIP-712 struct hash of a mark.
function markHashOf(ResultMark calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(RESULT_MARK_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of a recognition.
function recognitionHashOf(Recognition calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(RECOGNITION_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of a registration.
function studyRegistrationHashOf(StudyRegistration calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(STUDY_REGISTRATION_TYPEHASH, act));
}
