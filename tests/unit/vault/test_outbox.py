"""Kept requests and idempotency keys survive, repeat harmlessly, and refuse other content under the same name."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from consentry.core.batch_tree import batch_of
from consentry.core.terms import ConsentId
from consentry.errors import ConflictError
from consentry.gateway.once_ports import Answer, Beginning
from consentry.gateway.outbox_ports import StoredBatch, StoredRequest, Wanted
from consentry.vault.database import Database
from consentry.vault.idempotency import LONGEST_SECONDS, IdempotencyStore
from consentry.vault.outbox import RequestOutbox
from tests.support import samples
from tests.unit.vault.conftest import Bench

ITEM = StoredRequest(
    request=samples.request(samples.word(1), samples.word(2), samples.word(3)),
    signature=b"\x77" * 65,
    consent_id=ConsentId(samples.word(2)),
    scope_proof=(samples.word(8), samples.word(9)),
)


def other(number: int) -> StoredRequest:
    return replace(ITEM, request=replace(ITEM.request, request_id=2**256 - number))


async def test_kept_requests_come_back_whole_after_a_restart(bench: Bench) -> None:
    outbox = RequestOutbox(bench.database, clock=lambda: 5)
    await outbox.keep(ITEM)
    await outbox.keep(other(1))
    await bench.database.close()
    reopened = Database(bench.url)
    assert sorted(item.request.request_id for item in await RequestOutbox(reopened).unsettled()) == sorted(
        [ITEM.request.request_id, 2**256 - 1]
    )
    assert ITEM in await RequestOutbox(reopened).unsettled()
    await reopened.close()


async def test_request_waits_from_its_keeping_until_it_is_settled(bench: Bench) -> None:
    outbox, key = RequestOutbox(bench.database), (ITEM.request.institution, ITEM.request.request_id)
    assert not await outbox.is_waiting(*key)
    await outbox.keep(ITEM)
    assert await outbox.is_waiting(*key)
    assert not await outbox.is_waiting(key[0], key[1] + 1)
    await outbox.settle(*key)
    assert not await outbox.is_waiting(*key)


async def test_unsettled_are_told_oldest_first(bench: Bench) -> None:
    ticks = iter(range(100))
    outbox = RequestOutbox(bench.database, clock=lambda: next(ticks))
    items = [other(number) for number in (3, 9, 1, 7)]
    for item in items:
        await outbox.keep(item)
    assert await outbox.unsettled() == items


async def test_keep_again_changes_nothing_and_other_content_is_a_conflict(bench: Bench) -> None:
    outbox = RequestOutbox(bench.database)
    for _ in range(2):
        await outbox.keep(ITEM)
    with pytest.raises(ConflictError):
        await outbox.keep(replace(ITEM, request=replace(ITEM.request, purpose=2)))
    assert await outbox.unsettled() == [ITEM]


@pytest.mark.parametrize("changes", [{"signature": b"\x78" * 65}, {"scope_proof": ()}], ids=["signature", "proof"])
@pytest.mark.parametrize("settled", [False, True], ids=["waiting", "settled"])
async def test_keep_of_the_same_request_otherwise_proved_takes_its_place(
    bench: Bench,
    changes: dict[str, Any],
    settled: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    outbox, corrected = RequestOutbox(bench.database), replace(ITEM, **changes)
    await outbox.keep(ITEM)
    if settled:
        await outbox.settle(ITEM.request.institution, ITEM.request.request_id)
    await outbox.keep(corrected)
    assert await outbox.unsettled() == [corrected]


async def test_forgotten_request_leaves_its_id_free_for_any_other(bench: Bench) -> None:
    outbox, another = RequestOutbox(bench.database), replace(ITEM, request=replace(ITEM.request, purpose=2))
    await outbox.keep(other(1))
    await outbox.keep(ITEM)
    await outbox.forget(ITEM)
    assert await outbox.unsettled() == [other(1)]
    await outbox.keep(another)
    assert another in await outbox.unsettled()


async def test_forget_of_what_was_replaced_meanwhile_drops_nothing(bench: Bench) -> None:
    outbox, corrected = RequestOutbox(bench.database), replace(ITEM, scope_proof=())
    await outbox.keep(ITEM)
    await outbox.keep(corrected)
    await outbox.forget(ITEM)
    assert await outbox.unsettled() == [corrected]


async def test_settled_requests_stay_settled(bench: Bench) -> None:
    outbox = RequestOutbox(bench.database)
    await outbox.keep(ITEM)
    await outbox.settle(ITEM.request.institution, ITEM.request.request_id)
    await outbox.settle(ITEM.request.institution, 12345)
    await outbox.keep(ITEM)
    assert await outbox.unsettled() == []


async def test_many_keep_at_once_lose_nothing(bench: Bench) -> None:
    outbox = RequestOutbox(bench.database)
    await asyncio.gather(*(outbox.keep(other(number)) for number in range(1, 41)))
    assert len(await outbox.unsettled()) == 40


def batch(number: int, size: int = 3) -> StoredBatch:
    requests = [replace(ITEM.request, request_id=number * 100 + place) for place in range(size)]
    items = tuple(Wanted(request, (samples.word(place + 1),) * place) for place, request in enumerate(requests))
    return StoredBatch(batch_of(requests[0].institution, requests), items, b"\x77" * 65)


async def test_kept_batches_come_back_whole_and_oldest_first_after_a_restart(bench: Bench) -> None:
    ticks = iter(range(100))
    outbox = RequestOutbox(bench.database, clock=lambda: next(ticks))
    kept = [batch(3), batch(1, 500), batch(2, 1)]
    for each in kept:
        await outbox.keep_batch(each)
    await outbox.keep_batch(kept[0])
    await bench.database.close()
    reopened = Database(bench.url)
    assert await RequestOutbox(reopened).batches() == kept
    assert await RequestOutbox(reopened).unsettled() == []
    await reopened.close()


async def test_batch_kept_by_many_at_once_is_one(bench: Bench) -> None:
    outbox = RequestOutbox(bench.database)
    await asyncio.gather(*(outbox.keep_batch(batch(number % 4)) for number in range(20)))
    assert len(await outbox.batches()) == 4


async def test_batch_with_another_signature_or_other_proofs_takes_the_place_of_the_former(bench: Bench) -> None:
    outbox, first = RequestOutbox(bench.database), batch(1)
    corrected = replace(first, items=tuple(Wanted(item.request) for item in first.items), signature=b"\x78" * 65)
    await outbox.keep_batch(first)
    await outbox.keep_batch(corrected)
    await outbox.drop_batch(first)
    assert await outbox.batches() == [corrected]
    await outbox.drop_batch(corrected)
    await outbox.drop_batch(corrected)
    assert await outbox.batches() == []


async def test_idempotency_key_gives_the_first_answer_again(bench: Bench) -> None:
    keys = IdempotencyStore(bench.database, b"one", clock=lambda: 100)
    digest = samples.word(4)
    assert await keys.begin("hospital", "key-1", digest) is Beginning.FIRST
    with pytest.raises(ConflictError, match="under way"):
        await keys.begin("hospital", "key-1", digest)
    await keys.finish("hospital", "key-1", Answer(201, b'{"ok":true}'))
    assert await keys.begin("hospital", "key-1", digest) == Answer(201, b'{"ok":true}')
    with pytest.raises(ConflictError, match="content"):
        await keys.begin("hospital", "key-1", samples.word(5))
    assert await keys.begin("clinic", "key-1", samples.word(5)) is Beginning.FIRST


async def test_abandoned_and_forgotten_keys_can_be_used_again(bench: Bench) -> None:
    keys = IdempotencyStore(bench.database, b"one", clock=lambda: 100)
    digest = samples.word(4)
    await keys.begin("hospital", "key-1", digest)
    await keys.abandon("hospital", "key-1")
    assert await keys.begin("hospital", "key-1", digest) is Beginning.FIRST
    await keys.finish("hospital", "key-1", Answer(200, b""))
    await keys.abandon("hospital", "key-1")
    assert await keys.begin("hospital", "key-1", digest) == Answer(200, b"")
    await keys.forget_before(100)
    assert await keys.begin("hospital", "key-1", digest) == Answer(200, b"")
    await keys.forget_before(101)
    assert await keys.begin("hospital", "key-1", digest) is Beginning.FIRST


async def test_interrupted_keys_are_resumed_and_answered_ones_are_not(bench: Bench) -> None:
    keys = IdempotencyStore(bench.database, b"one", clock=lambda: 100)
    for name in ("key-1", "key-2", "key-3"):
        await keys.begin("hospital", name, samples.word(4))
    await keys.finish("hospital", "key-3", Answer(200, b"done"))
    await keys.interrupt("hospital", "key-1")
    assert await keys.begin("hospital", "key-1", samples.word(4)) is Beginning.RESUMED
    with pytest.raises(ConflictError, match="under way"):
        await keys.begin("hospital", "key-1", samples.word(4))
    await keys.interrupt_all()
    assert await keys.begin("hospital", "key-2", samples.word(4)) is Beginning.RESUMED
    assert await keys.begin("hospital", "key-3", samples.word(4)) == Answer(200, b"done")


async def test_start_of_one_gateway_leaves_alone_what_the_other_works_on(bench: Bench) -> None:
    now = 100
    one, other = (IdempotencyStore(bench.database, name, clock=lambda: now) for name in (b"one", b"other"))
    await one.begin("hospital", "key-1", samples.word(4))
    await other.begin("hospital", "key-2", samples.word(4))
    await other.interrupt_all()
    with pytest.raises(ConflictError, match="under way"):
        await other.begin("hospital", "key-1", samples.word(4))
    assert await one.begin("hospital", "key-2", samples.word(4)) is Beginning.RESUMED
    await other.interrupt_all()
    with pytest.raises(ConflictError, match="under way"):
        await other.begin("hospital", "key-2", samples.word(4))
    now += LONGEST_SECONDS
    await other.interrupt_all()
    with pytest.raises(ConflictError, match="under way"):
        await other.begin("hospital", "key-1", samples.word(4))
    now += 1
    await other.interrupt_all()
    assert await other.begin("hospital", "key-1", samples.word(4)) is Beginning.RESUMED


async def test_only_one_of_many_claims_a_key(bench: Bench) -> None:
    keys = IdempotencyStore(bench.database, b"one")
    results = await asyncio.gather(
        *(keys.begin("hospital", "key", samples.word(4)) for _ in range(10)), return_exceptions=True
    )
    assert sum(result is Beginning.FIRST for result in results) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 9


async def test_conflict_inside_one_batch_reaches_the_later_caller_alone(bench: Bench) -> None:
    outbox = RequestOutbox(bench.database)
    changed = replace(ITEM, request=replace(ITEM.request, purpose=2))
    results = await asyncio.gather(
        *(outbox.keep(item) for item in (other(5), ITEM, changed, ITEM, other(6))), return_exceptions=True
    )
    assert [type(result).__name__ for result in results] == ["NoneType"] * 2 + ["ConflictError"] + ["NoneType"] * 2
    assert len(await outbox.unsettled()) == 3
