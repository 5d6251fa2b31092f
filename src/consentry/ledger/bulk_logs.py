"""Logs in a node's answer, transaction by transaction.

A log is a kilobyte of hexadecimal digits around a few names, and the logs of decisions differ in those digits alone. So
they are not read as JSON one by one: the first of its kind is, which gives a *layout*, and whatever follows and is the
same but for its digits is taken by that layout, digits into bytes, by compiled code. What is laid out otherwise is read
as JSON. Both ways give the same; tests compare them on answers of all kinds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter, lt
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from consentry.audit.columns import ROW, WORD
from consentry.audit.compiled import compiled
from consentry.ledger.bulk_node import results_in

_DECIDED_TOPICS: Final = 4
_DATA_BYTES: Final = 7 * WORD
_TOPIC: Final = 2 + 2 * WORD
_DATA: Final = 2 + 2 * _DATA_BYTES
_OPENING: Final = b'"result":['
_LEAST_TEXT: Final = 150
"""Characters of a log that is taken by a layout, at least; where there are shorter ones, room may be short too."""
_MOST_TEXT: Final = 4096
"""And at most."""
_MOST_LAYOUTS: Final = 16
_TRIES: Final = 64
_TRIES_A_ROW: Final = 2
"""Layouts that may be tried in vain: who writes every log in another way is read as JSON."""
_MOST_DIGITS: Final = 15
_HASH: Final = ("transactionHash", 0)
_NUMBERS: Final = (("blockNumber", 0), ("logIndex", 0))
_KIND: Final = {("address", 0), ("topics", 0)}
_PLACES: Final = {
    ("topics", 1): (0, WORD),
    ("topics", 2): (WORD, WORD),
    ("topics", 3): (2 * WORD, WORD),
    ("data", 0): (3 * WORD, _DATA_BYTES),
    _HASH: (ROW, WORD),
}
"""Where in a row the values of a decision go, and how many bytes they have."""
_HEXADECIMAL: Final = re.compile("0x[0-9a-f]*")
_COMMA, _END, _ZERO, _NINE, _A, _F = b",]09af"

Json = Any
Group = list[dict[str, Any]]
Name = tuple[str, int]
"""Of a value: its name, and its place if there is a list of them."""
Spans = dict[Name, tuple[int, int]]
Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which logs are decisions: those of the access ledger with this first topic, both hexadecimal."""

    ledger: str
    decided: str


class Sent(Protocol):
    """The logs of a transaction."""

    @property
    def hash(self) -> str:
        """Its hash, hexadecimal."""
        ...

    @property
    def block(self) -> int:
        """Number of its block."""
        ...

    @property
    def is_in_a_row(self) -> bool:
        """Tells whether each log stands behind the one before it."""
        ...

    def __len__(self) -> int:
        """Gives how many logs there are."""
        ...

    def log(self, number: int) -> dict[str, Json]:
        """Gives one of them as the node does."""
        ...

    def words(self, first: int) -> bytes | None:
        """Gives topics and data of the decisions from one on, as they are; none if one is something else."""
        ...


def logs_in(answer: bytes, wanted: Wanted) -> list[Sent]:
    """Gives the logs in the answer to ``eth_getLogs``, in the order of the chain, by transaction.

    Raises:
        LedgerUnavailableError: the node says no.
        ValueError: it is no JSON, or no answer; also as another error of what it is instead.
    """
    found = _in_rows(answer, wanted)
    if found is not None:
        return found
    [logs] = results_in(answer)
    if not isinstance(logs, list):
        raise TypeError("logs are no list")
    return [*_in_order(logs, wanted)]


