"""Snapshots: the engine's dumped state at one block, in a file that is whole or absent.

A snapshot only saves time at the next start; the block log alone is enough. File: one line of JSON
(``number``, ``hash``, ``sha256`` of the rest) and the engine's own gzip dump.
"""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.durable import FILE_MODE, private_folder, write_synced
from consentry.ledger.embedded.link import EngineLink

LOG = logging.getLogger(__name__)
# The newest, and one to fall back on.
KEPT = 2


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


async def take(link: EngineLink, log: BlockLog, folder: Path) -> Path:
    """Dumps the state at the log's newest block into a durable file, and drops all but the newest two.

    The caller holds the sealer's lock, so that no block is made meanwhile.
    """
    number, block_hash = log.height, log.hash_of(log.height).hex()
    dump = bytes.fromhex((await link.call("anvil_dumpState"))[2:])
    head = json.dumps({"number": number, "hash": block_hash, "sha256": sha256(dump).hexdigest()}).encode()
    path = private_folder(folder) / f"{number:012d}.snapshot"
    write_synced(path, head + b"\n" + dump)
    _drop_old(folder)
    LOG.info("snapshot: block %d written, %d bytes", number, len(dump))
    return path


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


def _drop_old(folder: Path) -> None:
    # A crash in the middle of an earlier one may have left a draft.
    for old in [*_files(folder)[KEPT:], *folder.glob("*.draft")]:
        old.unlink()


def _files(folder: Path) -> list[Path]:
    """Snapshots by falling block number."""
    return sorted(folder.glob("*.snapshot"), reverse=True)
