"""Snapshots: the engine's dumped state at one block, in a file that is whole or absent.

A snapshot only saves time at the next start; the block log alone is enough. File: one line of JSON
(``number``, ``hash``, ``sha256`` of the rest) and the engine's own gzip dump.
"""

from __future__ import annotations

import gzip
import json
import logging
import math
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.durable import FILE_MODE, private_folder, write_synced
from consentry.ledger.embedded.link import EngineLink

LOG = logging.getLogger(__name__)
# The newest, and one to fall back on.
KEPT = 2
# As many blocks of a few transactions are replayed within a second, and within some ten on a machine that is loaded.
DUE_BLOCKS = 250
# Between dumps of a replay, in durations of the last one: at most one part in so many of the time goes to them.
DUE_DUMPS = 10
# The same while callers ask, who wait as long as a dump takes: few enough of them that a hundredth does not.
DUE_DUMPS_UNDER_LOAD = 200
# A gateway gives up on its node after ten seconds. Where the last dump took longer than this, the next one is taken
# when nobody was there for a while, or the chain stops.
LONGEST_DUMP_SECONDS = 3.0
QUIET_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checked snapshot: its block, and the dump as the engine's ``--load-state`` reads it."""

    number: int
    state: bytes

    def unpack(self, path: Path) -> Path:
        """Writes the state where the engine can load it. This copy need not be durable."""
        path.write_bytes(self.state)
        path.chmod(FILE_MODE)
        return path


class Pace:
    """Tells when a snapshot is due.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ended = clock()
        self._took = 0.0

    def is_due(self, blocks: int, quiet: float = math.inf) -> bool:
        """Whether one is, with so many blocks since the newest, and nobody there for ``quiet`` seconds."""
        rest = (self._clock() - self._ended) / self._took if self._took else math.inf
        if quiet >= QUIET_SECONDS:
            return blocks >= DUE_BLOCKS and rest >= DUE_DUMPS
        return blocks >= DUE_BLOCKS and rest >= DUE_DUMPS_UNDER_LOAD and self._took <= LONGEST_DUMP_SECONDS

    @contextmanager
    def dumping(self) -> Iterator[None]:
        """Measures a dump, successful or not: the longer it takes, the later the next one is due."""
        begun = self._clock()
        try:
            yield
        finally:
            self._ended = self._clock()
            self._took = self._ended - begun


@dataclass(frozen=True, slots=True)
class Dump:
    """The engine's state after a block, as it gave it."""

    number: int
    block_hash: bytes
    state: bytes


async def dump(link: EngineLink, log: BlockLog, number: int) -> Dump:
    """Has the engine dump its state, which is that after block ``number`` of the log.

    The caller sees to it that no block is made meanwhile.
    """
    return Dump(number, log.hash_of(number), bytes.fromhex((await link.call("anvil_dumpState"))[2:]))


def write(dumped: Dump, folder: Path) -> None:
    """Puts a dump into a durable file, and drops all but this one and the newest other."""
    facts = {"number": dumped.number, "hash": dumped.block_hash.hex(), "sha256": sha256(dumped.state).hexdigest()}
    path = private_folder(folder) / f"{dumped.number:012d}.snapshot"
    write_synced(path, json.dumps(facts).encode() + b"\n" + dumped.state)
    _drop_old(folder, path)
    LOG.info("snapshot: block %d written, %d bytes", dumped.number, len(dumped.state))


def newest(log: BlockLog, folder: Path) -> Snapshot | None:
    """The newest whole snapshot that belongs to this log; damaged or foreign ones are passed over with a warning."""
    for path in _files(folder):
        try:
            head, _, dump = path.read_bytes().partition(b"\n")
            facts = json.loads(head)
            number, block_hash = int(facts["number"]), bytes.fromhex(facts["hash"])
            is_whole = sha256(dump).hexdigest() == facts["sha256"]
            if is_whole and number <= log.height and log.hash_of(number) == block_hash:
                return Snapshot(number, gzip.decompress(dump))
            reason = "does not belong to the block log" if is_whole else "is damaged"
        except (OSError, ValueError, LookupError, TypeError, EOFError, zlib.error) as error:
            reason = f"cannot be read ({type(error).__name__})"
        LOG.warning("snapshot: %s %s and is passed over", path.name, reason)
    return None


def _drop_old(folder: Path, fresh: Path) -> None:
    # One that was passed over may bear a higher number than the fresh one, which must not go in its place.
    others = [path for path in _files(folder) if path != fresh]
    # A crash in the middle of an earlier one may have left a draft.
    for old in [*others[KEPT - 1 :], *folder.glob("*.draft")]:
        old.unlink()


def _files(folder: Path) -> list[Path]:
    """Snapshots by falling block number."""
    return sorted(folder.glob("*.snapshot"), reverse=True)
