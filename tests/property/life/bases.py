"""Accesses of random histories that rest on no consent, and the acts around them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from consentry.core.authorisations import AuthorisationWithdrawal, StandingAuthorisation, authorisation_id
from consentry.core.codes import (
    AUTHORISATION_PERIOD,
    EMERGENCY_WINDOW,
    AuthorisationStatus,
    LegalBasis,
    NoticeBy,
    Purpose,
    ReviewerRole,
    ReviewOutcome,
    bits,
)
from consentry.core.emergencies import EmergencyNotice, EmergencyReview
from consentry.core.signed_act import SignedAct
from consentry.core.terms import (
    ZERO_32,
    ZERO_ADDRESS,
    AccessRequest,
    Address,
    AuthorisationId,
    ConsentId,
    Material,
    RecordLeaf,
    SubjectId,
)
from consentry.core.typed_data import record_id
from consentry.crypto.signing import AccountKey, SigningKey
from tests.support.evm import PAYER

if TYPE_CHECKING:
    from tests.property.histories import History

RECENT = 40
_DAY = 86_400


def _request(history: History, leaf: RecordLeaf, institution: Address, **changes: Any) -> AccessRequest:  # noqa: ANN401 - members by name
    known, now = history.ledger.state.institutions.get(institution), history.ledger.now
    usual = AccessRequest(
        request_id=history.number(),
        institution=institution,
        record_id=record_id(leaf),
        consent_id=ConsentId(ZERO_32),
        authorisation_id=AuthorisationId(ZERO_32),
        purpose=history.random.choice([Purpose.ETREAT, Purpose.BTG]),
        action=1,
        legal_basis=LegalBasis.EMERGENCY,
        actor_kind=1,
        reason_code=history.random.randint(1, 4),
        reason_hash=history.word(),
        practitioner=history.any_practitioner(),
        release_key_hash=known.release_key_hash if known else ZERO_32,
        issued_at=now - 5,
        expires_at=now - 5 + EMERGENCY_WINDOW,
    )
    return replace(usual, **changes)


def emergency(history: History) -> tuple[AccessRequest, Material]:
    """Asks in an emergency, now and then without what that takes."""
    leaf, institution = history.random.choice(history.leaves[-RECENT:]), history.any_institution().address
    request = _request(history, leaf, institution)
    if history.chance(25):
        changes: list[dict[str, Any]] = [
            {"purpose": history.random.choice([1, 4, 16])},
            {"action": 2},
            {"actor_kind": 2},
            {"reason_code": history.random.choice([0, 5, 255])},
            {"reason_hash": ZERO_32},
            {"practitioner": ZERO_32},
            {"expires_at": request.expires_at + 1},
            {"issued_at": 0, "expires_at": 2**64 - 1},
            {"consent_id": ConsentId(history.word())},
            {"authorisation_id": AuthorisationId(history.word())},
        ]
        request = replace(request, **history.random.choice(changes))
    return request, Material(leaf)


def authorised(history: History) -> tuple[AccessRequest, Material]:
    """Asks under an authorisation, mostly one that is in force and covers the request."""
    leaf = history.random.choice(history.leaves[-RECENT:])
    terms = history.random.choice(_given(history)) if _given(history) and history.chance(90) else _terms(history)
    request = _request(
        history,
        leaf,
        terms.institution,
        authorisation_id=authorisation_id(terms),
        legal_basis=terms.basis,
        purpose=history.random.choice([code for code in range(1, 16) if terms.purposes >> code & 1] or [1]),
        reason_hash=ZERO_32,
        reason_code=0,
    )
    if history.chance(25):
        changes: list[dict[str, Any]] = [
            {"purpose": history.random.choice([1, 2, 3, 4])},
            {"action": 2},
            {"legal_basis": history.random.choice([1, 2, 3, 4])},
            {"institution": history.any_institution().address},
            {"authorisation_id": AuthorisationId(ZERO_32)},
            {"authorisation_id": AuthorisationId(history.word())},
            {"consent_id": ConsentId(history.word())},
        ]
        request = replace(request, **history.random.choice(changes))
    return request, Material(leaf, authorisation=None if history.chance(4) else terms)


def _given(history: History) -> list[StandingAuthorisation]:
    return [known.terms for known in list(history.ledger.state.authorisations.values())[-RECENT:]]


def _authority(history: History) -> AccountKey:
    """Draws an authority; now and then nobody."""
    if history.chance(4):
        return history.ledger.stranger
    return history.ledger.province if history.chance(40) else PAYER


def _terms(history: History) -> StandingAuthorisation:
    r, now = history.random, history.ledger.now
    start = max(now + r.choice([-3600, 0, 0, 0, 3600]), 0)
    return StandingAuthorisation(
        authority=_authority(history).address,
        institution=history.any_institution().address,
        basis=r.choice([3, 4]),
        purposes=bits(*r.sample(range(1, 5), r.randint(1, 4))),
        categories=bits(*r.sample(range(1, 5), r.randint(2, 4))),
        actions=r.choice([2, 2, 6]),
        max_sensitivity=r.randint(2, 4),
        data_from=r.randint(674, 678),
        data_until=r.randint(680, 686),
        valid_from=start,
        valid_until=start + r.choice([3600, _DAY, AUTHORISATION_PERIOD]),
        basis_text_hash=history.word(),
        nonce=history.number(),
        sign_before=history.deadline(),
    )


def authorisation(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Authorises an institution."""
    r, terms = history.random, _terms(history)
    if history.chance(25):
        changes: list[dict[str, Any]] = [
            {"basis": r.choice([0, 1, 2, 5])},
            {"purposes": r.choice([0, 1, 1 << 16])},
            {"categories": r.choice([0, 1, 1 << 13])},
            {"actions": r.choice([0, 1, 8])},
            {"max_sensitivity": r.choice([0, 5])},
            {"data_from": 9, "data_until": 8},
            {"valid_until": r.choice([0, history.ledger.now, terms.valid_from + AUTHORISATION_PERIOD + 1])},
            {"basis_text_hash": ZERO_32},
        ]
        terms = replace(terms, **r.choice(changes))
    return terms, [_key_of(history, terms.authority)]


