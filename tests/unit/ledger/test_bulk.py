"""The chain in bulk: a node that gives little at a time, logs out of order, a node that says no."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from consentry.audit.columns import Plain, Segment
from consentry.core.events import AccessDecided
from consentry.core.terms import Address
from consentry.core.typed_data import Domain
from consentry.errors import LedgerUnavailableError
from consentry.ledger.abi import artifact
from consentry.ledger.bulk import Bulk
from consentry.ledger.bulk_blocks import BlockReader, Source
from tests.support import samples

LEDGER = Address(samples.address(8))
SOURCE = Source("http://127.0.0.1:1", (LEDGER,), LEDGER, Domain("Consentry AccessLedger", 7, LEDGER))
DECIDED = next(d for d, s in artifact("AccessLedger").events.items() if s.name == "AccessDecided")
RELAY_REMOVED = next(d for d, s in artifact("Participants").events.items() if s.name == "RelayRemoved")


def log(block: int, index: int) -> dict[str, Any]:
    """Gives a log as a node does."""
    relay = "0x" + samples.address(index).rjust(32, b"\0").hex()
    return {
        "address": "0x" + LEDGER.hex(),
        "topics": ["0x" + RELAY_REMOVED.hex(), relay, "0x" + samples.address(2).rjust(32, b"\0").hex()],
        "data": "0x",
        "blockNumber": hex(block),
        "blockHash": "0x" + samples.word(block).hex(),
        "transactionHash": "0x" + samples.word(1000 * block + index).hex(),
        "logIndex": hex(index),
    }


class Node:
    """Gives logs of so many blocks at once and no more."""

    def __init__(self, most: int) -> None:
        self.most, self.begun = most, 0
        self.size: object = "0x300"
        self.looked_at: list[tuple[int, bool]] = []
        self.asked: list[tuple[int, int]] = []

    def ask(self, questions: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        return [getattr(self, method)(*parameters) for method, parameters in questions]

    def begin(self) -> None:
        """Has patience anew."""
        self.begun += 1

    def ask_one(
        self,
        method: str,
        parameters: list[Any],
        read: Callable[[bytes], Any],
        *,
        may_ask_less: bool,
    ) -> Any:  # noqa: ANN401 - JSON
        [told] = self.ask([(method, parameters)])
        assert may_ask_less == (parameters[0]["fromBlock"] != parameters[0]["toBlock"])
        try:
            return read(json.dumps({"jsonrpc": "2.0", "id": 0, "result": told}).encode())
        except TypeError as error:
            raise LedgerUnavailableError("node does not answer") from error

    def eth_getLogs(self, wanted: dict[str, Any]) -> list[Any]:  # noqa: N802 - the method's own name
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        self.asked.append((first, last))
        if last - first + 1 > self.most:
            raise LedgerUnavailableError("node refuses (too many)")
        return [log(block, index) for block in range(first, last + 1) for index in (12, 3)]

    def eth_getBlockByNumber(self, number: str, whole: bool) -> dict[str, Any]:  # noqa: N802, FBT001 - as nodes have it
        block = int(number, 16)
        self.looked_at.append((block, whole))
        told = {"hash": "0x" + samples.word(block).hex(), "timestamp": hex(900 + block), "size": self.size}
        return {**told, "transactions": [] if whole else ["0x" + samples.word(1000 * block).hex()]}


def reader(most: int) -> tuple[BlockReader, Node]:
    found, node = BlockReader(SOURCE), Node(most)
    found._node = node  # type: ignore[assignment]  # a node of the test's own
    return found, node


@pytest.mark.parametrize("told", [None, 5, True, "0x", {}])
def test_logs_that_are_no_list_are_no_answer(told: object, monkeypatch: pytest.MonkeyPatch) -> None:
    found, node = reader(100)
    monkeypatch.setattr(node, "eth_getLogs", lambda _: told)
    with pytest.raises(LedgerUnavailableError):
        found.read(5, 14, bytes(16))


async def read_by_processes() -> list[tuple[int, Sequence[Segment]]]:
    bulk = Bulk(SOURCE, processes=1)
    bulk.start()
    return [each async for each in bulk.stretches(5, 4, bytes(16))]


async def test_readers_are_copies_where_no_other_thread_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = started(monkeypatch)
    monkeypatch.setattr("consentry.ledger.bulk.threading.active_count", lambda: 1)
    assert await read_by_processes() == []
    assert asked == ["fork"]


async def test_readers_load_anew_beside_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = started(monkeypatch)
    monkeypatch.setattr("consentry.ledger.bulk.threading.active_count", lambda: 2)
    assert await read_by_processes() == []
    assert asked == ["spawn"]


def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Gives how processes are asked to be started from now on; they are copies of a server without threads."""
    asked, real = list[str](), multiprocessing.get_context

    def given(way: str) -> object:
        asked.append(way)
        return real("forkserver")

    monkeypatch.setattr("consentry.ledger.bulk.multiprocessing.get_context", given)
    return asked


@pytest.mark.parametrize("most", [1, 3, 100])
def test_events_come_in_the_order_of_the_chain_however_little_is_given(most: int) -> None:
    found, node = reader(most)
    segments, logs, reached = found.read(5, 14, bytes(16))
    assert reached == 14
    assert node.begun == 1
    places = [event.place for segment in segments if isinstance(segment, list) for event in segment]
    assert [(place.block.number, place.log_index) for place in places] == [
        (block, index) for block in range(5, 15) for index in (3, 12)
    ]
    assert {place.block.time - place.block.number for place in places} == {900}
    assert logs == 20


