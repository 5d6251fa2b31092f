"""The chain in bulk: logs and calls of many blocks with two questions, decoded and hashed by other processes.

A node answers one after the other; while one process waits for it or works, the next asks. Whoever audits takes what is
ready, in the order of the chain.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import multiprocessing
import os
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence, Sized
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, groupby
from operator import itemgetter, lt
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic_core import from_json

from consentry.audit.columns import ROW, WORD, Plain, Segment
from consentry.audit.prepare import prepare
from consentry.audit.reading import Stride
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.events import BatchSubmitted, LedgerEvent
from consentry.core.terms import Address
from consentry.core.typed_data import Domain
from consentry.errors import LedgerUnavailableError
from consentry.ledger.abi import CONTRACTS, artifact
from consentry.ledger.bulk_calls import call_in
from consentry.ledger.events import Log, decode_log
from consentry.ledger.manifest import Manifest

SECONDS: Final = 60.0
"""How long an answer may take."""
EVENTS_A_QUESTION: Final = 2_000
"""About as many events are asked for at once: a node takes twice as long for each where its answer has tens of
megabytes, and so does whoever reads it."""
_FIRST_BLOCKS: Final = 8
MOST_BYTES: Final = 1 << 30
"""Of one answer; where that of many blocks is longer, fewer are asked for."""
_PIECE: Final = 1 << 20
_BLOCKS_TOGETHER: Final = 50
_DECIDED_TOPICS: Final = 4
_TOPIC: Final = 2 + 2 * WORD
_DATA: Final = 2 + 2 * 7 * WORD

Json = Any
Group = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a deployment is read, and what its logs are told apart by.

    Attributes:
        url: HTTP address of the node.
        contracts: addresses of the suite.
        ledger: address of the access ledger.
        domain: its EIP-712 domain.
    """

    url: str
    contracts: tuple[Address, ...]
    ledger: Address
    domain: Domain


class Node:
    """A node behind one kept connection, asked by one process."""

    def __init__(self, url: str) -> None:
        """Takes the address; connects with the first question."""
        parts = urlsplit(url)
        made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = made(str(parts.hostname), parts.port, timeout=SECONDS)
        self._path = parts.path or "/"

    def ask(self, questions: Sequence[tuple[str, list[object]]]) -> list[Json]:
        """Asks some questions at once; gives their answers in the same order.

        Raises:
            LedgerUnavailableError: the node does not answer, or says no.
        """
        bodies = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
            for number, (method, parameters) in enumerate(questions)
        ]
        try:
            content = json.dumps(bodies if len(bodies) > 1 else bodies[0])
            self._connection.request("POST", self._path, content, {"Content-Type": "application/json"})
            told = from_json(self._read())
            answers = sorted(told if len(bodies) > 1 else [told], key=itemgetter("id"))
            refused = next((each["error"] for each in answers if "error" in each), None)
            if refused is None:
                return [each["result"] for each in answers]
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
            self._connection.close()
            raise LedgerUnavailableError(f"node does not answer ({type(error).__name__})") from error
        raise LedgerUnavailableError(f"node refuses ({refused})")

    def _read(self) -> bytes:
        """Reads an answer, however slowly it comes, for `SECONDS` at most."""
        answer, until, parts, size = self._connection.getresponse(), time.monotonic() + SECONDS, list[bytes](), 0
        while part := answer.read1(_PIECE):
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES or time.monotonic() > until:
                raise OSError("an answer that does not end")
        # Read piece by piece it does not notice its end, and keeps the connection from the next question.
        answer.close()
        return b"".join(parts)


