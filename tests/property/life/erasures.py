"""Ends of records in random histories: officers, restrictions, requests, erasures, attestations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eth_hash.auto import keccak

from consentry.core.codes import ErasureReason, RecordStatus, RestrictionReason
from consentry.core.erasures import (
    CorrectionRequest,
    DeletionAttestation,
    Erasure,
    ErasureOfficerAdmission,
    ErasureOfficerRemoval,
    ErasureRequest,
    Restriction,
)
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, Address, RecordId, SubjectId
from consentry.core.typed_data import record_id
from consentry.crypto.signing import AccountKey, SigningKey

if TYPE_CHECKING:
    from tests.property.histories import History

Made = tuple[SignedAct, list[SigningKey]]
OFFICERS: Final = tuple(AccountKey(keccak(b"officer %d" % number)) for number in range(3))
RECENT: Final = 40


def drawn_record(
    history: History, *statuses: RecordStatus
) -> tuple[RecordId, Address, SubjectId, SigningKey, SigningKey]:
    """Draws a record, mostly of one of some statuses, its custodian and subject, and the keys of both."""
    state = history.ledger.state
    leaves = history.leaves[-RECENT:]
    fit = [leaf for leaf in leaves if state.record_status(record_id(leaf)) in statuses]
    leaf = history.random.choice(fit if fit and history.chance(85) else leaves)
    record, custodian, subject = record_id(leaf), leaf.custodian, leaf.subject_id
    own = history.institutions.get(custodian, history.ledger.stranger)
    patient = history.patients.get(subject, history.ledger.stranger)
    if history.chance(6):
        record, custodian, subject = history.random.choice(
            [
                (RecordId(history.word()), custodian, subject),
                (record, history.any_institution().address, subject),
                (record, custodian, history.any_subject()[0]),
            ]
        )
    return record, custodian, subject, own, patient


def _officer(history: History) -> AccountKey:
    return history.random.choice(OFFICERS)


def admission(history: History) -> Made:
    """Admits an officer, sometimes with a key that is none of an officer's."""
    own, officer = history.any_institution(), _officer(history)
    signer = officer.signer
    if history.chance(6):
        signer = history.random.choice([own.signer, b"", history.word()])
    key = own if signer == own.signer else officer
    return ErasureOfficerAdmission(own.address, signer, history.number(), history.deadline()), [own, key]


def removal(history: History) -> Made:
    """Takes an officer out, mostly one there is."""
    own, officer = history.any_institution(), _officer(history)
    known = sorted(history.ledger.state.erasures.officers)
    if known and history.chance(80):
        institution, signer = history.random.choice(known)
        own = history.institutions[institution]
        return ErasureOfficerRemoval(institution, signer, history.number(), history.deadline()), [own]
    return ErasureOfficerRemoval(own.address, officer.signer, history.number(), history.deadline()), [own]


def restriction(history: History) -> Made:
    """Restricts a record, or lifts that."""
    restricted = history.chance(50)
    fitting = RecordStatus.CURRENT if restricted else RecordStatus.RESTRICTED
    record, custodian, subject, own, _ = drawn_record(history, fitting)
    codes = [0, 5] if history.chance(5) else list(RestrictionReason)
    reason = history.random.choice(codes)
    act = Restriction(record, custodian, subject, restricted, reason, history.number(), history.deadline())
    return act, [own]


def request(history: History) -> Made:
    """Asks for an erasure or a correction, sometimes as a guardian nobody appointed."""
    wanted = (RecordStatus.CURRENT, RecordStatus.RESTRICTED)
    record, custodian, subject, _, patient = drawn_record(history, *wanted)
    guardian = history.word() if history.chance(3) else ZERO_32
    nonce, deadline = history.number(), history.deadline()
    if history.chance(60):
        return ErasureRequest(record, custodian, subject, guardian, nonce, deadline), [patient]
    why = ZERO_32 if history.chance(5) else history.word()
    return CorrectionRequest(record, custodian, subject, guardian, why, nonce, deadline), [patient]


def erasure(history: History) -> Made:
    """Erases a record, mostly with two officers of its custodian."""
    wanted = (RecordStatus.CURRENT, RecordStatus.SUPERSEDED, RecordStatus.RESTRICTED)
    record, custodian, subject, _, _ = drawn_record(history, *wanted)
    admitted = [key for key in OFFICERS if (custodian, key.signer) in history.ledger.state.erasures.officers]
    pair = history.random.sample(OFFICERS, 2)
    if len(admitted) > 1 and history.chance(90):
        pair = history.random.sample(admitted, 2)
    if history.chance(5):
        pair = [pair[0], pair[0]]
    codes = [0, 5] if history.chance(4) else [*ErasureReason]
    act = Erasure(
        record,
        custodian,
        subject,
        history.random.choice(codes),
        ZERO_32 if history.chance(3) else history.word(),
        pair[0].signer,
        pair[1].signer,
        history.number(),
        history.deadline(),
    )
    return act, list(pair)


def attestation(history: History) -> Made:
    """Attests a deletion, mostly of a record that was erased."""
    record, custodian, subject, own, _ = drawn_record(history, RecordStatus.ERASED)
    erased = history.ledger.state.erasures.end_of(record).erased_at
    deleted = erased + history.random.choice([0, 0, 0, 1, -1])
    if history.chance(10):
        deleted = history.ledger.now + history.random.choice([59, 60, 61])
    objects = 0 if history.chance(4) else 1
    nonce, deadline = history.number(), history.deadline()
    return DeletionAttestation(record, custodian, subject, max(deleted, 0), objects, nonce, deadline), [own]
