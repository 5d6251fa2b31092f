"""The block log: the only durable truth of the embedded chain.

A file of frames, each ``length | crc32(length) | crc32(content) | content`` (three 4-byte big-endian numbers), appended
and synced one at a time. Because a frame is synced before the next is begun, a crash can damage the last frame alone:

* the file ends inside a frame, or the last frame's content does not match: a *torn tail*, cut off with a warning.
  Nothing in it was acknowledged; if it was a seal, the intent before it is made again and gives the same hash.
* anything else that does not match is *corruption*, and the log is refused.
"""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn
from zlib import crc32

from consentry.errors import BlockLogCorruptError, LedgerUnavailableError
from consentry.ledger.embedded.durable import FILE_MODE, sync_folder, write_all, write_synced
from consentry.ledger.embedded.records import HASH_BYTES, Genesis, Intent, Record, Seal, decode_record, encode_record

LOG = logging.getLogger(__name__)
MAGIC = b"CONSENTRY-BLOCK-LOG-1\n"
HEADER = struct.Struct(">III")
ZERO_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class LoggedBlock:
    """A sealed block: what it needs to be made again, and the hash it must then have."""

    number: int
    time: int
    transactions: tuple[bytes, ...]
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class _Frame:
    content: bytes
    end: int


def encode_frame(record: Record) -> bytes:
    """A record as one frame of the file."""
    content = encode_record(record)
    length = struct.pack(">I", len(content))
    return HEADER.pack(len(content), crc32(length), crc32(content)) + content


