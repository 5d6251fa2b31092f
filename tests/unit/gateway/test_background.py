"""What a gateway does unasked goes on whatever fails, and says so once."""

from __future__ import annotations

import asyncio

import pytest

from consentry.errors import LedgerUnavailableError
from consentry.gateway.background import Background, Deed


class Worker:
    """Fails as it is told to."""

    def __init__(self, turns: int = 0) -> None:
        self.errors: list[Exception | None] = []
        self.done = 0
        self.turns = turns
        self.finished = asyncio.Event()

    async def do(self) -> None:
        self.done += 1
        if self.done == self.turns:
            self.finished.set()
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error


async def test_failure_is_told_once_until_it_worked_again() -> None:
    told: list[tuple[str, str]] = []
    worker, background = Worker(), Background(lambda what, why: told.append((what, why)))
    down = LedgerUnavailableError("node does not answer")
    worker.errors = [down, down, None, down]
    deed = Deed("following", 1, worker.do)

    for _ in range(4):
        await background.attempt(deed)

    assert told == [("following", "ledger.unavailable: node does not answer")] * 2


async def test_unforeseen_failure_is_told_without_its_text_and_ends_nothing() -> None:
    told: list[tuple[str, str]] = []
    worker, background = Worker(turns=3), Background(lambda what, why: told.append((what, why)))
    worker.errors = [KeyError("a name that must not be logged")]
    background.deeds.append(Deed("following", 1, worker.do))
    task = background.start()
    try:
        await asyncio.wait_for(worker.finished.wait(), 10)
        background.check()
    finally:
        task.cancel()

    assert told == [("following", "unforeseen KeyError")]


async def test_rounds_that_ended_make_the_gateway_unready() -> None:
    background = Background(lambda _what, _why: None)
    task = background.start()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    with pytest.raises(LedgerUnavailableError, match="no longer follows"):
        background.check()


async def test_deed_is_done_every_so_many_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consentry.gateway.background.ROUND_SECONDS", 0)
    often, seldom = Worker(turns=13), Worker()
    background = Background(lambda _what, _why: None)
    background.deeds += [Deed("often", 1, often.do), Deed("seldom", 4, seldom.do)]
    task = background.start()
    await asyncio.wait_for(often.finished.wait(), 10)
    task.cancel()

    assert seldom.done == often.done // 4 > 0
