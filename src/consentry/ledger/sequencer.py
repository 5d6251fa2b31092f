"""Many requests, one transaction, a receipt of its own for each.

Requests that arrive within a few milliseconds are decided together. The contract answers every item with exactly one
log, in the order of the batch; that is how a caller gets its own answer.

No item may cost its neighbours their answer. A batch is filled by what its items cost at most, as far as that can be
told from outside; one that the contract or the node still finds too much is sent again in two halves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from consentry.core.events import AccessDecided, RequestRejected
from consentry.core.terms import AccessRequest, Material
from consentry.errors import ConsentryError, InvalidInputError, LedgerRejectedError, LedgerUnavailableError
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.calldata import encode_decide
from consentry.ledger.connection import Mined, is_refusal
from consentry.ledger.events import decode_log

Answer = AccessDecided | RequestRejected

COLLECT_SECONDS: Final = 0.004
MOST_ITEMS: Final = 64
"""Bounds how many wait for one another; usual items, of at most some 77,000 gas each, reach it before the gas does."""

BASE_GAS: Final = 21_000
DECISION_GAS: Final = 150_000
"""The most a decision takes besides its bytes: 156,272 alone, with them and the transaction itself
(``tests/contracts/snapshots/gas.json``)."""
VERIFIER_GAS: Final = 500_000
"""What the contract gives a verifier for one signature (``AccessLedger._VERIFIER_GAS``)."""
PROOF_NODE_GAS: Final = 400
"""Hashing one node of a scope proof."""
_TOKEN_GAS: Final = 4
_FLOOR_TOKEN_GAS: Final = 10
_ACCOUNT_SIGNATURE: Final = 65
"""Bytes. A signature of another length is a verifier's, or wrong."""

GAS_MISSING: Final = "AccessLedgerGasMissing"
"""The contract's word for a batch whose signatures need more gas than one transaction has."""


@dataclass(frozen=True, slots=True)
class Item:
    """One request with its signature and material."""

    request: AccessRequest
    signature: bytes
    material: Material


@dataclass(frozen=True, slots=True)
class Cost:
    """What an item adds to a batch, at most: gas of running it, and the floor below which its bytes are not had."""

    running: int = BASE_GAS
    floor: int = BASE_GAS

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.running + other.running, self.floor + other.floor)

    @property
    def gas(self) -> int:
        """The larger of the two counts (EIP-7623)."""
        return max(self.running, self.floor)


def cost_of(item: Item) -> Cost:
    """Estimates an item from outside; a batch shares consents and records, so it may cost less.

    Raises:
        InvalidInputError: a value does not fit its Solidity type.
    """
    call = encode_batch([item])
    tokens = 4 * len(call) - 3 * call.count(0)
    verifier = 0 if len(item.signature) == _ACCOUNT_SIGNATURE else VERIFIER_GAS
    proof = PROOF_NODE_GAS * len(item.material.scope_proof)
    return Cost(_TOKEN_GAS * tokens + DECISION_GAS + verifier + proof, _FLOOR_TOKEN_GAS * tokens)


@dataclass(frozen=True, slots=True)
class _Waiting:
    item: Item
    cost: Cost
    answer: asyncio.Future[Answer] = field(compare=False)


def encode_batch(items: Sequence[Item]) -> bytes:
    """Codes the call ``decide``: what repeats in the batch travels once.

    Raises:
        InvalidInputError: a value does not fit its Solidity type.
    """
    return encode_decide([(item.request, item.material) for item in items], [item.signature for item in items])


class Sequencer:
    """Collects, sends, hands out. One relay account is one lane."""

    def __init__(self, relay: SendingAccount, ledger_address: Callable[[], Any]) -> None:
        """Takes the relay and where the access ledger is."""
        self._relay = relay
        self._target = ledger_address
        self._waiting: list[_Waiting] = []
        self._batches: set[asyncio.Task[None]] = set()
        self._collector: asyncio.Task[None] | None = None

    async def decide(self, item: Item) -> Answer:
        """Has one item decided, together with whatever else is waiting.

        Raises:
            InvalidInputError: the item cannot be coded, or is too much for any transaction; nothing was sent.
            LedgerUnavailableError: whether it was decided is not known.
        """
        cost = cost_of(item)
        alone = (Cost() + cost).gas
        if alone > self._relay.gas_limit:
            raise InvalidInputError(f"request may need too much gas (got {alone}, at most {self._relay.gas_limit})")
        waiting = _Waiting(item, cost, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._collector is None or self._collector.done():
            self._collector = asyncio.create_task(self._collect())
        return await waiting.answer

    async def close(self) -> None:
        """Waits for what is under way."""
        if self._collector is not None:
            await self._collector
        await asyncio.gather(*self._batches)

    async def _collect(self) -> None:
        while self._waiting:
            await asyncio.sleep(COLLECT_SECONDS)
            count = self._fitting()
            batch, self._waiting = self._waiting[:count], self._waiting[count:]
            task = asyncio.create_task(self._send(batch))
            self._batches.add(task)
            task.add_done_callback(self._batches.discard)

    def _fitting(self) -> int:
        """How many of those that wait go into one transaction; the first always does."""
        total = Cost()
        for count, waiting in enumerate(self._waiting[:MOST_ITEMS]):
            total += waiting.cost
            if count and total.gas > self._relay.gas_limit:
                return count
        return min(len(self._waiting), MOST_ITEMS)

    async def _send(self, batch: list[_Waiting]) -> None:
        try:
            answers = await self._decided([waiting.item for waiting in batch])
        except ConsentryError as error:
            _fail(batch, error)
        except asyncio.CancelledError:
            _fail(batch, LedgerUnavailableError("sequencer was stopped"))
            raise
        except Exception:
            _fail(batch, LedgerUnavailableError("answer of the ledger cannot be used"))
            raise
        else:
            if answers is not None:
                _answer(batch, answers)
                return
            # Too much for one transaction: what does not fit together fits apart.
            half = len(batch) // 2
            await asyncio.gather(self._send(batch[:half]), self._send(batch[half:]))

    async def _decided(self, items: Sequence[Item]) -> list[Answer] | None:
        """Gives an answer for each item; none if the batch is to be sent in parts."""
        call, target = encode_batch(items), self._target()
        try:
            mined = await self._relay.submit(target, call)
        except LedgerUnavailableError as error:
            if is_refusal(error) and len(items) > 1:
                return None
            raise
        if mined.succeeded:
            answers = _answers(mined, target)
            if len(answers) != len(items):
                raise LedgerUnavailableError("answers of the ledger do not match the batch")
            return answers
        refusal = await self._relay.refusal(target, call)
        if refusal is not None and refusal.details.get("solidity") != GAS_MISSING:
            # The contract refuses this relay or this form, whatever the items are.
            raise refusal
        if len(items) > 1:
            return None
        raise LedgerRejectedError("decision was refused by the ledger")


def _answer(batch: Sequence[_Waiting], answers: Sequence[Answer]) -> None:
    for waiting, answer in zip(batch, answers, strict=True):
        if not waiting.answer.done():
            waiting.answer.set_result(answer)


def _answers(mined: Mined, target: bytes) -> list[Answer]:
    found = []
    for log in mined.logs:
        event = decode_log(log, mined.place(log)) if log.address == target else None
        if isinstance(event, AccessDecided | RequestRejected):
            found.append(event)
    return found


def _fail(batch: list[_Waiting], error: ConsentryError) -> None:
    for waiting in batch:
        if not waiting.answer.done():
            waiting.answer.set_exception(type(error)(error.message, **error.details))
