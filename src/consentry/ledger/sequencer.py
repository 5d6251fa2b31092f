"""Many requests, one transaction, a receipt of its own for each.

Requests that arrive within a few milliseconds, or while a transaction is under way, are decided together; institutions
take turns, and no more wait than there is room for (``fairness``). The contract answers every item with exactly one
log, in the order of the batch; that is how a caller gets its own answer.

No item may cost its neighbours their answer. A batch is filled by what its items cost at most, as far as that can be
told from outside (``costs``); one that the contract or the node still finds too much is sent again in two halves.

A batch that its institution signed as a whole is sent as it is or not at all: a part of it is another batch, which
nobody signed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from consentry.core.events import AccessDecided, RequestRejected
from consentry.core.terms import AccessRequest, Address, Material
from consentry.errors import ConsentryError, InvalidInputError, LedgerRejectedError, LedgerUnavailableError
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.calldata import encode_decide, encode_decide_batch
from consentry.ledger.connection import Mined, is_refusal
from consentry.ledger.costs import Cost, Filling, Pair, bound_of, cost_of, most_that_fit
from consentry.ledger.events import decode_log
from consentry.ledger.fairness import FairQueue, Room

Answer = AccessDecided | RequestRejected
Outcome = TypeVar("Outcome")

COLLECT_SECONDS: Final = 0.002
"""How long the first of a batch waits for others while nothing is under way; otherwise the next gathers meanwhile."""
MOST_ITEMS: Final = 100
"""Bounds how many wait for one another; usual items reach it before the gas does."""
MOST_UNDER_WAY: Final = 2
"""Transactions of a lane under way at a time: one being decided and one on its way. What comes meanwhile waits."""

NO_RELAY: Final = "AccessLedgerRelayRequired"
"""The contract's word for an account that may pass nothing on."""
GAS_MISSING: Final = "AccessLedgerGasMissing"
"""The contract's word for a batch whose signatures need more gas than one transaction has."""


@dataclass(frozen=True, slots=True)
class Item:
    """One request with its signature and material."""

    request: AccessRequest
    signature: bytes
    material: Material

    @property
    def pair(self) -> Pair:
        """The request and its material, without the signature."""
        return self.request, self.material


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
    return encode_decide([item.pair for item in items], [item.signature for item in items])


