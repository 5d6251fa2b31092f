"""`LogKeeper`: the tree of a deployment's log, computed from a node block after block, and what can be shown from it.

The tree only grows. Blocks are read from genesis on, and each must name the one before it as its parent, so the last
header fixes all that went in. If the node later has another block at its number, the tree stays as it is, both headers
are kept as evidence, and nothing is vouched for until the node is back on its first history.
"""

from __future__ import annotations

from typing import Final

from consentry.core.log_tiles import HEIGHT, LEVELS, WIDTH, Tile, TileWriter, full_tiles, nodes_in_tiles, root_of_tile
from consentry.core.log_tree import (
    EMPTY_ROOT,
    HASH_SIZE,
    Nodes,
    consistency_proof,
    inclusion_proof,
    prefix_nodes,
    roots_along,
)
from consentry.errors import ConfigurationError, ForeignChainError, InvalidInputError, VerificationError
from consentry.evidence import header
from consentry.evidence.block_conflict import BlockConflict
from consentry.evidence.header import HeaderForm
from consentry.evidence.log_entry import leaf_of
from consentry.witness.blocks import BlockSource, ProvedBlock, read_blocks
from consentry.witness.exhibits import Exhibits
from consentry.witness.tiles import FollowedLog, Head, StoredTree, TileStore

_AT_ONCE: Final = 16
"""Blocks that are asked for at once, and written together."""

BLOCK_CONFLICT: Final = "block-conflict"
"""Kind of a kept file: the node had two blocks of one number."""

MOST_CONFLICTS: Final = 100
"""Such files that are kept, the first ones: a node that goes to and fro is not recorded for ever."""

NOT_LOOKED_AT: Final = "node was not looked at yet"
"""Why nothing is vouched for right after a start."""


