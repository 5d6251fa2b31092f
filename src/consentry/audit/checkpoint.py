"""How far an audit has come, written down so that one that was killed goes on and finds the same.

The file is a line that names format and version, the state, and HMAC-SHA-256 (RFC 2104) of both under a key of the
auditor, which is kept elsewhere: whoever can write the file alone cannot make one that is taken up. It is written
beside its place, synced and renamed. The state is Python's own serialisation of the values of ``core`` and ``audit``;
reading it back makes values of those rooms and of nothing else, and gives state to what it made alone: it cannot run
anything, and changes nothing that was there before.
"""

from __future__ import annotations

import hmac
import io
import os
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, ClassVar, Final

import consentry
from consentry.audit.debts import RowPlace
from consentry.audit.digests import DigestSet, UsedRequests
from consentry.audit.named import Named
from consentry.audit.replay import Replay
from consentry.audit.unread import Unread
from consentry.core.chain import BlockReference, ChainIdentity
from consentry.errors import ConfigurationError, ForeignChainError

HEAD: Final = f"consentry.audit-checkpoint/v4 of {consentry.__version__}\n".encode()
KEY_SIZE: Final = 32
SECONDS: Final = 60.0
_SHARE: Final = 20
"""Writing down may take one part in so many of the time."""
_MAC: Final = "sha256"
_MAC_SIZE: Final = 32
_FILE_MODE: Final = 0o600
_MOST_HEAD: Final = 100
_PIECE: Final = 1 << 20
_PARTS: Final = (
    "acts",
    "brought",
    "checkpoint",
    "debts",
    "digests",
    "findings",
    "named",
    "officers",
    "replay",
    "unread",
)
_PLACES: Final = ("consentry.crypto.signing", *(f"consentry.audit.{part}" for part in _PARTS))
"""Modules whose values a state is made of, beside those of ``core``; to make one of them does nothing else."""
_PLAIN: Final = (Enum, DigestSet, UsedRequests)
_ANEW: Final = "remove it to start anew"
_UNREADABLE: Final = (pickle.UnpicklingError, LookupError, AttributeError, TypeError, ValueError, ImportError, EOFError)
_OPCODES: Final = (
    *(pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.POP, pickle.POP_MARK),
    *(pickle.MEMOIZE, pickle.BINGET, pickle.LONG_BINGET, pickle.STACK_GLOBAL),
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BINFLOAT),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1, pickle.LONG4),
    *(pickle.SHORT_BINBYTES, pickle.BINBYTES, pickle.BINBYTES8, pickle.BYTEARRAY8),
    *(pickle.SHORT_BINUNICODE, pickle.BINUNICODE, pickle.BINUNICODE8),
    *(pickle.EMPTY_TUPLE, pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
    *(pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS, pickle.EMPTY_DICT, pickle.SETITEM, pickle.SETITEMS),
    *(pickle.EMPTY_SET, pickle.ADDITEMS, pickle.FROZENSET),
)
"""What a state is written with, beside what makes values, which is checked."""

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
    unread: Unread
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
    """The file of an audit's checkpoint.

    Attributes:
        path: where it is.
        key: 32 bytes it is sealed with; they must not lie where whoever can write the file can read them.
        seconds: how long to wait before it is written again.
        clock: seconds from any start.
        key_file: where the key came from, for whoever has several.
    """

    path: Path
    key: bytes = field(repr=False)
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic
    key_file: Path | None = None
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
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
        with os.fdopen(handle, "wb") as file:
            sealed = _Sealed(file, self.key)
            sealed.write(HEAD)
            pickle.Pickler(sealed, protocol=5).dump(saved)
            file.write(sealed.mac.digest())
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.path)
        _sync(self.path.parent)
        now = self.clock()
        self._due = now + max(self.seconds, _SHARE * (now - begun))

    def load(self) -> Saved | None:
        """Gives what was written down; none if nothing was.

        Raises:
            ConfigurationError: the file is damaged, was not sealed with the key, or is of another version.
        """
        if not self.path.exists():
            return None
        # What is checked is what is read: whoever can write the file may do so meanwhile.
        with TemporaryFile(dir=self.path.parent) as copied:
            self._copy(copied)
            self._check_head(copied)
            try:
                found = _Reader(copied).load()
            except _UNREADABLE as error:
                raise ConfigurationError(f"checkpoint {self.path} cannot be read ({error}): {_ANEW}") from error
        if not isinstance(found, Saved):
            got = type(found).__name__
            raise ConfigurationError(f"checkpoint {self.path} cannot be read (got {got}): {_ANEW}")
        return found

    def _copy(self, copied: IO[bytes]) -> None:
        """Copies what is sealed, and checks the seal."""
        sealed = _Sealed(copied, self.key)
        with self.path.open("rb") as file:
            left = file.seek(0, io.SEEK_END) - _MAC_SIZE
            file.seek(0)
            while left > 0 and (piece := file.read(min(left, _PIECE))):
                left -= sealed.write(piece)
            if not hmac.compare_digest(file.read(_MAC_SIZE), sealed.mac.digest()):
                said = "it is damaged, or another auditor or somebody else wrote it"
                if self.key_file is not None:
                    said += f"; tried the key in {self.key_file}: set state_dir if another is meant"
                raise ConfigurationError(f"seal of checkpoint {self.path} does not match ({said}): {_ANEW}")
        copied.seek(0)

    def _check_head(self, copied: IO[bytes]) -> None:
        """Compares format and version, and leaves the file behind them."""
        if (head := copied.readline(_MOST_HEAD)) != HEAD:
            got, expected = (line.decode(errors="replace").strip() for line in (head[: len(HEAD)], HEAD))
            said = f"got {got}, expected {expected}"
            raise ConfigurationError(f"version of checkpoint {self.path} does not match ({said}): {_ANEW}")


