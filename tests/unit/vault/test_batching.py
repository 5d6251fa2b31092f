"""Group commit: nothing is lost, order and results match their callers, an error reaches those it concerns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from consentry.errors import ConflictError, VaultUnavailableError
from consentry.vault.batching import LIMIT, Batcher


async def test_calls_during_a_batch_share_the_next_one() -> None:
    batches: list[list[int]] = []

    async def flush(items: Sequence[int]) -> list[int | Exception]:
        batches.append(list(items))
        await asyncio.sleep(0.01)
        return [item * 10 for item in items]

    batcher = Batcher(flush)
    first = asyncio.create_task(batcher.submit(0))
    await asyncio.sleep(0.001)
    rest = await asyncio.gather(*(batcher.submit(number) for number in range(1, 2 * LIMIT)))
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

    async def flush(items: Sequence[int]) -> list[int | Exception]:
        await asyncio.sleep(0.01)
        handled.extend(items)
        return list(items)

    batcher = Batcher(flush)
    calls = [asyncio.create_task(batcher.submit(number)) for number in range(4)]
    await asyncio.sleep(0.001)
    calls[1].cancel()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(results[1], asyncio.CancelledError)
    assert [results[0], results[2], results[3]] == [0, 2, 3]
    assert handled == [0, 1, 2, 3]


async def test_flush_that_is_cancelled_lets_no_caller_hang() -> None:
    started = asyncio.Event()

    async def flush(items: Sequence[int]) -> list[int | Exception]:
        started.set()
        await asyncio.sleep(60)
        return list(items)

    batcher = Batcher(flush)
    calls = [asyncio.create_task(batcher.submit(1))]
    await started.wait()
    calls.append(asyncio.create_task(batcher.submit(2)))
    await asyncio.sleep(0.001)
    workers = [task for task in asyncio.all_tasks() if "_work" in str(task.get_coro())]
    assert len(workers) == 1
    workers[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await calls[0]
    with pytest.raises(asyncio.CancelledError):
        await calls[1]
