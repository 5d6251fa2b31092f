"""Sets of many ids in little memory: 16 bytes of a keyed hash for each, in one array.

A Python set of ten million request ids takes gigabytes. What is kept here instead is keccak-256 of a key, which is
drawn for the set, and the id, cut to 16 bytes: nobody can look for two ids that are taken for one, and with n ids the
chance that any two are is below n² / 2^128.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, MutableSet
from typing import Final

import numpy as np
from numpy.typing import NDArray

from consentry.audit.compiled import compiled
from consentry.audit.keccak_rows import hash_rows
from consentry.core.keccak import keccak
from consentry.core.terms import Address

DIGEST_SIZE: Final = 16
_WORDS: Final = 2
_FIRST_SLOTS: Final = 1 << 10
_MOST_FULL: Final = 0.62
"""Above this share of its slots an array is doubled: probes stay short, and 2^24 slots hold ten million."""

_INSTEAD: Final = (1, 0)
"""Stands for the digest that is zero."""

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]


def digests_by(key: bytes, *parts: Bytes) -> Words:
    """Gives the digests of ids under a key, two words each; none of them is zero.

    Args:
        key: of a set.
        parts: rows of bytes: what each id is made of, one part behind the other.
    """
    hashed = hash_rows(np.frombuffer(key, np.uint8).reshape(1, -1), *parts)
    return _none_zero(np.ascontiguousarray(hashed[:, :DIGEST_SIZE]).view(np.uint64))


def _none_zero(digests: Words) -> Words:
    digests[_are_zero(digests)] = _INSTEAD
    return digests


def _are_zero(digests: Words) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (digests[:, 0] | digests[:, 1]) == 0
    return found


@compiled(cache=True)
def _find_all(slots: Words, digests: Words, found: NDArray[np.bool_]) -> None:
    last = np.uint64(len(slots) - 1)
    for row in range(len(digests)):
        first, second = digests[row, 0], digests[row, 1]
        place = first & last
        while slots[place, 0] != 0 or slots[place, 1] != 0:
            if slots[place, 0] == first and slots[place, 1] == second:
                found[row] = True
                break
            place = (place + np.uint64(1)) & last


@compiled(cache=True)
def _put_all(slots: Words, digests: Words) -> None:
    """Puts distinct digests, none of which is there, into empty slots."""
    last = np.uint64(len(slots) - 1)
    for row in range(len(digests)):
        place = digests[row, 0] & last
        while slots[place, 0] != 0 or slots[place, 1] != 0:
            place = (place + np.uint64(1)) & last
        slots[place] = digests[row]


class DigestSet:
    """Digests in an open-addressed table with linear probing; an empty slot is zero, which no digest is."""

    def __init__(self) -> None:
        """Draws a key."""
        self._key = secrets.token_bytes(DIGEST_SIZE)
        self._slots: Words = np.zeros((_FIRST_SLOTS, _WORDS), np.uint64)
        self._count = 0

    def __len__(self) -> int:
        """Gives how many there are."""
        return self._count

    @property
    def key(self) -> bytes:
        """The key of the digests: whoever has it can make them, and look for two ids with the same."""
        return self._key

    @property
    def nbytes(self) -> int:
        """Bytes of memory the table takes."""
        return self._slots.nbytes

    def __getstate__(self) -> tuple[bytes, int, bytes]:
        """Gives key, count and slots for `audit.checkpoint`."""
        return self._key, self._count, self._slots.tobytes()

    def __setstate__(self, state: tuple[bytes, int, bytes]) -> None:
        """Takes what was written down."""
        self._key, self._count, slots = state
        self._slots = np.frombuffer(slots, np.uint64).reshape(-1, _WORDS).copy()

    def digests_of(self, ids: Iterable[bytes]) -> Words:
        """Gives the digests of ids, two words each; they mean something to this set alone."""
        made = b"".join(keccak(self._key + each)[:DIGEST_SIZE] for each in ids)
        return _none_zero(np.frombuffer(bytearray(made), np.uint64).reshape(-1, _WORDS))

    def holds(self, digests: Words) -> NDArray[np.bool_]:
        """Tells of each digest whether it is there."""
        found = np.zeros(len(digests), np.bool_)
        _find_all(self._slots, digests, found)
        return found

    def add(self, digests: Words) -> None:
        """Adds digests; those that are there, or given twice, count once."""
        if len(digests) > 1:
            digests = np.unique(digests, axis=0)
        self.add_new(digests[~self.holds(digests)])

    def add_new(self, digests: Words) -> None:
        """Adds digests that are known not to be there, each given once."""
        self._make_room(len(digests))
        _put_all(self._slots, digests)
        self._count += len(digests)

    def _make_room(self, more: int) -> None:
        size = len(self._slots)
        while self._count + more > _MOST_FULL * size:
            size *= 2
        if size > len(self._slots):
            kept = self._slots[~_are_zero(self._slots)]
            self._slots = np.zeros((size, _WORDS), np.uint64)
            _put_all(self._slots, kept)


class UsedRequests(MutableSet[tuple[Address, int]]):
    """``LedgerState.decided`` in little memory: which institution had which request id decided.

    It cannot tell its members, only whether one is there.
    """

    def __init__(self) -> None:
        """Begins empty."""
        self.digests = DigestSet()

    def __contains__(self, member: object) -> bool:
        """Tells whether a request id of an institution was decided."""
        if not isinstance(member, tuple):
            return False
        return bool(self.digests.holds(self._digest(*member))[0])

    def __len__(self) -> int:
        """Gives how many there are."""
        return len(self.digests)

    def __iter__(self) -> Iterator[tuple[Address, int]]:
        """Refuses: members are not kept."""
        raise TypeError("request ids are kept as digests and cannot be listed")

    def add(self, value: tuple[Address, int]) -> None:
        """Adds a request id of an institution."""
        self.digests.add(self._digest(*value))

    def discard(self, value: tuple[Address, int]) -> None:
        """Refuses: nothing is taken out."""
        raise TypeError(f"what was decided stays decided (got request {value[1]} to take out)")

    def _digest(self, institution: Address, number: int) -> Words:
        return self.digests.digests_of([institution + number.to_bytes(32, "big")])
