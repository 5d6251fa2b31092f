"""Marks, recognitions and studies of random histories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consentry.core.codes import Category, MarkScope, RecordStatus, RefusalReason
from consentry.core.recognitions import Recognition, ResultMark, StudyRegistration
from consentry.core.terms import ZERO_32
from tests.property.life.erasures import Made, drawn_record

if TYPE_CHECKING:
    from tests.property.histories import History

ITEMS: Final = (101, 102)
REGIONS: Final = {
    MarkScope.NATIONAL: (0,),
    MarkScope.PROVINCIAL: (440_000, 440_000, 310_000),
    MarkScope.CITY: (440_300, 440_300, 110_000, 310_100),
}
RECENT: Final = 40


def mark(history: History) -> Made:
    """Marks a result, mostly one of a class and a region that fit."""
    record, custodian, subject, own, _ = drawn_record(history, RecordStatus.CURRENT)
    scope: int = history.random.choice(list(MarkScope))
    region = history.random.choice(REGIONS[MarkScope(scope)])
    if history.chance(6):
        scope, region = history.random.choice([(0, 0), (4, 0), (1, 440_300), (2, 440_300), (3, 440_301), (3, 12)])
    issued = history.ledger.now - 100
    if history.chance(6):
        issued = history.random.choice([0, history.ledger.now + 60, history.ledger.now + 62])
    item = 0 if history.chance(3) else history.random.choice(ITEMS)
    nonce, deadline = history.number(), history.deadline()
    return ResultMark(record, custodian, subject, item, scope, region, issued, nonce, deadline), [own]


def recognition(history: History) -> Made:
    """Says what was made of a result, mostly of one that is marked."""
    record, custodian, subject, _, _ = drawn_record(history, RecordStatus.CURRENT)
    state = history.ledger.state
    marked = list(state.recognitions.marks)[-RECENT:]
    if marked and history.chance(90):
        record = history.random.choice(marked)
        subject = state.records[record].leaf.subject_id
    receiver = history.any_institution()
    if history.chance(5):
        receiver = history.institutions.get(custodian, receiver)
    accepted = history.chance(60)
    reason: int = 0 if accepted else history.random.choice(list(RefusalReason))
    if history.chance(6):
        reason = history.random.choice([0, 1, 10])
    explained = history.chance(95)
    who = ZERO_32 if history.chance(3) else history.any_practitioner()
    nonce, deadline = history.number(), history.deadline()
    act = Recognition(record, receiver.address, subject, who, accepted, reason, explained, nonce, deadline)
    return act, [receiver]


def study(history: History) -> Made:
    """Registers a study, mostly of an image."""
    record, custodian, subject, own, _ = drawn_record(history, RecordStatus.CURRENT)
    images = [r for r, known in history.ledger.state.records.items() if known.leaf.category == Category.IMAGING]
    if images and history.chance(70):
        record = history.random.choice(images[-RECENT:])
        leaf = history.ledger.state.records[record].leaf
        custodian, subject = leaf.custodian, leaf.subject_id
        own = history.institutions.get(custodian, history.ledger.stranger)
    hashes = [history.word(), history.word()]
    if history.chance(6):
        hashes[history.random.randrange(2)] = ZERO_32
    count = 0 if history.chance(3) else history.random.randint(1, 400)
    nonce, deadline = history.number(), history.deadline()
    return StudyRegistration(record, custodian, subject, hashes[0], hashes[1], count, nonce, deadline), [own]
