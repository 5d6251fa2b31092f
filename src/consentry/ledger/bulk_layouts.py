"""How logs are laid out in a node's answer, and logs taken by a layout: digits into bytes, by compiled code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from consentry.audit.columns import ROW, WORD
from consentry.audit.compiled import compiled

DECIDED_TOPICS: Final = 4
"""Topics of a decision."""
DATA_BYTES: Final = 7 * WORD
"""Bytes of its data."""
TOPIC: Final = 2 + 2 * WORD
"""Characters of a topic."""
DATA: Final = 2 + 2 * DATA_BYTES
"""Characters of the data of a decision."""
ROOM: Final = ROW + 2 * WORD
"""Bytes that are kept of a log: ten words if it is a decision, and the hashes of its transaction and block."""
END: Final = ord("]")
_LEAST_TEXT: Final = 400
"""Characters of a log that is taken by a layout, at least; where there are shorter ones, room may be short too."""
_MOST_DIGITS: Final = 15
"""Of block number and log index, which are 64 bits wide where they go."""
_NUMBERS: Final = (("blockNumber", 0), ("logIndex", 0))
_KIND: Final = {("address", 0), ("topics", 1)}
_PLACES: Final = {
    ("topics", 2): (0, WORD),
    ("topics", 3): (WORD, WORD),
    ("topics", 4): (2 * WORD, WORD),
    ("data", 0): (3 * WORD, DATA_BYTES),
}
"""Where in a row the values of a decision go, and how many bytes they have."""
_HASHES: Final = {("transactionHash", 0): (ROW, WORD), ("blockHash", 0): (ROW + WORD, WORD)}
"""Where those of any log go."""
_HEXADECIMAL: Final = re.compile("0x[0-9a-f]*")
_COMMA, _ZERO, _NINE, _A, _F = b",09af"

Json = Any
Name = tuple[str, int]
"""Of a value: its name, and zero; if there is a list of them, its place in it, from one on."""
Spans = dict[Name, tuple[int, int]]
Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which logs are decisions: those of the access ledger with this first topic, both hexadecimal."""

    ledger: str
    decided: str


class Layout(NamedTuple):
    """How a log is laid out.

    Attributes:
        text: the first one, its characters.
        same: where others say the same; of each span a row: start and length.
        others: where they have digits of their own that are not kept; rows of start and length.
        kept: where digits are that are kept as bytes; rows of start, bytes, and where in `Room.content` they go.
        numbers: where block number and log index are, in this order; two rows of start and length.
        decides: whether it is a decision.
    """

    text: Bytes
    same: Numbers
    others: Numbers
    kept: Numbers
    numbers: Numbers
    decides: bool


class Room(NamedTuple):
    """Where logs go, a row each.

    Attributes:
        starts: of each row, where its text begins in the answer.
        content: of each row, `ROOM` bytes: ten words, zero unless it is a decision; hashes of transaction and block.
        places: of each row, block number and log index.
        decides: of each row, whether it is a decision.
    """

    starts: Numbers
    content: Bytes
    places: Numbers
    decides: NDArray[np.bool_]

    @classmethod
    def for_answer(cls, answer: bytes) -> Room:
        """Gives room for as many logs as an answer may have."""
        most = len(answer) // _LEAST_TEXT + 2
        content, places = np.zeros((most, ROOM), np.uint8), np.zeros((most, 2), np.int64)
        return cls(np.zeros(most, np.int64), content, places, np.zeros(most, np.bool_))


