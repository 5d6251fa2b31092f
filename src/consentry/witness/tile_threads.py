"""Threads for a tree whose tiles may come from another machine, apart from those in which accesses are signed.

A store that does not answer holds a thread for many seconds. Whoever may read tiles without a name could so hold all
threads a process has. Here that holds one, and the log itself goes on in the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from consentry.errors import TilesUnavailableError

MOST_READS: Final = 32
"""Reads by anybody that run or wait; from memory one takes less than a millisecond."""

T = TypeVar("T")


class TileThreads:
    """Two threads: one for reads by anybody, one for following and signing."""

    def __init__(self) -> None:
        """Starts nothing yet; the threads end with this object."""
        self._readers = ThreadPoolExecutor(1, "tile-reads")
        self._keepers = ThreadPoolExecutor(1, "ledger-log")
        self._reads = 0

    async def read(self, work: Callable[[], T]) -> T:
        """Does what anybody may ask for.

        Raises:
            TilesUnavailableError: so many reads wait already that this one is not begun.
        """
        if self._reads >= MOST_READS:
            raise TilesUnavailableError(f"number of reads of tiles does not match (expected at most {MOST_READS})")
        begun = asyncio.get_running_loop().run_in_executor(self._readers, work)
        self._reads += 1
        begun.add_done_callback(self._end_read)
        # It counts until the thread is done with it, also if nobody waits for it any more.
        return await asyncio.shield(begun)

    async def keep(self, work: Callable[[], T]) -> T:
        """Does what the log needs for itself, which waits for nobody's reads."""
        return await asyncio.get_running_loop().run_in_executor(self._keepers, work)

    def _end_read(self, begun: asyncio.Future[T]) -> None:
        self._reads -= 1
        if not begun.cancelled():
            # Looked at: with nobody left who waits, an error would be told as one that was overlooked.
            begun.exception()
