"""One connection to one node: the only place that calls web3.

Everything foreign is turned into errors of ``consentry.errors`` here: a refusal of a contract into the error its revert
data names, anything else into ``LedgerUnavailableError``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import ClientError
from eth_typing import BlockNumber, HexStr
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.exceptions import BlockNotFound, TransactionNotFound, Web3RPCError
from web3.providers.async_base import AsyncBaseProvider
from web3.types import BlockIdentifier, FilterParams, TxParams, Wei

from consentry.core.chain import BlockReference, EventPlace, Moment
from consentry.core.terms import ZERO_ADDRESS, Address
from consentry.errors import LedgerUnavailableError
from consentry.evidence import header as headers
from consentry.ledger import reverts
from consentry.ledger.engines import EngineProfile
from consentry.ledger.events import Log
from consentry.ledger.wire import UNABLE

_POLL_SECONDS: Final = 0.01
REQUEST_SECONDS: Final = 10.0

Topic = bytes | Sequence[bytes] | None
Question = tuple[Address, bytes]
"""A contract, and the calldata it is called with."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction in a block: whether it succeeded, where it stands, what it logged."""

    succeeded: bool
    transaction_hash: bytes
    block: BlockReference
    gas_used: int
    contract: Address | None
    logs: tuple[Log, ...]

    def place(self, log: Log) -> EventPlace:
        """Gives the place of one of its logs."""
        return EventPlace(self.block, self.transaction_hash, log.log_index)


@dataclass(frozen=True, slots=True)
class Header:
    """A block with its parent's hash."""

    block: BlockReference
    parent_hash: bytes


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (BlockNotFound, TransactionNotFound):
        raise
    except Exception as error:
        refusal = reverts.from_exception(error)
        if refusal is not None:
            raise refusal from error
        code = _code_of(error)
        if code is not None:
            message = f"node refuses ({error})"
            raise LedgerUnavailableError(message, rpc_code=code) from error
        is_passing = isinstance(error, Web3RPCError | OSError | TimeoutError | ClientError)
        message = f"node does not answer ({type(error).__name__})"
        raise LedgerUnavailableError(message, is_passing=is_passing) from error


def _code_of(error: Exception) -> int | None:
    """The code of a JSON-RPC error by which a node says no; none if it did not answer, or said that it cannot now."""
    answer = error.rpc_response if isinstance(error, Web3RPCError) else None
    code = answer["error"].get("code") if answer and isinstance(answer.get("error"), dict) else None
    return code if isinstance(code, int) and code not in UNABLE else None


def is_passing(error: LedgerUnavailableError) -> bool:
    """Whether a node was away or said that it cannot now, and said nothing else."""
    return bool(error.details.get("is_passing"))


def is_refusal(error: LedgerUnavailableError) -> bool:
    """Whether a node said no to what it was sent, so that nothing came of it; otherwise that is not known."""
    return "rpc_code" in error.details


