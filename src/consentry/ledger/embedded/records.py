"""What stands in the block log: three kinds of record and their byte form (RLP).

::

    G  genesis   chain id, time, gas limit, hardfork, engine, hash of block 0     once, first
    I  intent    number, time, raw transactions         synced before anything is sent to the engine
    S  seal      number, block hash, included           synced before any receipt is handed out

``included`` are positions in the intent's list, in block order: what the engine refused stays outside. A seal with no
hash is a void: the engine refused every transaction, and no block was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import rlp
from rlp.exceptions import DecodingError

from consentry.errors import BlockLogCorruptError

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Genesis:
    """What block 0 follows from, and its hash. Times are Unix seconds."""

    chain_id: int
    time: int
    gas_limit: int
    hardfork: str
    engine: str
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class Intent:
    """One block to be made: its number, its time (Unix seconds) and the raw signed transactions."""

    number: int
    time: int
    transactions: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Seal:
    """The outcome of an intent: the block's hash, and which transactions are in it, in block order."""

    number: int
    block_hash: bytes
    included: tuple[int, ...]

    @property
    def is_void(self) -> bool:
        """Whether no block was made because the engine refused everything."""
        return not self.block_hash


Record = Genesis | Intent | Seal


def encode_record(record: Record) -> bytes:
    """The byte form of a record."""
    fields: list[Any]
    if isinstance(record, Genesis):
        texts = [record.hardfork.encode(), record.engine.encode()]
        fields = [b"G", record.chain_id, record.time, record.gas_limit, *texts, record.block_hash]
    elif isinstance(record, Intent):
        fields = [b"I", record.number, record.time, list(record.transactions)]
    else:
        fields = [b"S", record.number, record.block_hash, list(record.included)]
    return bytes(rlp.encode(fields))


def decode_record(content: bytes) -> Record:
    """The record that a byte form stands for.

    Raises:
        BlockLogCorruptError: the bytes are no record, although their checksum held.
    """
    try:
        kind, *fields = rlp.decode(content, strict=True)
        if kind == b"G":
            chain_id, time, gas_limit, hardfork, engine, block_hash = fields
            texts = hardfork.decode(), engine.decode()
            return Genesis(_number(chain_id), _number(time), _number(gas_limit), *texts, _hash(block_hash))
        if kind == b"I":
            number, time, transactions = fields
            return Intent(_number(number), _number(time), tuple(bytes(raw) for raw in transactions))
        if kind == b"S":
            number, block_hash, included = fields
            positions = tuple(_number(position) for position in included)
            return Seal(_number(number), _hash(block_hash) if block_hash else b"", positions)
    except (DecodingError, ValueError, TypeError, AttributeError) as error:
        raise BlockLogCorruptError(f"record of the block log cannot be read ({type(error).__name__})") from error
    raise BlockLogCorruptError(f"kind of record does not match (got {kind!r}, expected G, I or S)")


def _number(field: object) -> int:
    if not isinstance(field, bytes) or field[:1] == b"\0":
        raise ValueError("not a number in shortest form")
    return int.from_bytes(field)


def _hash(field: object) -> bytes:
    if not isinstance(field, bytes) or len(field) != HASH_BYTES:
        raise ValueError("not a hash")
    return bytes(field)
