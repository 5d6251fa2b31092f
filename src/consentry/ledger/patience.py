"""A reader of the chain with patience: an audit that has come far is not lost for a node that is busy for a while."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final, TypeVar, cast

from consentry.errors import LedgerUnavailableError
from consentry.ledger.connection import is_passing

WAITS: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds after which a question is put again. A node that writes down its state answers nobody for ten of them."""
MOST_SECONDS: Final = 300.0
"""For which a node is waited in all."""

_Reader = TypeVar("_Reader")


class _Patient:
    def __init__(self, reader: object) -> None:
        self._reader = reader
        self._has_answered = False
        self._waited = 0.0

    def __getattr__(self, name: str) -> object:
        found = getattr(self._reader, name)
        return self._asked_again(found) if inspect.iscoroutinefunction(found) else found

    def _asked_again(self, ask: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        @wraps(ask)
        async def asked(*values: object, **named: object) -> object:
            waits = [*WAITS]
            while True:
                try:
                    answer = await ask(*values, **named)
                except LedgerUnavailableError as error:
                    # Whoever named a wrong node is to learn it at once.
                    may_wait = self._has_answered and self._waited < MOST_SECONDS
                    if not (is_passing(error) and may_wait and waits):
                        raise
                    self._waited += waits[0]
                    await asyncio.sleep(waits.pop(0))
                else:
                    self._has_answered = True
                    return answer

        return asked


def patient(reader: _Reader) -> _Reader:
    """Gives the same reader, whose coroutines ask again where a node that has answered before is busy or away.

    Whatever it says is an answer, be it no, or nonsense, or that blocks are others than before. What is asked has to be
    the same however often it is asked.
    """
    return cast("_Reader", _Patient(reader))
