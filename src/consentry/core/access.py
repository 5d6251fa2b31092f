"""The access decision: which `Reason` a signed request gets, given the facts of the chain.

Each rule is a predicate; ``REQUEST_RULES``, then ``CONSENT_RULES`` list them in their order, and the first that applies
is the answer.
``contracts/AccessLedger.sol`` computes the same; `tests/vectors/decisions` and `tests/property` compare the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from consentry.core import merkle
from consentry.core.codes import (
    BY_AUTHORITY,
    CLOCK_TOLERANCE,
    HIGHEST_SENSITIVITY,
    Action,
    ActorKind,
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
    """What the chain says of the asking institution."""

    standing: Standing = Standing.NONE
    release_key_hash: bytes = ZERO_32


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """What the chain says of the record version asked for; the leaf is none for one that was never anchored."""

    status: RecordStatus = RecordStatus.NONE
    leaf: RecordLeaf | None = None


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """What the chain says of the consent invoked; ``uses`` counts the permitted accesses so far."""

    status: ConsentStatus = ConsentStatus.NONE
    uses: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything outside the request and its material that a decision depends on.

    Attributes:
        institution: standing and release key of the asking institution.
        record: status of the record version asked for.
        consent: status and uses of the consent invoked.
        signature_valid: whether the institution's signer signed the request in the ledger's domain.
        request_used: whether the institution's request id was decided before.
        group_member: whether the institution belongs to the group the terms name.
    """

    institution: InstitutionFacts
    record: RecordFacts
    consent: ConsentFacts
    signature_valid: bool
    request_used: bool
    group_member: bool = False


def shown_of(request: AccessRequest, material: Material) -> Shown:
    """Gives what a relay shows of its material for one request."""
    invokes_consent = request.consent_id != ZERO_32 and request.legal_basis not in BY_AUTHORITY
    terms, leaf = material.terms if invokes_consent else None, material.leaf
    later = terms is not None and ZERO_32 not in (terms.records_root, leaf.lineage)
    return Shown(terms, leaf if later else None, material.scope_proof)


def as_seen(request: AccessRequest, shown: Shown) -> AccessRequest:
    """Gives the request that the contract puts together: its consent is the one whose terms are shown.

    No authorisation can be shown yet, so a request that names one is another one than the contract sees.
    """
    shown_id = ConsentId(ZERO_32) if shown.terms is None else consent_id(shown.terms)
    return replace(request, consent_id=shown_id, authorisation_id=AuthorisationId(ZERO_32))


def rejection(request: AccessRequest, shown: Shown, facts: Facts) -> Reason:
    """Tells why nothing can be decided, or ``NONE`` when the item is authentic, fresh and has the right material."""
    if facts.institution.standing == Standing.NONE:
        return Reason.INSTITUTION_UNKNOWN
    if not facts.signature_valid or as_seen(request, shown) != request:
        # With other terms the contract sees a request that nobody signed.
        return Reason.SIGNATURE_INVALID
    if facts.request_used:
        return Reason.REQUEST_REPLAYED
    if shown.terms is not None and not _is_shown_to_be_named(request, shown.terms.records_root, shown):
        return Reason.SCOPE_PROOF_INVALID
    return Reason.NONE


def _is_shown_to_be_named(request: AccessRequest, root: bytes, shown: Shown) -> bool:
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
    (Reason.LEGAL_BASIS_UNSUPPORTED, lambda r, _, __: r.legal_basis != LegalBasis.CONSENT),
    (Reason.RECORD_UNKNOWN, lambda _, f, __: f.record.status == RecordStatus.NONE),
    (Reason.RECORD_RESTRICTED, lambda _, f, __: f.record.status == RecordStatus.RESTRICTED),
    (Reason.RECORD_ERASED, lambda _, f, __: f.record.status == RecordStatus.ERASED),
    (Reason.RECORD_SUPERSEDED, lambda _, f, __: f.record.status != RecordStatus.CURRENT),
    (Reason.CONSENT_MISSING, lambda r, _, __: r.consent_id == ZERO_32),
    (Reason.CONSENT_UNKNOWN, lambda _, f, __: f.consent.status == ConsentStatus.NONE),
    (Reason.CONSENT_REVOKED, lambda _, f, __: f.consent.status != ConsentStatus.ACTIVE),
)
"""Rules about the request, the record and the state of the consent; they need no terms."""

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
)
"""Rules about what the terms cover."""

RANKS: Final = {reason: rank for rank, (reason, _) in enumerate((*REQUEST_RULES, *CONSENT_RULES))}
"""Place of each denial in the order of the rules: of two that apply, the one of the lower rank is the answer."""

OF_TERMS: Final = frozenset(reason for reason, _ in CONSENT_RULES)
"""Denials that rest on the terms of a consent that was granted."""


def judge_request(request: AccessRequest, facts: Facts, now: int) -> Reason:
    """Gives the first reason that lies in the request, the record's status or the consent's; needs no terms."""
    return next((reason for reason, applies in REQUEST_RULES if applies(request, facts, now)), Reason.NONE)


def judge_terms(case: Case) -> Reason:
    """Gives the first reason that lies in what the terms cover."""
    return next((reason for reason, applies in CONSENT_RULES if applies(case)), Reason.NONE)


def needs_reconsent(terms: ConsentTerms, granted_at: int, minor_until: int, now: int) -> bool:
    """Tells whether who came of age has to consent anew: what a guardian granted in its minority ends with it.

    Args:
        terms: of the consent.
        granted_at: block time of the grant in seconds.
        minor_until: end of the subject's minority in seconds; zero for none.
        now: block time in seconds.
    """
    return terms.guardian != ZERO_32 and granted_at < minor_until <= now


def denial(request: AccessRequest, terms: ConsentTerms | None, facts: Facts, now: int) -> Reason:
    """Decides an item that was not rejected: ``NONE`` permits, anything else denies.

    Args:
        request: the authentic request.
        terms: of its consent, if it names one.
        facts: what the chain says at this place of the log.
        now: block time in seconds.

    Returns:
        The first reason that applies, in the order of the lists above.
    """
    reason = judge_request(request, facts, now)
    if reason != Reason.NONE:
        return reason
    if terms is None or facts.record.leaf is None:  # closed when in doubt
        return Reason.CONSENT_MISSING
    return judge_terms(Case(request, facts.record.leaf, terms, facts, now))


def decide(request: AccessRequest, material: Material, facts: Facts, now: int) -> Reason:
    """Decides one access request at block time ``now``, in seconds.

    Returns:
        ``NONE`` when permitted; one of ``REJECTIONS`` when nothing is decided; otherwise the reason of the denial.
    """
    return rejection(request, shown_of(request, material), facts) or denial(request, material.terms, facts, now)
