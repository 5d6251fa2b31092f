"""A store that somebody else runs: a head counts only if it was put from here, which a file of one's own says.

A head fits together also when whoever runs the store made it up: with other leaves, and the true header of the last
block. Nothing in it would tell, and it decides what is signed. So the SHA-256 of each head is noted on the own disk
before it is put, beside that of the head it replaces, and no other is taken from the store. After a crash the store has
one of the two; both were computed here.

Where nothing is noted, the tree is made anew from the node. The head in the store stays in its place until the new tree
has come as far and has the same leaves: so a process that lost its folder takes nothing from one that still writes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from consentry.core.log_tiles import partial_tiles
from consentry.errors import ConfigurationError, InvalidInputError
from consentry.ledger.embedded.durable import explained, private_folder, write_synced
from consentry.witness.tiles import Head, StoredTree, TileStore

_NOTHING: Final = "nothing"
_LARGEST: Final = 3
"""Lines of the file: the place, and two heads at most."""


class RememberedTiles:
    """A `TileStore` around another one, with a memory of the heads that were put through it."""

    def __init__(self, store: TileStore, file: Path) -> None:
        """Takes the store, and the file that remembers; its folder is made if it is missing."""
        self._store = store
        self._file = file
        self._replaced = _NOTHING
        """The head that the next one replaces."""
        self._unproved: Head | None = None
        """What the store has that is not known to be from here."""
        self._ahead: bytes | None = None
        """The head of the tree made anew, as long as it has not come as far as the unproved one."""

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return self._store.place

    def head(self) -> bytes | None:
        """Gives the head that was put from here last; none if there is none, or none is remembered."""
        if self._ahead is not None:
            return self._ahead
        content = self._store.head()
        mark, noted = _mark(content), self._noted()
        if mark not in noted and _NOTHING not in noted:
            raise ConfigurationError(
                f"head of the tree in {self.place} does not match (got another than {self._file} remembers; "
                f"without that file the tree is made anew from the node)"
            )
        self._unproved = None
        if mark in noted:
            self._replaced = mark
            return content
        self._replaced = _NOTHING
        self._unproved = None if content is None else self._parsed(content)
        return None

    def put_head(self, content: bytes) -> None:
        """Puts a head, noted first; holds it back while the tree has not come as far as an unproved one."""
        if self._unproved is not None and not self._is_reached(self._unproved, self._parsed(content)):
            self._ahead = content
            return
        self._ahead = None
        mark = _mark(content)
        self._note(self._replaced, mark)
        self._store.put_head(content)
        self._note(mark)
        self._replaced, self._unproved = mark, None

    def drop_head(self) -> None:
        """Removes the head and forgets it."""
        self._store.drop_head()
        self._note(_NOTHING)
        self._replaced, self._unproved, self._ahead = _NOTHING, None, None

    def tile(self, path: str) -> bytes | None:
        """Gives a full tile; see `TileStore`. It proves nothing by itself, so nothing is remembered of it."""
        return self._store.tile(path)

    def put_tile(self, path: str, content: bytes, *, replace: bool = False) -> None:
        """Puts a full tile; see `TileStore`."""
        self._store.put_tile(path, content, replace=replace)

    @property
    def unproved(self) -> Head | None:
        """The head that `head` found and did not give, since nothing is remembered; none if there was none."""
        return self._unproved

    def _is_reached(self, unproved: Head, own: Head) -> bool:
        if own.log != unproved.log:
            raise ConfigurationError(f"log of the tree in {self.place} does not match (got another log)")
        # Full tiles were compared when they were put; the leaves behind them are in the partial ones.
        is_reached, tree = own.size >= unproved.size, StoredTree(self)
        if (own.header == unproved.header and own.root != unproved.root) or (
            is_reached
            and any(tree.read(own, tile) != unproved.edge[tile.level] for tile in partial_tiles(unproved.size))
        ):
            raise ConfigurationError(
                f"tree in {self.place} does not match (it has other leaves than the tree made anew from the node)"
            )
        return is_reached

    def _parsed(self, content: bytes) -> Head:
        try:
            return Head.from_json(content)
        except InvalidInputError as error:
            raise ConfigurationError(f"head of the tree in {self.place} cannot be read ({error})") from error

    def _noted(self) -> list[str]:
        """Gives what may be in the store; read each time, since `rebuild` looks on while a gateway writes."""
        with explained("reading what is remembered of a tree"):
            try:
                lines = self._file.read_text("utf-8").splitlines()
            except FileNotFoundError:
                return [_NOTHING]
            except UnicodeDecodeError:
                lines = []
        if not 1 < len(lines) <= _LARGEST:
            raise ConfigurationError(f"{self._file} cannot be read (expected a place and one or two heads)")
        # A tree that moved to another place has no head from here yet.
        return lines[1:] if lines[0] == self.place else [_NOTHING]

    def _note(self, *marks: str) -> None:
        with explained("noting the head of a tree"):
            private_folder(self._file.parent)
            write_synced(self._file, "".join(f"{line}\n" for line in (self.place, *marks)).encode())


def _mark(content: bytes | None) -> str:
    return _NOTHING if content is None else hashlib.sha256(content).hexdigest()
