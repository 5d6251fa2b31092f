"""Where a tree lies: full tiles, each there for ever, and one head that says how far the tree goes.

The head holds the partial tiles too, and is replaced as a whole after the full tiles are there for good. So after a
crash at any step the tree is either the one before or the one after, and tiles ahead of it are written again. That
holds of any `TileStore`; a folder is one, and whoever builds a gateway or a witness may hand over another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import rfc8785

from consentry.core.log_tiles import HEIGHT, LEVELS, WIDTH, Tile
from consentry.core.log_tree import HASH_SIZE
from consentry.core.terms import Address
from consentry.errors import ConfigurationError, InvalidInputError, NotFoundError
from consentry.evidence.canonical import read_canonical
from consentry.evidence.notation import bytes_of, hex_of
from consentry.ledger.embedded.durable import explained, private_folder, sync_folder, write_synced

FORMAT: Final = "consentry.log-head/v1"
_MEMBERS: Final = frozenset({"format", "chainId", "genesisHash", "contracts", "size", "root", "header", "edge"})
HEAD_NAME: Final = "head.json"
"""Under which a store keeps the head, beside tiles under their paths."""


@dataclass(frozen=True, slots=True)
class FollowedLog:
    """Which log a tree is of.

    Attributes:
        chain_id: as in EIP-155.
        genesis_hash: hash of block 0.
        contracts: addresses whose logs are the leaves, ascending.
    """

    chain_id: int
    genesis_hash: bytes
    contracts: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """How far a tree goes.

    Attributes:
        log: which log it is of.
        size: its leaves.
        root: its root.
        header: RLP of the header of the last block whose logs are in it; empty before the first.
        edge: for each level of tiles, the hashes of its partial tile one behind the other.
    """

    log: FollowedLog
    size: int
    root: bytes
    header: bytes
    edge: tuple[bytes, ...]

    def to_json(self) -> bytes:
        """Writes the file: canonical JSON (RFC 8785)."""
        return rfc8785.dumps(
            {
                "format": FORMAT,
                "chainId": str(self.log.chain_id),
                "genesisHash": hex_of(self.log.genesis_hash),
                "contracts": [hex_of(address) for address in self.log.contracts],
                "size": str(self.size),
                "root": hex_of(self.root),
                "header": hex_of(self.header),
                "edge": [hex_of(hashes) for hashes in self.edge],
            }
        )

    @classmethod
    def from_json(cls, content: bytes) -> Head:
        """Reads the file.

        Raises:
            InvalidInputError: it is none, too large, or not in canonical form.
        """
        return read_canonical("head of a tree", content, _read)


def _read(found: dict[str, Any]) -> Head:
    if found.keys() != _MEMBERS or found["format"] != FORMAT or len(found["edge"]) != LEVELS:
        raise InvalidInputError(f"members of the head do not match (got others, expected those of {FORMAT})")
    size = int(found["size"])
    if size < 0 or (size and not bytes_of(found["header"])):
        raise InvalidInputError(f"header does not match (got none, expected that of the last block for {size} leaves)")
    return Head(
        log=FollowedLog(
            chain_id=int(found["chainId"]),
            genesis_hash=bytes_of(found["genesisHash"], HASH_SIZE),
            contracts=tuple(Address(bytes_of(text, 20)) for text in found["contracts"]),
        ),
        size=size,
        root=bytes_of(found["root"], HASH_SIZE),
        header=bytes_of(found["header"]),
        edge=tuple(bytes_of(text) for text in found["edge"]),
    )


class TileStore(Protocol):
    """Where tiles and head are kept; one process at a time writes them.

    What a method wrote is there for good when it returns, whole or not at all. Every method raises `ConfigurationError`
    where the store cannot be used, and `TilesUnavailableError` where it does not answer.
    """

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        ...

    def head(self) -> bytes | None:
        """Gives the head; none if there is none yet."""
        ...

    def put_head(self, content: bytes) -> None:
        """Puts a head in place of the one that `head` gave or this object put last.

        Raises:
            ConfigurationError: somebody else put another meanwhile, which stays, where the store can tell.
        """
        ...

    def drop_head(self) -> None:
        """Removes the head, if there is one: the tree begins anew then, whatever tiles there are."""
        ...

    def tile(self, path: str) -> bytes | None:
        """Gives a full tile; none if it is missing."""
        ...

    def put_tile(self, path: str, content: bytes, *, replace: bool = False) -> None:
        """Puts a full tile where there is none; the same one may be there, which a crash left ahead of the head.

        Args:
            path: of the tile.
            content: its bytes.
            replace: puts it in place of another too; only for a tree whose head was dropped.

        Raises:
            ConfigurationError: another has its path, which stays: it may be part of a tree that somebody else keeps.
        """
        ...


def check_same(path: str, found: bytes, content: bytes, place: str) -> None:
    """Checks a full tile that is there already against the one to be put.

    Raises:
        ConfigurationError: it is another.
    """
    if found != content:
        raise ConfigurationError(f"{path} of the tree in {place} does not match (another one is there, which stays)")


class TileFolder:
    """A folder of files; whoever opens it sees to it that no other process does."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder, made if it is missing."""
        with explained("opening the folder of a tree"):
            self._folder = private_folder(folder)

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return str(self._folder)

    def head(self) -> bytes | None:
        """Gives the head; see `TileStore`."""
        return self._content(HEAD_NAME)

    def put_head(self, content: bytes) -> None:
        """Puts a head; see `TileStore`. Whether somebody else did meanwhile, a folder cannot tell."""
        with explained("writing the tree"):
            write_synced(self._folder / HEAD_NAME, content)

    def drop_head(self) -> None:
        """Removes the head; see `TileStore`."""
        with explained("writing the tree"):
            (self._folder / HEAD_NAME).unlink(missing_ok=True)
            sync_folder(self._folder)

    def tile(self, path: str) -> bytes | None:
        """Gives a full tile; see `TileStore`."""
        return self._content(path)

    def put_tile(self, path: str, content: bytes, *, replace: bool = False) -> None:
        """Puts a full tile; see `TileStore`."""
        found = None if replace else self._content(path)
        if found is not None:
            check_same(path, found, content, self.place)
            return
        with explained("writing the tree"):
            file = self._folder / path
            self._make(file.parent)
            write_synced(file, content)

    def _content(self, name: str) -> bytes | None:
        with explained("reading the tree"):
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                return None

    def _make(self, folder: Path) -> None:
        if not folder.exists():
            self._make(folder.parent)
            folder.mkdir(mode=0o700)
            sync_folder(folder.parent)


