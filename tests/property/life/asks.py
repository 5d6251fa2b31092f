"""Asks of random histories, made, denied, and answered by grants."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from consentry.core.asks import LONGEST_OPEN, AskDenial, ConsentAsk, widest_answer
from consentry.core.codes import UNLIMITED_USES, Action, AskStatus, bits
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, ConsentTerms, SubjectId
from consentry.crypto.signing import SigningKey

if TYPE_CHECKING:
    from tests.property.histories import History

HOUR: Final = 3600
DAY: Final = 86_400
RECENT: Final = 25


def consent_ask(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Asks for a consent; of few subjects and purposes, so that asks of one matter meet."""
    random, now = history.random, history.ledger.now
    subject, _ = history.any_subject()
    key = history.any_institution()
    in_past = [a for a in list(history.ledger.state.asks.asked.values())[-RECENT:] if a.institution != key.address]
    ask = ConsentAsk(
        institution=key.address,
        subject_id=subject,
        practitioner=history.any_practitioner() if history.chance(20) else ZERO_32,
        purpose=random.choice([1, 1, 2, 4]),
        categories=bits(*random.sample(range(1, 5), random.randint(2, 4))),
        records_root=ZERO_32,
        actions=bits(Action.VIEW, Action.STORE) if history.chance(40) else bits(Action.VIEW),
        max_sensitivity=random.randint(2, 4),
        data_from=random.randint(674, 678),
        data_until=random.randint(680, 686),
        valid_until=now + random.choice([HOUR, 12 * HOUR, 20 * DAY]),
        max_uses=random.choice([1, 5, UNLIMITED_USES]),
        notice_hash=history.word(),
        notice_version=1,
        lapses_at=now + random.choice([DAY, DAY, 2 * DAY, LONGEST_OPEN]),
        nonce=history.number(),
        sign_before=history.deadline(),
    )
    if in_past and history.chance(30):
        # The same matter as before: it is still open, or denied, or free again.
        last = random.choice(in_past)
        ask = replace(ask, institution=last.institution, subject_id=last.subject_id, purpose=last.purpose)
    if history.chance(12):
        ask = _spoiled(history, ask)
    return ask, [history.institutions.get(ask.institution, key)]


def _spoiled(history: History, ask: ConsentAsk) -> ConsentAsk:
    now = history.ledger.now
    changes: list[dict[str, Any]] = [
        {"purpose": history.random.choice([0, 16, 32, 40, 255])},
        {"records_root": history.word()},
        {"records_root": history.word(), "categories": 0},
        {"categories": history.random.choice([0, 1, 1 << 13])},
        {"actions": history.random.choice([0, 1, 8])},
        {"max_sensitivity": history.random.choice([0, 5, 6])},
        {"data_from": 700, "data_until": 1},
        {"valid_until": history.random.choice([0, now])},
        {"max_uses": 0},
        {"notice_hash": ZERO_32},
        {"notice_version": 0},
        {"lapses_at": history.random.choice([0, now, now + DAY - 1, now + LONGEST_OPEN + 1])},
    ]
    return replace(ask, **history.random.choice(changes))


def _some_ask(history: History) -> tuple[bytes, ConsentAsk] | None:
    """Picks an ask, mostly an open one."""
    asks = history.ledger.state.asks
    recent = list(asks.asked.items())[-RECENT:]
    open_now = [(i, a) for i, a in recent if asks.status_of(i, history.ledger.now) == AskStatus.OPEN]
    pool = open_now if open_now and history.chance(85) else recent
    return history.random.choice(pool) if pool else None


def denial(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Denies an ask, mostly one that is open."""
    found = _some_ask(history)
    subject, key = history.any_subject()
    ask_id = found[0] if found else history.word()
    if found and history.chance(95):
        subject = found[1].subject_id
        key = history.patients.get(subject, key)
    guardian = history.word() if history.chance(2) else ZERO_32
    return AskDenial(ask_id, SubjectId(subject), guardian, history.deadline()), [key]


def answer(history: History) -> ConsentTerms | None:
    """Draws terms that answer an ask: narrower, as wide, or now and then wider."""
    found = _some_ask(history)
    if found is None:
        return None
    ask, random = found[1], history.random
    most = widest_answer(ask)
    kept = [code for code in range(1, 13) if most.categories >> code & 1 and history.chance(70)]
    terms = replace(
        most,
        categories=bits(*kept) if kept else most.categories,
        max_sensitivity=random.randint(1, most.max_sensitivity),
        data_from=most.data_from + random.choice([0, 1]),
        data_until=most.data_until - random.choice([0, 1]),
        valid_until=most.valid_until - random.choice([0, 1, HOUR // 2]),
        max_uses=random.choice([1, most.max_uses]),
        erase_by=history.ledger.now + HOUR if most.erase_by else 0,
        nonce=int.from_bytes(found[0], "big"),
    )
    if history.chance(30):
        terms = replace(terms, **random.choice(_widenings(history, terms, ask)))
    return terms


def _widenings(history: History, terms: ConsentTerms, ask: ConsentAsk) -> list[dict[str, Any]]:
    return [
        {"subject_id": history.any_subject()[0]},
        {"institution": history.any_institution().address},
        {"practitioner": history.any_practitioner()},
        {"practitioner": ZERO_32},
        {"records_root": history.word(), "categories": 0},
        {"categories": terms.categories | 1 << 12},
        {"purposes": terms.purposes | 1 << 5},
        {"purposes": 1 << 6},
        {"actions": bits(Action.VIEW, Action.STORE), "erase_by": history.ledger.now + HOUR},
        {"max_sensitivity": min(ask.max_sensitivity + 1, 4)},
        {"data_from": ask.data_from - 1},
        {"data_until": ask.data_until + 1},
        {"valid_until": ask.valid_until + 1},
        {"max_uses": min(ask.max_uses + 1, UNLIMITED_USES)},
    ]
