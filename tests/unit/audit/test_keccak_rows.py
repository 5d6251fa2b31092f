"""Rows hashed at once are hashed as by pysha3, and heads move as `core.heads` moves them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.audit.keccak_rows import DIGEST, Bytes, chain_rows, hash_padded, hash_rows, padded
from consentry.core.heads import SEQUENCE_BYTES, advance, sequence_of
from consentry.core.keccak import keccak

EDGES = (0, 1, 32, 33, 65, 96, 128, 134, 135, 136, 137, 271, 272, 273, 512)
"""Sizes around those at which padding needs a block of its own, and those an audit hashes."""


def rows_of(drawn: random.Random, rows: int, size: int) -> Bytes:
    """Gives rows of random bytes."""
    return np.frombuffer(drawn.randbytes(rows * size), np.uint8).reshape(rows, size)


@pytest.mark.parametrize("size", EDGES)
def test_rows_are_hashed_as_one_by_one(size: int) -> None:
    rows = rows_of(random.Random(size), 19, size)
    assert [row.tobytes() for row in hash_rows(rows)] == [keccak(row.tobytes()) for row in rows]


@given(st.binary(max_size=600), st.binary(max_size=300))
def test_parts_are_hashed_one_behind_the_other(first: bytes, second: bytes) -> None:
    parts = [np.frombuffer(part, np.uint8).reshape(1, len(part)) for part in (first, second)]
    assert hash_rows(*parts).tobytes() == keccak(first + second)


def test_a_part_of_one_row_stands_in_each() -> None:
    drawn = random.Random(1)
    prefix, rows = rows_of(drawn, 1, 5), rows_of(drawn, 9, 40)
    assert [row.tobytes() for row in hash_rows(prefix, rows)] == [
        keccak(prefix.tobytes() + row.tobytes()) for row in rows
    ]


def test_no_rows_have_no_hashes() -> None:
    assert hash_padded(padded(0, 64)).shape == (0, DIGEST)


def test_words_of_the_hash_of_nothing() -> None:
    known = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert hash_padded(padded(1, 0)).tobytes().hex() == known


@given(st.integers(1, 20), st.integers(0, 80), st.randoms(use_true_random=False))
def test_heads_move_as_one_by_one(chains: int, rows: int, drawn: random.Random) -> None:
    heads = [
        drawn.randbytes(DIGEST - SEQUENCE_BYTES) + drawn.randrange(2**40).to_bytes(6, "big") for _ in range(chains)
    ]
    slots = [drawn.randrange(chains) for _ in range(rows)]
    keys, entries = rows_of(drawn, rows, DIGEST), rows_of(drawn, rows, DIGEST)
    moved, numbers = np.frombuffer(bytearray(b"".join(heads)), np.uint8).reshape(-1, DIGEST), list[bytes]()
    for slot, key, entry in zip(slots, keys, entries, strict=True):
        numbers.append((sequence_of(heads[slot]) + 1).to_bytes(SEQUENCE_BYTES, "big"))
        heads[slot] = advance(key.tobytes(), heads[slot], entry.tobytes())
    said = np.frombuffer(b"".join(numbers), np.uint8).reshape(-1, SEQUENCE_BYTES)
    chain_rows(moved, np.array(slots, np.int64), keys, entries, said)
    assert [head.tobytes() for head in moved] == heads
