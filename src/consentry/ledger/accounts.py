"""Accounts that send transactions: relays, authorities, the deployer."""

from __future__ import annotations

import asyncio
import math
from typing import Any, Final

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from consentry.core.terms import Address
from consentry.errors import ConsentryError, LedgerRejectedError
from consentry.ledger.connection import Connection, Mined

WAIT_SECONDS: Final = 60.0
UNCOUNTED_SECONDS: Final = 10.0
"""How long a node may leave a transaction out of its count that it took; later it has lost it."""


class SendingAccount:
    """One account with its nonces. Transactions of one account leave in order; several may be under way.

    After a failure the node is asked for the next number. It may not count yet what it took a moment ago, so a number
    in flight is not given out again for a while. A gap that a lost transaction left is filled first: what waits behind
    it at the node would keep the account from sending anything else.
    """

    def __init__(self, connection: Connection, key: bytes) -> None:
        """Takes the 32-byte private key."""
        self._connection = connection
        self._account: LocalAccount = Account.from_key(key)
        self.address = Address(bytes.fromhex(self._account.address[2:]))
        self._next: int | None = None
        self._in_flight: dict[int, float] = {}
        self._chain_id: int | None = None
        self._order = asyncio.Lock()

    async def submit(self, target: Address | None, data: bytes, gas: int | None = None) -> Mined:
        """Signs, sends, and waits until the transaction is final.

        Args:
            target: contract, or None to deploy.
            data: calldata, or code with constructor arguments.
            gas: gas limit; the engine's limit if not given.

        Raises:
            LedgerUnavailableError: the node said no (``connection.is_refusal``), or did not answer; then whether the
                transaction is mined is not known.
        """
        async with self._order:
            nonce, raw = await self._signed(target, data, gas)
            try:
                await self._connection.send(raw)
            except BaseException:
                self._next = None
                raise
            self._in_flight[nonce] = sent_at = asyncio.get_running_loop().time()
        try:
            return await self._connection.wait(keccak(raw), WAIT_SECONDS)
        except BaseException:
            self._next = None
            raise
        finally:
            if self._in_flight.get(nonce) == sent_at:
                del self._in_flight[nonce]

    @property
    def gas_limit(self) -> int:
        """The most gas a transaction can have."""
        return self._connection.profile.transaction_gas_limit

    async def _next_free(self) -> int:
        free = await self._connection.next_nonce(self.address) if self._next is None else self._next
        counted_before = asyncio.get_running_loop().time() - UNCOUNTED_SECONDS
        while self._in_flight.get(free, -math.inf) > counted_before:
            free += 1
        return free

    async def _signed(self, target: Address | None, data: bytes, gas: int | None) -> tuple[int, bytes]:
        profile = self._connection.profile
        if self._chain_id is None:
            self._chain_id = await self._connection.chain_id()
        nonce = await self._next_free()
        transaction: dict[str, Any] = {
            "chainId": self._chain_id,
            "nonce": nonce,
            "gas": gas or profile.transaction_gas_limit,
            "maxFeePerGas": profile.gas_price,
            "maxPriorityFeePerGas": 0,
            "value": 0,
            "data": "0x" + data.hex(),
        }
        if target is not None:
            transaction["to"] = to_checksum_address(target)
        signed = await asyncio.to_thread(self._account.sign_transaction, transaction)
        self._next = nonce + 1
        return nonce, bytes(signed.raw_transaction)

    async def act(self, target: Address, data: bytes) -> Mined:
        """Tries a call first, so that a refusal comes back decoded and costs nothing; then submits it.

        Raises:
            ConsentryError: the contract refuses.
            LedgerUnavailableError: the node did not answer.
        """
        await self.rehearse(target, data)
        mined = await self.submit(target, data)
        if not mined.succeeded:
            # The state changed in between: the same call now says why.
            await self.rehearse(target, data)
            raise LedgerRejectedError("contract refused in the block, and would accept now")
        return mined

    async def rehearse(self, target: Address, data: bytes) -> None:
        """Tries a call as if it stood in the block that comes next, and sends nothing; raises as `act` does."""
        await self._connection.call(target, data, self.address, in_next_block=True)

    async def refusal(self, target: Address, data: bytes) -> ConsentryError | None:
        """Tries a call again that failed in a block: gives the error the contract names, None if it names none.

        A call that runs out of gas names none, and a node may answer it as it answers nonsense.
        """
        try:
            await self._connection.call(target, data, self.address)
        except ConsentryError as error:
            return error if error.details.get("solidity") else None
        return None