@pytest.mark.parametrize(
    ("size", "together"), [("0x0", 40), (hex(13_500), 40), (hex(135_000), 4), (hex(1 << 30), 1), (None, 40), ("z", 40)]
)
def test_full_blocks_are_asked_for_in_portions(size: object, together: int) -> None:
    found, node = reader(100)
    node.size = size
    assert found.read(5, 44, bytes(16))[1] == 80
    assert node.asked == [(begun, begun + together - 1) for begun in range(5, 45, together)]


@pytest.mark.parametrize(("last", "looked_at"), [(7, []), (8, [1, 3, 6]), (30, [1, 11, 21])])
def test_some_of_many_blocks_are_looked_at_first(last: int, looked_at: list[int]) -> None:
    found, node = reader(100)
    found.read(1, last, bytes(16))
    assert node.looked_at[: -last or None] == [(number, False) for number in looked_at]


def test_what_was_submitted_is_asked_for_where_something_was_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    found, node = reader(100)
    decided = {**log(7, 30), "topics": ["0x" + DECIDED.hex(), *["0x" + "00" * 32] * 3], "data": "0x" + "00" * 224}
    given = node.eth_getLogs
    monkeypatch.setattr(node, "eth_getLogs", lambda wanted: [*given(wanted), decided])
    found.read(5, 9, bytes(16))
    assert node.looked_at == [(7, True), *((number, False) for number in (5, 6, 8, 9))]


def test_more_than_can_be_held_is_handed_over_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consentry.ledger.bulk_blocks._MOST_LOGS", 7)
    found, _ = reader(3)
    segments, logs, reached = found.read(5, 14, bytes(16))
    assert (logs, reached) == (10, 9)
    assert len(segments) == 10


async def test_what_was_not_handed_over_is_read_next(monkeypatch: pytest.MonkeyPatch) -> None:
    read = list[tuple[int, int]]()

    def some(first: int, last: int, _: bytes) -> tuple[list[object], int, int]:
        reached = min(last, first + 2)
        return [(first, reached)], 1, reached

    monkeypatch.setattr("consentry.ledger.bulk._read", some)
    bulk = Bulk(SOURCE, processes=2)
    bulk._pool = ThreadPoolExecutor(2)  # type: ignore[assignment]  # processes would not have what is patched here
    async for reached, segments in bulk.stretches(5, 60, bytes(16)):
        read += segments  # type: ignore[arg-type]  # as told above
        assert read[-1][1] == reached
    assert [first for first, _ in read] == [5, *(last + 1 for _, last in read[:-1])]
    assert read[-1][1] == 60


def test_log_of_another_block_than_the_node_has_ends_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    found, node = reader(100)
    given = node.eth_getLogs
    other = "0x" + "ee" * 32
    monkeypatch.setattr(node, "eth_getLogs", lambda wanted: [*given(wanted)[:-1], {**log(9, 3), "blockHash": other}])
    with pytest.raises(LedgerUnavailableError, match="reorganised"):
        found.read(5, 9, bytes(16))


def test_blocks_that_are_too_much_together_are_asked_for_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found, node = reader(100)
    ask, asked = node.ask, list[int]()

    def asking(questions: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        asked.append(len(questions))
        if len(questions) > 2:
            raise LedgerUnavailableError("node does not answer (ValueError)")
        return ask(questions)

    monkeypatch.setattr(node, "ask", asking)
    segments, _, _ = found.read(5, 9, bytes(16))
    assert len(segments) == 10
    assert asked == [1, 5, 3, 2, 1, 2]


def test_block_that_is_too_long_whole_is_read_without_its_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    found, node = reader(100)
    decided = {**log(7, 30), "topics": ["0x" + DECIDED.hex(), *["0x" + "00" * 32] * 3], "data": "0x" + "00" * 224}
    given, block = node.eth_getLogs, node.eth_getBlockByNumber
    monkeypatch.setattr(node, "eth_getLogs", lambda wanted: [*given(wanted), decided])

    def without_transactions(number: str, whole: bool) -> dict[str, Any]:  # noqa: FBT001 - as nodes have it
        if whole:
            raise LedgerUnavailableError("node does not answer (ValueError)")
        return block(number, whole)

    monkeypatch.setattr(node, "eth_getBlockByNumber", without_transactions)
    segments, logs, reached = found.read(5, 9, bytes(16))
    assert (logs, reached, len(segments)) == (11, 9, 11)
    events = [event for segment in segments if not isinstance(segment, Plain) for event in segment]
    [access] = [event for event in events if isinstance(event, AccessDecided)]
    assert access.place.block.number == 7


def test_node_that_gives_not_even_one_block_is_no_node() -> None:
    found, node = reader(0)
    with pytest.raises(LedgerUnavailableError, match="too many"):
        found.read(5, 14, bytes(16))
    assert node.asked[-1] == (5, 5)


KILLED = """
import os, signal, sys
from tests.unit.ledger.test_bulk import SOURCE
from consentry.ledger.bulk import Bulk
bulk = Bulk(SOURCE, processes=1)
bulk.start()
print(bulk._pool.submit(os.getpid).result(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_readers_end_with_whoever_started_them() -> None:
    # What they write to has no end as long as one of them lives: then this raises after its time.
    told = subprocess.run(
        [sys.executable, "-c", KILLED], stdout=subprocess.PIPE, timeout=30, check=False, env=with_paths()
    )
    assert told.returncode == -signal.SIGKILL
    assert int(told.stdout)


def with_paths() -> dict[str, str]:
    """Gives the environment in which another interpreter finds what this one does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
