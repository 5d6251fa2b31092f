"""The chain as it comes: some blocks at a time, so many that their events fit into little memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from consentry.audit.ports import LedgerReader
from consentry.core.events import LedgerEvent
from consentry.errors import LedgerUnavailableError

MOST_BLOCKS: Final = 256
"""Blocks of one question: a chain that was quiet may have thousands of events in the next ones."""
EVENTS_A_READ: Final = 20_000
"""About as many events are read at once; one block may have some thousand."""
_FIRST_BLOCKS: Final = 64
_SHARE: Final = 8
"""By one part in so many more blocks are read next where there is little in them: what follows may be full."""
_QUIET_SHARE: Final = 32
"""Nor are more read at once than at first and one part in so many of the blocks it was quiet for."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Events of some blocks in a row."""

    first: int
    last: int
    events: Sequence[LedgerEvent]


@dataclass
class Stride:
    """How many blocks to read next.

    Attributes:
        blocks: that many.
        events: about as many events as they may hold.
        quiet: blocks read since the last in which there was much.
    """

    blocks: int = field(default_factory=lambda: _FIRST_BLOCKS)
    events: int = field(default_factory=lambda: EVENTS_A_READ)
    quiet: int = 0
    _first: int = field(init=False)

    def __post_init__(self) -> None:
        """Remembers how it begins."""
        self._first = self.blocks

    def adapt(self, read: int, events: int) -> None:
        """Learns from what was read: blocks, and the events in them."""
        fitting = read * self.events // max(events, 1)
        self.quiet = 0 if fitting < self.blocks else self.quiet + read
        more = max(self.blocks // _SHARE, 1)
        trusted = self._first + self.quiet // _QUIET_SHARE
        self.blocks = max(1, min(fitting, self.blocks + more, trusted, MOST_BLOCKS))


async def stretches(reader: LedgerReader, first: int, last: int) -> AsyncIterator[Stretch]:
    """Reads the events of blocks ``first`` to ``last``."""
    stride = Stride()
    while first <= last:
        end = min(last, first + stride.blocks - 1)
        found = await reader.events(first, end)
        yield Stretch(first, end, found)
        stride.adapt(end - first + 1, len(found))
        first = end + 1


async def read_again(reader: LedgerReader, first: int, last: int, expected: int) -> AsyncIterator[LedgerEvent]:
    """Reads the events of an audit once more, to compare them with what others keep, and goes on to the newest block.

    Args:
        reader: the chain.
        first: first block of the audit.
        last: last block of the audit.
        expected: number of events the audit read up to there.

    Raises:
        LedgerUnavailableError: the node tells of another number of events than before.
    """
    count = 0
    async for stretch in stretches(reader, first, last):
        count += len(stretch.events)
        for event in stretch.events:
            yield event
    if count != expected:
        raise LedgerUnavailableError(f"number of events does not match (got {count}, expected {expected} as before)")
    while (newest := (await reader.head()).number) > last:
        async for stretch in stretches(reader, last + 1, newest):
            for event in stretch.events:
                yield event
        last = newest