def layout_of(text: bytes, wanted: Wanted) -> Layout | None:
    """Gives the layout of a log; none if it is written in a way of its own, or is no log."""
    try:
        told = from_json(text)
        if _written(told).encode() != text:
            return None
        # What kind of log it is, is part of how it is laid out.
        spans = {name: span for name, span in _spans(told) if name not in _KIND}
        decides = _decides(told, wanted)
        kept = _PLACES | _HASHES if decides else _HASHES
        if not _are_whole(spans, kept):
            return None
        return Layout(
            np.frombuffer(text, np.uint8),
            _array([*_between(sorted(spans.values()), len(text))], 2),
            _array([span for name, span in spans.items() if name not in {*kept, *_NUMBERS}], 2),
            _array([(spans[name][0], size, place) for name, (place, size) in kept.items()], 3),
            _array([spans[name] for name in _NUMBERS], 2),
            decides,
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _are_whole(spans: Spans, kept: Mapping[Name, tuple[int, int]]) -> bool:
    """Tells whether what is kept has as many digits as it has to, and numbers have as many as they may."""
    sizes = all(spans[name][1] == 2 * size for name, (_, size) in kept.items())
    return sizes and all(1 <= spans[name][1] <= _MOST_DIGITS for name in _NUMBERS)


def _decides(told: dict[str, Json], wanted: Wanted) -> bool:
    topics = told["topics"]
    kind = told["address"], topics[:1], [*map(len, topics)], len(told["data"])
    return kind == (wanted.ledger, [wanted.decided], [TOPIC] * DECIDED_TOPICS, DATA)


def _spans(told: dict[str, Json]) -> Iterator[tuple[Name, tuple[int, int]]]:
    """Gives where the digits of each hexadecimal value of a log stand: start and length, by name and place in a list.

    Raises:
        TypeError: there is a list within a list, or an object.
    """
    at = 1
    for key, value in told.items():
        at += len(_written(key)) + 1
        many = value if isinstance(value, list) else [value]
        inner = at + isinstance(value, list)
        for number, each in enumerate(many, start=int(isinstance(value, list))):
            if isinstance(each, list | dict):
                raise TypeError("a log has no more than lists of values")
            if isinstance(each, str) and _HEXADECIMAL.fullmatch(each):
                yield (key, number), (inner + 3, len(each) - 2)
            inner += len(_written(each)) + 1
        at += len(_written(value)) + 1


def _written(value: Json) -> str:
    """Writes JSON without a blank, as nodes do."""
    return json.dumps(value, separators=(",", ":"))


def _between(spans: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Gives what lies between spans, from zero to ``size``."""
    begun = 0
    for start, length in [*spans, (size, 0)]:
        yield begun, start - begun
        begun = start + length


def _array(rows: Sequence[Sequence[int]], columns: int) -> Numbers:
    return np.array(rows, np.int64).reshape(-1, columns)


@compiled()
def _differ(answer: Bytes, start: int, layout: Layout) -> bool:
    """Tells whether the text of a log is laid out otherwise."""
    for span in range(len(layout.same)):
        at, end, found = layout.same[span, 0], layout.same[span, 0] + layout.same[span, 1], 0
        said, expected = answer[start + at : start + end], layout.text[at:end]
        for character in range(len(expected)):
            found += said[character] != expected[character]
        if found:
            return True
    return False


@compiled(inline=True)
def _is_digit(character: np.uint8) -> bool:
    return bool((_ZERO <= character <= _NINE) | (_A <= character <= _F))


@compiled(inline=True)
def _value(character: np.uint8) -> np.uint8:
    # Letters have their sixth bit set, and their last four count from one.
    return np.uint8((character & 0xF) + 9 * (character >> 6))


@compiled()
def _keep(answer: Bytes, start: int, spans: Numbers, kept: Bytes) -> bool:
    """Puts digits into bytes; tells whether all of them are digits."""
    wrong = 0
    for span in range(len(spans)):
        at, size, place = start + spans[span, 0], spans[span, 1], spans[span, 2]
        digits, into = answer[at : at + 2 * size], kept[place : place + size]
        for byte in range(size):
            high, low = digits[2 * byte], digits[2 * byte + 1]
            wrong += not (_is_digit(high) & _is_digit(low))
            into[byte] = np.uint8((_value(high) << 4) | _value(low))
    return wrong == 0


@compiled()
def _are_digits(answer: Bytes, start: int, spans: Numbers) -> bool:
    wrong = 0
    for span in range(len(spans)):
        for character in answer[start + spans[span, 0] : start + spans[span, 0] + spans[span, 1]]:
            wrong += not _is_digit(character)
    return wrong == 0


@compiled()
def _read_numbers(answer: Bytes, start: int, spans: Numbers, found: Numbers) -> bool:
    """Puts numbers into a row; tells whether each is written as it has to be: without a zero in front."""
    for span in range(len(spans)):
        digits, value = answer[start + spans[span, 0] : start + spans[span, 0] + spans[span, 1]], np.int64(0)
        if len(digits) > 1 and digits[0] == _ZERO:
            return False
        for character in digits:
            value = (value << 4) | np.int64(_value(character))
        found[span] = value
    return True


@compiled(cache=True)
def take_rows(answer: Bytes, start: int, row: int, layout: Layout, room: Room) -> tuple[int, int]:
    """Takes logs that are laid out alike; gives the row behind them and where the next one begins.

    It begins behind the bracket at the end of the list if there is none.
    """
    size, closed = len(layout.text), False
    while not closed and start + size < len(answer) and row < len(room.starts):
        closed = answer[start + size] == END
        if _differ(answer, start, layout) or not (closed or answer[start + size] == _COMMA):
            return row, start
        if not (_are_digits(answer, start, layout.others) and _are_digits(answer, start, layout.numbers)):
            return row, start
        if not _read_numbers(answer, start, layout.numbers, room.places[row]):
            return row, start
        if not _keep(answer, start, layout.kept, room.content[row]):
            return row, start
        room.starts[row], room.decides[row] = start, layout.decides
        row, start = row + 1, start + size + 1
    return row, start


def load_compiled() -> None:
    """Has compiled code ready, so that copies of this process have it."""
    spans, places = _array([], 2), _array([], 3)
    layout = Layout(np.frombuffer(b"{}", np.uint8), spans, spans, places, spans, decides=False)
    take_rows(np.frombuffer(b"[]", np.uint8), 1, 0, layout, Room.for_answer(b""))
