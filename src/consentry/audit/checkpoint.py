"""How far an audit has come, written down so that one that was killed goes on and finds the same.

The file is a line that names the format, the state, and SHA-256 of both; it is written beside its place, synced and
renamed. The state is Python's own serialisation of the values of ``core`` and ``audit``; reading it back makes
values of those rooms and of nothing else, so a file from elsewhere can be wrong, but it cannot run anything.
"""

from __future__ import annotations

import io
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final

from consentry.audit.debts import RowPlace
from consentry.audit.digests import DigestSet, UsedRequests
from consentry.audit.named import Named
from consentry.audit.replay import Replay
from consentry.core.chain import BlockReference, ChainIdentity
from consentry.errors import ConfigurationError, ForeignChainError

FORMAT: Final = b"consentry.audit-checkpoint/v1\n"
SECONDS: Final = 60.0
_SHARE: Final = 20
"""Writing down may take one part in so many of the time."""
_DIGEST_SIZE: Final = 32
_PIECE: Final = 1 << 20
_PARTS: Final = ("acts", "brought", "checkpoint", "debts", "digests", "findings", "named", "officers", "replay")
_PLACES: Final = ("consentry.crypto.signing", *(f"consentry.audit.{part}" for part in _PARTS))
"""Modules whose values a state is made of, beside those of ``core``; to make one of them does nothing else."""
_PLAIN: Final = (Enum, DigestSet, UsedRequests)

Asked = tuple[bool, int | None, bool]
"""With calldata, first block that is reported, with tables."""


@dataclass(frozen=True, slots=True)
class Saved:
    """Everything an audit needs to go on.

    Attributes:
        identity: chain and deployment.
        asked: what the audit was asked for.
        block: the last block that was taken in.
        replay: the state after it, and what was found so far.
        named: what events named.
        unread: what could not be read.
        rows: place in the tables, if there are any.
    """

    identity: ChainIdentity
    asked: Asked
    block: BlockReference
    replay: Replay
    named: Named
    unread: list[str]
    rows: RowPlace | None

    def check(self, identity: ChainIdentity, asked: Asked, head: BlockReference) -> None:
        """Checks that an audit may go on from here.

        Raises:
            ForeignChainError: it was written for another chain or deployment.
            ConfigurationError: it was written for an audit of another kind, or of blocks behind the end of this one.
        """
        if self.identity != identity:
            got, expected = self.identity, identity
            raise ForeignChainError(f"chain of the checkpoint does not match (got {got}, expected {expected})")
        if self.asked != asked:
            raise ConfigurationError(f"checkpoint is of another audit (got {self.asked}, expected {asked})")
        if self.block.number > head.number:
            said = f"got block {self.block.number}, expected at most {head.number}"
            raise ConfigurationError(f"checkpoint lies behind the end of the audit ({said})")

    def check_block(self, block: BlockReference | None) -> None:
        """Checks that the chain is still the one it was.

        Raises:
            ForeignChainError: the node gives another block of this number, or none: what was read was rewritten.
        """
        if block != self.block:
            got = "none" if block is None else f"0x{block.hash.hex()}"
            said = f"got {got}, expected 0x{self.block.hash.hex()}"
            raise ForeignChainError(f"block {self.block.number} of the checkpoint does not match ({said})")


@dataclass
class Checkpoints:
    """The file of an audit's checkpoint."""

    path: Path
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic
    _due: float = field(init=False)

    def __post_init__(self) -> None:
        self._due = self.clock() + self.seconds

    def is_due(self) -> bool:
        """Tells whether it is time to write down again."""
        return self.clock() >= self._due

    def save(self, saved: Saved) -> None:
        """Writes down; what was written before stays until this is whole."""
        begun = self.clock()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(self.path.name + ".unfinished")
        with unfinished.open("wb") as file:
            hashed = _Hashed(file)
            hashed.write(FORMAT)
            pickle.Pickler(hashed, protocol=5).dump(saved)
            file.write(hashed.digest.digest())
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.path)
        _sync(self.path.parent)
        now = self.clock()
        self._due = now + max(self.seconds, _SHARE * (now - begun))

    def load(self) -> Saved | None:
        """Gives what was written down; none if nothing was.

        Raises:
            ConfigurationError: the file is damaged, or no checkpoint of this version.
        """
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            _check_digest(file, self.path)
            try:
                found = _Reader(file).load()
            except (pickle.UnpicklingError, AttributeError, TypeError, ValueError, ImportError, EOFError) as error:
                raise ConfigurationError(f"checkpoint {self.path} cannot be read ({error})") from error
        if not isinstance(found, Saved):
            raise ConfigurationError(f"checkpoint {self.path} cannot be read (got {type(found).__name__})")
        return found


class _Hashed:
    """A file that is hashed as it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = sha256()

    def write(self, content: bytes | memoryview) -> int:
        self.digest.update(content)
        return self._file.write(content)


def _check_digest(file: BinaryIO, path: Path) -> None:
    """Compares the digest at the end with what stands before, and leaves the file behind the name of the format."""
    size = file.seek(0, io.SEEK_END) - _DIGEST_SIZE
    file.seek(0)
    digest, left = sha256(), size
    while left > 0:
        piece = file.read(min(left, _PIECE))
        digest.update(piece)
        left -= len(piece)
    if size < len(FORMAT) or file.read() != digest.digest():
        raise ConfigurationError(f"digest of checkpoint {path} does not match: the file is damaged")
    file.seek(0)
    if file.read(len(FORMAT)) != FORMAT:
        raise ConfigurationError(f"format of checkpoint {path} does not match (expected {FORMAT.decode().strip()})")


class _Reader(pickle.Unpickler):
    """Makes values of the rooms and nothing else."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:  # noqa: ANN401 - a class of any kind
        known = module_name.startswith("consentry.core.") or module_name in _PLACES
        found = super().find_class(module_name, global_name) if known else None
        plain = isinstance(found, type) and (is_dataclass(found) or issubclass(found, _PLAIN))
        if not plain or found.__module__ != module_name:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is no value of an audit")
        return found


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
