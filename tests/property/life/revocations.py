"""What follows revocations in random histories: acknowledged, erasure attested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consentry.core.codes import Copies
from consentry.core.revocations import ErasureAttestation, RevocationAcknowledgement, Revoked
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, ConsentId, SubjectId
from consentry.crypto.signing import SigningKey

if TYPE_CHECKING:
    from tests.property.histories import History
    from tests.property.life.draws import Seat

RECENT: Final = 20


def _some_revoked(history: History) -> tuple[ConsentId, Revoked]:
    """Picks a revoked consent, one of the last; now and then one that is none."""
    recent = list(history.ledger.state.revocations.revoked.items())[-RECENT:]
    if recent and history.chance(95):
        return history.random.choice(recent)
    granted = list(history.ledger.state.consents)
    consent = history.random.choice(granted[-RECENT:]) if granted else ConsentId(history.word())
    subject, _ = history.any_subject()
    return consent, Revoked(subject, history.any_institution().address, ZERO_32, ZERO_ADDRESS, 0, 0)


def _concerned(history: History, revoked: Revoked, *, custodian: bool) -> Seat:
    """Picks an institution that it concerns, mostly."""
    named = (
        {revoked.grantee}
        if any(revoked.grantee)
        else {a for g, a in history.ledger.state.members if g == revoked.group}
    )
    able = sorted(named | ({revoked.custodian} if custodian else set()))
    able = [address for address in able if address in history.institutions]
    if not able or history.chance(6):
        return history.any_institution()
    return history.institutions[history.random.choice(able)]


def _subject(history: History, revoked: Revoked) -> SubjectId:
    return revoked.subject_id if history.chance(97) else history.any_subject()[0]


def acknowledgement(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Acknowledges a revocation."""
    consent, revoked = _some_revoked(history)
    key = _concerned(history, revoked, custodian=True)
    copies = history.random.choice([3, 255]) if history.chance(4) else history.random.choice(list(Copies))
    subject = _subject(history, revoked)
    return RevocationAcknowledgement(consent, key.address, subject, copies, history.deadline()), [key]


def erasure(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Attests an erasure."""
    consent, revoked = _some_revoked(history)
    key, now = _concerned(history, revoked, custodian=False), history.ledger.now
    erased_at = history.random.choice([0, now + 1]) if history.chance(5) else now - history.random.choice([0, 1, 99])
    practitioner = ZERO_32 if history.chance(4) else history.any_practitioner()
    act = ErasureAttestation(
        consent,
        key.address,
        _subject(history, revoked),
        history.random.randint(0, 3),
        erased_at,
        practitioner,
        history.deadline(),
    )
    return act, [key]
