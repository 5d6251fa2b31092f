"""Guardians of random histories: appointed, removed, and what is noted of their subjects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consentry.core.calendar import end_of_minority
from consentry.core.codes import DAY, DirectiveAnswer, GuardianKind, GuardianRemover, GuardianScope, bits
from consentry.core.guardianship import Circumstances, Directive, GuardianAppointment, GuardianRemoval, ProofOfLife
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, SubjectId
from consentry.crypto.signing import SigningKey

if TYPE_CHECKING:
    from tests.property.histories import History

YEAR = 365 * DAY


def appointment(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Appoints a guardian, mostly one that fits what is noted of the subject."""
    r, now, (subject, key) = history.random, history.ledger.now, history.any_subject()
    facts, guardian = history.ledger.state.guardians.facts_of(subject), history.new_key()
    fitting = GuardianKind.PARENT if facts.is_minor(now) else r.choice(list(GuardianKind)[1:3])
    kind = GuardianKind.NEAR_RELATIVE if facts.deceased else fitting
    scopes = r.sample(list(GuardianScope), r.randint(2, 5))
    if kind == GuardianKind.NEAR_RELATIVE:
        scopes = [GuardianScope.REVOKE, GuardianScope.SEE]
    number = r.choice([0, 1, 2, 3, 4, 5]) if history.chance(8) else int(kind)
    mask = r.choice([0, 1, 1 << 6, 1 << 15, bits(GuardianScope.GRANT)]) if history.chance(6) else bits(*scopes)
    latest = facts.minor_until if facts.is_minor(now) and not facts.deceased else now + r.choice([DAY, YEAR])
    until = r.choice([0, now, now + 1, latest + 1]) if history.chance(10) else latest
    signer = r.choice([b"", bytes(20), key.signer, history.word()]) if history.chance(4) else guardian.signer
    act = GuardianAppointment(
        subject,
        signer,
        number,
        mask,
        r.choice([0, now - 1, now, now + 60, until]),
        until,
        ZERO_32 if history.chance(6) else history.word(),
        history.number(),
        history.deadline(),
    )
    return act, [guardian, key if number == GuardianKind.DELEGATE else history.custodian_of(subject)]


def removal(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Removes a guardian."""
    subject, own = history.any_subject()
    name, guardian = history.guardian_of(subject)
    by = history.random.choice([0, 4]) if history.chance(5) else history.random.choice(list(GuardianRemover))
    keys: dict[int, SigningKey] = {
        GuardianRemover.SUBJECT: own,
        GuardianRemover.CUSTODIAN: history.custodian_of(subject),
        GuardianRemover.GUARDIAN: guardian,
    }
    if history.chance(4):
        subject, _ = history.any_subject()
    return GuardianRemoval(name, subject, by, history.number(), history.deadline()), [keys.get(by, own)]


def _end(history: History, subject: SubjectId) -> int:
    """Draws an end of minority: the one that is noted, the next quarters, or one that cannot be."""
    r, now = history.random, history.ledger.now
    current = history.ledger.state.guardians.facts_of(subject).minor_until
    if history.chance(12):
        return r.choice([0, now - 1, now + 1, now + 30 * YEAR, current + 1])
    if history.chance(55):
        return current
    year, month = 1970 + now // (366 * DAY), r.randint(1, 12)
    return end_of_minority(year, month, 15, r.choice([0, 1, 1, 2, 17, 19]))


def circumstances(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Notes something of a subject."""
    subject, _ = history.any_subject()
    facts = history.ledger.state.guardians.facts_of(subject)
    end = _end(history, subject)
    minor = end > history.ledger.now
    shielded = minor and (facts.shielded or history.chance(40)) if history.chance(90) else not minor
    deceased = facts.deceased if history.chance(85) else history.chance(70)
    evidence = ZERO_32 if history.chance(5) else history.word()
    act = Circumstances(subject, end, shielded, deceased, evidence, history.number(), history.deadline())
    return act, [history.custodian_of(subject)]


def proof_of_life(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Takes a death back, mostly one that is noted."""
    subject, _ = history.any_subject()
    dead = [name for name, facts in history.ledger.state.guardians.noted.items() if facts.deceased]
    if dead and history.chance(80):
        subject = history.random.choice(dead)
    evidence = ZERO_32 if history.chance(6) else history.word()
    act = ProofOfLife(subject, evidence, history.number(), history.deadline())
    return act, [history.custodian_of(subject), history.own_key(subject)]


def directive(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Gives a directive, sometimes by a guardian."""
    subject, key = history.any_subject()
    guardian = ZERO_32
    if history.chance(40):
        guardian, key = history.guardian_of(subject)
    answers = [0, 3] if history.chance(8) else list(DirectiveAnswer)
    emergency, relatives = history.random.choice(answers), history.random.choice(answers)
    return Directive(subject, guardian, emergency, relatives, history.number(), history.deadline()), [key]