class BlockReader:
    """Reads blocks of one deployment; stands in each process once."""

    def __init__(self, source: Source) -> None:
        """Takes where to read."""
        self._source, self._ledger = source, _hex(source.ledger)
        self._node = Node(source.url)
        events = {signature.name: digest for digest, signature in artifact("AccessLedger").events.items()}
        self._decided, self._submitted = (_hex(events[name]) for name in ("AccessDecided", "BatchSubmitted"))

    def read(self, first: int, last: int, key: bytes) -> tuple[list[Segment], int]:
        """Gives the segments of blocks ``first`` to ``last``, and how many logs there are.

        Args:
            first: number of the first block.
            last: number of the last block.
            key: of the digests of request ids.

        Raises:
            LedgerUnavailableError: the node does not answer, or with what is no answer.
        """
        logs = self._logs(first, last)
        try:
            blocks = self._blocks(dict.fromkeys([log["blockNumber"] for log in logs]))
            segments = [self._segment(blocks, sent, key) for sent in _in_order(logs)]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise LedgerUnavailableError("node does not answer (with what is no answer)") from error
        return segments, len(logs)

    def _logs(self, first: int, last: int) -> Group:
        """Asks for logs; where a node does not give those of many blocks at once, for those of half as many."""
        wanted = {"address": [_hex(a) for a in self._source.contracts], "fromBlock": hex(first), "toBlock": hex(last)}
        try:
            [logs] = self._node.ask([("eth_getLogs", [wanted])])
        except LedgerUnavailableError:
            if first == last:
                raise
            middle = (first + last) // 2
            return self._logs(first, middle) + self._logs(middle + 1, last)
        if not isinstance(logs, list):
            raise LedgerUnavailableError("node does not answer (with what is no list of logs)")
        return logs

    def _blocks(self, numbers: Mapping[str, None]) -> dict[str, tuple[BlockReference, dict[str, Json]]]:
        """Gives blocks by number, with their transactions by hash."""
        named, found = [*numbers], dict[str, tuple[BlockReference, dict[str, Json]]]()
        for start in range(0, len(named), _BLOCKS_TOGETHER):
            some = named[start : start + _BLOCKS_TOGETHER]
            told = self._node.ask([("eth_getBlockByNumber", [number, True]) for number in some])
            for number, block in zip(some, told, strict=True):
                reference = BlockReference(int(number, 16), _bytes(block["hash"]), int(block["timestamp"], 16))
                found[number] = reference, {sent["hash"]: sent for sent in block["transactions"]}
        return found

    def _segment(
        self, blocks: Mapping[str, tuple[BlockReference, Mapping[str, Json]]], sent: _Transaction, key: bytes
    ) -> Segment:
        block, transactions = blocks[sent.logs[0]["blockNumber"]]
        plain = self._plain(block, transactions.get(sent.hash), sent, key)
        if plain is not None:
            return plain
        found: list[LedgerEvent] = []
        for entry in sent.logs:
            place = EventPlace(block, _bytes(entry["transactionHash"]), int(entry["logIndex"], 16))
            event = decode_log(_log(entry), place)
            if event is not None:
                found.append(event)
        return found

    def _plain(self, block: BlockReference, told: Json, sent: _Transaction, key: bytes) -> Plain | None:
        first = sent.logs[0]
        is_batch = first["topics"][0] == self._submitted
        decided = sent.logs[1:] if is_batch else sent.logs
        words = self._words(decided) if sent.is_in_a_row else None
        if words is None or told is None or _bytes(told.get("to") or "") != self._source.ledger:
            return None
        call = call_in(_bytes(told["input"]), len(decided))
        place = EventPlace(block, _bytes(sent.hash), int(first["logIndex"], 16))
        batch = decode_log(_log(first), place) if is_batch else None
        if call is None or not isinstance(batch, BatchSubmitted | None):
            return None
        place = replace(place, log_index=place.log_index + is_batch)
        return prepare(place, batch, words, call, self._source.domain, key)

    def _words(self, decided: Group) -> bytes | None:
        """Gives topics and data of decisions as they are; none if one is something else."""
        topics, data = list(map(_TOPICS_IN, decided)), list(map(_DATA_IN, decided))
        if not decided or _sizes(topics) != {_DECIDED_TOPICS} or set(map(_ADDRESS_IN, decided)) != {self._ledger}:
            return None
        kinds, *told = zip(*topics, strict=True)
        if set(kinds) != {self._decided} or _sizes(chain(*told)) != {_TOPIC} or _sizes(data) != {_DATA}:
            return None
        columns = [[value[2:] for value in column] for column in (*told, data)]
        words = bytes.fromhex("".join(chain.from_iterable(zip(*columns, strict=True))))
        # Blanks among the digits are read as nothing.
        return words if len(words) == len(decided) * ROW else None


_TOPICS_IN, _DATA_IN, _ADDRESS_IN = map(itemgetter, ("topics", "data", "address"))


def _sizes(values: Iterable[Sized]) -> set[int]:
    return set(map(len, values))


@dataclass(frozen=True, slots=True)
class _Transaction:
    """The logs of a transaction, and whether each stands behind the one before it."""

    hash: str
    logs: Group
    is_in_a_row: bool


