"""Time that passes only when nobody has anything to do: hours in milliseconds, and the same hours every time.

Nothing here sleeps and no thread runs: what asyncio would hand to one is done at once, in place.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest import mock

Made = TypeVar("Made")


class StandstillError(AssertionError):
    """Everybody waits, and for nothing that will come."""


class _Jumping(selectors.SelectSelector):
    """Waits for no file: it lets the time pass instead."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise StandstillError("everybody waits, and for nothing that will come")
        self.passed += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to whatever is due next."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        # Tasks of a process that crashed end in errors that nobody fetches.
        self.set_exception_handler(lambda _loop, _context: None)

    def time(self) -> float:
        return self._jumping.passed

    def run_in_executor(
        self, executor: Executor | None, func: Callable[..., Made], *args: object
    ) -> asyncio.Future[Made]:
        del executor
        done: asyncio.Future[Made] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - as a thread would hand it back
            done.set_exception(error)
        return done


def play(story: Coroutine[Any, Any, Made]) -> Made:
    """Plays a story from second zero to its end."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


class _InPlace:
    """What the driver of SQLite takes for the queue of its thread: whatever is put into it is done."""

    @staticmethod
    def put_nowait(work: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, function = work
        try:
            made = function()
        except Exception as error:  # noqa: BLE001 - as the thread would hand it back
            if future is not None:
                future.set_exception(error)
        else:
            if future is not None:
                future.set_result(made)


class _NoThread:
    def __init__(self, **_: object) -> None:
        self.daemon = True

    def start(self) -> None:
        """Nothing has to run."""


@contextmanager
def without_threads() -> Iterator[None]:
    """SQLite answers in place instead of from a thread, and who measures time measures the loop's."""
    clock = SimpleNamespace(monotonic=lambda: asyncio.get_running_loop().time(), time=time.time)
    with (
        mock.patch("aiosqlite.core.SimpleQueue", _InPlace),
        mock.patch("aiosqlite.core.Thread", _NoThread),
        mock.patch("consentry.directory.projection.time", clock),
        mock.patch("consentry.ledger.connection._POLL_SECONDS", 0.7),
        warnings.catch_warnings(),
    ):
        # A process that ended while it connected leaves its connection to the collector.
        warnings.filterwarnings("ignore", ".*was deleted before being closed", ResourceWarning)
        yield
        gc.collect()