class Sequencer:
    """Collects, sends, hands out. One relay account is one lane; what waits goes with whichever is free first.

    A lane whose account may pass nothing on any more is closed, as long as there is another.
    """

    def __init__(self, relays: Sequence[SendingAccount], ledger_address: Callable[[], Any]) -> None:
        """Takes the relays, at least one, and where the access ledger is."""
        self._gas_limit = relays[0].gas_limit
        self._target = ledger_address
        self._room = Room()
        self._waiting: FairQueue[_Waiting] = FairQueue()
        self._open = list(relays)
        self._free: asyncio.Queue[SendingAccount] = asyncio.Queue()
        for _ in range(MOST_UNDER_WAY):
            for relay in relays:
                self._free.put_nowait(relay)
        self._batches: set[asyncio.Task[Any]] = set()
        self._collector: asyncio.Task[None] | None = None

    def check_room(self, institution: Address, count: int) -> None:
        """Checks that so many requests of an institution may wait now.

        Raises:
            OverloadError: too many do.
        """
        self._room.check(institution, count)

    async def decide(self, item: Item) -> Answer:
        """Has one item decided, together with whatever else is waiting.

        Raises:
            InvalidInputError: the item cannot be coded, or is too much for any transaction; nothing was sent.
            OverloadError: too many wait; nothing was sent.
            LedgerUnavailableError: whether it was decided is not known.
        """
        institution = item.request.institution
        cost = bound_of(item.pair, item.signature)
        alone = (Cost() + cost).gas
        if alone > self._gas_limit:
            raise InvalidInputError(f"request may need too much gas (got {alone}, at most {self._gas_limit})")
        with self._room.entered(institution):
            waiting = _Waiting(item, cost, asyncio.get_running_loop().create_future())
            self._waiting.put(institution, waiting)
            if self._collector is None or self._collector.done():
                self._collector = asyncio.create_task(self._collect())
            return await waiting.answer

    async def decide_batch(self, pairs: Sequence[Pair], signature: bytes) -> list[Answer]:
        """Has requests decided that their one institution signed as a whole, in one transaction.

        Raises:
            InvalidInputError: the batch cannot be coded, or may be too much for a transaction; ``details["most"]`` is
                how many of its requests, from the first on, fit under a signature of their own. Nothing was sent.
            LedgerRejectedError: the ledger found it too much all the same; nothing was decided.
            OverloadError: too many requests wait; nothing was sent.
            LedgerUnavailableError: whether it was decided is not known.
        """
        call, limit = encode_decide_batch(pairs, signature), self._gas_limit
        needed = (Cost() + cost_of(pairs, signature, call)).gas
        if needed > limit:
            most = most_that_fit(pairs, signature, limit)
            told = f"got {needed} for {len(pairs)} requests, at most {limit}: the first {most} fit"
            raise InvalidInputError(f"batch may need too much gas ({told}, signed as a batch of their own)", most=most)
        with self._room.entered(pairs[0][0].institution, len(pairs)):
            return await asyncio.shield(self._begin(self._decided_whole(call, len(pairs))))

    async def close(self) -> None:
        """Waits for what is under way."""
        if self._collector is not None:
            await self._collector
        # Whoever waits for an answer is told what went wrong.
        await asyncio.gather(*self._batches, return_exceptions=True)

    def _begin(self, sending: Coroutine[Any, Any, Outcome]) -> asyncio.Task[Outcome]:
        """Sends in a task of its own: a caller that goes away does not take a transaction back."""
        task = asyncio.create_task(sending)
        self._batches.add(task)
        task.add_done_callback(self._batches.discard)
        return task

    async def _collect(self) -> None:
        while len(self._waiting):
            if not self._batches:
                await asyncio.sleep(COLLECT_SECONDS)
            lane = await self._lane()
            # With the lane: what came while it was taken goes along.
            batch = self._fitting()
            self._begin(self._send_on(lane, batch))

    def _fitting(self) -> list[_Waiting]:
        """Takes those that wait and go into one transaction; the first always does."""
        filling = Filling(self._gas_limit)
        return self._waiting.take(MOST_ITEMS, lambda waiting: filling.takes(waiting.item.pair, waiting.cost))

    async def _lane(self) -> SendingAccount:
        """Waits for a free lane; the places of one that was closed are given away."""
        while (lane := await self._free.get()) not in self._open:
            pass
        return lane

    async def _send_on(self, lane: SendingAccount, batch: list[_Waiting]) -> None:
        try:
            await self._send(lane, batch)
        finally:
            self._free.put_nowait(lane)

    async def _send(self, lane: SendingAccount, batch: list[_Waiting]) -> None:
        try:
            call = _encoded(batch)
            answers = await self._decided(lane, call, len(batch), divisible=len(batch) > 1) if call else None
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
            if len(batch) == 1:
                _fail(batch, LedgerRejectedError("decision was refused by the ledger"))
                return
            # Too much for one transaction, or one cannot be coded: what does not go together goes apart.
            half = len(batch) // 2
            await asyncio.gather(self._send(lane, batch[:half]), self._send(lane, batch[half:]))

    async def _decided_whole(self, call: bytes, count: int) -> list[Answer]:
        lane = await self._lane()
        try:
            answers = await self._decided(lane, call, count, divisible=False)
        except ConsentryError:
            raise
        except Exception as error:
            raise LedgerUnavailableError("answer of the ledger cannot be used") from error
        finally:
            self._free.put_nowait(lane)
        if answers is None:
            raise LedgerRejectedError("batch was refused by the ledger")
        return answers

    def _close(self, lane: SendingAccount) -> bool:
        """Closes a lane unless it is the last one; tells whether it is closed now."""
        if lane in self._open and len(self._open) > 1:
            self._open.remove(lane)
        return lane not in self._open

    async def _decided_elsewhere(self, call: bytes, count: int, *, divisible: bool) -> list[Answer] | None:
        """Does `_decided` on another lane, in its turn.

        Whoever waits here holds places of closed lanes alone, so those it waits for never wait for it.
        """
        lane = await self._lane()
        try:
            return await self._decided(lane, call, count, divisible=divisible)
        finally:
            self._free.put_nowait(lane)

    async def _decided(self, lane: SendingAccount, call: bytes, count: int, *, divisible: bool) -> list[Answer] | None:
        """Gives an answer for each of the items in a call; none if they are too much for one transaction."""
        target = self._target()
        try:
            mined = await lane.submit(target, call)
        except LedgerUnavailableError as error:
            if is_refusal(error) and divisible:
                return None
            raise
        if mined.succeeded:
            answers = _answers(mined, target)
            if len(answers) != count:
                raise LedgerUnavailableError("answers of the ledger do not match the batch")
            return answers
        refusal = await lane.refusal(target, call)
        if refusal is not None and refusal.details.get("solidity") == NO_RELAY and self._close(lane):
            return await self._decided_elsewhere(call, count, divisible=divisible)
        if refusal is not None and refusal.details.get("solidity") != GAS_MISSING:
            # The contract refuses this relay or this form, whatever the items are.
            raise refusal
        return None


def _encoded(batch: Sequence[_Waiting]) -> bytes | None:
    """Codes a batch; none if one of several cannot be coded, which is to cost no other its answer.

    Raises:
        InvalidInputError: the only one cannot be coded.
    """
    try:
        return encode_batch([waiting.item for waiting in batch])
    except InvalidInputError:
        if len(batch) == 1:
            raise
        return None


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
