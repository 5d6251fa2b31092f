"""The access decision: which `Reason` a signed request gets, given the facts of the chain.

Each rule is a predicate; ``REQUEST_RULES`` come first, then those of the legal basis, then ``LIMIT_RULES``, each list
in its order, and the first that applies is the answer.
``contracts/AccessLedger.sol`` computes the same; `tests/vectors/histories` and `tests/property` compare the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from consentry.core import merkle
from consentry.core.authorisations import StandingAuthorisation, authorisation_id
from consentry.core.bases import (
    AUTHORISATION_RULES,
    EMERGENCY_RULES,
    AuthorisationCase,
    EmergencyFacts,
    judge_authorisation,
    judge_emergency,
)
from consentry.core.codes import (
    BY_AUTHORITY,
    CLOCK_TOLERANCE,
    HIGHEST_SENSITIVITY,
    WITHOUT_CONSENT,
    Action,
    ActorKind,
    AuthorisationStatus,
    ConsentStatus,
    LegalBasis,
    Purpose,
    Reason,
    RecordStatus,
    Standing,
)
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    AuthorisationId,
    ConsentId,
    ConsentTerms,
    Material,
    RecordLeaf,
    Shown,
)
from consentry.core.typed_data import consent_id, record_id, scope_key

MOST_SIGNATURE_BYTES: Final = 4_096
"""Bytes of the signature of a request that is passed on. An account's has 65, a passkey's some 700, mostly what the
browser signed; every byte costs the batch up to 40 gas (EIP-7623)."""
MOST_PROOF_NODES: Final = 40
"""Nodes of a scope proof that is passed on: a consent that names a million million records needs no more."""


@dataclass(frozen=True, slots=True)
class InstitutionFacts:
    """What the chain says of the asking institution; accesses are those that were permitted on the same day.

    Limits of one and no permits so far leave room for one access: what is not known counts in its favour.
    """

    standing: Standing = Standing.NONE
    release_key_hash: bytes = ZERO_32
    accesses: int = 0
    emergencies: int = 0
    daily_limit: int = 1
    emergency_limit: int = 1


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """What the chain says of the record version asked for; the leaf is none for one that was never anchored."""

    status: RecordStatus = RecordStatus.NONE
    leaf: RecordLeaf | None = None


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """What the chain says of the consent invoked.

    ``uses`` counts the permitted accesses so far, ``granted_at`` is the block time of the grant in seconds.
    """

    status: ConsentStatus = ConsentStatus.NONE
    uses: int = 0
    granted_at: int = 0


@dataclass(frozen=True, slots=True)
class JudgedSubject:
    """What of the subject of the record bears on an access: what it decided in advance, and when it came of age.

    ``minor_until`` is the end of its minority in seconds, zero for one never noted as a minor.
    """

    excluded: bool = False
    emergency_forbidden: bool = False
    minor_until: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything outside the request and its material that a decision depends on.

    Attributes:
        institution: standing, release key, limits and today's permits of the asking institution.
        record: status of the record version asked for.
        consent: status, uses and time of the grant of the consent invoked.
        signature_valid: whether the institution's signer signed the request in the ledger's domain.
        request_used: whether the institution's request id was decided before.
        group_member: whether the institution belongs to the group the terms name.
        subject: what the subject excludes or forbids, and when it came of age.
        authorisation: status of the authorisation invoked.
    """

    institution: InstitutionFacts
    record: RecordFacts
    consent: ConsentFacts
    signature_valid: bool
    request_used: bool
    group_member: bool = False
    subject: JudgedSubject = JudgedSubject()
    authorisation: AuthorisationStatus = AuthorisationStatus.NONE


Ground = ConsentTerms | StandingAuthorisation
"""What a request rests on; an emergency rests on nothing that was given before."""


def ground_of_material(request: AccessRequest, material: Material) -> Ground | None:
    """Gives the ground a request invokes, out of what stands beside it."""
    return material.authorisation if request.legal_basis in BY_AUTHORITY else material.terms


