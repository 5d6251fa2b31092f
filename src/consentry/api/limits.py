"""How often: from one address without an identity proved, and about one person by one institution.

What one institution may have waiting is bounded elsewhere (``ledger/fairness.py``). These two bounds are for what that
one does not see: a flood of callers who are nobody, and a flood about one person, each request of which is in order.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

from fastapi import Request

from consentry.api.context import context_of
from consentry.core.terms import AccessRequest, Address, SubjectId
from consentry.errors import TooOftenError

MOST_KEPT: Final = 100_000
"""Names whose rate is kept; some two hundred bytes each."""
STRANGER_SECONDS: Final = 10
"""An address may use up what it may ask for in so many seconds at once."""
MINUTE: Final = 60
_ROUNDING: Final = 1e-6

Name = TypeVar("Name", bound=Hashable)


class Rates(Generic[Name]):
    """Lets each name take so many a second, and that of some seconds at once; 0 a second means any number.

    Kept of each is when it will have room for all of it again: memory is one number a name, and a name that has room
    for all is forgotten. Somebody who takes many at once, as a batch does, may overdraw once and then waits.
    """

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Takes how many a second, and how many at once."""
        self._each = 1 / per_second if per_second else 0.0
        self._ahead = max(0.0, burst - 1) * self._each
        self._clock = clock
        self._free_at: dict[Name, float] = {}

    @property
    def is_bounded(self) -> bool:
        """Whether there is a bound at all."""
        return self._each > 0

    def wait_of(self, name: Name) -> float:
        """Gives the seconds until a name may take again; 0 if it may now."""
        wait = self._free_at.get(name, 0.0) - self._clock() - self._ahead
        return wait if wait > _ROUNDING else 0.0

    def take(self, name: Name, count: int = 1) -> None:
        """Takes, whether there is room or not."""
        if not self._each:
            return
        now = self._clock()
        if len(self._free_at) >= MOST_KEPT and name not in self._free_at:
            self._forget(now)
        self._free_at[name] = max(now, self._free_at.get(name, 0.0)) + count * self._each

    def _forget(self, now: float) -> None:
        self._free_at = {name: at for name, at in self._free_at.items() if at > now}
        while len(self._free_at) >= MOST_KEPT:
            # Whoever was seen first is let off: what matters is that memory stays bounded.
            del self._free_at[next(iter(self._free_at))]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The rates of one gateway."""

    of_address: Rates[str]
    about_subject: Rates[tuple[Address, SubjectId]]

    @classmethod
    def of(cls, unproven_a_second: int, about_subject_a_minute: int) -> Bounds:
        """Builds them from how many requests an address and an institution may make; 0 means any number."""
        return cls(
            Rates(unproven_a_second, unproven_a_second * STRANGER_SECONDS),
            Rates(about_subject_a_minute / MINUTE, about_subject_a_minute),
        )


def bounds_of(request: Request) -> Bounds:
    """Gives the rates of the application a request came to."""
    return cast("Bounds", request.app.state.bounds)


async def check_subjects(request: Request, requests: Sequence[AccessRequest]) -> None:
    """Counts requests of one institution by whom they are about. Nothing is counted if one is too many.

    Raises:
        TooOftenError: it asked about one of the persons too often lately; nothing was done.
    """
    rates, projection = bounds_of(request).about_subject, context_of(request).projection
    if not rates.is_bounded:
        return
    records = [await projection.record(asked.record_id) for asked in requests]
    asks = zip(requests, records, strict=True)
    counts = Counter((asked.institution, record.leaf.subject_id) for asked, record in asks if record is not None)
    for name in counts:
        check(rates, name, "requests of this institution about one person")
    for name, count in counts.items():
        rates.take(name, count)


def check(rates: Rates[Name], name: Name, what: str) -> None:
    """Checks that a name may take.

    Raises:
        TooOftenError: not yet.
    """
    wait = rates.wait_of(name)
    if wait:
        seconds = math.ceil(wait)
        raise TooOftenError(f"{what} came too often: wait {seconds} seconds", retry_after=seconds)