class Connection:
    """A node behind JSON-RPC."""

    def __init__(self, provider: AsyncBaseProvider, profile: EngineProfile) -> None:
        """Takes any web3 provider; `consentry.ledger.direct` is the usual way to a node."""
        self._web3 = AsyncWeb3(provider)
        self.profile = profile

    async def close(self) -> None:
        """Closes kept connections."""
        provider = self._web3.provider
        if isinstance(provider, AsyncHTTPProvider):
            await provider.disconnect()

    async def chain_id(self) -> int:
        """Gives the chain's id."""
        async with _translated():
            return await self._web3.eth.chain_id

    async def code(self, address: Address) -> bytes:
        """Gives the code at an address; empty if there is none."""
        async with _translated():
            return bytes(await self._web3.eth.get_code(_checksummed(address)))

    async def header(self, number: int | None = None) -> Header | None:
        """Gives a block by number, or the newest; None if the chain is shorter."""
        try:
            async with _translated():
                block = await self._web3.eth.get_block("latest" if number is None else number)
        except BlockNotFound:
            return None
        with readable("block"):
            reference = BlockReference(int(block["number"]), bytes(block["hash"]), int(block["timestamp"]))
            return Header(reference, bytes(block["parentHash"]))

    async def header_bytes(self, number: int) -> bytes:
        """Gives the RLP of a header, compared with the hash the node gives.

        Raises:
            LedgerUnavailableError: the node does not give it.
            InvalidInputError: what it gives has another hash.
        """
        block = await self.raw("eth_getBlockByNumber", hex(number), False)  # noqa: FBT003 - JSON-RPC has no names
        with readable("block"):
            return headers.encode(block, self.profile.header_form)

    async def call(
        self,
        target: Address,
        data: bytes,
        sender: Address = ZERO_ADDRESS,
        *,
        in_next_block: bool = False,
        block: int | None = None,
    ) -> bytes:
        """Runs a call at head without changing anything, after another block, or as if it stood in the one to come.

        A chain that seals no empty blocks stands still in time: what is due by now is due in the next block alone.

        Args:
            target: contract.
            data: calldata.
            sender: who calls, if anybody.
            in_next_block: as if it stood in the block that comes next.
            block: number of the block after which it is asked; nodes keep the state of the newest ones alone.

        Raises:
            ConsentryError: the contract refuses; the error its revert data names.
        """
        parameters: TxParams = {"to": _checksummed(target), "data": HexStr("0x" + data.hex())}
        if sender != ZERO_ADDRESS:
            parameters["from"] = _checksummed(sender)
        parameters["gas"] = self.profile.transaction_gas_limit
        if self.profile.gas_price and sender != ZERO_ADDRESS:
            parameters["gasPrice"] = Wei(self.profile.gas_price)
        usual: BlockIdentifier = "pending" if in_next_block else "latest"
        async with _translated():
            return bytes(await self._web3.eth.call(parameters, usual if block is None else BlockNumber(block)))

    async def at_head(self, questions: Sequence[Question]) -> tuple[Moment, list[bytes]]:
        """Runs calls without changing anything, none of them at an older block than the one that is told.

        Raises:
            ConsentryError: a contract refuses one of them; the error its revert data names.
        """
        head = await self.header()
        if head is None:
            raise LedgerUnavailableError("node does not answer (it has no block)")
        answers = [await self.call(target, data) for target, data in questions]
        return Moment(head.block.number, head.block.time), answers

    async def next_nonce(self, account: Address) -> int:
        """Gives the number of transactions of an account that are mined or wait at this node without a gap."""
        async with _translated():
            return await self._web3.eth.get_transaction_count(_checksummed(account), "pending")

    async def send(self, raw: bytes) -> None:
        """Hands a signed transaction to the node.

        Raises:
            LedgerUnavailableError: ``is_refusal`` tells whether the node said no, or whether it took it is not known.
        """
        async with _translated():
            await self._web3.eth.send_raw_transaction(raw)

    async def mined(self, transaction_hash: bytes) -> Mined | None:
        """Gives a transaction's receipt once its block is final by the engine's rule; None before that."""
        try:
            async with _translated():
                receipt: Any = await self._web3.eth.get_transaction_receipt(HexStr("0x" + transaction_hash.hex()))
        except TransactionNotFound:
            return None
        with readable("receipt"):
            header = await self.header(int(receipt["blockNumber"]))
            if header is None or header.block.hash != bytes(receipt["blockHash"]):
                return None
            created = receipt.get("contractAddress")
            return Mined(
                succeeded=receipt["status"] == 1,
                transaction_hash=bytes(receipt["transactionHash"]),
                block=header.block,
                gas_used=int(receipt["gasUsed"]),
                contract=Address(bytes.fromhex(created[2:])) if created else None,
                logs=tuple(_log(entry) for entry in receipt["logs"]),
            )

    async def wait(self, transaction_hash: bytes, seconds: float) -> Mined:
        """Waits for a receipt.

        Raises:
            LedgerUnavailableError: none came in time, or that of another transaction; whether this one will be mined is
                not known.
        """
        try:
            async with asyncio.timeout(seconds):
                while (found := await self.mined(transaction_hash)) is None:  # noqa: ASYNC110 - a receipt rings no bell
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise LedgerUnavailableError(f"no receipt within {seconds:g} s") from None
        if found.transaction_hash != transaction_hash:
            raise LedgerUnavailableError("receipt does not match the transaction: the node mixes answers up")
        return found

    async def logs(
        self, addresses: Sequence[Address], first: int, last: int | None, topics: Sequence[Topic] = ()
    ) -> tuple[Log, ...]:
        """Gives the logs of some contracts in blocks ``first`` to ``last`` (or head), in chain order.

        A topic is one value, any of several, or whatever stands there (none).
        """
        wanted: FilterParams = {
            "address": [_checksummed(a) for a in addresses],
            "fromBlock": first,
            "toBlock": "latest" if last is None else last,
        }
        if topics:
            wanted["topics"] = [_topic(topic) for topic in topics]
        async with _translated():
            found = await self._web3.eth.get_logs(wanted)
        with readable("logs"):
            return tuple(sorted((_log(entry) for entry in found), key=lambda log: (log.block_number, log.log_index)))

    async def transaction_call(self, transaction_hash: bytes) -> tuple[Address | None, bytes]:
        """Gives whom a mined transaction calls, none where it makes a contract, and its calldata.

        Raises:
            LedgerUnavailableError: the node does not give it, or what is none.
        """
        try:
            async with _translated():
                found = await self._web3.eth.get_transaction(HexStr("0x" + transaction_hash.hex()))
        except TransactionNotFound:
            raise LedgerUnavailableError("node does not give the transaction") from None
        with readable("transaction"):
            called = found.get("to")
            return Address(bytes.fromhex(str(called)[2:])) if called else None, bytes(found["input"])

    async def raw(self, method: str, *parameters: Any) -> Any:
        """Gives the result of a JSON-RPC method as the node sent it, for proofs."""
        async with _translated():
            answer: Any = await self._web3.provider.make_request(method, list(parameters))  # type: ignore[arg-type]  # any method name
        with readable("an answer"):
            if "error" in answer or answer.get("result") is None:
                raise LedgerUnavailableError(f"node does not give {method}")
            return answer["result"]


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turns an answer of another form into one clear line.

    Raises:
        LedgerUnavailableError: what stands inside could not read it.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise LedgerUnavailableError(f"node does not answer (with {what} that cannot be read)") from error


def _topic(topic: Topic) -> HexStr | list[HexStr] | None:
    if topic is None:
        return None
    return HexStr("0x" + topic.hex()) if isinstance(topic, bytes) else [HexStr("0x" + value.hex()) for value in topic]


def _checksummed(address: Address) -> Any:
    return AsyncWeb3.to_checksum_address("0x" + address.hex())


def _log(entry: Any) -> Log:
    return Log(
        address=Address(bytes.fromhex(entry["address"][2:])),
        topics=tuple(bytes(topic) for topic in entry["topics"]),
        data=bytes(entry["data"]),
        block_number=int(entry["blockNumber"]),
        block_hash=bytes(entry["blockHash"]),
        transaction_hash=bytes(entry["transactionHash"]),
        log_index=int(entry["logIndex"]),
    )