def shown_of(request: AccessRequest, material: Material) -> Shown:
    """Gives what a relay shows of its material for one request."""
    invokes_consent = request.consent_id != ZERO_32 and request.legal_basis not in WITHOUT_CONSENT
    terms, leaf = material.terms if invokes_consent else None, material.leaf
    later = terms is not None and ZERO_32 not in (terms.records_root, leaf.lineage)
    invokes_authority = request.authorisation_id != ZERO_32 and request.legal_basis in BY_AUTHORITY
    authorisation = material.authorisation if invokes_authority else None
    return Shown(terms, leaf if later else None, material.scope_proof, authorisation)


def as_seen(request: AccessRequest, shown: Shown) -> AccessRequest:
    """Gives the request that the contract puts together: its ground is the one whose terms are shown."""
    consent = ConsentId(ZERO_32) if shown.terms is None else consent_id(shown.terms)
    given = shown.authorisation
    authorisation = AuthorisationId(ZERO_32) if given is None else authorisation_id(given)
    return replace(request, consent_id=consent, authorisation_id=authorisation)


def rejection(request: AccessRequest, shown: Shown, facts: Facts) -> Reason:
    """Tells why nothing can be decided, or ``NONE`` when the item is authentic, fresh and has the right material."""
    if facts.institution.standing == Standing.NONE:
        return Reason.INSTITUTION_UNKNOWN
    if not facts.signature_valid or as_seen(request, shown) != request:
        # With other terms the contract sees a request that nobody signed.
        return Reason.SIGNATURE_INVALID
    if facts.request_used:
        return Reason.REQUEST_REPLAYED
    if shown.terms is not None and not is_shown_to_be_named(request, shown.terms.records_root, shown):
        return Reason.SCOPE_PROOF_INVALID
    return Reason.NONE


def is_shown_to_be_named(request: AccessRequest, root: bytes, shown: Shown) -> bool:
    """Tells whether a record is one of those a consent names; true for a consent that names none."""
    if root == ZERO_32:
        return True
    if shown.leaf is not None and record_id(shown.leaf) != request.record_id:
        return False
    key = scope_key(shown.leaf) if shown.leaf is not None else request.record_id
    return merkle.proves(root, merkle.leaf_of(key), shown.scope_proof)


RequestRule = Callable[[AccessRequest, Facts, int], bool]
ConsentRule = Callable[["Case"], bool]


@dataclass(frozen=True, slots=True)
class Case:
    """A request with the terms it invokes, seen at block time ``now`` in seconds."""

    request: AccessRequest
    leaf: RecordLeaf
    terms: ConsentTerms
    facts: Facts
    now: int


def _grantee_differs(case: Case) -> bool:
    if case.terms.group == ZERO_32:
        return case.terms.institution != case.request.institution
    return not case.facts.group_member


def _out_of_scope(case: Case) -> bool:
    """That a named record is one of those named was shown before; see `rejection`."""
    return case.terms.records_root == ZERO_32 and not case.terms.categories >> case.leaf.category & 1


def needs_reconsent(terms: ConsentTerms, granted_at: int, minor_until: int, now: int) -> bool:
    """Tells whether who came of age has to consent anew: what a guardian granted in its minority ends with it.

    Args:
        terms: of the consent.
        granted_at: block time of the grant in seconds.
        minor_until: end of the subject's minority in seconds; zero for none.
        now: block time in seconds.
    """
    return terms.guardian != ZERO_32 and granted_at < minor_until <= now


