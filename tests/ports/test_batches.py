"""Behaviour of the ledger port with many requests under one signature, on each implementation."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from consentry.core import events
from consentry.core.batch_tree import batch_of
from consentry.core.codes import Action, Reason
from consentry.core.receipts import FinalReceipt
from consentry.errors import ConflictError, NotAuthenticError
from tests.ports.test_ledger import since
from tests.support.ledger_worlds import LedgerWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_decide_batch_answers_each_item_in_one_transaction_and_its_order(world: LedgerWorld) -> None:
    case = await world.case(max_uses=3)
    requests = [world.request(case) for _ in range(5)]
    requests[1] = replace(requests[1], action=Action.STORE)
    again = world.request(case)
    first = await world.decide(again, case.material)
    other = world.request(case)
    await world.decide(replace(other, action=Action.STORE), case.material)
    before = await world.ledger.head()

    answers = await world.decide_batch([*requests, again, other], case.material)

    receipts = [answer for answer in answers[:5] if isinstance(answer, FinalReceipt)]
    assert [r.entry.request for r in receipts] == requests
    reasons = [Reason.NONE, Reason.ACTION_NOT_GRANTED, Reason.NONE, Reason.USES_EXHAUSTED, Reason.USES_EXHAUSTED]
    assert [r.entry.reason for r in receipts] == reasons
    assert answers[5] == first
    assert type(answers[6]) is ConflictError
    submitted, *logged = await since(world, before.number)
    assert isinstance(submitted, events.BatchSubmitted)
    assert submitted.size == 7
    assert [e.place for e in logged if isinstance(e, events.AccessDecided)] == [r.place for r in receipts]
    assert [r.place.log_index for r in receipts] == list(range(1, 6))
    assert len({r.place.transaction_hash for r in receipts}) == 1
    assert [r.entry.subject_sequence for r in receipts] == list(range(3, 8))
    ids = [request.request_id for request in requests]
    assert await world.ledger.find_decisions(world.hospital.address, [*ids, 12345]) == dict(
        zip(ids, receipts, strict=True)
    )


async def test_decide_batch_again_gives_the_first_receipts_and_no_second_decision(world: LedgerWorld) -> None:
    case = await world.case()
    requests = [world.request(case) for _ in range(3)]
    first, *others = await asyncio.gather(*(world.decide_batch(requests, case.material) for _ in range(3)))
    assert [type(answer) for answer in first] == [FinalReceipt] * 3
    assert others == [first] * 2
    assert (await world.decide(world.request(case), case.material)).entry.subject_sequence == 4


async def test_decide_batch_signed_by_another_rejects_every_item_and_decides_none(world: LedgerWorld) -> None:
    case = await world.case()
    requests = [world.request(case) for _ in range(3)]
    answers = await world.decide_batch(requests, case.material, world.clinic)
    assert [type(answer) for answer in answers] == [NotAuthenticError] * 3
    ids = [request.request_id for request in requests]
    assert await world.ledger.find_decisions(world.hospital.address, ids) == {}
    assert [type(answer) for answer in await world.decide_batch(requests, case.material)] == [FinalReceipt] * 3


async def test_decide_batch_of_which_a_part_was_signed_is_rejected(world: LedgerWorld) -> None:
    case = await world.case()
    requests = [world.request(case) for _ in range(3)]
    signature = world.signed(world.hospital, "AccessLedger", batch_of(world.hospital.address, requests[:2]))
    answers = await world.ledger.decide_batch([(request, case.material) for request in requests], signature)
    assert [type(answer) for answer in answers] == [NotAuthenticError] * 3
