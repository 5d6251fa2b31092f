"""Logs in a node's answer, transaction by transaction.

A log is a kilobyte of hexadecimal digits around a few names, and the logs of decisions differ in those digits alone. So
they are not read as JSON one by one: the first of its kind is, which gives a *layout*, and whatever follows and is the
same but for its digits is taken by that layout, digits into bytes, by compiled code. What is laid out otherwise is read
as JSON. Both ways give the same; tests compare them on answers of all kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter, lt
from typing import Any, Final, Protocol

import numpy as np
from pydantic_core import from_json

from consentry.audit.columns import ROW, WORD
from consentry.ledger.bulk_layouts import DATA, DECIDED_TOPICS, END, TOPIC, Layout, Room, Wanted, layout_of, take_rows
from consentry.ledger.bulk_node import results_in

_OPENING: Final = b'"result":['
_MOST_TEXT: Final = 4096
"""Characters of a log that is taken by a layout, at most."""
_MOST_LAYOUTS: Final = 16
_TRIES: Final = 64
_TRIES_A_ROW: Final = 2
"""Layouts that may be tried in vain: who writes every log in another way is read as JSON."""

Json = Any
Group = list[dict[str, Any]]


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
    def block_hash(self) -> str:
        """Hash of its block, hexadecimal."""
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

    @property
    def block_hash(self) -> str:
        found: str = self.logs[0]["blockHash"]
        return found

    def __len__(self) -> int:
        return len(self.logs)

    def log(self, number: int) -> dict[str, Json]:
        return self.logs[number]

    def words(self, first: int) -> bytes | None:
        decided = self.logs[first:]
        topics, data = list(map(_TOPICS_IN, decided)), list(map(_DATA_IN, decided))
        if not decided or _sizes(topics) != {DECIDED_TOPICS} or set(map(_ADDRESS_IN, decided)) != {self.wanted.ledger}:
            return None
        kinds, *told = zip(*topics, strict=True)
        if set(kinds) != {self.wanted.decided} or _sizes(chain(*told)) != {TOPIC} or _sizes(data) != {DATA}:
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
    # A node may say that a transaction stands in several blocks; then it is several.
    groups = (list(group) for _, group in groupby(logs, key=itemgetter("transactionHash", "blockHash", "blockNumber")))
    return [_Told(group, wanted, _is_in_a_row(group)) for group in groups]


def _is_in_a_row(group: Group) -> bool:
    block, first = _place(group[0])
    places = [(hex(block), hex(index)) for index in range(first, first + len(group))]
    return [(entry["blockNumber"], entry["logIndex"]) for entry in group] == places


def _place(log: dict[str, Json]) -> tuple[int, int]:
    return _block(log), int(log["logIndex"], 16)


def _block(log: dict[str, Json]) -> int:
    return int(log["blockNumber"], 16)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The logs of an answer, in the first rows of a room."""

    answer: bytes
    room: Room

    def transactions(self, count: int) -> list[Sent] | None:
        """Gives the first rows by transaction; none if they are not in the order of the chain."""
        blocks, indexes = self.room.places[:count].T
        if (np.diff((blocks << 32) | indexes) <= 0).any() or indexes.max() >> 32 or blocks.max() >> 31:
            return None
        hashes = np.ascontiguousarray(self.room.content[:count, ROW:]).view(np.uint64)
        others = (hashes[1:] != hashes[:-1]).any(axis=1) | (blocks[1:] != blocks[:-1])
        ends = [*(np.flatnonzero(others) + 1).tolist(), count]
        return [_InRows(self, first, end) for first, end in zip([0, *ends], ends, strict=False)]


@dataclass(frozen=True, slots=True)
class _InRows:
    """The logs of a transaction, in rows."""

    rows: _Rows
    first: int
    end: int

    @property
    def hash(self) -> str:
        return "0x" + self.rows.room.content[self.first, ROW : ROW + WORD].tobytes().hex()

    @property
    def block(self) -> int:
        return int(self.rows.room.places[self.first, 0])

    @property
    def block_hash(self) -> str:
        return "0x" + self.rows.room.content[self.first, ROW + WORD :].tobytes().hex()

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


class LogReader:
    """Reads the answers of one node: what laid out the logs of one mostly lays out those of the next."""

    def __init__(self, wanted: Wanted) -> None:
        """Takes which logs are decisions; no layout is known yet."""
        self._wanted = wanted
        self._layouts = list[Layout]()
        self._next = 0

    def logs_in(self, answer: bytes) -> list[Sent]:
        """Gives the logs in the answer to ``eth_getLogs``, in the order of the chain, by transaction.

        Raises:
            LedgerUnavailableError: the node says no.
            ValueError: it is no JSON, or no answer; also as another error of what it is instead.
        """
        found = self._in_rows(answer)
        if found is not None:
            return found
        [logs] = results_in(answer)
        if not isinstance(logs, list):
            raise TypeError("logs are no list")
        return [*_in_order(logs, self._wanted)]

    def _in_rows(self, answer: bytes) -> list[Sent] | None:
        """Reads an answer by layouts; gives none if it has to be read as JSON."""
        begun = answer.find(_OPENING) + len(_OPENING)
        if not answer.startswith(b"{", begun) or begun < len(_OPENING):
            return None
        content, room = np.frombuffer(answer, np.uint8), Room.for_answer(answer)
        row, start, tries = 0, begun, 0
        while answer[start - 1] != END:
            after = row
            for layout in self._layouts_for(answer, start):
                after, start = take_rows(content, start, row, layout, room)
                if after > row:
                    break
                tries += 1
            if after == row or tries > _TRIES + _TRIES_A_ROW * after:
                return None
            row = after
        around = answer[:begun] + answer[start - 1 :]
        return _Rows(answer, room).transactions(row) if _is_plain_answer(around) else None

    def _layouts_for(self, answer: bytes, start: int) -> Iterator[Layout]:
        """Gives the layouts that are known, from the one behind that of the log before; then that of the log itself.

        Logs come in turns: the event of a batch, its decisions, the event of the next.
        """
        count = len(self._layouts)
        for place in [*range(self._next, count), *range(self._next)]:
            self._next = (place + 1) % count
            yield self._layouts[place]
        text = answer[start : answer.find(b"}", start, start + _MOST_TEXT) + 1]
        layout = layout_of(text, self._wanted)
        if layout is not None:
            # The oldest is as good as any to forget.
            self._layouts = [*self._layouts[-_MOST_LAYOUTS + 1 :], layout]
            self._next = 0
            yield layout


def _is_plain_answer(around: bytes) -> bool:
    """Tells whether what is around the logs is an answer, with a list of them in one place."""
    if (around.count(b"{"), around.count(b'"result"'), around.count(b"\\")) != (1, 1, 0):
        return False
    [logs] = results_in(around)
    return isinstance(logs, list)
