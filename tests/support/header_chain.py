"""A chain of headers and receipts, hashed as Ethereum hashes them, that can be forked, cut off and made to lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import rlp
from eth_hash.auto import keccak
from trie.hexary import HexaryTrie

from consentry.core.log_tree import leaf_hash
from consentry.core.terms import Address
from consentry.errors import LedgerUnavailableError
from consentry.evidence.header import HeaderForm
from consentry.witness.tiles import FollowedLog

CHAIN_ID: Final = 131277
OURS: Final = (Address(b"\x0a" * 20), Address(b"\x0c" * 20))
FOREIGN: Final = Address(b"\xff" * 20)


def framed(*parts: bytes) -> bytes:
    """Frames an entry by the document: each part behind its length in four bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


@dataclass(frozen=True)
class Receipt:
    """A receipt, as its bytes in the trie."""

    encoded: bytes


@dataclass(frozen=True)
class Block:
    """A block: RLP of its header, and its receipts."""

    header: bytes
    receipts: tuple[Receipt, ...] = ()
    logs: tuple[tuple[bytes, tuple[bytes, ...], bytes], ...] = ()

    @property
    def hash(self) -> bytes:
        """Its hash."""
        return keccak(self.header)


def receipt_of(logs: Sequence[tuple[bytes, tuple[bytes, ...], bytes]], *, succeeded: bool = True) -> Receipt:
    """Makes a receipt of a type-2 transaction."""
    listed = [[address, list(topics), data] for address, topics, data in logs]
    body = rlp.encode([b"\x01" if succeeded else b"", b"\x52\x08", bytes(256), listed])
    return Receipt(b"\x02" + bytes(body))


def header_of(number: int, parent: bytes, receipts_root: bytes, mark: bytes = b"") -> bytes:
    """Makes a header; blocks with another mark have another hash."""
    empty = bytes(32)
    fields = [parent, empty, bytes(20), empty, empty, receipts_root, bytes(256), b""]
    height = number.to_bytes((number.bit_length() + 7) // 8, "big")
    encoded: bytes = rlp.encode([*fields, height, b"\x01", b"", b"", mark, empty, bytes(8)])
    return encoded


@dataclass
class HeaderChain:
    """A node that serves it."""

    blocks: list[Block] = field(default_factory=lambda: [Block(header_of(0, bytes(32), _root(())))])
    away: bool = False
    asked: int = 0

    @property
    def form(self) -> HeaderForm:
        """How its headers are hashed."""
        return "ethereum"

    @property
    def log(self) -> FollowedLog:
        """The log on it."""
        return FollowedLog(CHAIN_ID, self.blocks[0].hash, OURS)

    def seal(self, *texts: str, mark: bytes = b"") -> None:
        """Seals a block: one transaction for each text, with a log of ours and a foreign one; and one that failed."""
        logs = tuple((OURS[n % 2], (keccak(text.encode()),), text.encode()) for n, text in enumerate(texts))
        receipts = [receipt_of([(FOREIGN, (), b"x"), log]) for log in logs]
        if receipts:
            receipts.append(receipt_of([], succeeded=False))
        head = header_of(len(self.blocks), self.blocks[-1].hash, _root(receipts), mark)
        self.blocks.append(Block(head, tuple(receipts), logs))

    def grow(self, blocks: int, history: str = "one") -> HeaderChain:
        """Seals blocks with none to three logs of ours."""
        for _ in range(blocks):
            number = len(self.blocks)
            self.seal(*(f"{history} {number} {place}" for place in range(number % 4)))
        return self

    def fork(self, height: int) -> HeaderChain:
        """Gives another chain that has the blocks up to a height, and then its own."""
        return HeaderChain(self.blocks[: height + 1])

    def leaves(self) -> list[bytes]:
        """Gives the leaf hashes, by the document and not by the code under test."""
        return [
            leaf_hash(
                framed(
                    b"consentry.ledger-entry/v1",
                    CHAIN_ID.to_bytes(32, "big"),
                    number.to_bytes(8, "big"),
                    block.hash,
                    address,
                    b"".join(topics),
                    data,
                )
            )
            for number, block in enumerate(self.blocks)
            for address, topics, data in block.logs
        ]

    async def head(self) -> int:
        """Gives the number of the newest block."""
        if self.away:
            raise LedgerUnavailableError("node does not answer (it is away)")
        return len(self.blocks) - 1

    async def header(self, number: int) -> bytes:
        """Gives a header."""
        self.asked += 1
        if self.away or number >= len(self.blocks):
            raise LedgerUnavailableError("node does not give a block")
        return self.blocks[number].header

    async def receipts(self, number: int) -> Sequence[bytes]:
        """Gives the receipts of a block."""
        return [receipt.encoded for receipt in self.blocks[number].receipts]


def _root(receipts: Sequence[Receipt]) -> bytes:
    trie = HexaryTrie({})
    for index, receipt in enumerate(receipts):
        trie[bytes(rlp.encode(index))] = receipt.encoded
    return bytes(trie.root_hash)