class StoredTree:
    """A tree in a store: what is read of it, and in which order it is written."""

    def __init__(self, store: TileStore) -> None:
        """Takes the store."""
        self._store = store

    def head(self) -> Head | None:
        """Reads how far the tree goes; none before the first block.

        Raises:
            ConfigurationError: what is there is no head, or cannot be read.
            TilesUnavailableError: the store does not answer.
        """
        content = self._store.head()
        try:
            return None if content is None else Head.from_json(content)
        except InvalidInputError as error:
            raise ConfigurationError(f"head of the tree in {self._store.place} cannot be read ({error})") from error

    def put(self, tiles: Iterable[tuple[Tile, bytes]], head: Head) -> None:
        """Writes full tiles, and then the head that needs them.

        Raises:
            ConfigurationError: the store does not take them, has other tiles already, or somebody else writes it too.
            TilesUnavailableError: it does not answer. In either case the tree is the one before, or the one after.
        """
        self._put(tiles, head, replace=False)

    def _put(self, tiles: Iterable[tuple[Tile, bytes]], head: Head, *, replace: bool) -> None:
        for tile, content in tiles:
            self._store.put_tile(tile.path, content, replace=replace)
        self._store.put_head(head.to_json())

    def replace(self, tiles: Iterable[tuple[Tile, bytes]], head: Head) -> None:
        """Puts another tree in place of what is there; after a crash on the way there is none, which begins anew.

        Raises:
            ConfigurationError: as of `put`.
            TilesUnavailableError: as of `put`.
        """
        self._store.drop_head()
        self._put(tiles, head, replace=True)

    def read(self, head: Head, tile: Tile) -> bytes:
        """Gives the bytes of a tile; also of a partial one that the tree has outgrown.

        Raises:
            NotFoundError: the tree does not go as far.
            ConfigurationError: the tile is missing, or has another size.
            TilesUnavailableError: the store does not answer.
        """
        if tile.level >= LEVELS or (head.size >> (HEIGHT * tile.level)) < tile.index * WIDTH + tile.width:
            raise NotFoundError(f"tile {tile.path} is not there")
        whole = Tile(tile.level, tile.index)
        if tile.index == head.size >> (HEIGHT * (tile.level + 1)):
            return head.edge[tile.level][: tile.width * HASH_SIZE]
        content = self._store.tile(whole.path)
        if content is None:
            raise ConfigurationError(f"{whole.path} of the tree in {self._store.place} is missing")
        if len(content) != WIDTH * HASH_SIZE:
            raise ConfigurationError(
                f"size of {whole.path} does not match (got {len(content)}, expected {WIDTH * HASH_SIZE} bytes)"
            )
        return content[: tile.width * HASH_SIZE]
