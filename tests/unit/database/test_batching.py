"""Group commit: nothing is lost, order and results match their callers, an error reaches those it concerns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from consentry.database.batching import LIMIT, Batcher
from consentry.errors import ConflictError, VaultUnavailableError
from tests.support.waiting import until


async def test_calls_during_a_batch_share_the_next_one() -> None:
    batches: list[list[int]] = []
    began, go_on = asyncio.Event(), asyncio.Event()

    async def flush(items: Sequence[int]) -> list[int | Exception]:
        batches.append(list(items))
        began.set()
        await go_on.wait()
        return [item * 10 for item in items]

    batcher = Batcher(flush)
    first = asyncio.create_task(batcher.submit(0))
    await began.wait()
    others = [asyncio.create_task(batcher.submit(number)) for number in range(1, 2 * LIMIT)]
    await until(lambda: len(batcher._waiting) == len(others))
    go_on.set()
    rest = await asyncio.gather(*others)
    assert await first == 0
    assert rest == [number * 10 for number in range(1, 2 * LIMIT)]
    assert [len(batch) for batch in batches] == [1, LIMIT, LIMIT - 1]
    assert await batcher.submit(7) == 70


async def test_error_in_the_results_reaches_its_caller_alone() -> None:
    async def flush(items: Sequence[int]) -> list[int | Exception]:
        return [ConflictError("odd") if item % 2 else item for item in items]

    batcher = Batcher(flush)
    results = await asyncio.gather(*(batcher.submit(number) for number in range(6)), return_exceptions=True)
    assert [isinstance(result, ConflictError) for result in results] == [False, True] * 3


async def test_error_of_a_batch_reaches_all_of_it_and_the_next_works() -> None:
    fails = iter([True, False])

    async def flush(items: Sequence[int]) -> list[int | Exception]:
        if next(fails):
            raise VaultUnavailableError("disk full")
        return list(items)

    batcher = Batcher(flush)
    results = await asyncio.gather(*(batcher.submit(number) for number in range(5)), return_exceptions=True)
    assert all(isinstance(result, VaultUnavailableError) for result in results)
    assert await batcher.submit(9) == 9


async def test_caller_that_goes_away_does_not_disturb_the_others() -> None:
    handled: list[int] = []
    began, go_on = asyncio.Event(), asyncio.Event()

    async def flush(items: Sequence[int]) -> list[int | Exception]:
        began.set()
        await go_on.wait()
        handled.extend(items)
        return list(items)

    batcher = Batcher(flush)
    calls = [asyncio.create_task(batcher.submit(number)) for number in range(4)]
    await began.wait()
    calls[1].cancel()
    go_on.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    assert [results[0], results[2], results[3]] == [0, 2, 3]
    assert handled == [0, 1, 2, 3]


async def test_flush_that_is_cancelled_lets_no_caller_hang() -> None:
    started = asyncio.Event()

    async def flush(items: Sequence[int]) -> list[int | Exception]:
        started.set()
        await asyncio.Event().wait()
        return list(items)

    batcher = Batcher(flush)
    calls = [asyncio.create_task(batcher.submit(1))]
    await started.wait()
    calls.append(asyncio.create_task(batcher.submit(2)))
    await until(lambda: len(batcher._waiting) == 1)
    assert batcher._worker is not None
    batcher._worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calls[0]
    with pytest.raises(asyncio.CancelledError):
        await calls[1]
