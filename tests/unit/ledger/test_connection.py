"""A node that answers with what is no answer, or with more than any answer has, is a node that does not answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from web3.providers.async_base import AsyncBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from consentry.core.terms import Address
from consentry.errors import LedgerUnavailableError
from consentry.ledger import wire
from consentry.ledger.connection import Connection
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from tests.support.node_on_a_port import node_on_a_port

HASH = bytes(range(32))
CALLED = "0x" + "12" * 20
ASKING: dict[str, Callable[[Connection], Awaitable[object]]] = {
    "header": lambda connection: connection.header(),
    "transaction_call": lambda connection: connection.transaction_call(HASH),
    "mined": lambda connection: connection.mined(HASH),
    "logs": lambda connection: connection.logs([Address(bytes(20))], 0, None),
    "raw": lambda connection: connection.raw("eth_getProof"),
    "code": lambda connection: connection.code(Address(bytes(20))),
    "chain_id": lambda connection: connection.chain_id(),
}
NO_TRANSACTIONS: list[Any] = [
    None,
    {},
    {"to": CALLED},
    {"to": CALLED, "input": None},
    {"to": CALLED, "input": {}},
    {"to": [7], "input": "0x"},
    {"to": CALLED + "1", "input": "0x"},
    [],
    7,
    "x",
]


class Node:
    """Answers every question with the same, over HTTP."""

    def __init__(self) -> None:
        self.result: Any = None
        self.padding = 0
        self.is_chunked = self.is_compressed = False
        self.asked = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        asked = await request.json()
        body = web.json_response({"jsonrpc": "2.0", "id": asked["id"], "result": self.result}).body
        assert isinstance(body, bytes)
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        if self.is_chunked:
            answer.enable_chunked_encoding()
        elif not self.is_compressed:
            answer.content_length = len(body) + self.padding
        if self.is_compressed:
            answer.enable_compression(web.ContentCoding.gzip)
        await answer.prepare(request)
        await answer.write(body + b" " * self.padding)
        await answer.write_eof()
        return answer


class Told(AsyncBaseProvider):
    """A node of another kind, which answers every question with the same."""

    def __init__(self, answer: Any) -> None:  # noqa: ANN401 - JSON
        super().__init__()
        self._answer = answer

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:  # noqa: ANN401 - as web3 has it
        del method, params
        told: RPCResponse = self._answer
        return told


def other(answer: Any) -> Connection:  # noqa: ANN401 - JSON
    """Gives a connection of the usual way of web3."""
    return Connection(Told(answer), load_profile("embedded"))


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
async def connection(node: Node) -> AsyncIterator[Connection]:
    async with node_on_a_port(node.serve) as url:
        made = DirectConnection(url, load_profile("embedded"))
        yield made
        await made.close()


async def test_call_of_a_transaction_is_whom_it_calls_with_what(node: Node, connection: Connection) -> None:
    node.result = {"to": CALLED, "input": "0x0102"}
    assert await connection.transaction_call(HASH) == (bytes.fromhex(CALLED[2:]), b"\1\2")
    node.result = {"to": None, "input": "0x"}
    assert await connection.transaction_call(HASH) == (None, b"")


@pytest.mark.parametrize("result", NO_TRANSACTIONS)
async def test_what_is_no_transaction_is_a_node_that_does_not_answer(
    node: Node, connection: Connection, result: object
) -> None:
    node.result = result
    with pytest.raises(LedgerUnavailableError, match="node does not"):
        await connection.transaction_call(HASH)


@pytest.mark.parametrize("name", ["code", "chain_id"])
@pytest.mark.parametrize("result", [None, {}, [7], 7, "0xg"])
async def test_what_is_no_answer_is_a_node_that_does_not_answer(
    node: Node, connection: Connection, name: str, result: object
) -> None:
    node.result = result
    with pytest.raises(LedgerUnavailableError, match="node does not"):
        await ASKING[name](connection)


async def test_chain_and_code_are_what_the_node_says(node: Node, connection: Connection) -> None:
    node.result = "0x01ff"
    assert await connection.code(Address(bytes(20))) == b"\1\xff"
    node.result = "0x7a69"
    assert await connection.chain_id() == 31337


@pytest.mark.parametrize("name", ["header", "mined", "logs", "transaction_call"])
@pytest.mark.parametrize("result", [{}, [{}], [7], 7, "x", {"number": "0x1"}, {"blockNumber": "x"}])
async def test_what_is_no_answer_is_a_node_that_does_not_answer_on_the_usual_way(name: str, result: object) -> None:
    connection = other({"jsonrpc": "2.0", "id": 0, "result": result})
    with pytest.raises(LedgerUnavailableError, match="node does not"):
        await ASKING[name](connection)


@pytest.mark.parametrize("answer", [None, [], 7, "x", "error", {}])
async def test_raw_answer_that_is_none_is_a_node_that_does_not_answer(answer: object) -> None:
    with pytest.raises(LedgerUnavailableError, match="node does not"):
        await ASKING["raw"](other(answer))


@pytest.mark.parametrize("form", ["plain", "chunked", "compressed"])
@pytest.mark.parametrize("name", ASKING)
async def test_answer_longer_than_any_is_a_node_that_does_not_answer(
    node: Node, connection: Connection, name: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MOST_BYTES", 1 << 16)
    node.is_chunked, node.is_compressed = form == "chunked", form == "compressed"
    node.result, node.padding = "0x", (1 << 20)
    with pytest.raises(LedgerUnavailableError, match=r"node does not answer \(ValueError\)") as told:
        await ASKING[name](connection)
    # Nobody is to read so much again.
    assert not told.value.details["is_passing"]
    assert node.asked <= 2


@pytest.mark.parametrize("form", ["plain", "chunked", "compressed"])
@pytest.mark.parametrize("name", ["raw", "code"])
async def test_answer_that_is_as_long_as_any_is_read(
    node: Node, connection: Connection, name: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MOST_BYTES", 1 << 18)
    node.is_chunked, node.is_compressed = form == "chunked", form == "compressed"
    node.result = "0x" + "12" * 100_000
    assert await ASKING[name](connection) in (node.result, bytes.fromhex(node.result[2:]))
