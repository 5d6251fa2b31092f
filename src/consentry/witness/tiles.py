"""The folder of a tree: full tiles, each a file for ever, and one file that says how far the tree goes.

That file, ``head.json``, holds the partial tiles too, and is replaced as a whole after the full tiles are on disk. So
after a crash at any step the tree is either the one before or the one after, and tiles ahead of it are written again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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
_FILE: Final = "head.json"


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
    return Head(
        log=FollowedLog(
            chain_id=int(found["chainId"]),
            genesis_hash=bytes_of(found["genesisHash"], HASH_SIZE),
            contracts=tuple(Address(bytes_of(text, 20)) for text in found["contracts"]),
        ),
        size=int(found["size"]),
        root=bytes_of(found["root"], HASH_SIZE),
        header=bytes_of(found["header"]),
        edge=tuple(bytes_of(text) for text in found["edge"]),
    )


class TileFolder:
    """The folder; one process at a time may write it."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder, made if it is missing."""
        with explained("opening the folder of a tree"):
            self._folder = private_folder(folder)

    def head(self) -> Head | None:
        """Reads how far the tree goes; none before the first block.

        Raises:
            ConfigurationError: the file cannot be read, or is none.
        """
        path = self._folder / _FILE
        if not path.exists():
            return None
        try:
            return Head.from_json(path.read_bytes())
        except (OSError, InvalidInputError) as error:
            raise ConfigurationError(f"head of the tree in {self._folder} cannot be read ({error})") from error

    def put(self, tiles: list[tuple[Tile, bytes]], head: Head) -> None:
        """Writes full tiles, and then the head that needs them.

        Raises:
            ConfigurationError: the disk does not take them; then the tree is the one before, or the one after.
        """
        with explained("writing the tree"):
            for tile, content in tiles:
                path = self._folder / tile.path
                self._make(path.parent)
                write_synced(path, content)
            write_synced(self._folder / _FILE, head.to_json())

    def _make(self, folder: Path) -> None:
        if not folder.exists():
            self._make(folder.parent)
            folder.mkdir(mode=0o700)
            sync_folder(folder.parent)

    def read(self, head: Head, tile: Tile) -> bytes:
        """Gives the bytes of a tile; also of a partial one that the tree has outgrown.

        Raises:
            NotFoundError: the tree does not go as far.
            ConfigurationError: the file is missing, or has another size.
        """
        if tile.level >= LEVELS or (head.size >> (HEIGHT * tile.level)) < tile.index * WIDTH + tile.width:
            raise NotFoundError(f"tile {tile.path} is not there")
        whole = Tile(tile.level, tile.index)
        if tile.index == head.size >> (HEIGHT * (tile.level + 1)):
            return head.edge[tile.level][: tile.width * HASH_SIZE]
        with explained("reading the tree"):
            content = (self._folder / whole.path).read_bytes()
        if len(content) != WIDTH * HASH_SIZE:
            raise ConfigurationError(
                f"size of {whole.path} does not match (got {len(content)}, expected {WIDTH * HASH_SIZE} bytes)"
            )
        return content[: tile.width * HASH_SIZE]
