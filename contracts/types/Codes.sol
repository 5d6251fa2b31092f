// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Codes shared by every contract
/// @notice Numbers below are part of the signed and stored formats: they are appended to, never reordered.
/// `src/consentry/core/codes.py` holds the same numbers; a test compares the two.

/// @notice Standing of an institution, authority or relay account.
enum Standing {
    NONE, // never admitted
    ACTIVE,
    SUSPENDED
}

/// @notice Life of an anchored record version.
enum RecordStatus {
    NONE, // never anchored
    CURRENT,
    SUPERSEDED
}

/// @notice Life of a consent. A revoked consent never becomes active again.
enum ConsentStatus {
    NONE, // never granted
    ACTIVE,
    REVOKED
}

/// @notice Answer to one access request; `NONE` means permitted. The first reason that applies, in this order, counts.
/// @dev Reasons up to `SCOPE_PROOF_INVALID` are rejections: nothing was decided, no request id is used up, no head
/// moves.
enum Reason {
    NONE,
    // Rejections: the item is not an authentic, fresh request that came with the right material.
    INSTITUTION_UNKNOWN,
    SIGNATURE_INVALID,
    REQUEST_REPLAYED,
    SCOPE_PROOF_INVALID,
    // Denials of the request as such.
    INSTITUTION_SUSPENDED,
    REQUEST_EXPIRED,
    REQUEST_NOT_YET_VALID,
    RELEASE_KEY_MISMATCH,
    PURPOSE_UNKNOWN,
    ACTION_UNKNOWN,
    ACTOR_UNKNOWN,
    LEGAL_BASIS_UNSUPPORTED,
    // Denials because of the record.
    RECORD_UNKNOWN,
    RECORD_SUPERSEDED,
    // Denials because of the consent.
    CONSENT_MISSING,
    CONSENT_UNKNOWN,
    CONSENT_REVOKED,
    CONSENT_NOT_YET_VALID,
    CONSENT_EXPIRED,
    SUBJECT_MISMATCH,
    GRANTEE_MISMATCH,
    PRACTITIONER_MISMATCH,
    PURPOSE_NOT_GRANTED,
    ACTION_NOT_GRANTED,
    RECORD_NOT_IN_SCOPE,
    LEVEL_FIVE_WILDCARD,
    SENSITIVITY_EXCEEDED,
    DATA_PERIOD_EXCEEDED,
    ERASE_DATE_PASSED,
    USES_EXHAUSTED
}

/// @dev Purposes of use are v3-ActReason codes 1..15 (TREAT … HTEST); a set is a bit mask with bit `1 << purpose`.
uint8 constant HIGHEST_PURPOSE = 15;

/// @dev Actions: 1 view, 2 store a copy; a set is a bit mask with bit `1 << action`.
uint8 constant ACTION_VIEW = 1;
uint8 constant ACTION_STORE = 2;

/// @dev Coarse document classes 1..12; a set is a bit mask with bit `1 << category`.
uint8 constant HIGHEST_CATEGORY = 12;

/// @dev Sensitivity levels 1..5 (GB/T 39725); level 5 is never covered by a wildcard.
uint8 constant HIGHEST_SENSITIVITY = 5;

/// @dev Legal bases: 1 consent, 2 emergency, 3 statutory duty, 4 public health.
uint8 constant BASIS_CONSENT = 1;

/// @dev Actor kinds: 1 human, 2 machine.
uint8 constant ACTOR_HUMAN = 1;
uint8 constant ACTOR_MACHINE = 2;

/// @dev Assurance levels of a consent act: 1 device key, 2 card and code, 3 guardian, 4 staff-assisted.
uint8 constant ASSURANCE_DEVICE_KEY = 1;
uint8 constant ASSURANCE_CARD_AND_CODE = 2;
uint8 constant ASSURANCE_GUARDIAN = 3;
uint8 constant ASSURANCE_STAFF_ASSISTED = 4;

/// @dev `maxUses` of a consent that does not limit the number of uses.
uint32 constant UNLIMITED_USES = type(uint32).max;

/// @dev Seconds by which the clock of a requester may run ahead of block time.
uint64 constant CLOCK_TOLERANCE = 60;

/// @dev Scopes of a guardian; a set is a bit mask with bit `1 << scope`.
uint8 constant SCOPE_GRANT = 1;
uint8 constant SCOPE_REVOKE = 2;
uint8 constant SCOPE_SEE = 3;
uint8 constant SCOPE_CORRECT = 4;
uint8 constant SCOPE_RECOVER = 5;

/// @notice Life of an ask for a consent.
enum AskStatus {
    NONE, // nobody asked so
    OPEN,
    ANSWERED, // by a grant
    DENIED,
    LAPSED // its time ran out; not stored, told from the time
}

/// @dev What became of copies: 0 there were none, 1 kept until they are erased, 2 none are left.
uint8 constant COPIES_NONE = 0;
uint8 constant COPIES_KEPT = 1;
uint8 constant COPIES_ERASED = 2;

/// @dev What an institution owes after a revocation: 1 to acknowledge it, 2 to attest the erasure of copies.
uint8 constant DUTY_ACKNOWLEDGE = 1;
uint8 constant DUTY_ERASE = 2;
