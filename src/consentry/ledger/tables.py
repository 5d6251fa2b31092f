"""Calldata, read where a value is asked for and nowhere else, as the contracts read theirs.

Whoever sends a call may add to it what nobody names, or let a pointer lead anywhere. The contract never looks there; a
reader that decoded the whole call would not get past it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar, overload

from consentry.core.typed_data import WORD
from consentry.ledger.coding import Row

UNREADABLE: Final = (IndexError, OverflowError, ValueError)
"""What reading raises where the contract reverts."""
Value_co = TypeVar("Value_co", covariant=True)


class Table(Sequence[Value_co]):
    """Values of one size, one behind the other; each is read when it is taken."""

    def __init__(self, extent: Callable[[], tuple[int, int]], size: int, read: Callable[[int], Value_co]) -> None:
        """Takes what tells where the first stands and how many there are, the bytes of each, and what reads one."""
        self._extent, self._size, self._read = cache(extent), size, read

    def __len__(self) -> int:
        """Gives how many there are.

        Raises:
            ValueError: they cannot be found.
        """
        return self._extent()[1]

    @overload
    def __getitem__(self, place: int) -> Value_co: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Value_co]: ...

    def __getitem__(self, place: int | slice) -> Value_co | Sequence[Value_co]:
        """Reads one value, or several.

        Raises:
            IndexError: there is none.
            ValueError: it cannot be found or read.
        """
        start, count = self._extent()
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(count))]
        if not 0 <= place < count:
            raise IndexError(f"place lies beyond its table (got {place}, expected below {count})")
        return self._read(start + place * self._size)


class Words(Sequence[bytes]):
    """The words of a ``bytes32[]`` where they stand in a call, equal to a tuple of the same.

    Each is copied when it is taken. An array is paid for once and may be named by every request, overlap with others,
    and be as long as the call; the contract reads it for a request whose signature holds, and for no other.
    """

    __slots__ = ("_count", "_data", "_start")

    def __init__(self, data: bytes, start: int, count: int) -> None:
        """Takes the call, where the first word stands, and how many there are, all of them within the call."""
        self._data, self._start, self._count = data, start, count

    def __len__(self) -> int:
        """Gives how many there are."""
        return self._count

    @overload
    def __getitem__(self, place: int) -> bytes: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[bytes]: ...

    def __getitem__(self, place: int | slice) -> bytes | Sequence[bytes]:
        """Gives one word, or several.

        Raises:
            IndexError: there is none.
        """
        if isinstance(place, slice):
            return tuple(self)[place]
        at = self._start + range(self._count)[place] * WORD
        return self._data[at : at + WORD]

    def __eq__(self, other: object) -> bool:
        """Tells whether another sequence has the same words."""
        if not isinstance(other, Words | tuple):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    def __hash__(self) -> int:
        """As of a tuple."""
        return hash(tuple(self))


class Calldata:
    """The bytes of one call. Places are counted from its first byte; a pointer is counted from a base."""

    def __init__(self, data: bytes) -> None:
        """Takes the call with its selector."""
        self._data = data

    def along(self, base: int, pointer: int) -> int:
        """Gives where a pointer leads. That may be backwards: the compiler compares it as signed.

        Raises:
            ValueError: the pointer itself lies behind the call.
        """
        word = self._word(pointer)
        return base + (word - (1 << 256) if word >> 255 else word)

    def bytes_at(self, base: int, pointer: int) -> bytes:
        """Gives the ``bytes`` a pointer leads to; what pads them is not looked at.

        Raises:
            ValueError: it leads out of the call.
        """
        start, length = self._extent(base, pointer, 1)
        return self._content(start, length) if length else b""

    def words_at(self, base: int, pointer: int) -> Words:
        """Gives the ``bytes32[]`` a pointer leads to.

        Raises:
            ValueError: it leads out of the call.
        """
        return Words(self._data, *self._extent(base, pointer, WORD))

    def values(
        self, base: int, pointer: int, member: Mapping[str, Any], made: Callable[..., Value_co]
    ) -> Table[Value_co]:
        """Gives the array a pointer leads to, of values of a fixed size; each is read once.

        Args:
            base: what the pointer is counted from.
            pointer: where it stands.
            member: what the ABI says of the array: one of structs, or of values of one word.
            made: makes a value of its parts.
        """
        parts = member.get("components") or [{"type": str(member["type"]).removesuffix("[]")}]
        size, row = len(parts) * WORD, Row(parts)

        def read(start: int) -> Value_co:
            return made(*row.decode(self._content(start, size)))

        return Table(lambda: self._extent(base, pointer, size), size, cache(read))

    def pointers(self, base: int, pointer: int, read: Callable[[int, int], Value_co]) -> Table[Value_co]:
        """Gives the array a pointer leads to, of values behind pointers of their own; ``read`` follows one."""

        def extent() -> tuple[int, int]:
            return self._extent(base, pointer, WORD)

        return Table(extent, WORD, lambda start: read(extent()[0], start))

    def _extent(self, base: int, pointer: int, size: int) -> tuple[int, int]:
        """Gives where the array a pointer leads to begins, and how many values of ``size`` bytes it has."""
        place = self.along(base, pointer)
        count, start = self._word(place), place + WORD
        if count and start + count * size > len(self._data):
            raise ValueError("array leads out of the call")
        return start, count

    def _word(self, place: int) -> int:
        """Gives the number at a place; before the first byte the machine reads zeros."""
        return 0 if place < 0 else int.from_bytes(self._content(place, WORD), "big")

    def _content(self, start: int, length: int) -> bytes:
        if start + length > len(self._data):
            raise ValueError("pointer leads out of the call")
        return self._data[start : start + length]
