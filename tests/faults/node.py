"""A node that fails: the rules of `MemoryLedger`, transactions with nonces, a pool, blocks of several transactions.

What it seals stays sealed. It may answer from fewer blocks than it has, as after a restart or behind a balancer, lose
what waits in its pool, and seal in another order than things came in.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import rlp
from eth_hash.auto import keccak

from consentry.core import events
from consentry.core.acts import Item, seen_batch
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.terms import Address, Material, RecordId, RecordLeaf
from consentry.core.typed_data import SignedStruct
from consentry.errors import LedgerRejectedError, LedgerUnavailableError
from consentry.ledger.calldata import submitted_in
from consentry.ledger.connection import Mined
from consentry.ledger.events import Log
from tests.faults.plan import Plan
from tests.faults.wire_logs import encode_log
from tests.support.memory_ledger import NAMES, OPERATOR, MemoryLedger

REFUSED: Final = -32000
_NONCE, _DATA = 1, 7
_MOST_LAG: Final = 6


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed call of the access ledger."""

    sender: Address
    nonce: int
    hash: bytes
    data: bytes


def _read(raw: bytes, sender: Address) -> Transaction:
    fields = rlp.decode(raw[1:])
    return Transaction(sender, int.from_bytes(fields[_NONCE], "big"), keccak(raw), bytes(fields[_DATA]))


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a transaction, at the place of its first log."""

    transaction: Transaction
    block: BlockReference
    succeeded: bool
    logged: tuple[int, ...]


class Rules(MemoryLedger):
    """The contracts: what a transaction does to the chain."""

    def __init__(self, clock: Callable[[], int]) -> None:
        super().__init__(clock)
        self.leaves: dict[RecordId, RecordLeaf] = {}
        self._held: dict[tuple[bytes, bytes, bytes], bool] = {}

    def admit_relay(self, relay: Address) -> None:
        """Lets an account pass on signed acts."""
        self._fold(events.RelayAdmitted(self._mine(), relay, OPERATOR))

    def mine_empty(self) -> None:
        """Seals a block without anything in it."""
        self._mine()

    def seal(self, due: Sequence[Transaction], fails: Callable[[Transaction], bool]) -> list[Receipt]:
        """Seals a block of transactions, in this order."""
        block = self._mine().block
        receipts, index = [], 0
        for transaction in due:
            place = EventPlace(block, transaction.hash, 0)
            try:
                made = [] if fails(transaction) else self._run(transaction, place)
            except LedgerRejectedError:
                made = []
            first = len(self.log)
            self.log.extend(replace(each, place=replace(place, log_index=index + n)) for n, each in enumerate(made))
            index += len(made)
            receipts.append(Receipt(transaction, block, bool(made), tuple(range(first, len(self.log)))))
        return receipts

    def _run(self, transaction: Transaction, place: EventPlace) -> Sequence[events.LedgerEvent]:
        sent = [item for item in submitted_in(transaction.data) or () if item is not None]
        shown = [
            Material(self.leaves[i.request.record_id], i.shown.terms, tuple(i.shown.scope_proof), i.shown.authorisation)
            for i in sent
        ]
        whole = sent[0].within is not None
        if whole:
            batch = [Item(i.request, material, signature_valid=False) for i, material in zip(sent, shown, strict=True)]
            seen = seen_batch(batch)
            valid = self._signed(seen.institution, seen, sent[0].signature)
            batch = [replace(item, signature_valid=valid) for item in batch]
            return self._acts.decide_batch(batch, sent[0].signature, relay=transaction.sender, place=place)
        items = [
            Item(i.request, material, self._signed(i.request.institution, i.request, i.signature))
            for i, material in zip(sent, shown, strict=True)
        ]
        return self._acts.decide(items, relay=transaction.sender, place=place)

    def _signed(self, institution: Address, value: SignedStruct, signature: bytes) -> bool:
        return self._holds(self._signer_of(institution), "AccessLedger", value, signature)


@dataclass
class Node:
    """One node, its pool and its sealer.

    Attributes:
        rules: the chain itself.
        down: while true it answers nobody, and seals nothing.
        lag: how many of its blocks it does not show.
        least: what it always shows: the blocks before the story.
        failed: institution and request id of whatever stood alone in a transaction that ran out of gas.
    """

    plan: Plan
    rules: Rules
    period: float = 0.0
    down: bool = False
    down_since: float = 0.0
    lag: int = 0
    least: int = 1
    failed: set[tuple[Address, int]] = field(default_factory=set)
    pool: dict[tuple[Address, int], Transaction] = field(default_factory=dict)
    receipts: dict[bytes, Receipt] = field(default_factory=dict)
    _counts: dict[Address, list[int]] = field(default_factory=dict)
    """Of each account the blocks of its transactions, in order."""
    _logs: list[Log] = field(default_factory=list)
    _sealing: bool = False

    # What it shows.

    @property
    def height(self) -> int:
        """How many blocks it shows."""
        return max(self.least, len(self.rules.blocks) - self.lag)

    def logs(self) -> list[Log]:
        """Gives every log of the blocks it shows."""
        addresses = {name: self.rules.domain(name).verifying_contract for name in NAMES}
        self._logs += [encode_log(event, addresses) for event in self.rules.log[len(self._logs) :]]
        return [log for log in self._logs if log.block_number < self.height]

    def next_nonce(self, account: Address) -> int:
        """Counts what is mined and what waits without a gap."""
        count = sum(block < self.height for block in self._counts.get(account, ()))
        while (account, count) in self.pool:
            count += 1
        return count

    def mined(self, transaction: bytes) -> Mined | None:
        """Gives a receipt, once its block is shown."""
        found = self.receipts.get(transaction)
        if found is None or found.block.number >= self.height:
            return None
        logs = self.logs()
        return Mined(found.succeeded, transaction, found.block, 21_000, None, tuple(logs[i] for i in found.logged))

    # What it takes.

    def receive(self, raw: bytes, sender: Address) -> None:
        """Takes a transaction into the pool.

        Raises:
            LedgerUnavailableError: the node refuses it.
        """
        transaction = _read(raw, sender)
        key = sender, transaction.nonce
        if transaction.hash in self.receipts or self.pool.get(key) == transaction:
            raise LedgerUnavailableError("node refuses (already known)", rpc_code=REFUSED)
        if transaction.nonce < len(self._counts.get(sender, ())):
            raise LedgerUnavailableError("node refuses (nonce too low)", rpc_code=REFUSED)
        if key in self.pool:
            raise LedgerUnavailableError("node refuses (replacement underpriced)", rpc_code=REFUSED)
        self.pool[key] = transaction
        self._seal_soon()

    def _seal_soon(self) -> None:
        if not self._sealing and not self.period:
            self._sealing = True
            asyncio.get_running_loop().call_later(self.plan.seconds(0.01, 1.5), self._seal)

    async def tick(self) -> None:
        """Seals at an even pace, where the engine does."""
        while self.period:
            await asyncio.sleep(self.period)
            if not self.down:
                self._seal()

    def _seal(self) -> None:
        self._sealing = False
        if self.down:
            return
        self._lose_some()
        due = self._due()
        if due:
            counts = self._counts
            for receipt in self.rules.seal(due, self._runs_out):
                self.receipts[receipt.transaction.hash] = receipt
                counts.setdefault(receipt.transaction.sender, []).append(receipt.block.number)
        elif self.period:
            self.rules.mine_empty()
        if self.plan.happens("node-lags"):
            self.lag = self.plan.draw.randint(1, _MOST_LAG)
            asyncio.get_running_loop().call_later(self.plan.seconds(1, 30), self.catch_up)

    def catch_up(self) -> None:
        """Shows all it has."""
        self.lag = 0

    def _lose_some(self) -> None:
        for key in list(self.pool):
            if self.plan.happens("pool-drops"):
                del self.pool[key]

    def _due(self) -> list[Transaction]:
        """Takes out of the pool what can be sealed: of each account in the order of its numbers, without a gap."""
        mine: dict[Address, list[Transaction]] = {}
        taken = Counter({sender: len(blocks) for sender, blocks in self._counts.items()})
        for sender, nonce in sorted(self.pool):
            if nonce == taken[sender]:
                mine.setdefault(sender, []).append(self.pool.pop((sender, nonce)))
                taken[sender] += 1
        rows = list(mine.values())
        if self.plan.happens("pool-reorders"):
            self.plan.draw.shuffle(rows)
        return [transaction for row in rows for transaction in row]

    def _runs_out(self, transaction: Transaction) -> bool:
        if not self.plan.happens("gas-short"):
            return False
        sent = [item.request for item in submitted_in(transaction.data) or () if item is not None]
        whole = any(item is not None and item.within for item in submitted_in(transaction.data) or ())
        if len(sent) == 1 or whole:
            self.failed |= {(request.institution, request.request_id) for request in sent}
        return True

    def stop(self, *, loses_pool: bool) -> None:
        """The node ends; what waits in its pool may be gone."""
        self.down, self.down_since = True, asyncio.get_running_loop().time()
        if loses_pool:
            self.pool.clear()

    def start(self, lag: int) -> None:
        """The node begins anew, at first with fewer blocks than it has."""
        self.down, self.lag = False, lag
        self._seal_soon()
        asyncio.get_running_loop().call_later(20.0, self.catch_up)

    def heal(self) -> None:
        """Everything works."""
        self.down, self.lag = False, 0
        self._seal_soon()

    # What the chain says, for those who check.

    def decisions(self) -> dict[tuple[Address, int], list[events.AccessDecided]]:
        """Gives the decisions of the whole chain by institution and request id."""
        found: dict[tuple[Address, int], list[events.AccessDecided]] = {}
        for event in self.rules.log:
            if isinstance(event, events.AccessDecided):
                asked = event.entry.request
                found.setdefault((asked.institution, asked.request_id), []).append(event)
        return found