REQUEST_RULES: Final[tuple[tuple[Reason, RequestRule], ...]] = (
    (Reason.INSTITUTION_SUSPENDED, lambda _, f, __: f.institution.standing != Standing.ACTIVE),
    (Reason.REQUEST_EXPIRED, lambda r, _, now: now >= r.expires_at),
    (Reason.REQUEST_NOT_YET_VALID, lambda r, _, now: r.issued_at > now + CLOCK_TOLERANCE),
    (Reason.RELEASE_KEY_MISMATCH, lambda r, f, _: r.release_key_hash != f.institution.release_key_hash),
    (Reason.PURPOSE_UNKNOWN, lambda r, _, __: not Purpose.TREAT <= r.purpose <= Purpose.HTEST),
    (Reason.ACTION_UNKNOWN, lambda r, _, __: not Action.VIEW <= r.action <= Action.STORE),
    (
        Reason.ACTOR_UNKNOWN,
        lambda r, _, __: not ActorKind.HUMAN <= r.actor_kind <= ActorKind.MACHINE or r.practitioner == ZERO_32,
    ),
    (
        Reason.LEGAL_BASIS_UNSUPPORTED,
        lambda r, _, __: (
            not LegalBasis.CONSENT <= r.legal_basis <= LegalBasis.PUBLIC_HEALTH
            or (r.reason_code != 0 and r.legal_basis != LegalBasis.EMERGENCY)
        ),
    ),
    (Reason.RECORD_UNKNOWN, lambda _, f, __: f.record.status == RecordStatus.NONE),
    (Reason.RECORD_RESTRICTED, lambda _, f, __: f.record.status == RecordStatus.RESTRICTED),
    (Reason.RECORD_ERASED, lambda _, f, __: f.record.status == RecordStatus.ERASED),
    (Reason.RECORD_SUPERSEDED, lambda _, f, __: f.record.status != RecordStatus.CURRENT),
)
"""Rules about the request and the record, whatever the legal basis."""

STATUS_RULES: Final[tuple[tuple[Reason, RequestRule], ...]] = (
    (Reason.CONSENT_MISSING, lambda r, _, __: r.consent_id == ZERO_32),
    (Reason.CONSENT_UNKNOWN, lambda _, f, __: f.consent.status == ConsentStatus.NONE),
    (Reason.CONSENT_REVOKED, lambda _, f, __: f.consent.status != ConsentStatus.ACTIVE),
)
"""Rules about the state of the consent; they need no terms."""

CONSENT_RULES: Final[tuple[tuple[Reason, ConsentRule], ...]] = (
    (Reason.CONSENT_NOT_YET_VALID, lambda c: c.now < c.terms.valid_from),
    (Reason.CONSENT_EXPIRED, lambda c: c.now >= c.terms.valid_until),
    (Reason.SUBJECT_MISMATCH, lambda c: c.terms.subject_id != c.leaf.subject_id),
    (Reason.GRANTEE_MISMATCH, _grantee_differs),
    (
        Reason.PRACTITIONER_MISMATCH,
        lambda c: c.terms.practitioner not in (ZERO_32, c.request.practitioner),
    ),
    (Reason.PURPOSE_NOT_GRANTED, lambda c: not c.terms.purposes >> c.request.purpose & 1),
    (Reason.ACTION_NOT_GRANTED, lambda c: not c.terms.actions >> c.request.action & 1),
    (Reason.RECORD_NOT_IN_SCOPE, _out_of_scope),
    (
        Reason.LEVEL_FIVE_WILDCARD,
        lambda c: c.leaf.sensitivity == HIGHEST_SENSITIVITY and c.terms.records_root == ZERO_32,
    ),
    (Reason.SENSITIVITY_EXCEEDED, lambda c: c.leaf.sensitivity > c.terms.max_sensitivity),
    (
        Reason.DATA_PERIOD_EXCEEDED,
        lambda c: not c.terms.data_from <= c.leaf.data_month <= c.terms.data_until,
    ),
    (Reason.ERASE_DATE_PASSED, lambda c: c.request.action == Action.STORE and c.now >= c.terms.erase_by),
    (Reason.USES_EXHAUSTED, lambda c: c.facts.consent.uses >= c.terms.max_uses),
    (
        Reason.RECONSENT_NEEDED,
        lambda c: needs_reconsent(c.terms, c.facts.consent.granted_at, c.facts.subject.minor_until, c.now),
    ),
)
"""Rules about what the terms cover, and whether whoever granted them still stands for the subject."""

LIMIT_RULES: Final[tuple[tuple[Reason, Callable[[Facts], bool]], ...]] = (
    (Reason.INSTITUTION_LIMIT, lambda f: f.institution.accesses >= f.institution.daily_limit),
)
"""Rules about what an institution may have in a day; whatever else is wrong counts first."""

