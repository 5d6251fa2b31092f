"""Blocks as their hashes prove them: a header by its own hash, receipts by the header, logs by the receipts.

So a node can leave nothing out of a block, put nothing in, and change no order, unless it makes another block of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from consentry.errors import VerificationError
from consentry.evidence import header, trie
from consentry.evidence.header import HeaderForm
from consentry.evidence.trie import Log, emitted_in
from consentry.ledger.connection import Connection, readable
from consentry.ledger.deployment import verify_identity
from consentry.ledger.manifest import Manifest

_NO_RECEIPTS: Final = trie.root_of(())


class BlockSource(Protocol):
    """A node; what it says is checked here."""

    @property
    def form(self) -> HeaderForm:
        """How the hash of a block follows from its header."""
        ...

    async def head(self) -> int:
        """Gives the number of the newest final block.

        Raises:
            ForeignChainError: the node serves another chain or deployment.
            LedgerUnavailableError: it does not answer.
        """
        ...

    async def header(self, number: int) -> bytes:
        """Gives the RLP of a header.

        Raises:
            LedgerUnavailableError: the node does not give it.
        """
        ...

    async def receipts(self, number: int) -> Sequence[bytes]:
        """Gives the receipts of a block in their order, each as its bytes in the trie.

        Raises:
            LedgerUnavailableError: the node does not give them.
        """
        ...


@dataclass(frozen=True, slots=True)
class ProvedBlock:
    """A block whose hash covers all that is here.

    Attributes:
        number: its number.
        hash: its hash, 32 bytes.
        parent_hash: that of the block before it.
        header: RLP of its header.
        logs: what all contracts logged, in order.
    """

    number: int
    hash: bytes
    parent_hash: bytes
    header: bytes
    logs: tuple[Log, ...]


async def read_block(source: BlockSource, number: int) -> ProvedBlock:
    """Reads a block from a node, and checks that its parts are those of its hash.

    Raises:
        InvalidInputError: the header or a receipt is none.
        VerificationError: the header is that of another number, or the receipts are not those of the header.
        LedgerUnavailableError: the node does not give it.
    """
    encoded = await source.header(number)
    found = header.decode(encoded, source.form)
    if found.number != number:
        raise VerificationError(f"number of a block does not match (got {found.number}, expected {number})")
    logs: list[Log] = []
    if found.receipts_root != _NO_RECEIPTS:
        receipts = await source.receipts(number)
        root = trie.root_of(receipts)
        if root != found.receipts_root:
            raise VerificationError(
                f"receipts of block {number} do not match (got root 0x{root.hex()}, "
                f"expected 0x{found.receipts_root.hex()} as in its header)",
                got=root,
                expected=found.receipts_root,
            )
        for receipt in receipts:
            # What the hash covers, and nothing the node says beside it, decides whether a transaction logged.
            logs += emitted_in(receipt)
    return ProvedBlock(number, found.hash, found.parent_hash, encoded, tuple(logs))


async def read_blocks(source: BlockSource, first: int, last: int) -> list[ProvedBlock]:
    """Reads blocks ``first`` to ``last`` at the same time; errors as of `read_block`."""
    return await asyncio.gather(*(read_block(source, number) for number in range(first, last + 1)))


class NodeBlocks:
    """The blocks of a node behind JSON-RPC; every block counts as final that the engine's rule makes so at once."""

    def __init__(self, connection: Connection, manifest: Manifest) -> None:
        """Takes the node and the deployment it must serve."""
        self._connection = connection
        self._manifest = manifest
        self._is_verified = False

    @property
    def form(self) -> HeaderForm:
        """How the hash of a block follows from its header."""
        return self._connection.profile.header_form

    async def head(self) -> int:
        """Gives the number of the newest final block; see `BlockSource`."""
        if not self._is_verified:
            # Once is enough: whoever follows compares the last block, which has one history and one state.
            await verify_identity(self._connection, self._manifest)
            self._is_verified = True
        newest = await self._connection.header()
        return newest.block.number if newest else -1

    async def header(self, number: int) -> bytes:
        """Gives the RLP of a header; see `BlockSource`."""
        return await self._connection.header_bytes(number)

    async def receipts(self, number: int) -> Sequence[bytes]:
        """Gives the receipts of a block in their order; see `BlockSource`."""
        found: Any = await self._connection.raw("eth_getBlockReceipts", hex(number))
        with readable("receipts"):
            return [trie.encode_receipt(receipt) for receipt in found]
