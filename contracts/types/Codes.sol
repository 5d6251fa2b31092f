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
    SUPERSEDED,
    RESTRICTED, // kept, but not to be processed
    ERASED // keys and content destroyed
}

/// @notice Life of a consent. A revoked consent never becomes active again.
enum ConsentStatus {
    NONE, // never granted
    ACTIVE,
    REVOKED
}

/// @notice Answer to one access request; `NONE` means permitted. The first reason that applies counts; the order of the
/// rules is that of the lists in `src/consentry/core/access.py`, not that of the numbers.
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
    USES_EXHAUSTED,
    // Appended later.
    INSTITUTION_LIMIT, // as many accesses were permitted to the institution today as it may have
    EXCLUDED, // the patient excluded this institution, a group of it, this practitioner or this class of documents
    RECONSENT_NEEDED, // the subject must consent anew, as when a minor came of age
    RECORD_RESTRICTED, // processing of the record is restricted
    RECORD_ERASED, // the record was erased
    EMERGENCY_INCOMPLETE, // code, hash or purpose missing, machine actor, or longer than 15 minutes
    EMERGENCY_FORBIDDEN, // by the patient's directive
    EMERGENCY_LIMIT, // as many emergencies were permitted to the institution today as it may have
    AUTHORISATION_MISSING, // a duty or public health is the basis, and no authorisation is invoked
    AUTHORISATION_UNKNOWN, // nobody gave it
    AUTHORISATION_WITHDRAWN, // the authority took it back
    AUTHORISATION_EXPIRED, // outside its period
    AUTHORISATION_SCOPE // it does not cover this request
}

/// @notice Life of an ask for a consent.
enum AskStatus {
    NONE, // nobody asked so
    OPEN,
    ANSWERED, // by a grant
    DENIED,
    LAPSED // its time ran out; not stored, told from the time
}

/// @dev Purposes of use are v3-ActReason codes 1..15 (TREAT … HTEST); a set is a bit mask with bit `1 << purpose`.
uint8 constant HIGHEST_PURPOSE = 15;
uint8 constant PURPOSE_ETREAT = 2;
uint8 constant PURPOSE_BTG = 3;

/// @dev Actions: 1 view, 2 store a copy; a set is a bit mask with bit `1 << action`.
uint8 constant ACTION_VIEW = 1;
uint8 constant ACTION_STORE = 2;

/// @dev Coarse document classes 1..12; a set is a bit mask with bit `1 << category`.
uint8 constant HIGHEST_CATEGORY = 12;

/// @dev Sensitivity levels 1..5 (GB/T 39725); level 5 is never covered by a wildcard.
uint8 constant HIGHEST_SENSITIVITY = 5;

/// @dev Legal bases: 1 consent, 2 emergency, 3 statutory duty, 4 public health.
uint8 constant BASIS_CONSENT = 1;
uint8 constant BASIS_EMERGENCY = 2;
uint8 constant BASIS_STATUTORY_DUTY = 3;
uint8 constant BASIS_PUBLIC_HEALTH = 4;

/// @dev Reasons of an emergency access: 1 unconscious, 2 life threatening, 3 immediate treatment, 4 safety of others.
uint8 constant HIGHEST_EMERGENCY_REASON = 4;

/// @dev Seconds an emergency request may be valid for.
uint64 constant EMERGENCY_WINDOW = 15 minutes;

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
/// @dev All scopes of a guardian.
uint16 constant ALL_SCOPES = (uint16(2) << SCOPE_RECOVER) - 2;

/// @dev Grounds of a restriction: 1 retention runs, 2 accuracy disputed, 3 legal claim, 4 subject's request.
uint8 constant HIGHEST_RESTRICTION_REASON = 4;

/// @dev Grounds of an erasure: 1 subject's request, 2 retention over, 3 wrong patient, 4 order of a court.
uint8 constant ERASED_ON_REQUEST = 1;
uint8 constant ERASED_AS_WRONG_PATIENT = 3;
uint8 constant ERASED_BY_COURT_ORDER = 4;

/// @dev Retention classes of a record: 1 outpatient, 15 years; 2 inpatient, 30 years.
uint8 constant RETENTION_OUTPATIENT = 1;

/// @dev Document classes a result can be of.
uint8 constant CATEGORY_LABORATORY = 3;
uint8 constant CATEGORY_IMAGING = 4;

/// @dev How far a quality mark reaches: 1 the country, 2 a province, 3 a city.
uint8 constant MARK_NATIONAL = 1;
uint8 constant MARK_PROVINCIAL = 2;
uint8 constant MARK_CITY = 3;

/// @dev Grounds on which a marked result is not accepted, 1..9.
uint8 constant HIGHEST_REFUSAL_REASON = 9;
/// @dev What became of copies: 0 there were none, 1 kept until they are erased, 2 none are left.
uint8 constant COPIES_NONE = 0;
uint8 constant COPIES_KEPT = 1;
uint8 constant COPIES_ERASED = 2;

/// @dev What an institution owes after a revocation: 1 to acknowledge it, 2 to attest the erasure of copies.
uint8 constant DUTY_ACKNOWLEDGE = 1;
uint8 constant DUTY_ERASE = 2;

/// @dev Kinds of guardians.
uint8 constant GUARDIAN_PARENT = 1; // of a minor
uint8 constant GUARDIAN_COURT_APPOINTED = 2;
uint8 constant GUARDIAN_DELEGATE = 3; // whom the subject chose
uint8 constant GUARDIAN_NEAR_RELATIVE = 4; // of a deceased subject

/// @dev Who signs an act that several might sign: 1 the subject, 2 its custodian, 3 a guardian.
uint8 constant BY_SUBJECT = 1;
uint8 constant BY_CUSTODIAN = 2;
uint8 constant BY_GUARDIAN = 3;

/// @dev Who proposes a recovery: 1 a guardian, 2 an authority.
uint8 constant PROPOSER_GUARDIAN = 1;
uint8 constant PROPOSER_AUTHORITY = 2;

/// @dev Who objects to a recovery: 1 the subject's signer, 2 its card.
uint8 constant OBJECTOR_SIGNER = 1;
uint8 constant OBJECTOR_CARD = 2;

/// @dev Answers of an advance directive; one that was never given allows.
uint8 constant DIRECTIVE_ALLOW = 1;
uint8 constant DIRECTIVE_FORBID = 2;