def _key_of(history: History, authority: Address) -> SigningKey:
    keys = (PAYER, history.ledger.province, history.ledger.stranger)
    return next((key for key in keys if key.address == authority), history.ledger.stranger)


def withdrawal(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Takes an authorisation back, mostly one that is in force."""
    standing = [
        (key, known.terms)
        for key, known in history.ledger.state.authorisations.items()
        if known.status == AuthorisationStatus.ACTIVE or history.chance(10)
    ]
    if not standing or history.chance(5):
        terms = _terms(history)
        standing = [(authorisation_id(terms), terms)]
    which, terms = history.random.choice(standing)
    authority = terms.authority if history.chance(70) else _authority(history).address
    institution = terms.institution if history.chance(95) else history.any_institution().address
    act = AuthorisationWithdrawal(which, authority, institution, history.deadline())
    return act, [_key_of(history, authority)]


def _debt(history: History) -> tuple[bytes, SubjectId, Address]:
    """Draws a debt and its parties, mostly an open one."""
    known = list(history.ledger.state.debts.known.items())
    alive = [pair for pair in known if not pair[1].closed]
    pool = alive if alive and history.chance(85) else known
    if not pool or history.chance(4):
        return history.word(), history.any_subject()[0], history.any_institution().address
    key, debt = history.random.choice(pool[-RECENT:])
    if history.chance(4):
        return key, history.any_subject()[0], debt.institution
    return key, debt.subject_id, debt.institution


def notice(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Says that the patient knows."""
    (debt_id, subject_id, institution), r, now = _debt(history), history.random, history.ledger.now
    by = r.choice([0, 3]) if history.chance(5) else r.choice(list(NoticeBy))
    guardian = history.word() if history.chance(4) else ZERO_32
    sent_at = now + r.choice([-(10**6), 59, 60, 61, 62, 10**6]) if history.chance(12) else now
    hash_ = ZERO_32 if history.chance(4) else history.word()
    act = EmergencyNotice(debt_id, subject_id, institution, guardian, hash_, sent_at, by, history.deadline())
    custodian = history.ledger.state.custodian_of(subject_id)
    told: SigningKey = history.key_of(custodian)
    return act, [history.patients.get(subject_id, told) if by == NoticeBy.PATIENT else told]


def review(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Reviews."""
    (debt_id, subject_id, institution), r = _debt(history), history.random
    role = r.choice([0, 4]) if history.chance(5) else r.choice(list(ReviewerRole))
    outcome = r.choice([0, 4]) if history.chance(5) else r.choice(list(ReviewOutcome))
    by_authority = (role == ReviewerRole.AUTHORITY) != history.chance(4)
    authority = _authority(history).address if by_authority else ZERO_ADDRESS
    reviewer = history.any_practitioner() if history.chance(20) else r.choice([history.word(), ZERO_32, history.word()])
    reason_hash = ZERO_32 if history.chance(4) else history.word()
    act = EmergencyReview(
        debt_id, subject_id, institution, authority, reviewer, role, outcome, reason_hash, history.deadline()
    )
    own: SigningKey = history.key_of(institution)
    return act, [_key_of(history, authority) if role == ReviewerRole.AUTHORITY else own]
