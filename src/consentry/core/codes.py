"""Numbers of the signed and stored formats: appended to, never reordered.

The same numbers stand in ``contracts/types/Codes.sol``; a test compares the two.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Standing(IntEnum):
    """Standing of an institution, authority or relay account."""

    NONE = 0
    ACTIVE = 1
    SUSPENDED = 2


class RecordStatus(IntEnum):
    """Life of an anchored record version."""

    NONE = 0
    CURRENT = 1
    SUPERSEDED = 2
    RESTRICTED = 3
    ERASED = 4


class ConsentStatus(IntEnum):
    """Life of a consent. A revoked consent never becomes active again."""

    NONE = 0
    ACTIVE = 1
    REVOKED = 2


class Reason(IntEnum):
    """Answer to one access request, the first that applies; ``NONE`` means permitted.

    The order of the rules is that of the lists in ``core.access``, not that of the numbers.
    """

    NONE = 0
    INSTITUTION_UNKNOWN = 1
    SIGNATURE_INVALID = 2
    REQUEST_REPLAYED = 3
    SCOPE_PROOF_INVALID = 4
    INSTITUTION_SUSPENDED = 5
    REQUEST_EXPIRED = 6
    REQUEST_NOT_YET_VALID = 7
    RELEASE_KEY_MISMATCH = 8
    PURPOSE_UNKNOWN = 9
    ACTION_UNKNOWN = 10
    ACTOR_UNKNOWN = 11
    LEGAL_BASIS_UNSUPPORTED = 12
    RECORD_UNKNOWN = 13
    RECORD_SUPERSEDED = 14
    CONSENT_MISSING = 15
    CONSENT_UNKNOWN = 16
    CONSENT_REVOKED = 17
    CONSENT_NOT_YET_VALID = 18
    CONSENT_EXPIRED = 19
    SUBJECT_MISMATCH = 20
    GRANTEE_MISMATCH = 21
    PRACTITIONER_MISMATCH = 22
    PURPOSE_NOT_GRANTED = 23
    ACTION_NOT_GRANTED = 24
    RECORD_NOT_IN_SCOPE = 25
    LEVEL_FIVE_WILDCARD = 26
    SENSITIVITY_EXCEEDED = 27
    DATA_PERIOD_EXCEEDED = 28
    ERASE_DATE_PASSED = 29
    USES_EXHAUSTED = 30
    INSTITUTION_LIMIT = 31  # as many accesses were permitted to the institution today as it may have
    EXCLUDED = 32  # the patient excluded this institution, a group of it, this practitioner or this class of documents
    RECONSENT_NEEDED = 33  # the subject must consent anew, as when a minor came of age
    RECORD_RESTRICTED = 34  # processing of the record is restricted
    RECORD_ERASED = 35  # the record was erased
    EMERGENCY_INCOMPLETE = 36  # code, hash or purpose missing, machine actor, or longer than 15 minutes
    EMERGENCY_FORBIDDEN = 37  # by the patient's directive
    EMERGENCY_LIMIT = 38  # as many emergencies were permitted to the institution today as it may have
    AUTHORISATION_MISSING = 39  # a duty or public health is the basis, and no authorisation is invoked
    AUTHORISATION_UNKNOWN = 40  # nobody gave it
    AUTHORISATION_WITHDRAWN = 41  # the authority took it back
    AUTHORISATION_EXPIRED = 42  # outside its period
    AUTHORISATION_SCOPE = 43  # it does not cover this request


REJECTIONS: Final = frozenset(
    {
        Reason.INSTITUTION_UNKNOWN,
        Reason.SIGNATURE_INVALID,
        Reason.REQUEST_REPLAYED,
        Reason.SCOPE_PROOF_INVALID,
    }
)
"""Reasons with which nothing was decided: no request id is used up and no head moves."""


class Purpose(IntEnum):
    """Purpose of use (HL7 v3-ActReason)."""

    TREAT = 1
    ETREAT = 2
    BTG = 3
    COC = 4
    CAREMGT = 5
    HPAYMT = 6
    HOPERAT = 7
    PUBHLTH = 8
    HRESCH = 9
    CLINTRCH = 10
    PATRQT = 11
    FAMRQT = 12
    HLEGAL = 13
    HCOMPL = 14
    HTEST = 15


class Action(IntEnum):
    """What the requester wants to do with the content."""

    VIEW = 1
    STORE = 2


class Category(IntEnum):
    """Coarse document class, never a diagnosis."""

    SUMMARY = 1
    ENCOUNTER = 2
    LABORATORY = 3
    IMAGING = 4
    MEDICATION = 5
    PROCEDURE = 6
    PATHOLOGY = 7
    DISCHARGE = 8
    IMMUNIZATION = 9
    REFERRAL = 10
    MONITORING = 11
    BILLING = 12


class LegalBasis(IntEnum):
    """Legal basis of an access (PIPL 13)."""

    CONSENT = 1
    EMERGENCY = 2
    STATUTORY_DUTY = 3
    PUBLIC_HEALTH = 4


BY_AUTHORITY: Final = frozenset({LegalBasis.STATUTORY_DUTY, LegalBasis.PUBLIC_HEALTH})
"""Bases on which a request invokes an authorisation of an authority, and no consent."""

WITHOUT_CONSENT: Final = BY_AUTHORITY | {LegalBasis.EMERGENCY}
"""Bases on which a request invokes no consent, whatever it names."""


class ActorKind(IntEnum):
    """Who acts inside the institution."""

    HUMAN = 1
    MACHINE = 2


class Assurance(IntEnum):
    """How a consent act was made."""

    DEVICE_KEY = 1
    CARD_AND_CODE = 2
    GUARDIAN = 3
    STAFF_ASSISTED = 4


class EmergencyReason(IntEnum):
    """Why an emergency access is needed."""

    UNCONSCIOUS = 1
    LIFE_THREATENING = 2
    IMMEDIATE_TREATMENT = 3
    SAFETY_OF_OTHERS = 4


class NoticeBy(IntEnum):
    """Who says that the patient knows of an emergency access."""

    PATIENT = 1
    CUSTODIAN = 2


class ReviewerRole(IntEnum):
    """Role of the person who reviews an emergency access."""

    PRIVACY_OFFICER = 1
    MEDICAL_DIRECTOR = 2
    AUTHORITY = 3


class ReviewOutcome(IntEnum):
    """Outcome of a review; a referral leaves it to an authority."""

    JUSTIFIED = 1
    NOT_JUSTIFIED = 2
    REFERRED = 3


class AuthorisationStatus(IntEnum):
    """Life of an authorisation. A withdrawn one never becomes active again."""

    NONE = 0
    ACTIVE = 1
    WITHDRAWN = 2


class ExclusionKind(IntEnum):
    """What a subject can exclude."""

    INSTITUTION = 1
    GROUP = 2
    PRACTITIONER = 3
    CATEGORY = 4


class GuardianScope(IntEnum):
    """What a guardian may do for a subject."""

    GRANT = 1
    REVOKE = 2
    SEE = 3
    CORRECT = 4
    RECOVER = 5


class AskStatus(IntEnum):
    """Life of an ask for a consent; ``LAPSED`` is told from the time."""

    NONE = 0
    OPEN = 1
    ANSWERED = 2
    DENIED = 3
    LAPSED = 4


class Copies(IntEnum):
    """What became of the copies of an institution after a revocation."""

    NONE = 0
    KEPT = 1
    ERASED = 2


class Duty(IntEnum):
    """What an institution owes after a revocation."""

    ACKNOWLEDGE = 1
    ERASE = 2


class GuardianKind(IntEnum):
    """Why somebody is a guardian."""

    PARENT = 1
    COURT_APPOINTED = 2
    DELEGATE = 3
    NEAR_RELATIVE = 4


class GuardianRemover(IntEnum):
    """Who takes an appointment back."""

    SUBJECT = 1
    CUSTODIAN = 2
    GUARDIAN = 3


class DirectiveAnswer(IntEnum):
    """Answer of an advance directive; one that was never given allows."""

    ALLOW = 1
    FORBID = 2


class RecoveryProposer(IntEnum):
    """Who proposes a recovery."""

    GUARDIAN = 1
    AUTHORITY = 2


class RecoveryObjector(IntEnum):
    """Who objects to a recovery."""

    SIGNER = 1
    CARD = 2


class Retention(IntEnum):
    """Retention class of a record."""

    OUTPATIENT = 1
    INPATIENT = 2


class RestrictionReason(IntEnum):
    """Why a record is stored, but not processed."""

    RETENTION_RUNS = 1
    ACCURACY_DISPUTED = 2
    LEGAL_CLAIM = 3
    SUBJECT_REQUEST = 4


class ErasureReason(IntEnum):
    """Why a record is erased; the last two do not wait for the end of its retention."""

    SUBJECT_REQUEST = 1
    RETENTION_OVER = 2
    WRONG_PATIENT = 3
    COURT_ORDER = 4


class MarkScope(IntEnum):
    """How far the quality mark of a result reaches."""

    NATIONAL = 1
    PROVINCIAL = 2
    CITY = 3


class RefusalReason(IntEnum):
    """Why a receiving institution does not accept a marked result and examines again."""

    PICTURE_DOES_NOT_FIT = 1
    """The result does not agree with what is seen in the patient."""
    STATE_CHANGES_FAST = 2
    """The disease changes quickly, so an earlier result says little."""
    STATE_HAS_CHANGED = 3
    """The patient's condition is another one since."""
    BEFORE_TREATMENT = 4
    """A baseline is needed before an operation or another treatment of weight."""
    EMERGENCY = 5
    """There is no time to look a result up."""
    QUALITY_DOUBTED = 6
    """The result is incomplete, unreadable or technically poor."""
    METHOD_DIFFERS = 7
    """The method used elsewhere does not answer the question."""
    LAW_REQUIRES = 8
    """A rule, an expert opinion or a trial demands an examination of one's own."""
    PATIENT_ASKS = 9
    """The patient wants to be examined again."""


class Suite(IntEnum):
    """Cryptographic suite of a stored object."""

    COBBLESTONE_256_SHA_256 = 1


HIGHEST_SENSITIVITY: Final = 5
DAY: Final = 86_400
"""Seconds of a day; days begin at midnight UTC."""
EMERGENCY_WINDOW: Final = 900
"""Seconds an emergency request may be valid for."""
DEBT_PERIOD: Final = 72 * 3600
"""Seconds from an emergency access until notice and review are due."""
AUTHORISATION_PERIOD: Final = 366 * DAY
"""Longest period of an authorisation in seconds: a year, leap or not."""
UNLIMITED_USES: Final = 2**32 - 1
CLOCK_TOLERANCE: Final = 60
"""Seconds by which the clock of a requester may run ahead of block time."""


def bits(*members: int) -> int:
    """Gives the bit mask of a set of codes: bit ``1 << code`` for each member."""
    mask = 0
    for member in members:
        mask |= 1 << member
    return mask
