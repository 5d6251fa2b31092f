"""Group commit: calls that come while a transaction runs share the next one.

A durable commit costs a disk sync whatever it holds, so one a call caps a gateway at a few hundred calls a second.
Nothing waits for a timer: an idle batcher flushes at once, a busy one takes all that has gathered meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LIMIT = 500
"""Items a batch holds at most, which keeps one statement below the parameter limits of SQLite and PostgreSQL."""


class Batcher(Generic[Item, Result]):
    """Collects items and has them handled together.

    Args:
        flush: handles a batch as a whole; gives one result an item, in order. An exception among the results is raised
            to that item's caller alone; one that is raised reaches every caller of the batch.
    """

    def __init__(self, flush: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]]) -> None:
        self._flush = flush
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """Has one item handled; returns when its batch is."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:LIMIT], self._waiting[LIMIT:]
            try:
                results = await self._flush([item for item, _ in batch])
            except BaseException as error:
                _fail(batch, error)
                if not isinstance(error, Exception):
                    _fail(self._waiting, error)
                    self._waiting = []
                    raise
                continue
            for (_, future), result in zip(batch, results, strict=True):
                _resolve(future, result)


def _resolve(future: asyncio.Future[Result], result: Result | Exception) -> None:
    # The caller may have gone away; its item is handled all the same.
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _fail(batch: Sequence[tuple[object, asyncio.Future[Result]]], error: BaseException) -> None:
    for _, future in batch:
        if not future.done() and isinstance(error, Exception):
            future.set_exception(error)
        else:
            future.cancel()
