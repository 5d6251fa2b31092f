"""The sealer: the one writer of the embedded chain.

One block, in this order, and nothing is handed out before its last line::

    1  collect raw transactions for a few milliseconds
    2  append (number, time, raw transactions) to the block log, sync
    3  hand them to the engine; what it refuses is reported to its sender
    4  hold answers to readers back
    5  set the time, make one block
    6  append (hash, which transactions are in it), sync
    7  let readers' answers go, and tell the senders

A crash before 2 ends loses what nobody was promised. A crash between 2 and 6 leaves an intent, which the next start
makes into a block. A crash after 6 loses nothing. Readers are never stopped: an answer that came in while a block was
made but not yet synced is held until it is, so no unsynced block is ever seen.

Block time is that of `BlockClock` in whole seconds, never less than the parent's: several blocks may share a second,
and their order is their number.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from consentry.errors import ConsentryError, LedgerRejectedError, LedgerUnavailableError
from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.blocks import hand_over, make_block
from consentry.ledger.embedded.clock import BlockClock
from consentry.ledger.embedded.link import EngineLink, Refusal
from consentry.ledger.embedded.pool import Pool, Transaction, Waiting
from consentry.ledger.embedded.records import Intent, Seal

LOG = logging.getLogger(__name__)
# Long enough for concurrent callers to share a block, short against the 5 ms that making one takes.
COLLECT_SECONDS = 0.003
# How long a transaction may wait for one with a lower nonce.
GAP_SECONDS = 5.0
# Bounds the time one block keeps answers back: about half a second at 4,000 transactions a second.
BLOCK_TRANSACTIONS = 2000
NONCE_REFUSED = -32003


class Sealer:
    """Turns submitted transactions into blocks. ``submit`` from anywhere, ``run`` once."""

    def __init__(self, log: BlockLog, link: EngineLink) -> None:
        self.pool = Pool()
        self.lock = asyncio.Lock()
        self._log = log
        self._link = link
        self._clock: Callable[[], float] = BlockClock()
        self._nonces: dict[str, int] = {}
        self._settled = asyncio.Event()
        self._settled.set()
        self._is_stopping = False

    async def submit(self, transaction: Transaction) -> bytes:
        """Returns the transaction's hash once it is in a block whose hash is synced.

        Raises:
            LedgerRejectedError: the engine refuses it, or its nonce cannot be used.
            ConflictError: another transaction of the same sender and nonce waits.
            LedgerUnavailableError: the chain is stopping or its disk refuses.
        """
        if self._is_stopping:
            raise LedgerUnavailableError("chain is stopping")
        waiting = self.pool.add(transaction, asyncio.get_running_loop().time() + GAP_SECONDS)
        # Shielded: one caller that goes away must not cancel the transaction for another that waits for the same.
        return await asyncio.shield(waiting.done)

    async def settled(self) -> None:
        """Waits until no block that was already begun is unsynced: call it between an answer and handing it out."""
        await self._settled.wait()

    async def run(self) -> None:
        """Seals until ``stop``; whatever this raises is fatal for the process.

        Raises:
            LedgerUnavailableError: the engine or the disk failed in the middle of a block.
        """
        try:
            while not self._is_stopping:
                # The wait is bounded because a gap in the nonces runs out without any arrival.
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.pool.arrived.wait(), GAP_SECONDS / 10 if len(self.pool) else None)
                self.pool.arrived.clear()
                await asyncio.sleep(COLLECT_SECONDS)
                async with self.lock:
                    await self._seal_what_waits()
        finally:
            self._is_stopping = True
            for waiting in self.pool:
                _settle(waiting, LedgerUnavailableError("chain stopped before the transaction was in a block"))

    def stop(self) -> None:
        """Lets ``run`` end after the block under way."""
        self._is_stopping = True
        self.pool.arrived.set()

    async def _seal_what_waits(self) -> None:
        while len(self.pool):
            await self._learn_nonces()
            taken = self.pool.take(self._nonces, self._log.genesis.gas_limit, BLOCK_TRANSACTIONS)
            if taken:
                await self._seal(taken)
            for waiting in self.pool.take_stale(self._nonces, asyncio.get_running_loop().time()):
                await self._settle_stale(waiting)
            if not taken:
                return

    async def _learn_nonces(self) -> None:
        unknown = [sender for sender in self.pool.senders() if sender not in self._nonces]
        if unknown:
            answers = await self._link.call_many("eth_getTransactionCount", [[sender, "latest"] for sender in unknown])
            self._nonces |= {sender: int(answer, 16) for sender, answer in zip(unknown, answers, strict=True)}

    async def _seal(self, taken: Sequence[Waiting]) -> None:
        transactions = tuple(waiting.transaction.raw for waiting in taken)
        intent = Intent(self._log.height + 1, max(self._log.last_time, int(self._clock())), transactions)
        try:
            await asyncio.to_thread(self._log.begin, intent)
        except LedgerUnavailableError as error:
            for waiting in taken:
                self.pool.release(waiting)
                _settle(waiting, error)
            if not self._log.is_usable:
                raise
            return
        try:
            refusals = await hand_over(self._link, transactions)
            self._settled.clear()
            seal = await make_block(self._link, intent, refusals)
            await asyncio.to_thread(self._log.seal, seal)
        except BaseException:
            # Fatal: answers stay held back, and the senders learn no more than that they do not know.
            for waiting in taken:
                _settle(
                    waiting, LedgerUnavailableError("chain stopped while the transaction was on its way into a block")
                )
            raise
        self._settled.set()
        self._tell(taken, seal, refusals)

    def _tell(self, taken: Sequence[Waiting], seal: Seal, refusals: Mapping[int, Refusal]) -> None:
        included = set(seal.included)
        for position, waiting in enumerate(taken):
            transaction = waiting.transaction
            if position in included:
                self._nonces[transaction.sender] = max(self._nonces[transaction.sender], transaction.nonce + 1)
                self._finish(waiting, transaction.hash)
            elif position in refusals:
                self._finish(waiting, refusals[position].as_error())
        for position, waiting in enumerate(taken):
            if position in included or position in refusals:
                continue
            if waiting.transaction.nonce > self._nonces[waiting.transaction.sender]:
                self.pool.put_back(waiting)  # It was behind a refused one: its sender may still fill the gap.
            else:
                error = LedgerRejectedError("transaction cannot be executed in a block", rpc_code=NONCE_REFUSED)
                self._finish(waiting, error)
        # A refusal may mean that the engine has another number: ask it again.
        for position in refusals:
            self._nonces.pop(taken[position].transaction.sender, None)

    def _finish(self, waiting: Waiting, outcome: bytes | ConsentryError) -> None:
        self.pool.release(waiting)
        _settle(waiting, outcome)

    async def _settle_stale(self, waiting: Waiting) -> None:
        transaction = waiting.transaction
        expected = self._nonces.get(transaction.sender, 0)
        # The same transaction sent again, after a crash or a lost answer, is no error: it is in the chain.
        is_known = await self._link.call("eth_getTransactionReceipt", "0x" + transaction.hash.hex()) is not None
        refusal = f"nonce of {transaction.sender} does not match (got {transaction.nonce}, expected {expected})"
        _settle(waiting, transaction.hash if is_known else LedgerRejectedError(refusal, rpc_code=NONCE_REFUSED))


def _settle(waiting: Waiting, outcome: bytes | ConsentryError) -> None:
    if waiting.done.done():
        return
    if isinstance(outcome, bytes):
        waiting.done.set_result(outcome)
    else:
        waiting.done.set_exception(outcome)
        waiting.done.exception()  # Seen: nobody may be waiting any more, and that is no error of ours.
