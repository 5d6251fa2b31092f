"""When snapshots are taken, so that a start never has much of the log to replay.

One is due once enough blocks came since the newest, also in a replay, and also under load: sealing waits for the dump
alone, not for the disk. A dump takes longer the longer the chain is, so dumps are kept to a small part of the time,
smaller while callers ask: a start after a kill replays a few hundred blocks, or what came in some multiple of the time
a dump takes. Once one takes seconds, the next is left for when nobody asks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from consentry.errors import LedgerError
from consentry.ledger.embedded import snapshot
from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.link import EngineLink
from consentry.ledger.embedded.sealer import Sealer

LOG = logging.getLogger(__name__)
CHECK_SECONDS = 1.0
# What kept one from being taken, such as a full disk, seldom passes at once; each try holds sealing up and logs a line.
RETRY_SECONDS = 60.0


class SnapshotKeeper:
    """Takes a snapshot whenever one is due, and one at the end.

    Args:
        sealer: held back while the engine dumps.
        link: the engine.
        log: the open block log.
        folder: where snapshots are.
        newest: the block of the snapshot that the next start would begin with, 0 if there is none.
        clock: seconds, for the pace.
    """

    def __init__(
        self,
        sealer: Sealer,
        link: EngineLink,
        log: BlockLog,
        folder: Path,
        newest: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sealer, self._link, self._log, self._folder = sealer, link, log, folder
        self._newest = newest
        self._pace = snapshot.Pace(clock)
        self._clock = clock
        self._tries_from = self._grew_at = clock()
        self._height = log.height
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Looks again and again whether a snapshot is due, until ``stop``; at once after a long replay."""
        while not self._stopping.is_set():
            if self.is_due():
                await self.take()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), CHECK_SECONDS)

    def is_due(self) -> bool:
        """Whether one is to be taken now; after one that failed not before a while."""
        now, height = self._clock(), self._log.height
        if height != self._height:
            self._height, self._grew_at = height, now
        return now >= self._tries_from and self._pace.is_due(height - self._newest, now - self._grew_at)

    def stop(self) -> None:
        """Lets ``run`` end after the snapshot under way."""
        self._stopping.set()

    async def take(self) -> None:
        """Takes one now, unless nothing happened since the last. What goes wrong costs the snapshot, not the chain."""
        number = self._log.height
        if number == self._newest:
            return
        try:
            with self._pace.dumping():
                async with self._sealer.lock:
                    number = self._log.height
                    dumped = await snapshot.dump(self._link, self._log, number)
            await asyncio.to_thread(snapshot.write, dumped, self._folder)
        except OSError as error:
            self._put_off(f"not written ({os.strerror(error.errno or 0).lower()})")
        except LedgerError as error:
            self._put_off(f"not taken ({error})")
        else:
            self._newest = number

    def _put_off(self, what: str) -> None:
        self._tries_from = self._clock() + RETRY_SECONDS
        LOG.warning("snapshot: %s", what)