@dataclass(frozen=True, slots=True)
class _Told:
    """The logs of a transaction, read as JSON."""

    logs: Group
    wanted: Wanted
    is_in_a_row: bool

    @property
    def hash(self) -> str:
        found: str = self.logs[0]["transactionHash"]
        return found

    @property
    def block(self) -> int:
        return _block(self.logs[0])

    def __len__(self) -> int:
        return len(self.logs)

    def log(self, number: int) -> dict[str, Json]:
        return self.logs[number]

    def words(self, first: int) -> bytes | None:
        decided = self.logs[first:]
        topics, data = list(map(_TOPICS_IN, decided)), list(map(_DATA_IN, decided))
        if not decided or _sizes(topics) != {_DECIDED_TOPICS} or set(map(_ADDRESS_IN, decided)) != {self.wanted.ledger}:
            return None
        kinds, *told = zip(*topics, strict=True)
        if set(kinds) != {self.wanted.decided} or _sizes(chain(*told)) != {_TOPIC} or _sizes(data) != {_DATA}:
            return None
        columns = [[value[2:] for value in column] for column in (*told, data)]
        words = bytes.fromhex("".join(chain.from_iterable(zip(*columns, strict=True))))
        # Blanks among the digits are read as nothing.
        return words if len(words) == len(decided) * ROW else None


_TOPICS_IN, _DATA_IN, _ADDRESS_IN = map(itemgetter, ("topics", "data", "address"))


def _sizes(values: Iterable[Sized]) -> set[int]:
    return set(map(len, values))


def _in_order(logs: Group, wanted: Wanted) -> Sequence[_Told]:
    """Gives the logs of each transaction in the order of the chain, which is mostly the one they come in."""
    together = _by_transaction(logs, wanted)
    starts = [_place(sent.logs[0]) for sent in together]
    # What is in a row holds no place of another, so all are in order if they begin so.
    if all(map(lt, starts, starts[1:])) and all(sent.is_in_a_row for sent in together):
        return together
    return _by_transaction(sorted(logs, key=_place), wanted)


def _by_transaction(logs: Group, wanted: Wanted) -> list[_Told]:
    groups = (list(group) for _, group in groupby(logs, key=itemgetter("transactionHash")))
    return [_Told(group, wanted, _is_in_a_row(group)) for group in groups]


def _is_in_a_row(group: Group) -> bool:
    block, first = _place(group[0])
    places = [(hex(block), hex(index)) for index in range(first, first + len(group))]
    return [(entry["blockNumber"], entry["logIndex"]) for entry in group] == places


def _place(log: dict[str, Json]) -> tuple[int, int]:
    return _block(log), int(log["logIndex"], 16)


def _block(log: dict[str, Json]) -> int:
    return int(log["blockNumber"], 16)


class _Layout(NamedTuple):
    """How a log is laid out.

    Attributes:
        text: the first one.
        same: where others say the same: start and length of each span.
        others: where they have digits of their own that are not kept.
        kept: where digits are that are kept as bytes: start, bytes, and where in the row they go.
        numbers: where block number and log index are.
        decides: whether it is a decision.
    """

    text: Bytes
    same: Numbers
    others: Numbers
    kept: Numbers
    numbers: Numbers
    decides: bool


class _Room(NamedTuple):
    """Where logs go, a row each.

    Attributes:
        starts: of each row, where its text begins.
        content: of each row, ten words if it is a decision, and the hash of its transaction.
        places: of each row, block number and log index.
        decides: which rows are decisions.
    """

    starts: Numbers
    content: Bytes
    places: Numbers
    decides: NDArray[np.bool_]

    @classmethod
    def for_answer(cls, answer: bytes) -> _Room:
        """Gives room for as many logs as an answer may have."""
        most = len(answer) // _LEAST_TEXT + 2
        content, places = np.zeros((most, ROW + WORD), np.uint8), np.zeros((most, 2), np.int64)
        return cls(np.zeros(most, np.int64), content, places, np.zeros(most, np.bool_))


