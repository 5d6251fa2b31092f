"""JSON-RPC for everybody but the sealer: reads, and raw transactions.

A method that is not in ``READS`` or ``WRITES`` does not exist here: none that rewrites the chain, signs with a key of
the node, or waits for events. Every sealed block is final, so ``safe`` and ``finalized`` mean ``latest``.

Browsers are kept out: a request that names an origin, or another host than this one (DNS rebinding), is refused.

Nobody may keep the engine from sealing. A read that it has begun cannot be taken back, and the next block waits for
calls, so what a call may cost is bounded beforehand: the gas of one transaction, on the state as it is (no overrides);
the keys of one proof; the bytes of a body that is not of raw transactions.
Within that, an endless loop takes 15 ms, and the dearest code found, rounds of BLAKE2, 240 ms. Costly reads of one body
go one by one, and no more at a time than there are connections to the engine. Whoever has no answer after
``READ_SECONDS`` is told so, and a read that was not begun by then never is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from consentry.errors import ConflictError, ConsentryError, InvalidInputError, LedgerUnavailableError
from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.form import TRANSACTION_GAS_LIMIT
from consentry.ledger.embedded.link import EngineLink
from consentry.ledger.embedded.pool import decode_transaction
from consentry.ledger.embedded.questions import read_json
from consentry.ledger.embedded.sealer import Sealer

READS = frozenset(
    """
    eth_blockNumber eth_call eth_chainId eth_createAccessList eth_estimateGas eth_gasPrice eth_getBalance
    eth_getBlockByHash eth_getBlockByNumber eth_getBlockReceipts eth_getBlockTransactionCountByHash
    eth_getBlockTransactionCountByNumber eth_getCode eth_getLogs eth_getProof eth_getStorageAt
    eth_getTransactionByBlockHashAndIndex eth_getTransactionByBlockNumberAndIndex eth_getTransactionByHash
    eth_getTransactionCount eth_getTransactionReceipt eth_maxPriorityFeePerGas eth_syncing
    net_listening net_version web3_clientVersion web3_sha3
    """.split()  # noqa: SIM905 - one line a family shows at a glance what is absent
)
WRITES = frozenset({"eth_sendRawTransaction", "eth_sendRawTransactionSync"})
# Methods that run code, with the members of the call object that are let through. What else an engine may know, such as
# another spelling of gas, is refused rather than bounded.
CALLS = frozenset({"eth_call", "eth_createAccessList", "eth_estimateGas"})
CALL_MEMBERS = frozenset(
    {
        *("from", "to", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "value", "data", "input", "nonce"),
        *("chainId", "accessList", "type"),
    }
)
# Storage keys of one proof. A hundred thousand keep the engine from sealing for seconds.
PROOF_KEYS = 1024
# Call object and block; a third parameter would be another state to run on.
CALL_PARAMS = 2
# Methods whose work the asker decides about.
COSTLY = CALLS | {"eth_getLogs", "eth_getProof"}
# As long as this package's own client waits.
READ_SECONDS = 10.0
BODY_LIMIT = 64 << 20
# A call as large as the largest transaction takes half of it.
READ_LIMIT = 2 << 20
BATCH_LIMIT = 2000
# Brackets and commas of a longer body: a raw transaction has six. Told before decoding, which would take seconds and a
# gigabyte for what is nothing but such.
MARK_LIMIT = 10 * BATCH_LIMIT
_MARKS = (b"[", b"{", b",")
_HOSTS = frozenset({"127.0.0.1", "localhost"})
_FINAL = frozenset({"safe", "finalized"})
_NO_METHOD = (-32601, "method is not offered here")
_BAD_REQUEST = (-32600, "request is not JSON-RPC 2.0")
_BAD_PARAMS = -32602
_NO_JSON = -32700
Piece = bytes | memoryview
Pieces = list[Piece]


class ChainRpc:
    """Answers JSON-RPC requests from the engine and the sealer."""

    def __init__(self, sealer: Sealer, log: BlockLog, links: Sequence[EngineLink]) -> None:
        self._sealer = sealer
        self._log = log
        self._links = links
        self._turn = 0
        self._costly = asyncio.Semaphore(len(links))

    def app(self) -> Starlette:
        """The web application: one route."""
        return Starlette(routes=[Route("/", self._serve, methods=["POST"])])

    async def _serve(self, request: Request) -> Response:
        if "origin" in request.headers or request.headers.get("host", "").rsplit(":", 1)[0] not in _HOSTS:
            return Response("origin and foreign hosts are refused", 403, media_type="text/plain")
        content = await _read(request)
        if content is None:
            return Response(f"body is longer than {BODY_LIMIT} bytes", 413, media_type="text/plain")
        return await self._answered(content)

    async def _answered(self, content: bytes) -> Response:
        if len(content) > READ_LIMIT and sum(map(content.count, _MARKS)) > MARK_LIMIT:
            return _too_long()
        try:
            asked = read_json(content)
        except InvalidInputError as error:
            return _answer([_error(None, _NO_JSON, error.message)])
        if len(content) > READ_LIMIT and not _is_of_writes(asked):
            return _too_long()
        if not isinstance(asked, list):
            return _answer(await self._handle(asked, asyncio.Lock()))
        return _answer(await self._handle_all(asked))

    async def _handle_all(self, asked: list[object]) -> Pieces:
        """A batch of calls to their answers, as JSON."""
        if not asked or len(asked) > BATCH_LIMIT:
            why = f"length of the batch does not match (got {len(asked)}, expected 1 to {BATCH_LIMIT})"
            return [_error(None, -32600, why)]
        own_turn = asyncio.Lock()
        answers = await asyncio.gather(*(self._handle(call, own_turn) for call in asked))
        pieces = [piece for answer in answers for piece in (b",", *answer)]
        return [b"[", *pieces[1:], b"]"]

    async def _handle(self, call: object, own_turn: asyncio.Lock) -> Pieces:
        """One call to one answer, as JSON; ``own_turn`` is shared by the calls of one body."""
        if not isinstance(call, dict) or not isinstance(call.get("method"), str):
            return [_error(None, *_BAD_REQUEST)]
        call_id, method, params = call.get("id"), call["method"], call.get("params", [])
        if not isinstance(params, list) or not isinstance(call_id, str | int | float | None):
            return [_error(None, *_BAD_REQUEST)]
        try:
            if method in WRITES:
                tail = await self._send(params, with_receipt=method.endswith("Sync"))
            elif method in READS:
                tail = await self._read(method, params, own_turn)
            elif method == "consentry_status":
                tail = _result(self.status())
            else:
                return [_error(call_id, *_NO_METHOD)]
        except ConsentryError as error:
            return [_error(call_id, _rpc_code(error), error.message, error.details.get("rpc_data"))]
        return [b'{"jsonrpc":"2.0","id":', json.dumps(call_id).encode(), b",", tail]

    def status(self) -> dict[str, int | str]:
        """What this chain is and how far it is."""
        log = self._log
        return {
            "chainId": hex(log.genesis.chain_id),
            "genesisHash": "0x" + log.hash_of(0).hex(),
            "blockNumber": hex(log.height),
            "blockHash": "0x" + log.hash_of(log.height).hex(),
            "waiting": len(self._sealer.pool),
        }

    async def _send(self, params: list[Any], *, with_receipt: bool) -> Piece:
        try:
            raw = bytes.fromhex(params[0].removeprefix("0x"))
        except (LookupError, AttributeError, ValueError) as error:
            raise InvalidInputError("raw transaction is not hexadecimal") from error
        done = "0x" + (await self._sealer.submit(decode_transaction(raw, self._log.genesis.chain_id))).hex()
        return await self._read("eth_getTransactionReceipt", [done], asyncio.Lock()) if with_receipt else _result(done)

    async def _read(self, method: str, params: list[Any], own_turn: asyncio.Lock) -> Piece:
        is_with_waiting = method == "eth_getTransactionCount" and params[1:] == ["pending"]
        if method in CALLS:
            params = _bounded(params)
        elif method == "eth_getProof":
            _check_proof(params)
        try:
            async with asyncio.timeout(READ_SECONDS):
                if is_with_waiting:
                    return await self._count_with_waiting(params)
                tail = await self._asked(method, [_final_is_latest(param) for param in params], own_turn)
        except TimeoutError:
            raise LedgerUnavailableError(f"engine has not answered within {READ_SECONDS:g} seconds") from None
        # The answer may already know a block whose hash is not synced yet: hold it until it is.
        await self._sealer.settled()
        return tail

    async def _asked(self, method: str, params: list[object], own_turn: asyncio.Lock) -> Piece:
        self._turn += 1
        link = self._links[self._turn % len(self._links)]
        if method not in COSTLY:
            return await link.raw(method, params)
        async with own_turn:
            await self._costly.acquire()
            asked = asyncio.create_task(link.raw(method, params))
            asked.add_done_callback(self._is_answered)
            # Shielded: if the asker goes away, the engine works on, so its place is not free yet.
            return await asyncio.shield(asked)

    def _is_answered(self, asked: asyncio.Task[memoryview]) -> None:
        self._costly.release()
        if not asked.cancelled():
            asked.exception()  # Seen: the asker may have gone.

    async def _count_with_waiting(self, params: list[Any]) -> bytes:
        count = await self._links[0].call("eth_getTransactionCount", params[0], "latest")
        await self._sealer.settled()
        return _result(hex(self._sealer.pool.next_nonce(str(params[0]).lower(), int(count, 16))))


def _too_long() -> Response:
    return Response(f"body without raw transactions is longer than {READ_LIMIT} bytes", 413, media_type="text/plain")


def _is_of_writes(asked: object) -> bool:
    calls = asked if isinstance(asked, list) else [asked]
    return all(isinstance(call, dict) and str(call.get("method")) in WRITES for call in calls)


async def _read(request: Request) -> bytes | None:
    """The body, or nothing if it is too long."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BODY_LIMIT:
            return None
    return bytes(content)


