"""Keccak-256 of many short contents at once, compiled by numba: an audit makes ten permutations for each access.

`core.keccak` hashes one content by the C code of pysha3, where half of the time goes into making the object and its
digest. Here rows are hashed in one loop of machine code. Tests compare the two.

Source: the Keccak reference (keccak.team), section 1.2, with rate 1088 and the padding of Ethereum, which is older than
that of FIPS 202.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from consentry.audit.compiled import compiled

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

DIGEST: Final = 32
_RATE: Final = 136
_RATE_WORDS: Final = _RATE // 8
_LANES: Final = 25
_DIGEST_WORDS: Final = DIGEST // 8
_MANY: Final = 8
"""States that are hashed side by side: as many lanes as the widest registers have."""
_FIRST_PAD: Final = 0x01
_LAST_PAD: Final = 0x80
_ROUNDS: Final = np.array(
    [
        *(0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000),
        *(0x000000000000808B, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009),
        *(0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A),
        *(0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003),
        *(0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A),
        *(0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008),
    ],
    np.uint64,
)


@compiled()
def _left(lane: np.uint64, bits: int) -> np.uint64:
    return (lane << np.uint64(bits)) | (lane >> np.uint64(64 - bits))


@compiled()
def _five(s: Words, first: int, step: int) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64, np.uint64]:
    return s[first], s[first + step], s[first + 2 * step], s[first + 3 * step], s[first + 4 * step]


@compiled()
def _put_five(
    s: Words, first: int, step: int, b0: np.uint64, b1: np.uint64, b2: np.uint64, b3: np.uint64, b4: np.uint64
) -> None:
    s[first], s[first + step] = b0 ^ (~b1 & b2), b1 ^ (~b2 & b3)
    s[first + 2 * step], s[first + 3 * step], s[first + 4 * step] = b2 ^ (~b3 & b4), b3 ^ (~b4 & b0), b4 ^ (~b0 & b1)


@compiled(inline=True)
def _round(s: Words, width: int, constant: np.uint64) -> None:
    """Does one round with as many states as stand side by side: lane x, y of each at (x + 5 y) times the width.

    Where the width is known, the compiler makes the loop one of wide registers, which do the same with several states
    at once.
    """
    for of in range(width):
        a0, a1, a2, a3, a4 = _five(s, of, width)
        a5, a6, a7, a8, a9 = _five(s, 5 * width + of, width)
        a10, a11, a12, a13, a14 = _five(s, 10 * width + of, width)
        a15, a16, a17, a18, a19 = _five(s, 15 * width + of, width)
        a20, a21, a22, a23, a24 = _five(s, 20 * width + of, width)
        # Theta: d is the parity of two columns.
        c0, c1, c2 = a0 ^ a5 ^ a10 ^ a15 ^ a20, a1 ^ a6 ^ a11 ^ a16 ^ a21, a2 ^ a7 ^ a12 ^ a17 ^ a22
        c3, c4 = a3 ^ a8 ^ a13 ^ a18 ^ a23, a4 ^ a9 ^ a14 ^ a19 ^ a24
        d0, d1, d2 = c4 ^ _left(c1, 1), c0 ^ _left(c2, 1), c1 ^ _left(c3, 1)
        d3, d4 = c2 ^ _left(c4, 1), c3 ^ _left(c0, 1)
        # Rho and pi: each lane turned, and moved to y, 2 x + 3 y.
        b0, b1, b2 = a0 ^ d0, _left(a6 ^ d1, 44), _left(a12 ^ d2, 43)
        b3, b4 = _left(a18 ^ d3, 21), _left(a24 ^ d4, 14)
        b5, b6, b7 = _left(a3 ^ d3, 28), _left(a9 ^ d4, 20), _left(a10 ^ d0, 3)
        b8, b9 = _left(a16 ^ d1, 45), _left(a22 ^ d2, 61)
        b10, b11, b12 = _left(a1 ^ d1, 1), _left(a7 ^ d2, 6), _left(a13 ^ d3, 25)
        b13, b14 = _left(a19 ^ d4, 8), _left(a20 ^ d0, 18)
        b15, b16, b17 = _left(a4 ^ d4, 27), _left(a5 ^ d0, 36), _left(a11 ^ d1, 10)
        b18, b19 = _left(a17 ^ d2, 15), _left(a23 ^ d3, 56)
        b20, b21, b22 = _left(a2 ^ d2, 62), _left(a8 ^ d3, 55), _left(a14 ^ d4, 39)
        b23, b24 = _left(a15 ^ d0, 41), _left(a21 ^ d1, 2)
        # Chi within each row, and iota.
        _put_five(s, of, width, b0, b1, b2, b3, b4)
        s[of] ^= constant
        _put_five(s, 5 * width + of, width, b5, b6, b7, b8, b9)
        _put_five(s, 10 * width + of, width, b10, b11, b12, b13, b14)
        _put_five(s, 15 * width + of, width, b15, b16, b17, b18, b19)
        _put_five(s, 20 * width + of, width, b20, b21, b22, b23, b24)


@compiled()
def _permute_one(s: Words) -> None:
    """Keccak-f[1600] in place."""
    for constant in _ROUNDS:
        _round(s, 1, constant)


@compiled()
def _permute_many(s: Words) -> None:
    """Keccak-f[1600] in place, of ``_MANY`` states side by side."""
    for constant in _ROUNDS:
        _round(s, _MANY, constant)


@compiled()
def _absorb(state: Words, blocks: Words) -> None:
    """Hashes padded blocks, one behind the other, into a state."""
    state[:] = np.uint64(0)
    for start in range(0, len(blocks), _RATE_WORDS):
        for word in range(_RATE_WORDS):
            state[word] ^= blocks[start + word]
        _permute_one(state)


@compiled()
def _absorb_many(states: Words, rows: Words, digests: Words) -> None:
    """Hashes ``_MANY`` rows of padded blocks side by side."""
    states[:] = np.uint64(0)
    for start in range(0, rows.shape[1], _RATE_WORDS):
        for word in range(_RATE_WORDS):
            for of in range(_MANY):
                states[word * _MANY + of] ^= rows[of, start + word]
        _permute_many(states)
    for word in range(_DIGEST_WORDS):
        for of in range(_MANY):
            digests[of, word] = states[word * _MANY + of]


@compiled(cache=True)
def _hash_all(blocks: Words, digests: Words) -> None:
    states, together = np.empty(_LANES * _MANY, np.uint64), len(blocks) // _MANY * _MANY
    for row in range(0, together, _MANY):
        _absorb_many(states, blocks[row : row + _MANY], digests[row : row + _MANY])
    for row in range(together, len(blocks)):
        _absorb(states[:_LANES], blocks[row])
        digests[row] = states[:_DIGEST_WORDS]


@compiled()
def _distinct(slots: NDArray[np.int64], first: int) -> int:
    """Gives how many rows from one on are each of another chain, up to ``_MANY``."""
    for row in range(first + 1, min(first + _MANY, len(slots))):
        for before in range(first, row):
            if slots[before] == slots[row]:
                return row - first
    return min(_MANY, len(slots) - first)


@compiled(cache=True)
def _chain_all(heads: Bytes, slots: NDArray[np.int64], content: Bytes, numbers: Bytes) -> None:
    """Advances heads row by row; ``content`` is room for key, head and entry, padded, with all but the heads there.

    Rows that are each of another chain do not wait for one another.
    """
    states, made = np.empty(_LANES * _MANY, np.uint64), np.empty((_MANY, _DIGEST_WORDS), np.uint64)
    kept, row = DIGEST - numbers.shape[1], 0
    while row < len(slots):
        count = 1 if _distinct(slots, row) < _MANY else _MANY
        for at in range(row, row + count):
            content[at, DIGEST : 2 * DIGEST] = heads[slots[at]]
        if count == 1:
            _absorb(states[:_LANES], content[row].view(np.uint64))
            made[0] = states[:_DIGEST_WORDS]
        else:
            _absorb_many(states, content[row : row + count].view(np.uint64), made)
        for at in range(row, row + count):
            heads[slots[at]] = made[at - row].view(np.uint8)
            heads[slots[at], kept:] = numbers[at]
        row += count


@compiled(cache=True)
def _fold_all(level: Bytes, content: Bytes, start: int) -> None:
    """Hashes neighbours together until one is left, which is the first; ``content`` is room for pairs, padded."""
    count = len(level)
    while count > 1:
        pairs = count // 2
        for pair in range(pairs):
            content[pair, start : start + DIGEST] = level[2 * pair]
            content[pair, start + DIGEST : start + 2 * DIGEST] = level[2 * pair + 1]
        _hash_all(content[:pairs].view(np.uint64), level[:pairs].view(np.uint64))
        # One without a neighbour goes up as it is.
        level[pairs] = level[count - 1]
        count -= pairs


def padded(rows: int, size: int) -> Bytes:
    """Gives room for so many contents of one size, in bytes, padded already; the content itself is zero."""
    made = np.zeros((rows, (size // _RATE + 1) * _RATE), np.uint8)
    made[:, size] = _FIRST_PAD
    made[:, -1] |= _LAST_PAD
    return made


def hash_padded(content: Bytes) -> Bytes:
    """Gives the keccak-256 of each row of what `padded` gave room for: rows of 32 bytes."""
    digests = np.empty((len(content), _DIGEST_WORDS), np.uint64)
    _hash_all(content.view(np.uint64), digests)
    return digests.view(np.uint8)


def hash_rows(*parts: Bytes) -> Bytes:
    """Gives the keccak-256 of each row: what the parts hold of it, one behind the other.

    Args:
        parts: rows of bytes; of a part with a single row, each content has the same.

    Returns:
        Rows of 32 bytes.
    """
    content, start = padded(max(map(len, parts)), sum(part.shape[1] for part in parts)), 0
    for part in parts:
        content[:, start : start + part.shape[1]] = part
        start += part.shape[1]
    return hash_padded(content)


def chain_rows(heads: Bytes, slots: NDArray[np.int64], keys: Bytes, entries: Bytes, numbers: Bytes) -> None:
    """Advances heads in place: `core.heads.advance` row by row, the numbers given.

    Args:
        heads: 32 bytes of each chain.
        slots: of each row, which chain is advanced.
        keys: of each row, the key of its chain, 32 bytes.
        entries: of each row, the entry hash, 32 bytes.
        numbers: of each row, the sequence number behind the new head, as its last bytes.
    """
    content = padded(len(slots), 3 * DIGEST)
    content[:, :DIGEST] = keys
    content[:, 2 * DIGEST : 3 * DIGEST] = entries
    _chain_all(heads, slots, content, np.ascontiguousarray(numbers))


def fold_rows(prefix: Bytes, level: Bytes) -> Bytes:
    """Gives the root of a tree over digests; one without a neighbour goes up as it is.

    Args:
        prefix: what stands in front of two digests that are hashed together, in one row.
        level: the leaves, 32 bytes each; at least one.
    """
    content, start = padded(len(level) // 2, prefix.shape[1] + 2 * DIGEST), prefix.shape[1]
    content[:, :start] = prefix
    folded = level.copy()
    _fold_all(folded, content, start)
    root: Bytes = folded[0]
    return root


def load_compiled() -> None:
    """Has compiled code ready: the first call in a process waits half a second for what runs it, and copies have it."""
    fold_rows(np.zeros((1, 1), np.uint8), hash_padded(padded(2, 0)))
