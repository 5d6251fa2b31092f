// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordId} from "./RecordLeaf.sol";

/// @notice Makes a person one of those who may erase records of an institution.
struct ErasureOfficerAdmission {
    address institution;
    bytes officer; // ERC-7913 signer of the person, not that of the institution
    uint256 nonce; // random; makes equal acts distinct
    uint64 signBefore; // seconds since the epoch, exclusive
}

/// @notice Ends that.
struct ErasureOfficerRemoval {
    address institution;
    bytes officer;
    uint256 nonce;
    uint64 signBefore;
}

/// @notice Has a record stored and nothing else, or ends that.
struct Restriction {
    RecordId recordId;
    address institution; // custodian of the record
    bytes32 subjectId;
    bool restricted; // false lifts it
    uint8 reasonCode; // ground of the restriction, also when it is lifted
    uint256 nonce;
    uint64 signBefore;
}

/// @notice A patient asks for a record to be erased; what became of it stands beside it in the log.
struct ErasureRequest {
    RecordId recordId;
    address institution; // custodian of the record
    bytes32 subjectId;
    bytes32 guardian; // appointment under which a guardian signs; zero when the subject does
    uint256 nonce;
    uint64 signBefore;
}

/// @notice A patient asks for a record to be corrected; the next version answers it.
struct CorrectionRequest {
    RecordId recordId;
    address institution; // custodian of the record
    bytes32 subjectId;
    bytes32 guardian;
    bytes32 reasonHash; // keyed hash of what is wrong, told to the custodian apart
    uint256 nonce;
    uint64 signBefore;
}

/// @notice Erases a record: after it, its keys are destroyed and then its object.
struct Erasure {
    RecordId recordId;
    address institution; // custodian of the record
    bytes32 subjectId;
    uint8 reasonCode;
    bytes32 keysDestroyed; // SHA-256 of the report of what is destroyed
    bytes firstOfficer;
    bytes secondOfficer; // another person
    uint256 nonce;
    uint64 signBefore;
}

/// @notice The custodian says that the object of an erased record is gone.
struct DeletionAttestation {
    RecordId recordId;
    address institution; // custodian of the record
    bytes32 subjectId;
    uint64 deletedAt; // seconds since the epoch
    uint8 objects; // how many were deleted, copies included
    uint256 nonce;
    uint64 signBefore;
}

/// @notice What the chain remembers of the end of a record version; times in seconds, zero where it did not come.
struct RecordEnd {
    uint64 requestedAt; // first request of the subject
    uint64 erasedAt;
    uint64 attestedAt; // block time of the attestation
    uint8 reasonCode; // of the erasure
}

bytes32 constant ERASURE_OFFICER_ADMISSION_TYPEHASH = keccak256(
    "ErasureOfficerAdmission(address institution,bytes officer,uint256 nonce,uint64 signBefore)"
);
bytes32 constant ERASURE_OFFICER_REMOVAL_TYPEHASH = keccak256(
    "ErasureOfficerRemoval(address institution,bytes officer,uint256 nonce,uint64 signBefore)"
);
bytes32 constant RESTRICTION_TYPEHASH = keccak256(
    "Restriction(bytes32 recordId,address institution,bytes32 subjectId,bool restricted,uint8 reasonCode,"
    "uint256 nonce,uint64 signBefore)"
);
bytes32 constant ERASURE_REQUEST_TYPEHASH = keccak256(
    "ErasureRequest(bytes32 recordId,address institution,bytes32 subjectId,bytes32 guardian,uint256 nonce,"
    "uint64 signBefore)"
);
bytes32 constant CORRECTION_REQUEST_TYPEHASH = keccak256(
    "CorrectionRequest(bytes32 recordId,address institution,bytes32 subjectId,bytes32 guardian,bytes32 reasonHash,"
    "uint256 nonce,uint64 signBefore)"
);
bytes32 constant ERASURE_TYPEHASH = keccak256(
    "Erasure(bytes32 recordId,address institution,bytes32 subjectId,uint8 reasonCode,bytes32 keysDestroyed,"
    "bytes firstOfficer,bytes secondOfficer,uint256 nonce,uint64 signBefore)"
);
bytes32 constant DELETION_ATTESTATION_TYPEHASH = keccak256(
    "DeletionAttestation(bytes32 recordId,address institution,bytes32 subjectId,uint64 deletedAt,uint8 objects,"
    "uint256 nonce,uint64 signBefore)"
);

using {officerAdmissionHashOf} for ErasureOfficerAdmission global;
using {officerRemovalHashOf} for ErasureOfficerRemoval global;
using {restrictionHashOf} for Restriction global;
using {erasureRequestHashOf} for ErasureRequest global;
using {correctionRequestHashOf} for CorrectionRequest global;
using {erasureHashOf} for Erasure global;
using {attestationHashOf} for DeletionAttestation global;

/// @notice EIP-712 struct hash of an officer's admission.
function officerAdmissionHashOf(ErasureOfficerAdmission calldata act) pure returns (bytes32) {
    return
        keccak256(
            abi.encode(
                ERASURE_OFFICER_ADMISSION_TYPEHASH,
                act.institution,
                keccak256(act.officer),
                act.nonce,
                act.signBefore
            )
        );
}

/// @notice EIP-712 struct hash of an officer's removal.
function officerRemovalHashOf(ErasureOfficerRemoval calldata act) pure returns (bytes32) {
    return
        keccak256(
            abi.encode(
                ERASURE_OFFICER_REMOVAL_TYPEHASH,
                act.institution,
                keccak256(act.officer),
                act.nonce,
                act.signBefore
            )
        );
}

/// @notice EIP-712 struct hash of a restriction.
function restrictionHashOf(Restriction calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(RESTRICTION_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of a request to erase.
function erasureRequestHashOf(ErasureRequest calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(ERASURE_REQUEST_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of a request to correct.
function correctionRequestHashOf(CorrectionRequest calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(CORRECTION_REQUEST_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of an erasure.
/// @dev In two halves: all members at once are too many for the stack.
function erasureHashOf(Erasure calldata act) pure returns (bytes32) {
    bytes memory what = abi.encode(
        ERASURE_TYPEHASH,
        act.recordId,
        act.institution,
        act.subjectId,
        act.reasonCode,
        act.keysDestroyed
    );
    bytes memory who = abi.encode(
        keccak256(act.firstOfficer),
        keccak256(act.secondOfficer),
        act.nonce,
        act.signBefore
    );
    return keccak256(bytes.concat(what, who));
}

/// @notice EIP-712 struct hash of an attestation.
function attestationHashOf(DeletionAttestation calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(DELETION_ATTESTATION_TYPEHASH, act));
}
