// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Says that the patient knows of an emergency access.
struct EmergencyNotice {
    bytes32 debtId; // see `debtIdOf`
    bytes32 subjectId;
    address institution; // who looked
    bytes32 guardian; // appointment under which a guardian acknowledges; zero when the subject or the custodian signs
    bytes32 noticeHash; // SHA-256 of the notice, or of what the custodian keeps about it
    uint64 sentAt; // seconds since the epoch, when the patient was told
    uint8 by; // NOTICE_BY_PATIENT or NOTICE_BY_CUSTODIAN
    uint64 signBefore; // seconds since the epoch, exclusive
}

/// @notice A second person looked at an emergency access.
struct EmergencyReview {
    bytes32 debtId;
    bytes32 subjectId;
    address institution; // who looked
    address authority; // who reviews, when the role is REVIEWER_AUTHORITY; zero otherwise
    bytes32 reviewer; // keyed hash of the person, made as that of a practitioner
    uint8 role; // REVIEWER_PRIVACY_OFFICER … REVIEWER_AUTHORITY
    uint8 outcome; // OUTCOME_JUSTIFIED … OUTCOME_REFERRED
    bytes32 reasonHash; // keyed hash of the reasons
    uint64 signBefore; // seconds since the epoch, exclusive
}

/// @notice An emergency access that was permitted, and what became of it.
struct Debt {
    address institution; // who looked
    uint40 openedAt; // seconds since the epoch
    bool noticed; // the patient knows
    bool referred; // the institution leaves the review to an authority
    bool reviewed; // a second person gave an outcome
    bytes32 subjectId;
    bytes32 practitioner; // keyed hash of the person who looked
}

/// @dev Who says that the patient knows.
uint8 constant NOTICE_BY_PATIENT = 1;
uint8 constant NOTICE_BY_CUSTODIAN = 2;

/// @dev Roles of those who review.
uint8 constant REVIEWER_PRIVACY_OFFICER = 1;
uint8 constant REVIEWER_MEDICAL_DIRECTOR = 2;
uint8 constant REVIEWER_AUTHORITY = 3;

/// @dev Outcomes of a review.
uint8 constant OUTCOME_JUSTIFIED = 1;
uint8 constant OUTCOME_NOT_JUSTIFIED = 2;
uint8 constant OUTCOME_REFERRED = 3;

/// @dev Time from an emergency access until notice and review are due.
uint256 constant DEBT_PERIOD = 72 hours;

bytes32 constant EMERGENCY_NOTICE_TYPEHASH = keccak256(
    "EmergencyNotice(bytes32 debtId,bytes32 subjectId,address institution,bytes32 guardian,bytes32 noticeHash,"
    "uint64 sentAt,uint8 by,uint64 signBefore)"
);
bytes32 constant EMERGENCY_REVIEW_TYPEHASH = keccak256(
    "EmergencyReview(bytes32 debtId,bytes32 subjectId,address institution,address authority,bytes32 reviewer,"
    "uint8 role,uint8 outcome,bytes32 reasonHash,uint64 signBefore)"
);

using {noticeHashOf} for EmergencyNotice global;
using {reviewHashOf} for EmergencyReview global;
using {isClosed, isOverdue} for Debt global;

/// @notice Names the debt of an emergency access: a request counts once, so does its debt.
function debtIdOf(address institution, uint256 requestId) pure returns (bytes32) {
    return keccak256(abi.encode(institution, requestId));
}

/// @notice EIP-712 struct hash of a notice.
function noticeHashOf(EmergencyNotice calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(EMERGENCY_NOTICE_TYPEHASH, act));
}

/// @notice EIP-712 struct hash of a review.
function reviewHashOf(EmergencyReview calldata act) pure returns (bytes32) {
    return keccak256(abi.encode(EMERGENCY_REVIEW_TYPEHASH, act));
}

/// @notice Whether nothing is owed any more.
function isClosed(Debt memory debt) pure returns (bool) {
    return debt.noticed && debt.reviewed;
}

/// @notice Whether what is owed should have been there by now.
function isOverdue(Debt memory debt, uint256 blockTime) pure returns (bool) {
    return !debt.isClosed() && blockTime >= debt.openedAt + DEBT_PERIOD;
}
