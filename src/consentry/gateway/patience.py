"""Decisions that take longer than their caller waits: they go on, and the caller comes back for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import overload

from consentry.core.receipts import FinalReceipt


@dataclass(frozen=True, slots=True)
class Behind:
    """What goes on behind the backs of its callers; held here, or it might be collected while it is under way.

    What comes of it stands on the chain and in the outbox; an error is that of the next call with the same request.
    No more goes on than the sequencer has room for: it refuses the rest at once.
    """

    under_way: set[asyncio.Task[FinalReceipt]] = field(default_factory=set)

    @overload
    async def within(
        self, seconds: None, deciding: Coroutine[None, None, FinalReceipt], ended: Callable[[], None]
    ) -> FinalReceipt: ...

    @overload
    async def within(
        self, seconds: float | None, deciding: Coroutine[None, None, FinalReceipt], ended: Callable[[], None]
    ) -> FinalReceipt | None: ...

    async def within(
        self, seconds: float | None, deciding: Coroutine[None, None, FinalReceipt], ended: Callable[[], None]
    ) -> FinalReceipt | None:
        """Waits so long for a decision, and gives nothing if it takes longer: it goes on all the same.

        Args:
            seconds: how long; nothing is waited for at zero, and ``None`` waits for as long as it takes.
            deciding: what decides; it is not ended if the caller is.
            ended: called once it came to an end, whenever that is.
        """
        task = asyncio.create_task(deciding)
        self.under_way.add(task)
        task.add_done_callback(lambda _: ended())
        task.add_done_callback(self._end)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        return task.result() if done else None

    def _end(self, task: asyncio.Task[FinalReceipt]) -> None:
        self.under_way.discard(task)
        if not task.cancelled():
            task.exception()  # Seen: nobody may be waiting any more.
