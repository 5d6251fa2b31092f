"""A backup of the chain: one file that tells what it holds, and from which the same blocks are made again.

::

    CONSENTRY-CHAIN-BACKUP              first line
    {"format": 1, "block_number": …}    second line: JSON; which chain, up to which block, how long the log is
    …                                   the block log, as it is in the state folder, up to a sealed block
    5e1f…                               last line: SHA-256 of everything before it, hexadecimal

It is taken from the block log alone, which only grows, so the chain may run meanwhile.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final

from consentry.errors import BlockLogCorruptError, ConfigurationError
from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.durable import FILE_MODE, sync_folder, write_all
from consentry.ledger.embedded.identity import describe
from consentry.ledger.embedded.records import Genesis

FIRST_LINE: Final = b"CONSENTRY-CHAIN-BACKUP\n"
FORMAT: Final = 1
_LONGEST_LINE: Final = 4096
_LAST_LINE_BYTES: Final = 65
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was written, or read through and found whole.

    Attributes:
        path: the file.
        genesis: which chain it is of.
        number: its newest block.
        block_hash: hash of that block.
        log_bytes: length of the block log in it.
        log_start: where in the file the block log begins.
    """

    path: Path
    genesis: Genesis
    number: int
    block_hash: bytes
    log_bytes: int
    log_start: int

    def unpack(self, path: Path) -> None:
        """Writes the block log alone into a new file, durable when this returns."""
        with self.path.open("rb") as source:
            source.seek(self.log_start)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
            try:
                _copy(source, handle, self.log_bytes)
                os.fsync(handle)
            finally:
                os.close(handle)
        sync_folder(path.parent)


def write_backup(log_path: Path, path: Path) -> Backup:
    """Backs the blocks of a log up, whether or not its chain runs.

    The file is whole or absent, has mode 0600, and replaces none.

    Raises:
        BlockLogCorruptError: the log itself is damaged; nothing is written.
        ConfigurationError: there is a file of that name.
        OSError: a folder is missing, the disk is full, or the like.
    """
    if path.exists():
        raise ConfigurationError(f"backup {path} exists already: a backup replaces no other")
    with log_path.open("rb") as source:
        log = BlockLog.look(log_path)
        # The chain may be about to sync the newest seal: a backup must not have a block that its chain can lose.
        os.fsync(source.fileno())
        start = FIRST_LINE + json.dumps(_facts(log)).encode() + b"\n"
        draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
        try:
            _write(source, draft, start, log.sealed_bytes)
            draft.rename(path)
        finally:
            draft.unlink(missing_ok=True)
    sync_folder(path.absolute().parent)
    return Backup(path, log.genesis, log.height, log.hash_of(log.height), log.sealed_bytes, len(start))


def read_backup(path: Path) -> Backup:
    """Reads a backup through and checks that it is whole.

    Whether its blocks come out as they were is only shown by making them again.

    Raises:
        ConfigurationError: it is no backup of a chain, or of another format.
        BlockLogCorruptError: it is cut off, or was altered.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.readline(_LONGEST_LINE) != FIRST_LINE:
            raise ConfigurationError(f"file {path} is no backup of a chain")
        backup = _described(path, file)
        size, expected = os.fstat(file.fileno()).st_size, backup.log_start + backup.log_bytes + _LAST_LINE_BYTES
        if size != expected:
            raise BlockLogCorruptError(f"length of backup {path} does not match (got {size}, expected {expected})")
        file.seek(0)
        digest = sha256()
        left = backup.log_start + backup.log_bytes
        while left and (chunk := file.read(min(_CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
        if file.read() != _last_line(digest.hexdigest()):
            raise BlockLogCorruptError(f"digest of backup {path} does not match: it was altered or is damaged")
    return backup


def _facts(log: BlockLog) -> dict[str, int | str]:
    return {
        **describe(log.genesis),
        "format": FORMAT,
        "block_number": log.height,
        "block_hash": "0x" + log.hash_of(log.height).hex(),
        "log_bytes": log.sealed_bytes,
    }


def _described(path: Path, file: BinaryIO) -> Backup:
    """What the second line says; the file stands at the start of the log afterwards."""
    line = file.readline(_LONGEST_LINE)
    try:
        facts: dict[str, Any] = json.loads(line)
        if facts["format"] != FORMAT:
            raise ConfigurationError(
                f"format of backup {path} does not match (got {facts['format']}, expected {FORMAT})"
            )
        numbers = [int(facts[name]) for name in ("chain_id", "genesis_time", "block_gas_limit")]
        texts = str(facts["hardfork"]), str(facts["engine"])
        genesis = Genesis(numbers[0], numbers[1], numbers[2], *texts, _hash(facts["genesis_hash"]))
        head = int(facts["block_number"]), _hash(facts["block_hash"])
        return Backup(path, genesis, *head, int(facts["log_bytes"]), file.tell())
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BlockLogCorruptError(f"description in backup {path} cannot be read ({type(error).__name__})") from error


def _hash(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _last_line(digest: str) -> bytes:
    return digest.encode() + b"\n"


def _write(source: BinaryIO, draft: Path, start: bytes, log_bytes: int) -> None:
    digest = sha256(start)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
    try:
        write_all(handle, start)
        _copy(source, handle, log_bytes, digest.update)
        write_all(handle, _last_line(digest.hexdigest()))
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy(source: BinaryIO, handle: int, count: int, seen: Callable[[bytes], None] = lambda _: None) -> None:
    left = count
    while left:
        chunk = source.read(min(_CHUNK, left))
        if not chunk:
            raise BlockLogCorruptError(f"block log ends {left} bytes early: it was cut while it was read")
        seen(chunk)
        write_all(handle, chunk)
        left -= len(chunk)