def _in_order(logs: Group) -> list[_Transaction]:
    """Gives the logs of each transaction in the order of the chain, which is mostly the one they come in."""
    together = _by_transaction(logs)
    starts = [_place(sent.logs[0]) for sent in together]
    # What is in a row holds no place of another, so all are in order if they begin so.
    if all(map(lt, starts, starts[1:])) and all(sent.is_in_a_row for sent in together):
        return together
    return _by_transaction(sorted(logs, key=_place))


def _by_transaction(logs: Group) -> list[_Transaction]:
    together = ((transaction, list(group)) for transaction, group in groupby(logs, key=itemgetter("transactionHash")))
    return [_Transaction(transaction, group, _is_in_a_row(group)) for transaction, group in together]


def _is_in_a_row(group: Group) -> bool:
    first = int(group[0]["logIndex"], 16)
    return [entry["logIndex"] for entry in group] == [hex(index) for index in range(first, first + len(group))]


def _place(log: Mapping[str, Any]) -> tuple[int, int]:
    return int(log["blockNumber"], 16), int(log["logIndex"], 16)


def _log(entry: Mapping[str, Any]) -> Log:
    return Log(
        address=Address(_bytes(entry["address"])),
        topics=tuple(map(_bytes, entry["topics"])),
        data=_bytes(entry["data"]),
        block_number=int(entry["blockNumber"], 16),
        block_hash=_bytes(entry["blockHash"]),
        transaction_hash=_bytes(entry["transactionHash"]),
        log_index=int(entry["logIndex"], 16),
    )


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


class Bulk:
    """`audit.columns.BulkReader` over a node, with processes of its own."""

    def __init__(self, source: Source, processes: int = 0) -> None:
        """Takes where to read, and how many processes read, each of which waits for the node as long as it works.

        As many as there are cores, if not given.
        """
        self._source = source
        self._processes = processes or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None

    @classmethod
    def of_deployment(cls, url: str, manifest: Manifest, processes: int = 0) -> Bulk:
        """Gives the reader of a deployment behind a node's HTTP address."""
        ledger = manifest.address("AccessLedger")
        domain = Domain("Consentry AccessLedger", manifest.identity.chain_id, ledger)
        contracts = tuple(manifest.address(name) for name in CONTRACTS)
        return cls(Source(url, contracts, ledger, domain), processes)

    def start(self) -> None:
        """Starts the processes, if they do not run; at once where this process has a single thread still."""
        if self._pool is None:
            # What is read here is there in every copy.
            for name in CONTRACTS:
                artifact(name)
            context = multiprocessing.get_context("fork" if _may_fork() else "spawn")
            self._pool = ProcessPoolExecutor(self._processes, context, _begin, (self._source,))
            self._pool.submit(_is_awake)

    async def stretches(self, first: int, last: int, key: bytes) -> AsyncIterator[tuple[int, Sequence[Segment]]]:
        """Gives blocks ``first`` to ``last``, some at a time, and reads on meanwhile.

        Raises:
            LedgerUnavailableError: the node does not answer.
        """
        self.start()
        try:
            async for reached, segments in self._ahead(first, last, key):
                yield reached, segments
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Ends the processes, if they run."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)

    async def _ahead(self, first: int, last: int, key: bytes) -> AsyncIterator[tuple[int, Sequence[Segment]]]:
        loop, stride = asyncio.get_running_loop(), Stride(_FIRST_BLOCKS, EVENTS_A_QUESTION)
        under_way = deque[tuple[int, int, asyncio.Future[tuple[list[Segment], int]]]]()
        while first <= last or under_way:
            while first <= last and len(under_way) <= self._processes:
                end = min(last, first + stride.blocks - 1)
                under_way.append((first, end, loop.run_in_executor(self._pool, _read, first, end, key)))
                first = end + 1
            begun, end, reading = under_way.popleft()
            segments, logs = await reading
            stride.adapt(end - begun + 1, logs)
            yield end, segments


def _may_fork() -> bool:
    """Tells whether a copy of this process can do without what a copy loses: other threads of Python.

    A copy is there at once; another process has to load first what this one has, which takes a second.
    """
    return sys.platform == "linux" and threading.active_count() == 1


_READER: list[BlockReader] = []
"""The reader of this process, if it is one that reads."""


def _begin(source: Source) -> None:
    _READER[:] = [BlockReader(source)]
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process once whoever started it is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _is_awake() -> bool:
    return bool(_READER)


def _read(first: int, last: int, key: bytes) -> tuple[list[Segment], int]:
    return _READER[0].read(first, last, key)
