"""The time that blocks bear: the machine's clock, which somebody may set while the chain runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

SLOWEST: Final = 0.5
FASTEST: Final = 2.0


class BlockClock:
    """Follows the machine's clock, but never at less than half or more than twice the speed of time.

    Block time cannot be taken back. A clock that somebody sets 400 days ahead for a minute would end every consent for
    good; followed at this speed it puts the chain a minute ahead. One that is set back would keep consents alive that
    have ended; at this speed they end late. What went by while the machine was held is made up in as long a time.
    """

    def __init__(self, machine: Callable[[], float] = time.time, steady: Callable[[], float] | None = None) -> None:
        """Takes the machine's clock in seconds since the epoch, and one in seconds since whenever that nobody sets."""
        self._machine = machine
        self._steady = steady or _since_start
        self._time, self._read_at = machine(), self._steady()

    def __call__(self) -> float:
        """Gives the time in seconds since the epoch."""
        read_at = self._steady()
        passed, self._read_at = read_at - self._read_at, read_at
        self._time = min(max(self._machine(), self._time + SLOWEST * passed), self._time + FASTEST * passed)
        return self._time


def _since_start() -> float:
    """Gives a time that nobody sets; on Linux one that goes on while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
