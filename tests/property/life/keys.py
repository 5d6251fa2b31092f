"""Keys of random histories: rotated, lost, recovered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consentry.core.codes import RecoveryObjector, RecoveryProposer
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import (
    CardRegistration,
    CardRemoval,
    RecoveryCompletion,
    RecoveryObjection,
    RecoveryProposal,
    SignerRotation,
)
from consentry.core.terms import ZERO_32, SubjectId
from consentry.crypto.signing import AccountKey, SigningKey
from tests.support.evm import PAYER

if TYPE_CHECKING:
    from tests.property.histories import History
    from tests.property.life.draws import Seat


def _new(history: History, subject: SubjectId) -> tuple[bytes, SigningKey]:
    """Draws a new signer, now and then one that cannot be."""
    key = history.new_key()
    if not history.chance(6):
        return key.signer, key
    own = history.own_key(subject).signer
    card = history.ledger.state.keys.cards.get(subject, b"")
    return history.random.choice([b"", bytes(20), own, card, history.word()]), key


def rotation(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Changes a signer."""
    subject, old = history.any_subject()
    signer, key = _new(history, subject)
    return SignerRotation(subject, signer, history.number(), history.deadline()), [old, key]


def card(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Registers a card."""
    subject, own = history.any_subject()
    signer, key = _new(history, subject)
    return CardRegistration(subject, signer, history.number(), history.deadline()), [own, key]


def card_removal(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Takes a card out of use, mostly one that is there."""
    subject, _ = history.any_subject()
    cards = list(history.ledger.state.keys.cards)
    if cards and history.chance(80):
        subject = history.random.choice(cards)
    return CardRemoval(subject, history.number(), history.deadline()), [history.own_key(subject)]


def proposal(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Proposes a recovery, by a guardian or an authority."""
    r, (subject, _) = history.random, history.any_subject()
    signer, key = _new(history, subject)
    appointment, guardian = history.guardian_of(subject)
    able: list[AccountKey | Seat] = [PAYER, history.ledger.province, history.any_institution()]
    authority = r.choice(able)
    by = r.choice([0, 3]) if history.chance(4) else r.choice(list(RecoveryProposer))
    who = appointment if by == RecoveryProposer.GUARDIAN else authority.address.rjust(32, b"\0")
    if history.chance(4):
        who = history.word()
    evidence = ZERO_32 if history.chance(10) else history.word()
    act = RecoveryProposal(subject, signer, by, who, evidence, history.number(), history.deadline())
    return act, [key, guardian if by == RecoveryProposer.GUARDIAN else authority]


def _recovery(history: History) -> tuple[SubjectId, bytes]:
    """Draws a recovery, mostly one that is open."""
    still = history.ledger.state.keys.recoveries
    if not still or history.chance(5):
        return history.any_subject()[0], history.random.choice([ZERO_32, history.word()])
    subject = history.random.choice(list(still))
    return subject, ZERO_32 if history.chance(3) else still[subject].recovery_id


def objection(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Stops a recovery."""
    subject, recovery = _recovery(history)
    by = history.random.choice([0, 3]) if history.chance(5) else history.random.choice(list(RecoveryObjector))
    card_ = history.ledger.state.keys.cards.get(subject, b"")
    key = history.keys.get(card_, history.ledger.stranger) if by == RecoveryObjector.CARD else history.own_key(subject)
    return RecoveryObjection(subject, recovery, by, history.number(), history.deadline()), [key]


def completion(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Completes a recovery, mostly one whose delay is over."""
    subject, recovery = _recovery(history)
    due = [
        (name, still.recovery_id)
        for name, still in history.ledger.state.keys.recoveries.items()
        if still.effective_at <= history.ledger.now
    ]
    if due and history.chance(85):
        subject, recovery = history.random.choice(due)
    return RecoveryCompletion(subject, recovery, history.deadline()), []