_LAST: Final = (Reason.EXCLUDED, Reason.EMERGENCY_LIMIT, Reason.INSTITUTION_LIMIT)
_LISTED: Final = (*REQUEST_RULES, *STATUS_RULES, *CONSENT_RULES, *EMERGENCY_RULES, *AUTHORISATION_RULES)
_ORDER: Final = (*(reason for reason, _ in _LISTED if reason not in _LAST), *_LAST)
RANKS: Final = {reason: rank for rank, reason in enumerate(_ORDER)}
"""Place of each denial in the order of the rules: of two that apply, the one of the lower rank is the answer."""

OF_TERMS: Final = frozenset(reason for reason, _ in CONSENT_RULES)
"""Denials that rest on the terms of a consent that was granted."""


def judge_request(request: AccessRequest, facts: Facts, now: int) -> Reason:
    """Gives the first reason that lies in the request or in the record's status, whatever the legal basis."""
    return _first(REQUEST_RULES, request, facts, now)


def judge_terms(case: Case) -> Reason:
    """Gives the first reason that lies in what the terms cover."""
    return next((reason for reason, applies in CONSENT_RULES if applies(case)), Reason.NONE)


def _first(rules: tuple[tuple[Reason, RequestRule], ...], request: AccessRequest, facts: Facts, now: int) -> Reason:
    return next((reason for reason, applies in rules if applies(request, facts, now)), Reason.NONE)


def _judge_consent(request: AccessRequest, ground: Ground | None, facts: Facts, now: int) -> Reason:
    reason = _first(STATUS_RULES, request, facts, now)
    if reason != Reason.NONE:
        return reason
    if not isinstance(ground, ConsentTerms) or facts.record.leaf is None:  # closed when in doubt
        return Reason.CONSENT_MISSING
    reason = judge_terms(Case(request, facts.record.leaf, ground, facts, now))
    return reason or (Reason.EXCLUDED if facts.subject.excluded else Reason.NONE)


def _judge_emergency(request: AccessRequest, facts: Facts) -> Reason:
    subject, institution = facts.subject, facts.institution
    return judge_emergency(
        request,
        EmergencyFacts(
            subject.emergency_forbidden, subject.excluded, institution.emergencies, institution.emergency_limit
        ),
    )


def _judge_authorisation(request: AccessRequest, ground: Ground | None, facts: Facts, now: int) -> Reason:
    if not isinstance(ground, StandingAuthorisation) or facts.record.leaf is None:  # closed when in doubt
        none = request.authorisation_id == ZERO_32
        return Reason.AUTHORISATION_MISSING if none else Reason.AUTHORISATION_UNKNOWN
    return judge_authorisation(AuthorisationCase(request, facts.record.leaf, ground, facts.authorisation, now))


def denial(request: AccessRequest, ground: Ground | None, facts: Facts, now: int) -> Reason:
    """Decides an item that was not rejected: ``NONE`` permits, anything else denies.

    Args:
        request: the authentic request.
        ground: terms of the consent or the authorisation it names, if it names one.
        facts: what the chain says at this place of the log.
        now: block time in seconds.

    Returns:
        The first reason that applies, in the order of the lists above.
    """
    reason = judge_request(request, facts, now)
    if reason != Reason.NONE:
        return reason
    if request.legal_basis == LegalBasis.CONSENT:
        reason = _judge_consent(request, ground, facts, now)
    elif request.legal_basis == LegalBasis.EMERGENCY:
        reason = _judge_emergency(request, facts)
    else:
        reason = _judge_authorisation(request, ground, facts, now)
    return reason or next((limit for limit, applies in LIMIT_RULES if applies(facts)), Reason.NONE)


def decide(request: AccessRequest, material: Material, facts: Facts, now: int) -> Reason:
    """Decides one access request at block time ``now``, in seconds.

    Returns:
        ``NONE`` when permitted; one of ``REJECTIONS`` when nothing is decided; otherwise the reason of the denial.
    """
    ground = ground_of_material(request, material)
    return rejection(request, shown_of(request, material), facts) or denial(request, ground, facts, now)
