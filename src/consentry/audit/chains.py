"""Rows that belong together: which of them name the same, and whose chains they go on with.

The rows are those of one plain transaction, of which there are `audit.prepare.MOST_ROWS` at most: where somebody
chooses ids so that all fall on one place of a table, each is compared with all, and that still takes some milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from consentry.audit.columns import WORD, Bytes, number_in
from consentry.audit.compiled import compiled
from consentry.audit.keccak_rows import chain_rows
from consentry.core.heads import SEQUENCE_BYTES
from consentry.core.terms import ZERO_32

Key = TypeVar("Key", bound=bytes)
Words = NDArray[np.uint64]
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
_HALF: Final = np.uint64(32)


@compiled(inline=True)
def _differ(row: Words, other: Words) -> bool:
    found = np.uint64(0)
    for word in range(len(row)):
        found |= row[word] ^ other[word]
    return bool(found != 0)


@compiled(cache=True)
def _place_all(rows: Words, table: Numbers, slots: Numbers, firsts: Numbers) -> int:
    """Fills ``slots`` (of each row, its number) and ``firsts`` (of each number, its first row); gives how many numbers.

    ``table`` is room to look for them: a power of two of numbers below zero, and at least twice the rows.
    """
    last, count = len(table) - 1, 0
    for row in range(len(rows)):
        mixed = np.uint64(0)
        for word in rows[row]:
            mixed = (mixed ^ word) * _ODD
            mixed ^= mixed >> _HALF
        place = np.int64(mixed >> _HALF) & last
        while table[place] >= 0 and _differ(rows[firsts[table[place]]], rows[row]):
            place = (place + 1) & last
        if table[place] < 0:
            table[place], firsts[count] = count, row
            count += 1
        slots[row] = table[place]
    return count


@compiled(cache=True)
def _next_in(numbers: Words, slots: Numbers, before: Words) -> int:
    """Gives how many numbers, of rows one behind the other, are the next of their chains; moves ``before`` on."""
    for row in range(len(slots)):
        before[slots[row]] += np.uint64(1)
        if numbers[row] != before[slots[row]]:
            return row
    return len(slots)


def places_of(rows: Bytes | Words) -> tuple[Numbers, Numbers]:
    """Tells rows apart: of each row, which of the different ones it is, and of each of those, where it is met first.

    Args:
        rows: of each, some bytes, eight or a multiple.
    """
    words = np.ascontiguousarray(rows).view(np.uint64)
    slots, firsts = np.empty(len(words), np.int64), np.empty(len(words), np.int64)
    table = np.full(1 << (2 * len(words)).bit_length(), -1, np.int64)
    return slots, firsts[: _place_all(words, table, slots, firsts)]


def first_times(rows: Words) -> Flags:
    """Tells which rows are not there before."""
    slots, firsts = places_of(rows)
    found: Flags = firsts[slots] == np.arange(len(rows))
    return found


@dataclass(frozen=True, slots=True)
class Chains(Generic[Key]):
    """Whose chains some rows belong to.

    Attributes:
        names: those named, each once.
        slots: of each row, the place of its name among them.
    """

    names: list[Key]
    slots: Numbers

    @classmethod
    def of(cls, words: Bytes, name: Callable[[bytes], Key]) -> Chains[Key]:
        """Tells chains apart by a word of each row."""
        slots, firsts = places_of(words)
        content = words[firsts].tobytes()
        return cls([name(content[start : start + WORD]) for start in range(0, len(content), WORD)], slots)

    @classmethod
    def of_one(cls, name: Key, rows: int) -> Chains[Key]:
        """Gives the one chain of all rows."""
        return cls([name], np.zeros(rows, np.int64))

    def are_of(self, place: int) -> Flags:
        """Tells which rows are of a name, by its place."""
        found: Flags = self.slots == place
        return found

    def counts(self, rows: slice, counted: Flags) -> Iterator[tuple[Key, int]]:
        """Gives how many of some rows are counted for each name, if any are."""
        found = np.bincount(self.slots[rows][counted], minlength=len(self.names)).tolist()
        return ((name, count) for name, count in zip(self.names, found, strict=True) if count)

    def first_out_of_line(self, heads: Mapping[Key, bytes], begun: int, stop: int, numbers: Words) -> int:
        """Gives the first of some rows whose number is not the next of its chain; the row behind them if all are."""
        before = number_in(self._heads_in(heads), slice(WORD - SEQUENCE_BYTES, WORD))
        return begun + _next_in(numbers[begun:stop], self.slots[begun:stop], before)

    def move(self, heads: dict[Key, bytes], rows: slice, keys: Bytes, entries: Bytes, numbers: Bytes) -> None:
        """Moves heads past some rows, each by the key of its chain and an entry hash; numbers are those behind them."""
        moved, slots = self._heads_in(heads), self.slots[rows]
        chain_rows(moved, slots, keys, entries, numbers)
        content, touched = moved.tobytes(), np.bincount(slots, minlength=len(self.names)).tolist()
        for slot, (name, rows_of) in enumerate(zip(self.names, touched, strict=True)):
            if rows_of:
                heads[name] = content[slot * WORD : (slot + 1) * WORD]

    def _heads_in(self, heads: Mapping[Key, bytes]) -> Bytes:
        known = bytearray().join([heads.get(name, ZERO_32) for name in self.names])
        return np.frombuffer(known, np.uint8).reshape(-1, WORD)
