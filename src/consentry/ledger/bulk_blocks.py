"""Blocks in bulk: their logs with one question and themselves with another, as an audit takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

from consentry.audit.columns import Plain, Segment
from consentry.audit.prepare import prepare
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.events import BatchSubmitted, LedgerEvent
from consentry.core.terms import Address
from consentry.core.typed_data import Domain
from consentry.errors import LedgerUnavailableError
from consentry.ledger.abi import artifact
from consentry.ledger.bulk_calls import call_in
from consentry.ledger.bulk_layouts import Wanted
from consentry.ledger.bulk_logs import LogReader, Sent
from consentry.ledger.bulk_node import Node
from consentry.ledger.events import Log, decode_log

EVENTS_A_QUESTION: Final = 2_000
"""About as many events are asked for at once: a node takes twice as long for each where its answer has tens of
megabytes, and so does whoever reads it."""
FIRST_BLOCKS: Final = 8
"""So many are asked for before it is known how full they are."""
_LOOKED_AT: Final = 3
"""Of so many blocks of a stretch it is looked at first how full they are."""
_BYTES_AN_EVENT: Final = 270
"""That a block has for each event, at least: as many as for a decision of a batch."""
_BLOCKS_TOGETHER: Final = 50
_MOST_LOGS: Final = 100_000
"""Of one reading; each takes 400 bytes here, and as many where it is handed over to."""
Json = Any
_Answer = TypeVar("_Answer")


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


class BlockReader:
    """Reads blocks of one deployment; stands in each process once."""

    def __init__(self, source: Source) -> None:
        """Takes where to read."""
        self._source = source
        self._node = Node(source.url)
        events = {signature.name: _hex(digest) for digest, signature in artifact("AccessLedger").events.items()}
        self._submitted = events["BatchSubmitted"]
        self._decided = events["AccessDecided"]
        self._logs_in = LogReader(Wanted(_hex(source.ledger), self._decided)).logs_in

    def read(self, first: int, last: int, key: bytes) -> tuple[list[Segment], int, int]:
        """Gives the segments of blocks from ``first`` on, how many logs there are, and the last block that was read.

        It is one before ``last`` where there is so much that it has to be handed over first.

        Args:
            first: number of the first block.
            last: number of the last block.
            key: of the digests of request ids.

        Raises:
            LedgerUnavailableError: the node does not answer, with what is no answer, or with logs of other blocks than
                it has by now.
        """
        self._node.begin()
        segments, logs, reached = list[Segment](), 0, first - 1
        for begun, end in self._portions(first, last):
            for reached, found in self._logs(begun, end):
                segments += self._segments(found, key)
                logs += sum(map(len, found))
                if logs > _MOST_LOGS:
                    return segments, logs, reached
        return segments, logs, reached

    def _segments(self, found: Sequence[Sent], key: bytes) -> list[Segment]:
        try:
            # What was submitted is asked for where something was decided: elsewhere nobody looks at it.
            decided = dict.fromkeys(sent.block for sent in found if self._decides(sent))
            others = dict.fromkeys(sent.block for sent in found if sent.block not in decided)
            blocks = self._blocks([*decided], whole=True) | self._blocks([*others], whole=False)
            if any(_bytes(sent.block_hash) != blocks[sent.block][0].hash for sent in found):
                raise LedgerUnavailableError("chain was reorganised while it was read")
            return [self._segment(*blocks[sent.block], sent, key) for sent in found]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise LedgerUnavailableError("node does not answer (with what is no answer)") from error

    def _portions(self, first: int, last: int) -> list[tuple[int, int]]:
        """Parts blocks into as many as their logs are asked for at once, by the size of some of them.

        How many blocks are read was settled by those before them. It costs an answer of some kilobytes to look, and
        that of many full blocks at once is slow.
        """
        count = last - first + 1
        if count < FIRST_BLOCKS:
            return [(first, last)]
        looked_at = [first + count * number // _LOOKED_AT for number in range(_LOOKED_AT)]
        told = self._node.ask([("eth_getBlockByNumber", [hex(number), False]) for number in looked_at])
        try:
            size = sum(int(block["size"], 16) for block in told)
        except (LookupError, TypeError, ValueError):
            return [(first, last)]
        together = max(1, _BYTES_AN_EVENT * EVENTS_A_QUESTION * len(looked_at) // max(size, 1))
        return [(begun, min(last, begun + together - 1)) for begun in range(first, last + 1, together)]

    def _logs(self, first: int, last: int) -> Iterator[tuple[int, list[Sent]]]:
        """Asks for logs; gives the last block of each answer, and its logs."""
        for blocks, found in _in_halves(range(first, last + 1), self._logs_of):
            yield blocks[-1], found

    def _logs_of(self, blocks: Sequence[int]) -> list[Sent]:
        addresses = [_hex(address) for address in self._source.contracts]
        wanted: list[object] = [{"address": addresses, "fromBlock": hex(blocks[0]), "toBlock": hex(blocks[-1])}]
        return self._node.ask_one("eth_getLogs", wanted, self._logs_in, may_ask_less=len(blocks) > 1)

    def _decides(self, sent: Sent) -> bool:
        """Tells whether a transaction ends with a decision, as all that are plain do."""
        topics = sent.log(len(sent) - 1)["topics"]
        return bool(topics) and topics[0] == self._decided

    def _blocks(self, numbers: Sequence[int], *, whole: bool) -> dict[int, tuple[BlockReference, dict[str, Json]]]:
        """Gives blocks by number; whole ones with their transactions by hash."""
        found = dict[int, tuple[BlockReference, dict[str, Json]]]()
        for start in range(0, len(numbers), _BLOCKS_TOGETHER):
            some = numbers[start : start + _BLOCKS_TOGETHER]
            answers = _in_halves(some, partial(self._told_of, whole=whole))
            for number, block in zip(some, (block for _, told in answers for block in told), strict=True):
                reference = BlockReference(number, _bytes(block["hash"]), int(block["timestamp"], 16))
                found[number] = reference, {sent["hash"]: sent for sent in block["transactions"]} if whole else {}
        return found

    def _told_of(self, numbers: Sequence[int], *, whole: bool) -> list[Json]:
        """Asks for blocks.

        A single one that is too long comes without its transactions: what was submitted in it is then asked for by
        whoever decides again, transaction by transaction. Else who fills a block could stop an audit.
        """
        try:
            return self._node.ask([("eth_getBlockByNumber", [hex(number), whole]) for number in numbers])
        except LedgerUnavailableError:
            if len(numbers) > 1 or not whole:
                raise
            [told] = self._told_of(numbers, whole=False)
            return [{**told, "transactions": []}]

    def _segment(self, block: BlockReference, transactions: Mapping[str, Json], sent: Sent, key: bytes) -> Segment:
        plain = self._plain(block, transactions.get(sent.hash), sent, key)
        if plain is not None:
            return plain
        found: list[LedgerEvent] = []
        for entry in map(sent.log, range(len(sent))):
            place = EventPlace(block, _bytes(entry["transactionHash"]), int(entry["logIndex"], 16))
            event = decode_log(_log(entry), place)
            if event is not None:
                found.append(event)
        return found

    def _plain(self, block: BlockReference, told: Json, sent: Sent, key: bytes) -> Plain | None:
        first = sent.log(0)
        is_batch = first["topics"][0] == self._submitted
        words = sent.words(int(is_batch)) if sent.is_in_a_row else None
        if words is None or told is None or _bytes(told.get("to") or "") != self._source.ledger:
            return None
        call = call_in(_bytes(told["input"]), len(sent) - is_batch)
        place = EventPlace(block, _bytes(sent.hash), int(first["logIndex"], 16))
        batch = decode_log(_log(first), place) if is_batch else None
        if call is None or not isinstance(batch, BatchSubmitted | None):
            return None
        place = replace(place, log_index=place.log_index + is_batch)
        return prepare(place, batch, words, call, self._source.domain, key)


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


def _in_halves(
    numbers: Sequence[int], ask: Callable[[Sequence[int]], _Answer]
) -> Iterator[tuple[Sequence[int], _Answer]]:
    """Asks about blocks; where a node does not give many at once, or they are too long together, about half as many.

    Gives each answer, and which blocks it is about.
    """
    try:
        found = ask(numbers)
    except LedgerUnavailableError:
        if len(numbers) == 1:
            raise
        middle = (len(numbers) + 1) // 2
        yield from _in_halves(numbers[:middle], ask)
        yield from _in_halves(numbers[middle:], ask)
    else:
        yield numbers, found
