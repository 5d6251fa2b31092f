"""The numbers of an account's transactions, when some are refused, lost or late."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import cast

import pytest
from eth_hash.auto import keccak

from consentry.errors import LedgerUnavailableError
from consentry.ledger import accounts
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.connection import Connection, Mined
from consentry.ledger.embedded.pool import decode_transaction
from consentry.ledger.engines import load_profile
from tests.support import samples

CHAIN = 1_900_000_001
TARGET = samples.address(1)


class Pooled:
    """A node whose pool takes transactions and whose blocks are made on demand; it answers as `Connection` does.

    Attributes:
        counts_waiting: whether the next number counts what waits.
        refuses: whether the next transaction is refused.
        forgets: whether the next transaction is taken and lost.
    """

    profile = load_profile("embedded")

    def __init__(self, *, counts_waiting: bool) -> None:
        self.counts_waiting = counts_waiting
        self.refuses = self.forgets = False
        self.next = 0
        self.pool: dict[int, bytes] = {}
        self.futures: dict[bytes, asyncio.Future[Mined]] = {}

    async def chain_id(self) -> int:
        return CHAIN

    async def next_nonce(self, _account: bytes) -> int:
        number = self.next
        while self.counts_waiting and number in self.pool:
            number += 1
        return number

    async def send(self, raw: bytes) -> None:
        number = decode_transaction(raw, CHAIN).nonce
        if self.refuses or number < self.next or number in self.pool:
            self.refuses = False
            raise LedgerUnavailableError(f"node refuses number {number}", rpc_code=-32000)
        self.futures[keccak(raw)] = asyncio.get_running_loop().create_future()
        if not self.forgets:
            self.pool[number] = keccak(raw)
        self.forgets = False

    async def wait(self, transaction_hash: bytes, _seconds: float) -> Mined:
        return await self.futures[transaction_hash]

    def mine(self) -> list[int]:
        """Makes a block; the numbers in it."""
        mined = []
        while (found := self.pool.pop(self.next, None)) is not None:
            self.futures[found].set_result(cast("Mined", found))
            mined.append(self.next)
            self.next += 1
        return mined

    def give_up(self) -> None:
        """Lets whoever waits for a lost transaction wait no longer."""
        for key, future in self.futures.items():
            if key not in self.pool.values() and not future.done():
                future.set_exception(LedgerUnavailableError("no receipt"))


@pytest.fixture(params=[True, False], ids=["counts what waits", "counts what is mined"])
def node(request: pytest.FixtureRequest) -> Pooled:
    """A node."""
    return Pooled(counts_waiting=request.param)


@pytest.fixture
def submit(node: Pooled) -> Callable[[], asyncio.Task[Mined]]:
    """Begins to submit a transaction of one account; each is another."""
    account = SendingAccount(cast("Connection", node), os.urandom(32))
    count = iter(range(100))
    return lambda: asyncio.create_task(account.submit(TARGET, bytes([next(count)]), 100_000))


async def _sent(node: Pooled, count: int) -> None:
    async with asyncio.timeout(30):
        while len(node.futures) < count:  # noqa: ASYNC110 - no bell
            await asyncio.sleep(0.001)


async def test_refusal_while_another_is_in_flight_takes_nobodys_number(
    node: Pooled, submit: Callable[[], asyncio.Task[Mined]]
) -> None:
    first = submit()
    await _sent(node, 1)
    node.refuses = True
    with pytest.raises(LedgerUnavailableError, match="refuses number 1"):
        await submit()
    second, third = submit(), submit()
    await _sent(node, 3)
    assert node.mine() == [0, 1, 2]
    await asyncio.gather(first, second, third)


async def test_number_of_a_lost_transaction_is_given_out_again(
    node: Pooled, submit: Callable[[], asyncio.Task[Mined]]
) -> None:
    node.forgets = True
    lost = submit()
    await _sent(node, 1)
    behind = submit()
    await _sent(node, 2)
    assert node.mine() == []
    node.give_up()
    with pytest.raises(LedgerUnavailableError, match="no receipt"):
        await lost
    filling, following = submit(), submit()
    await _sent(node, 4)
    assert node.mine() == [0, 1, 2]
    await asyncio.gather(behind, filling, following)


async def test_number_of_a_lost_transaction_is_given_out_again_though_its_caller_still_waits(
    node: Pooled, submit: Callable[[], asyncio.Task[Mined]], monkeypatch: pytest.MonkeyPatch
) -> None:
    node.forgets = True
    lost = submit()
    await _sent(node, 1)
    node.refuses = True
    with pytest.raises(LedgerUnavailableError, match="refuses number 1"):
        await submit()
    with monkeypatch.context() as patch:
        patch.setattr(accounts, "UNCOUNTED_SECONDS", 0.0)
        filling = submit()
        await _sent(node, 2)
    assert list(node.pool) == [0]
    node.give_up()
    with pytest.raises(LedgerUnavailableError, match="no receipt"):
        await lost
    # Whoever gave up had the same number; it stays that of the one in flight.
    following = submit()
    await _sent(node, 3)
    assert node.mine() == [0, 1]
    await asyncio.gather(filling, following)
