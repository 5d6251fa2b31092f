"""A chain made anew from a backup, in an empty folder: every block is made again and its hash compared.

Until that is done the folder holds the chain's description and no block log, so a start in between is refused.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from consentry.errors import BlockLogCorruptError, ConfigurationError
from consentry.ledger.claims import FolderLock
from consentry.ledger.embedded import snapshot
from consentry.ledger.embedded.backup import Backup
from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.durable import private_folder, sync_folder
from consentry.ledger.embedded.identity import IDENTITY_NAME, LOG_NAME, agree
from consentry.ledger.embedded.restore import restore

LOCK_NAME: Final = "lock"
SNAPSHOTS_NAME: Final = "snapshots"
RUN_NAME: Final = "run"
_DRAFT_NAME: Final = LOG_NAME + ".draft"
# What a reset leaves, and what taking the lock makes.
_NO_CONTENT: Final = frozenset({"engine", LOCK_NAME})


async def recover(backup: Backup, state: Path, binary: Path) -> None:
    """Makes the chain of a backup in an empty folder; the chain does not run afterwards.

    Args:
        backup: a whole backup.
        state: the chain's own folder; made if it is missing.
        binary: the engine's binary.

    Raises:
        ConfigurationError: the folder is not empty, or is in use.
        BlockLogCorruptError: the log in the backup is not the one the backup describes.
        ForeignChainError: a block does not come out with the hash it had; the folder is empty again.
        OSError: the disk refuses.
    """
    lock = FolderLock(private_folder(state) / LOCK_NAME, "in use")
    try:
        _check_empty(state)
        try:
            await _make(backup, state, binary)
        except BaseException:
            _clear(state)
            raise
    finally:
        lock.release()


async def _make(backup: Backup, state: Path, binary: Path) -> None:
    agree(state / IDENTITY_NAME, backup.genesis)
    draft = state / _DRAFT_NAME
    backup.unpack(draft)
    log = BlockLog.open(draft)
    try:
        _check_described(backup, log)
        run, snapshots = private_folder(state / RUN_NAME), private_folder(state / SNAPSHOTS_NAME)
        process, link, _ = await restore(log, binary, run, snapshots)
        try:
            snapshot.write(await snapshot.dump(link, log, log.height), snapshots)
            await link.close()
        finally:
            process.stop()
    finally:
        log.close()
    shutil.rmtree(run, ignore_errors=True)
    draft.rename(state / LOG_NAME)
    sync_folder(state)


def _check_empty(state: Path) -> None:
    found = sorted(path.name for path in state.iterdir() if path.name not in _NO_CONTENT)
    if found:
        raise ConfigurationError(f"folder {state} is not empty ({found[0]}): restore into an empty one")


def _check_described(backup: Backup, log: BlockLog) -> None:
    expected = backup.genesis, backup.number, backup.block_hash, backup.log_bytes
    if (log.genesis, log.height, log.hash_of(log.height), log.sealed_bytes) != expected:
        raise BlockLogCorruptError(f"block log in backup {backup.path} is not the one that the backup describes")


def _clear(state: Path) -> None:
    for name in (RUN_NAME, SNAPSHOTS_NAME):
        shutil.rmtree(state / name, ignore_errors=True)
    for name in (_DRAFT_NAME, IDENTITY_NAME):
        (state / name).unlink(missing_ok=True)