def _bounded(params: list[Any]) -> list[Any]:
    """The parameters of a call, with no more gas than a transaction has.

    Raises:
        InvalidInputError: the call could cost more than its gas says.
    """
    if len(params) > CALL_PARAMS:
        raise InvalidInputError(f"number of parameters does not match (got {len(params)}, at most {CALL_PARAMS})")
    if not params or not isinstance(params[0], dict) or not params[0].keys() <= CALL_MEMBERS:
        raise InvalidInputError(f"call is no object, or has other members than {', '.join(sorted(CALL_MEMBERS))}")
    try:
        gas = int(params[0].get("gas") or hex(TRANSACTION_GAS_LIMIT), 16)
    except (TypeError, ValueError):
        raise InvalidInputError("gas of the call is not hexadecimal") from None
    return [{**params[0], "gas": hex(min(gas, TRANSACTION_GAS_LIMIT))}, *params[1:]]


def _check_proof(params: list[Any]) -> None:
    keys = params[1] if len(params) > 1 else None
    if not isinstance(keys, list) or len(keys) > PROOF_KEYS:
        raise InvalidInputError(f"keys of the proof are no list of {PROOF_KEYS} at most")


def _final_is_latest(param: object) -> object:
    if isinstance(param, str):
        return "latest" if param in _FINAL else param
    if isinstance(param, dict):
        return {
            key: "latest" if key in {"fromBlock", "toBlock"} and value in _FINAL else value
            for key, value in param.items()
        }
    return param


def _answer(pieces: Pieces) -> Response:
    """Puts an answer together: what the engine says may be large, and is copied here alone."""
    return Response(b"".join(pieces), media_type="application/json")


def _result(value: object) -> bytes:
    return b'"result":' + json.dumps(value).encode() + b"}"


def _error(call_id: object, code: int, message: str, data: object = None) -> bytes:
    error = {"code": code, "message": message} | ({"data": data} if data is not None else {})
    return json.dumps({"jsonrpc": "2.0", "id": call_id, "error": error}).encode()


def _rpc_code(error: ConsentryError) -> int:
    """The engine's own code, or: invalid params, transaction rejected (EIP-1474), resource unavailable."""
    given = error.details.get("rpc_code")
    if isinstance(given, int):
        return given
    if isinstance(error, InvalidInputError):
        return _BAD_PARAMS
    return -32003 if isinstance(error, ConflictError) else -32002
