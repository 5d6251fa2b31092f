"""A QBFT chain in header mode, written by hand: fields, ``extraData``, votes and seals, none by the code under test.

Headers are lists of fields that are put together and signed here, with ``rlp`` and ``eth_keys``; who may seal a block
is counted anew from all blocks before it. A block can be written wrong on purpose: every part can be given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import rlp
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey

EMPTY_TRIE: Final = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
NO_OMMERS: Final = bytes.fromhex("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347")
DIGEST: Final = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
PARENT, MINER, STATE, RECEIPTS, DIFFICULTY, NUMBER, TIME, EXTRA, MIX = 0, 2, 3, 5, 7, 8, 11, 12, 13
START: Final = 1_800_000_000
ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

Ballot = tuple[bytes, bool]
"""Recipient of a vote, and whether it is to come in."""


def key_of(name: str) -> PrivateKey:
    """Gives the key of a validator."""
    return PrivateKey(keccak(b"consentry qbft vector/" + name.encode()))


def address_of(name: str) -> bytes:
    """Gives the address of a validator."""
    return key_of(name).public_key.to_canonical_address()


def scalar(number: int) -> bytes:
    """Writes a number as RLP has it."""
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


@dataclass(frozen=True)
class Block:
    """One block: the fields of its header but for ``extraData``, and the parts of that."""

    fields: tuple[bytes, ...]
    validators: tuple[bytes, ...]
    vote: Ballot | None = None
    round: int = 0
    seals: tuple[bytes, ...] = ()
    vanity: bytes = bytes(32)

    def extra(self, *, round_: int, seals: Sequence[bytes]) -> bytes:
        """Writes ``extraData``."""
        vote = [] if self.vote is None else [self.vote[0], b"\xff" if self.vote[1] else b""]
        return bytes(rlp.encode([self.vanity, [*self.validators], vote, scalar(round_), [*seals]]))

    def with_extra(self, extra: bytes) -> bytes:
        """Writes the header with some ``extraData``."""
        return bytes(rlp.encode([*self.fields[:EXTRA], extra, *self.fields[EXTRA:]]))

    @property
    def encoded(self) -> bytes:
        """The header as a node serves it."""
        return self.with_extra(self.extra(round_=self.round, seals=self.seals))

    @property
    def hash(self) -> bytes:
        """What the next block names as its parent."""
        return keccak(self.with_extra(self.extra(round_=0, seals=[])))

    @property
    def seal_hash(self) -> bytes:
        """What validators sign."""
        return keccak(self.with_extra(self.extra(round_=self.round, seals=[])))

    @property
    def number(self) -> int:
        """Height of the block."""
        return int.from_bytes(self.fields[NUMBER], "big")

    def put(self, place: int, value: bytes) -> Block:
        """Gives the block with another field; seals stay as they are."""
        at = place if place < EXTRA else place - 1
        return replace(self, fields=(*self.fields[:at], value, *self.fields[at + 1 :]))

    def sealed_by(self, names: Sequence[str]) -> Block:
        """Gives the block with the seals of these validators."""
        return replace(self, seals=tuple(key_of(name).sign_msg_hash(self.seal_hash).to_bytes() for name in names))


def high_s(seal: bytes) -> bytes:
    """Gives the other signature of the same key over the same bytes: s above half the order, v turned."""
    s = ORDER - int.from_bytes(seal[32:64], "big")
    return seal[:32] + s.to_bytes(32, "big") + bytes([1 - seal[64]])


def header_fields(number: int, parent: bytes, proposer: bytes, optional: Sequence[bytes]) -> tuple[bytes, ...]:
    """Gives the fields of a header in their order, without ``extraData``; roots differ from block to block."""
    return (
        *(parent, NO_OMMERS, proposer, keccak(b"state %d" % number), EMPTY_TRIE, keccak(b"receipts %d" % number)),
        *(bytes(256), b"\1", scalar(number), scalar(300_000_000), b"", scalar(START + number), DIGEST, bytes(8)),
        *optional,
    )


CANCUN: Final = (b"", EMPTY_TRIE, b"", b"")
"""Base fee, root of withdrawals, both fields of blob gas: where the headers of Besu's QBFT end."""


@dataclass
class Chain:
    """Blocks from the first on; ``names`` are all who ever validate."""

    first: Sequence[str]
    names: Sequence[str]
    epoch_length: int
    optional: tuple[bytes, ...] = CANCUN
    blocks: list[Block] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Writes the first block, which nobody seals; its list need not be in order."""
        fields = header_fields(0, bytes(32), bytes(20), self.optional)
        self.blocks.append(Block(fields, tuple(address_of(name) for name in self.first)))

    def members(self) -> list[str]:
        """Names those who seal the next block, by address: every vote that still stands is counted again."""
        current = {address_of(name) for name in self.first}
        wants_in: dict[bytes, set[bytes]] = {}
        wants_out: dict[bytes, set[bytes]] = {}
        for block in self.blocks[1:]:
            if block.number % self.epoch_length == 0:
                wants_in, wants_out = {}, {}
            elif block.vote is not None:
                whom, voter = block.vote[0], block.fields[MINER]
                for_it, against = (wants_in, wants_out) if block.vote[1] else (wants_out, wants_in)
                for_it[whom] = for_it.get(whom, set()) | {voter}
                against[whom] = against.get(whom, set()) - {voter}
                if len(for_it[whom]) < len(current) // 2 + 1:
                    continue
                del wants_in[whom], wants_out[whom]
                current = current | {whom} if block.vote[1] else current - {whom}
                if not block.vote[1]:
                    for ballots in (*wants_in.values(), *wants_out.values()):
                        ballots.discard(whom)
        return sorted((name for name in self.names if address_of(name) in current), key=address_of)

    def write(
        self,
        *,
        proposer: str | None = None,
        vote: tuple[str, bool] | None = None,
        round_: int = 0,
        sealers: Sequence[str] | None = None,
    ) -> Block:
        """Writes the next block, sealed by just enough; proposer and sealers go round."""
        members, number = self.members(), len(self.blocks)
        enough = (2 * len(members) + 2) // 3
        turning = [members[(number + place) % len(members)] for place in range(enough)]
        block = Block(
            header_fields(number, self.blocks[-1].hash, address_of(proposer or turning[0]), self.optional),
            tuple(address_of(name) for name in members),
            (address_of(vote[0]), vote[1]) if vote else None,
            round_,
        ).sealed_by(sealers or turning)
        self.blocks.append(block)
        return block
