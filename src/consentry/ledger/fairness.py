"""Who may wait, and who is next: room for requests that wait to be decided, and turns between institutions.

Memory is bounded by the room: what comes when it is full is refused. One institution never has more than a part of the
room, and whoever waits is served in turn, so that a flood of one makes the others wait for no more than their own.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

from consentry.core.terms import Address
from consentry.errors import OverloadError, TooManyWaitingError

MOST_WAITING: Final = 8_192
"""Requests that may wait in all; some four kilobytes each."""
MOST_OF_ONE: Final = 2_048
"""Requests of one institution that may wait."""

Item = TypeVar("Item")


class Room:
    """Counts the requests that are waiting or under way."""

    def __init__(self, most: int = MOST_WAITING, most_of_one: int = MOST_OF_ONE) -> None:
        """Takes how many may wait in all, and how many of one institution."""
        self._most = most
        self._most_of_one = most_of_one
        self._waiting: Counter[Address] = Counter()
        self._total = 0

    def check(self, institution: Address, count: int = 1) -> None:
        """Checks that there is room for requests now; raises as `entered` does, and keeps none."""
        with self.entered(institution, count):
            pass

    @contextmanager
    def entered(self, institution: Address, count: int = 1) -> Iterator[None]:
        """Keeps room for requests until the block is left.

        Raises:
            TooManyWaitingError: the institution has too many waiting already.
            OverloadError: too many wait in all.
        """
        if self._waiting[institution] + count > self._most_of_one:
            raise TooManyWaitingError(
                f"requests of this institution that wait do not match (got {count} more than"
                f" {self._waiting[institution]}, expected {self._most_of_one} at most)"
            )
        if self._total + count > self._most:
            raise OverloadError(f"requests that wait do not match (got {self._total}, expected {self._most} at most)")
        self._change(institution, count)
        try:
            yield
        finally:
            self._change(institution, -count)

    def _change(self, institution: Address, by: int) -> None:
        self._total += by
        self._waiting[institution] += by
        if not self._waiting[institution]:
            del self._waiting[institution]


class FairQueue(Generic[Item]):
    """Items in line, one line an institution; the lines take turns."""

    def __init__(self) -> None:
        self._lines: dict[Address, deque[Item]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def put(self, institution: Address, item: Item) -> None:
        """Puts an item at the end of its institution's line."""
        self._lines.setdefault(institution, deque()).append(item)

    def take(self, most: int, fits: Callable[[Item], bool]) -> list[Item]:
        """Takes one item of each line in turn, until there are ``most`` or one does not fit beside the others.

        Whose turn it was goes to the end, so that the next call begins with another.
        """
        taken: list[Item] = []
        while self._lines and len(taken) < most:
            institution = next(iter(self._lines))
            line = self._lines.pop(institution)
            if not fits(line[0]):
                self._lines = {institution: line, **self._lines}
                break
            taken.append(line.popleft())
            if line:
                self._lines[institution] = line
        return taken