class LogKeeper:
    """The tree in its store; one process at a time may keep it."""

    def __init__(self, store: TileStore, log: FollowedLog, form: HeaderForm, exhibits: Exhibits) -> None:
        """Takes up the tree in a store, or begins one.

        Args:
            store: where tiles and head are.
            log: which log it is of.
            form: how the hash of a block follows from its header.
            exhibits: where evidence is kept.

        Raises:
            ConfigurationError: the store holds the tree of another log, or one that does not fit together: a head that
                was changed, or that the newest full tile of a level does not lead to.
            TilesUnavailableError: the store does not answer.
        """
        self._tree = StoredTree(store)
        self._log = log
        self._form = form
        self._exhibits = exhibits
        # What the node says now is not known after a restart: it may contradict what is kept.
        self._trouble: str | None = NOT_LOOKED_AT
        self._is_loaded = False
        """Whether the writer is at the head: not after a store that failed while the tree was written or read again."""
        self._load()
        self._check_newest()

    def _load(self) -> None:
        begun = Head(self._log, 0, EMPTY_ROOT, b"", (b"",) * LEVELS)
        self._head = self._tree.head() or begun
        if self._head.log != self._log:
            raise ConfigurationError("log of the tree does not match (got another chain or other contracts)")
        try:
            self._writer = TileWriter.resume(self._head.size, lambda tile: self._head.edge[tile.level])
            self._last = header.decode(self._head.header, self._form) if self._head.header else None
        except InvalidInputError as error:
            raise ConfigurationError(f"tree cannot be taken up: {error.message}") from error
        if self._writer.root() != self._head.root:
            raise ConfigurationError(
                f"root of the tree does not match (got 0x{self._writer.root().hex()}, "
                f"expected 0x{self._head.root.hex()}): its head was changed"
            )
        self._is_loaded = True

    def _check_newest(self) -> None:
        """Checks the newest full tile of each level against the hash of it that the level above holds.

        A tree may have thousands of tiles, and each is proved when something is shown from it. Those that the next
        proofs need are looked at here: a tree that was lost or changed is found before anything is signed.
        """
        for level in range(LEVELS - 1):
            full = self.size >> (HEIGHT * (level + 1))
            if not full:
                return
            tile = Tile(level, full - 1)
            above = self.tile(Tile(level + 1, (full - 1) // WIDTH, (full - 1) % WIDTH + 1))
            if root_of_tile(tile, self.tile(tile)) != above[-HASH_SIZE:]:
                raise ConfigurationError(
                    f"{tile.path} does not match (the tree above it has another hash): it was changed"
                )

    @property
    def size(self) -> int:
        """Leaves of the tree, as far as it is in the store."""
        return self._head.size

    @property
    def root(self) -> bytes:
        """Root of the tree, as far as it is in the store."""
        return self._head.root

    @property
    def block(self) -> int:
        """Number of the last block that went in; one below 0 before the first."""
        return self._last.number if self._last else -1

    @property
    def block_hash(self) -> bytes:
        """Hash of the last block that went in; empty before the first."""
        return self._last.hash if self._last else b""

    @property
    def trouble(self) -> str | None:
        """Why nothing is vouched for: how the node contradicts the tree or itself, or that it was not looked at yet.

        None once the node has shown the last block of the tree, and nothing since that contradicts it.
        """
        return self._trouble

    async def follow(self, source: BlockSource, *, most: int | None = None) -> int:
        """Reads what the node has that the tree has not.

        Args:
            source: the node.
            most: how many blocks to read at most; all if none is given.

        Returns:
            How many leaves were added.

        Raises:
            VerificationError: the node contradicts itself or what it said before; the tree is not changed by that.
            LedgerUnavailableError: it does not answer, or has less than before; what came so far is kept.
            ConfigurationError: the store does not take the tree.
            TilesUnavailableError: the store does not answer.
        """
        if not self._is_loaded:
            self._load()
        before = self.size
        try:
            newest = await source.head()
            compared = await self._check_last(source, newest)
            goal = newest if most is None else min(newest, self.block + most)
            while self.block < goal:
                blocks = await read_blocks(source, self.block + 1, min(self.block + _AT_ONCE, goal))
                self._take(blocks)
        except (VerificationError, InvalidInputError, ForeignChainError) as error:
            self._trouble = error.message
            raise VerificationError(error.message) from error
        if compared:
            self._trouble = None
        return self.size - before

    async def _check_last(self, source: BlockSource, newest: int) -> bool:
        """Checks that the node still has the last block; whoever has a shorter chain is behind, and is waited for.

        Returns:
            Whether it bears the tree out; a node that is behind says nothing about that.
        """
        if self._last is None:
            return True
        if newest < self._last.number:
            return False
        encoded = await source.header(self._last.number)
        found = header.decode(encoded, self._form)
        if found.number == self._last.number and found.hash != self._last.hash:
            conflict = BlockConflict(self._log.chain_id, self._form, self._head.header, encoded)
            self._exhibits.keep(BLOCK_CONFLICT, conflict.to_json(), most=MOST_CONFLICTS)
        if found.hash != self._last.hash:
            raise VerificationError(
                f"hash of block {self._last.number} does not match (got 0x{found.hash.hex()}, "
                f"expected 0x{self._last.hash.hex()} as the node said before)",
                got=found.hash,
                expected=self._last.hash,
            )
        return True

    def _take(self, blocks: list[ProvedBlock]) -> None:
        full: list[tuple[Tile, bytes]] = []
        ours = frozenset(self._log.contracts)
        expected = self._last.hash if self._last else None
        # Nothing goes in before all fit: what is in the writer is written.
        for block in blocks:
            self._check_link(block, expected)
            expected = block.hash
        self._is_loaded = False
        for block in blocks:
            for log in block.logs:
                if log.address in ours:
                    full += self._writer.append(leaf_of(self._log.chain_id, block.number, block.hash, log))
        edge = [b""] * LEVELS
        for tile, content in self._writer.partial():
            edge[tile.level] = content
        head = Head(self._log, self._writer.size, self._writer.root(), blocks[-1].header, tuple(edge))
        try:
            self._tree.put(full, head)
        finally:
            # What is in the store decides, also after a write that failed half way.
            self._load()

    def _check_link(self, block: ProvedBlock, expected: bytes | None) -> None:
        if expected is None:
            got, expected, what = block.hash, self._log.genesis_hash, "hash of block 0"
        else:
            got, what = block.parent_hash, f"parent of block {block.number}"
        if got != expected:
            raise VerificationError(
                f"{what} does not match (got 0x{got.hex()}, expected 0x{expected.hex()})", got=got, expected=expected
            )

    def tile(self, tile: Tile) -> bytes:
        """Gives the bytes of a tile.

        Raises:
            NotFoundError: the tree does not go as far.
            ConfigurationError: it is missing, or cannot be read.
            TilesUnavailableError: the store does not answer.
        """
        return self._tree.read(self._head, tile)

    def put_into(self, store: TileStore) -> None:
        """Puts this tree in place of the one in another store.

        Raises:
            ConfigurationError: it does not take it; then it has none.
            TilesUnavailableError: it does not answer; then it has none.
        """
        StoredTree(store).replace(((tile, self.tile(tile)) for tile in full_tiles(self.size)), self._head)

    def nodes(self) -> Nodes:
        """Gives the perfect subtrees; what is made from them must be checked against `root`."""
        return nodes_in_tiles(self.size, self.tile)

    def find(self, leaf: bytes) -> int | None:
        """Gives the place of the first leaf with a hash; none if there is none. Reads every leaf before it.

        Raises:
            ConfigurationError: a tile cannot be read.
        """
        for first in range(0, self.size, WIDTH):
            content = self.tile(Tile(0, first // WIDTH, min(WIDTH, self.size - first)))
            hashes = [content[at : at + HASH_SIZE] for at in range(0, len(content), HASH_SIZE)]
            if leaf in hashes:
                return first + hashes.index(leaf)
        return None

    def root_at(self, size: int) -> bytes:
        """Gives the root over the first leaves, proved against `root`: a tile that was changed leads to no root.

        Raises:
            InvalidInputError: the tree does not go as far.
            ConfigurationError: a tile was changed or cannot be read.
        """
        if size == self.size:
            return self.root
        if size == 0:
            return EMPTY_ROOT
        return self._proved(size, self.prefix(size, self.size))

    def _proved(self, size: int, path: tuple[bytes, ...]) -> bytes:
        older, newer = roots_along(size, self.size, path)
        if newer != self.root:
            raise ConfigurationError(
                f"tiles do not match (they lead to root 0x{newer.hex()}, expected 0x{self.root.hex()}): one was changed"
            )
        return older

    def prefix(self, old: int, new: int) -> tuple[bytes, ...]:
        """Gives nodes of the tree of ``new`` leaves that show its root and the one at ``old``; see `prefix_nodes`."""
        return prefix_nodes(old, new, self.nodes())

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """Gives the proof that the tree of ``old`` leaves is the beginning of that of ``new``; none from an empty one.

        Raises:
            InvalidInputError: the tree does not go as far, or the sizes are the wrong way round.
        """
        self._check_size(new)
        return consistency_proof(old, new, self.nodes()) if old else ()

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """Gives the path of a leaf in the tree of that size.

        Raises:
            InvalidInputError: there is no such leaf.
        """
        self._check_size(size)
        return inclusion_proof(index, size, self.nodes())

    def _check_size(self, size: int) -> None:
        if size > self.size:
            raise InvalidInputError(f"size does not match (got {size}, expected at most {self.size})")
