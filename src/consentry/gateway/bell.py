"""Wakes those who wait for asks to their subjects, once the projection has them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from consentry.core.terms import SubjectId


@dataclass(eq=False, slots=True)
class Listener:
    """Somebody who waits.

    Attributes:
        subjects: asks to these wake it.
    """

    subjects: frozenset[SubjectId] = frozenset()
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Ends the wait, or the next one."""
        self._woken.set()

    async def wait(self, seconds: float) -> bool:
        """Waits until it is woken, so long at most; tells whether it was."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        was_woken = self._woken.is_set()
        self._woken.clear()
        return was_woken


@dataclass(frozen=True, slots=True)
class Bell:
    """Rung with each change of the projection; whoever looks after it is woken finds what it was rung for."""

    _listeners: set[Listener] = field(default_factory=set)

    @contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Has a listener woken until the end of the block."""
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)

    def ring(self, subjects: Iterable[SubjectId] | None) -> None:
        """Wakes who waits for one of some subjects; all, where it is not known what changed."""
        if subjects is None:
            for listener in self._listeners:
                listener.wake()
            return
        asked = frozenset(subjects)
        for listener in self._listeners if asked else ():
            if not asked.isdisjoint(listener.subjects):
                listener.wake()