class BlockLog:
    """An open block log. One writer; ``create`` or ``open`` it, then ``begin`` and ``seal`` block by block.

    Attributes:
        path: where it is.
        genesis: its first record.
        unsealed: the intent at its end that was not sealed, if there is one.
        last_time: time of the newest sealed block.
        torn_bytes: how much of a torn tail was cut off at the opening.
        sealed_bytes: length of the file up to the newest seal: what comes after was promised to nobody.
    """

    def __init__(self, path: Path, genesis: Genesis) -> None:
        self.path = path
        self.genesis = genesis
        self.unsealed: Intent | None = None
        self.last_time = genesis.time
        self.torn_bytes = 0
        self.sealed_bytes = len(MAGIC)
        self._hashes = bytearray(genesis.block_hash)
        self._end = len(MAGIC)
        self._handle = -1

    @classmethod
    def create(cls, path: Path, genesis: Genesis) -> BlockLog:
        """Writes a new log that holds the genesis record alone, durable when this returns."""
        write_synced(path, MAGIC + encode_frame(genesis))
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> BlockLog:
        """Reads a log through, cuts a torn tail off, and makes it ready for appending.

        Raises:
            BlockLogCorruptError: anything but the tail does not match.
        """
        log = cls.look(path)
        log._cut_tail()  # noqa: SLF001 - this very class
        return log

    @classmethod
    def look(cls, path: Path) -> BlockLog:
        """Reads a log through and changes nothing: another process may be appending to it. It cannot be written.

        Raises:
            BlockLogCorruptError: anything but the tail does not match.
        """
        with path.open("rb") as file:
            frames = _read_frames(file)
            first = next(frames, None)
            genesis = decode_record(first.content) if first else None
            if first is None or not isinstance(genesis, Genesis):
                raise BlockLogCorruptError(f"start of {path} does not match (expected a genesis record)")
            log = cls(path, genesis)
            log._end = log.sealed_bytes = first.end
            for frame in frames:
                record = decode_record(frame.content)
                log._check(record)
                log._end = frame.end
                log._follow(record)
        return log

    @property
    def height(self) -> int:
        """Number of the newest sealed block."""
        return len(self._hashes) // HASH_BYTES - 1

    def hash_of(self, number: int) -> bytes:
        """The hash of a sealed block, by its number (0 is genesis)."""
        return bytes(self._hashes[number * HASH_BYTES : (number + 1) * HASH_BYTES])

    def begin(self, intent: Intent) -> None:
        """Appends an intent; when this returns, it survives a loss of power.

        Raises:
            LedgerUnavailableError: the disk refuses; ``is_usable`` then tells whether the log goes on.
        """
        self._append(intent)

    def seal(self, seal: Seal) -> None:
        """Appends the outcome of the open intent; when this returns, receipts may be handed out."""
        self._append(seal)

    @property
    def is_usable(self) -> bool:
        """Whether the file on disk is known to be as this object says. Once false, only a restart helps."""
        return self._handle >= 0

    def blocks(self, after: int) -> Iterator[LoggedBlock]:
        """The sealed blocks above a number, oldest first, read from the file."""
        intent: Intent | None = None
        with self.path.open("rb") as file:
            for frame in _read_frames(file):
                record = decode_record(frame.content)
                if isinstance(record, Intent):
                    intent = record
                elif isinstance(record, Seal) and intent and not record.is_void and record.number > after:
                    included = tuple(intent.transactions[position] for position in record.included)
                    yield LoggedBlock(record.number, intent.time, included, record.block_hash)
                if frame.end >= self._end:
                    return

    def close(self) -> None:
        """Gives the file back."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _check(self, record: Record) -> None:
        """Refuses a record that cannot come next."""
        if isinstance(record, Intent) and self.unsealed is None:
            if record.number != self.height + 1 or record.time < self.last_time:
                self._refuse(f"intent {record.number} at time {record.time}")
        elif isinstance(record, Seal) and self.unsealed is not None:
            known = range(len(self.unsealed.transactions))
            is_listed = all(position in known for position in record.included)
            if (
                record.number != self.unsealed.number
                or not is_listed
                or len(set(record.included)) != len(record.included)
            ):
                self._refuse(f"seal {record.number}")
        else:
            self._refuse(type(record).__name__.lower())

    def _follow(self, record: Record) -> None:
        """Takes a checked record over into what this object knows."""
        if isinstance(record, Intent):
            self.unsealed = record
        elif isinstance(record, Seal) and self.unsealed is not None:
            if not record.is_void:
                self._hashes += record.block_hash
                self.last_time = self.unsealed.time
            self.unsealed = None
            self.sealed_bytes = self._end

    def _refuse(self, what: str) -> NoReturn:
        raise BlockLogCorruptError(f"order of the block log does not match (got {what} after block {self.height})")

    def _cut_tail(self) -> None:
        self._handle = os.open(self.path, os.O_RDWR | os.O_APPEND)
        os.fchmod(self._handle, FILE_MODE)
        self.torn_bytes = os.fstat(self._handle).st_size - self._end
        if self.torn_bytes:
            LOG.warning("block log: cut off a torn tail of %d bytes after block %d", self.torn_bytes, self.height)
            os.ftruncate(self._handle, self._end)
        # Also when nothing was cut: the last frame may have reached the page cache only, and is relied on from now on.
        os.fsync(self._handle)
        sync_folder(self.path.parent)

    def _append(self, record: Record) -> None:
        if not self.is_usable:
            raise LedgerUnavailableError("block log cannot be written: restart the chain")
        self._check(record)
        frame = encode_frame(record)
        try:
            write_all(self._handle, frame)
        except OSError as error:
            self._roll_back()
            raise LedgerUnavailableError(
                f"block log cannot be written ({os.strerror(error.errno or 0).lower()})"
            ) from error
        try:
            os.fsync(self._handle)
        except OSError as error:
            # After a failed sync the kernel may drop the pages and report success next time: never try again.
            self.close()
            raise LedgerUnavailableError(
                f"block log cannot be synced ({os.strerror(error.errno or 0).lower()})"
            ) from error
        self._end += len(frame)
        self._follow(record)

    def _roll_back(self) -> None:
        try:
            os.ftruncate(self._handle, self._end)
            os.fsync(self._handle)
        except OSError:
            self.close()


def _read_frames(file: BinaryIO) -> Iterator[_Frame]:
    """The whole frames of a log; ends quietly before a torn tail, refuses anything else that does not match."""
    if file.read(len(MAGIC)) != MAGIC:
        raise BlockLogCorruptError("first bytes of the block log do not match (expected its name and version 1)")
    size = os.fstat(file.fileno()).st_size
    start = len(MAGIC)
    while start < size:
        header = file.read(HEADER.size)
        if len(header) < HEADER.size:
            return
        length, length_sum, content_sum = HEADER.unpack(header)
        if crc32(header[:4]) != length_sum:
            if _is_unwritten(file, header):
                return
            raise BlockLogCorruptError(f"frame header of the block log does not match at byte {start}")
        end = start + HEADER.size + length
        if end > size:
            return
        content = file.read(length)
        if crc32(content) != content_sum:
            if end == size:
                return
            raise BlockLogCorruptError(f"frame content of the block log does not match at byte {start}")
        yield _Frame(content, end)
        start = end


def _is_unwritten(file: BinaryIO, header: bytes) -> bool:
    """Whether the file was made longer but its bytes never arrived: at most a part of one header, then zeros.

    Some file systems show such a tail after a loss of power.
    """
    if any(header[-1:]):
        return False
    while chunk := file.read(ZERO_CHUNK):
        if any(chunk):
            return False
    return True