class _Sealed:
    """A file that is authenticated as it is written."""

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        self._file = file
        self.mac = hmac.new(key, digestmod=_MAC)

    def write(self, content: bytes | memoryview) -> int:
        self.mac.update(content)
        return self._file.write(content)


def _is_value(kind: object) -> bool:
    """Tells whether something is a class whose instances a state is made of."""
    return isinstance(kind, type) and (is_dataclass(kind) or issubclass(kind, _PLAIN))


_AS_USUAL: Final[dict[int, Any]] = {**pickle._Unpickler.dispatch}  # noqa: SLF001 - only the one in Python has a table to change


class _Reader(pickle._Unpickler):  # noqa: SLF001 - the one in C lets nobody say what state is given to
    """Makes values of the rooms and nothing else, and gives state to nothing else."""

    stack: list[Any]

    def find_class(self, module_name: str, global_name: str, /) -> Any:  # noqa: ANN401 - a class of any kind
        known = module_name.startswith("consentry.core.") or module_name in _PLACES
        found = super().find_class(module_name, global_name) if known else None
        if not _is_value(found) or found.__module__ != module_name:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} is no value of an audit")
        return found

    def _reduce(self) -> None:
        """Takes a member of an enumeration; nothing else is called."""
        kind, given = self.stack[-2:]
        if not (isinstance(kind, type) and issubclass(kind, Enum)):
            raise pickle.UnpicklingError(f"{kind!r} is no enumeration")
        (value,) = given
        self.stack[-2:] = [kind(value)]

    def _new(self) -> None:
        """Makes an empty value of a listed class."""
        kind, given = self.stack[-2:]
        if not _is_value(kind) or issubclass(kind, Enum) or given:
            raise pickle.UnpicklingError(f"{kind!r} is no value of an audit")
        self.stack[-2:] = [kind.__new__(kind)]

    def _build(self) -> None:
        """Gives a value its state; a class and a member of an enumeration are no such values."""
        kind = type(self.stack[-2])
        if not _is_value(kind) or issubclass(kind, Enum):
            raise pickle.UnpicklingError(f"{kind!r} takes no state")
        _AS_USUAL[pickle.BUILD[0]](self)

    dispatch: ClassVar[dict[int, Any]] = {opcode: _AS_USUAL[opcode] for opcode in b"".join(_OPCODES)} | {
        pickle.REDUCE[0]: _reduce,
        pickle.NEWOBJ[0]: _new,
        pickle.BUILD[0]: _build,
    }


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
