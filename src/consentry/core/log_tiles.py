"""Tiles of the ledger log: how its tree is stored and served (C2SP ``tlog-tiles``), eight levels of the tree a tile.

A tile holds up to 256 hashes. On level 0 these are leaf hashes; on each level above, the roots of full tiles below.
What lies between is computed. A full tile never changes, so it may be kept for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from consentry.core.log_tree import HASH_SIZE, MAX_SIZE, CompactRange, Nodes, nodes_of
from consentry.errors import InvalidInputError

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
LEVELS: Final = 8
"""Levels of tiles a log of 2**63 leaves has; the standard leaves room for 64."""

_HIGHEST_LEVEL: Final = 63
_GROUP: Final = 1000
_PATH: Final = re.compile(r"tile/(0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Which tile: level, index within the level, and width in hashes; narrower than 256 is *partial*."""

    level: int
    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not (0 <= self.level <= _HIGHEST_LEVEL and 0 <= self.index <= MAX_SIZE and 1 <= self.width <= WIDTH):
            raise InvalidInputError(
                f"tile does not match (got level {self.level}, index {self.index}, width {self.width}, "
                f"expected at most level {_HIGHEST_LEVEL}, an index in 63 bits, and width 1 to {WIDTH})"
            )

    @property
    def path(self) -> str:
        """Where the tile is served below the prefix of the log."""
        index = f"{self.index % _GROUP:03}"
        left = self.index // _GROUP
        while left:
            index = f"x{left % _GROUP:03}/{index}"
            left //= _GROUP
        return f"tile/{self.level}/{index}" + (f".p/{self.width}" if self.width < WIDTH else "")

    @classmethod
    def from_path(cls, path: str) -> Tile:
        """Reads a path.

        Raises:
            InvalidInputError: it is that of no tile, or not in the one form it has.
        """
        found = _PATH.fullmatch(path)
        if found is None:
            raise InvalidInputError(f"tile path does not match (got {path!r:.80}, expected tile/L/N or tile/L/N.p/W)")
        index = int(found[2].replace("x", "").replace("/", ""))
        tile = cls(int(found[1]), index, int(found[3] or WIDTH))
        if tile.path != path:
            raise InvalidInputError(f"tile path does not match (got {path!r:.80}, expected {tile.path})")
        return tile


ReadTile = Callable[[Tile], bytes]
"""Gives the bytes of a tile, 32 for each hash; how it fails is its own affair."""


def partial_tiles(size: int) -> Iterator[Tile]:
    """Gives the partial tiles of a tree, lowest level first: one at most on each level."""
    for level in range(LEVELS):
        width = (size >> (HEIGHT * level)) % WIDTH
        if width:
            yield Tile(level, size >> (HEIGHT * (level + 1)), width)


def full_tiles(size: int) -> Iterator[Tile]:
    """Gives the full tiles of a tree, lowest level first."""
    for level in range(LEVELS):
        for index in range(size >> (HEIGHT * (level + 1))):
            yield Tile(level, index)


def _hashes(tile: Tile, content: bytes) -> list[bytes]:
    if len(content) != tile.width * HASH_SIZE:
        raise InvalidInputError(
            f"size of {tile.path} does not match (got {len(content)}, expected {tile.width * HASH_SIZE} bytes)"
        )
    return [content[at : at + HASH_SIZE] for at in range(0, len(content), HASH_SIZE)]


def root_of_tile(tile: Tile, content: bytes) -> bytes:
    """Gives the root of a full tile, which the level above has as one hash.

    Raises:
        InvalidInputError: the content has another size.
    """
    return nodes_of(_hashes(tile, content))(HEIGHT, 0)


class TileWriter:
    """Makes the tiles of a growing log; keeps the partial ones alone, less than 256 hashes a level."""

    def __init__(self) -> None:
        self._range = CompactRange()
        self._levels: list[list[bytes]] = [[] for _ in range(LEVELS)]

    @classmethod
    def resume(cls, size: int, read: ReadTile) -> TileWriter:
        """Takes up a log of that size from its partial tiles.

        Raises:
            InvalidInputError: a tile has another width than the size demands.
        """
        writer = cls()
        for tile in partial_tiles(size):
            writer._levels[tile.level] = _hashes(tile, read(tile))
        nodes = nodes_in_tiles(size, read)
        peaks = [level for level in reversed(range(size.bit_length())) if size >> level & 1]
        writer._range = CompactRange(size, [nodes(level, (size >> level) - 1) for level in peaks])
        return writer

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self._range.size

    def root(self) -> bytes:
        """Gives the root over all leaves so far."""
        return self._range.root()

    def append(self, leaf: bytes) -> list[tuple[Tile, bytes]]:
        """Adds the hash of a leaf; gives the tiles it makes full, lowest level first.

        Raises:
            InvalidInputError: it has not 32 bytes, or the log is full.
        """
        self._range.append(leaf)
        full: list[tuple[Tile, bytes]] = []
        node = leaf
        for level, hashes in enumerate(self._levels):
            hashes.append(node)
            if len(hashes) < WIDTH:
                break
            full.append((Tile(level, (self.size >> (HEIGHT * (level + 1))) - 1), b"".join(hashes)))
            node = nodes_of(hashes)(HEIGHT, 0)
            hashes.clear()
        return full

    def partial(self) -> list[tuple[Tile, bytes]]:
        """Gives the partial tiles as they are, lowest level first; a checkpoint of this size needs them."""
        return [(tile, b"".join(self._levels[tile.level])) for tile in partial_tiles(self.size)]


def nodes_in_tiles(size: int, read: ReadTile) -> Nodes:
    """Gives the perfect subtrees of a log of that size from its tiles; each is read once, and then kept.

    What is read is believed: a proof made from tiles has to be checked against the root of a checkpoint.

    Args:
        size: leaves of the log; decides which tiles are partial.
        read: gives the bytes of a tile.
    """
    known: dict[Tile, Nodes] = {}

    def node(level: int, place: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        index = place << height >> HEIGHT
        width = min(WIDTH, (size >> (HEIGHT * tile_level)) - index * WIDTH)
        tile = Tile(tile_level, index, width)
        if tile not in known:
            known[tile] = nodes_of(_hashes(tile, read(tile)))
        # Within the tile, the subtree's place counts from the tile's first hash.
        return known[tile](height, place - (index << HEIGHT >> height))

    return node
