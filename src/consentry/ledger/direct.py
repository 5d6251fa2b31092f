"""One connection to one node over HTTP, past web3: what every access asks is coded by hand.

web3 formats every answer several times over, which costs more than the question. What a gateway asks once an access is
asked here as plain JSON-RPC; the rest goes the usual way of `Connection`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from eth_typing import URI
from web3 import AsyncHTTPProvider
from web3._utils.http_session_manager import HTTPSessionManager

from consentry.core.chain import BlockReference, Moment
from consentry.core.terms import ZERO_ADDRESS, Address
from consentry.errors import LedgerUnavailableError
from consentry.ledger import reverts
from consentry.ledger.connection import REQUEST_SECONDS, Connection, Header, Mined, Question, Topic
from consentry.ledger.engines import EngineProfile
from consentry.ledger.events import Log
from consentry.ledger.together import Together
from consentry.ledger.wire import UNABLE, RpcError, Wire, whole

_REVERTED: Final = 3
"""Code by which a node says that a contract refused (geth, anvil, Besu)."""


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except RpcError as error:
        refusal = reverts.from_exception(error)
        if refusal is None and error.code == _REVERTED:
            refusal = reverts.from_data(b"")
        if refusal is not None:
            raise refusal from error
        if error.code in UNABLE:
            raise LedgerUnavailableError("node does not answer (it cannot now)", is_passing=True) from error
        raise LedgerUnavailableError(f"node refuses ({error})", rpc_code=error.code) from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise LedgerUnavailableError("node does not answer (with what is no answer)") from error


class _Sessions(HTTPSessionManager):
    """How web3 asks, but for that it would read an answer of any length."""

    async def async_make_post_request(
        self,
        endpoint_uri: URI,
        data: bytes | dict[str, Any],
        **kwargs: Any,  # noqa: ANN401 - as web3 has it
    ) -> bytes:
        """Gives the answer to a question.

        Raises:
            ValueError: it is longer than any.
            ClientError: the node does not answer, or with another status.
        """
        answer = await self.async_get_response_from_post_request(endpoint_uri, data=data, **kwargs)
        async with answer:
            answer.raise_for_status()
            return await whole(answer)


class _Provider(AsyncHTTPProvider):
    def __init__(self, url: str) -> None:
        super().__init__(url, request_kwargs={"timeout": REQUEST_SECONDS})
        self._request_session_manager = _Sessions()


class DirectConnection(Connection):
    """A node behind JSON-RPC over HTTP."""

    def __init__(self, url: str, profile: EngineProfile) -> None:
        """Takes the node's address; connects with the first question."""
        super().__init__(_Provider(url), profile)
        self._wire = Wire(url, REQUEST_SECONDS)
        self._reads = Together(self._run, self._call, super().at_head)

    async def close(self) -> None:
        """Closes kept connections."""
        await self._wire.close()
        await super().close()

    async def chain_id(self) -> int:
        """Gives the chain's id."""
        async with _translated():
            return _number(await self._wire.ask("eth_chainId"))

    async def code(self, address: Address) -> bytes:
        """Gives the code at an address; empty if there is none."""
        async with _translated():
            return _bytes(await self._wire.ask("eth_getCode", _hex(address), "latest"))

    async def header(self, number: int | None = None) -> Header | None:
        """Gives a block by number, or the newest; None if the chain is shorter."""
        wanted = "latest" if number is None else hex(number)
        async with _translated():
            block = await self._wire.ask("eth_getBlockByNumber", wanted, False)  # noqa: FBT003 - its own parameter
            if block is None:
                return None
            reference = BlockReference(_number(block["number"]), _bytes(block["hash"]), _number(block["timestamp"]))
            return Header(reference, _bytes(block["parentHash"]))

    async def call(
        self,
        target: Address,
        data: bytes,
        sender: Address = ZERO_ADDRESS,
        *,
        in_next_block: bool = False,
        block: int | None = None,
    ) -> bytes:
        """Runs a call without changing anything; see `Connection.call`. Reads of one moment at head go together."""
        if sender == ZERO_ADDRESS and not in_next_block and block is None:
            return await self._reads.call(target, data)
        at_head = "pending" if in_next_block else "latest"
        return await self._call(target, data, sender, at_head if block is None else hex(block))

    async def at_head(self, questions: Sequence[Question]) -> tuple[Moment, list[bytes]]:
        """Runs calls at one block; see `Connection.at_head`. Those of several callers go together."""
        return await self._reads.at_head(questions)

    async def _run(self, code: bytes) -> object:
        parameters = {"data": _hex(code), "gas": hex(self.profile.transaction_gas_limit)}
        return await self._wire.ask("eth_call", parameters, "latest")

    async def _call(self, target: Address, data: bytes, sender: Address = ZERO_ADDRESS, block: str = "latest") -> bytes:
        parameters = {"to": _hex(target), "data": _hex(data), "gas": hex(self.profile.transaction_gas_limit)}
        if sender != ZERO_ADDRESS:
            parameters["from"] = _hex(sender)
            if self.profile.gas_price:
                parameters["gasPrice"] = hex(self.profile.gas_price)
        async with _translated():
            return _bytes(await self._wire.ask("eth_call", parameters, block))

    async def next_nonce(self, account: Address) -> int:
        """Gives the number of transactions of an account; see `Connection.next_nonce`."""
        async with _translated():
            return _number(await self._wire.ask("eth_getTransactionCount", _hex(account), "pending"))

    async def send(self, raw: bytes) -> None:
        """Hands a signed transaction to the node; see `Connection.send`."""
        async with _translated():
            await self._wire.ask("eth_sendRawTransaction", _hex(raw), alone=True)

    async def mined(self, transaction_hash: bytes) -> Mined | None:
        """Gives a transaction's receipt once its block is final; see `Connection.mined`."""
        async with _translated():
            # It mostly stands in the newest block, which is asked for along with it.
            receipt, newest = await asyncio.gather(
                self._wire.ask("eth_getTransactionReceipt", _hex(transaction_hash)), self.header()
            )
            if receipt is None:
                return None
            number, block_hash = _number(receipt["blockNumber"]), _bytes(receipt["blockHash"])
            header = newest if newest and newest.block.number == number else await self.header(number)
            if header is None or header.block.hash != block_hash:
                return None
            created = receipt.get("contractAddress")
            return Mined(
                succeeded=_number(receipt["status"]) == 1,
                transaction_hash=_bytes(receipt["transactionHash"]),
                block=header.block,
                gas_used=_number(receipt["gasUsed"]),
                contract=Address(_bytes(created)) if created else None,
                logs=tuple(_log(entry) for entry in receipt["logs"]),
            )

    async def logs(
        self, addresses: Sequence[Address], first: int, last: int | None, topics: Sequence[Topic] = ()
    ) -> tuple[Log, ...]:
        """Gives the logs of some contracts; see `Connection.logs`."""
        wanted: dict[str, object] = {
            "address": [_hex(address) for address in addresses],
            "fromBlock": hex(first),
            "toBlock": "latest" if last is None else hex(last),
        }
        if topics:
            wanted["topics"] = [_topic(topic) for topic in topics]
        async with _translated():
            found = await self._wire.ask("eth_getLogs", wanted, alone=True)
            return tuple(sorted(map(_log, found), key=lambda log: (log.block_number, log.log_index)))


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def _number(value: str) -> int:
    return int(value, 16)


def _topic(topic: Topic) -> str | list[str] | None:
    if topic is None:
        return None
    return _hex(topic) if isinstance(topic, bytes) else [_hex(value) for value in topic]


def _log(entry: Mapping[str, Any]) -> Log:
    return Log(
        address=Address(_bytes(entry["address"])),
        topics=tuple(map(_bytes, entry["topics"])),
        data=_bytes(entry["data"]),
        block_number=_number(entry["blockNumber"]),
        block_hash=_bytes(entry["blockHash"]),
        transaction_hash=_bytes(entry["transactionHash"]),
        log_index=_number(entry["logIndex"]),
    )