def _layout_of(text: bytes, wanted: Wanted) -> _Layout | None:
    """Gives the layout of a log; none if it is written in a way of its own, or is no log."""
    try:
        told = from_json(text)
        if _written(told).encode() != text:
            return None
        # What kind of log it is, is part of how it is laid out.
        spans = {name: span for name, span in _spans(told) if name not in _KIND}
        decides = _decides(told, wanted)
        kept = _PLACES if decides else {_HASH: _PLACES[_HASH]}
        if not _are_whole(spans, kept):
            return None
        return _Layout(
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
    return kind == (wanted.ledger, [wanted.decided], [_TOPIC] * _DECIDED_TOPICS, _DATA)


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
        for number, each in enumerate(many):
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
def _differ(answer: Bytes, start: int, layout: _Layout) -> bool:
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
def _take_rows(answer: Bytes, start: int, row: int, layout: _Layout, room: _Room) -> tuple[int, int]:
    """Takes logs that are laid out alike; gives the row behind them and where the next one begins.

    It begins behind the bracket at the end of the list if there is none.
    """
    size, closed = len(layout.text), False
    while not closed and start + size < len(answer) and row < len(room.starts):
        closed = answer[start + size] == _END
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
    layout = _Layout(np.frombuffer(b"{}", np.uint8), spans, spans, places, spans, decides=False)
    _take_rows(np.frombuffer(b"[]", np.uint8), 1, 0, layout, _Room.for_answer(b""))


@dataclass(frozen=True, slots=True)
class _Rows:
    """The logs of an answer, in the first rows of a room."""

    answer: bytes
    room: _Room

    def transactions(self, count: int) -> list[Sent] | None:
        """Gives the first rows by transaction; none if they are not in the order of the chain."""
        blocks, indexes = self.room.places[:count].T
        if (np.diff((blocks << 32) | indexes) <= 0).any() or indexes.max() >> 32 or blocks.max() >> 31:
            return None
        hashes = np.ascontiguousarray(self.room.content[:count, ROW:]).view(np.uint64)
        ends = [*(np.flatnonzero((hashes[1:] != hashes[:-1]).any(axis=1)) + 1).tolist(), count]
        return [_InRows(self, first, end) for first, end in zip([0, *ends], ends, strict=False)]


@dataclass(frozen=True, slots=True)
class _InRows:
    """The logs of a transaction, in rows."""

    rows: _Rows
    first: int
    end: int

    @property
    def hash(self) -> str:
        return "0x" + self.rows.room.content[self.first, ROW:].tobytes().hex()

    @property
    def block(self) -> int:
        return int(self.rows.room.places[self.first, 0])

    @property
    def is_in_a_row(self) -> bool:
        # The order was looked at: none stands twice or before another.
        (block, first), (last_block, last) = self.rows.room.places[[self.first, self.end - 1]].tolist()
        return bool(block == last_block and last - first == len(self) - 1)

    def __len__(self) -> int:
        return self.end - self.first

    def log(self, number: int) -> dict[str, Json]:
        start = int(self.rows.room.starts[self.first + number])
        told: dict[str, Json] = from_json(self.rows.answer[start : self.rows.answer.index(b"}", start) + 1])
        return told

    def words(self, first: int) -> bytes | None:
        some = slice(self.first + first, self.end)
        if first >= len(self) or not self.rows.room.decides[some].all():
            return None
        return self.rows.room.content[some, :ROW].tobytes()


def _in_rows(answer: bytes, wanted: Wanted) -> list[Sent] | None:
    """Reads an answer by layouts; gives none if it has to be read as JSON."""
    begun = answer.find(_OPENING) + len(_OPENING)
    if not answer.startswith(b"{", begun) or begun < len(_OPENING):
        return None
    content, room, layouts = np.frombuffer(answer, np.uint8), _Room.for_answer(answer), list[_Layout]()
    row, start, tries = 0, begun, 0
    while answer[start - 1] != _END:
        after = row
        for layout in _layouts_for(layouts, answer, start, wanted):
            after, start = _take_rows(content, start, row, layout, room)
            if after > row:
                break
            tries += 1
        if after == row or tries > _TRIES + _TRIES_A_ROW * after:
            return None
        row = after
    return _Rows(answer, room).transactions(row) if _is_plain_answer(answer[:begun] + answer[start - 1 :]) else None


def _layouts_for(layouts: list[_Layout], answer: bytes, start: int, wanted: Wanted) -> Iterator[_Layout]:
    """Gives the layouts that are known, then that of the log itself, which is known from then on."""
    yield from layouts
    text = answer[start : answer.find(b"}", start, start + _MOST_TEXT) + 1]
    layout = _layout_of(text, wanted) if len(layouts) < _MOST_LAYOUTS else None
    if layout is not None:
        layouts.append(layout)
        yield layout


def _is_plain_answer(around: bytes) -> bool:
    """Tells whether what is around the logs is an answer, with a list of them in one place."""
    if (around.count(b"{"), around.count(b'"result"'), around.count(b"\\")) != (1, 1, 0):
        return False
    [logs] = results_in(around)
    return isinstance(logs, list)
