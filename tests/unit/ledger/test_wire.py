"""JSON-RPC over kept connections: what travels together, and what a wrong answer becomes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from consentry.errors import LedgerUnavailableError
from consentry.ledger import wire
from consentry.ledger.wire import RpcError, Wire
from tests.support.node_on_a_port import node_on_a_port

Answer = Callable[[Any], Any]


class Node:
    """Answers JSON-RPC over HTTP as a test wants it, and keeps what it was asked."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.status = 200
        self.raw: bytes | None = None
        self.order = 1
        self.answer: Answer = lambda question: {"id": question["id"], "result": question["params"]}

    async def serve(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        self.bodies.append(body)
        told = [self.answer(one) for one in body][:: self.order] if isinstance(body, list) else self.answer(body)
        content = json.dumps(told).encode() if self.raw is None else self.raw
        return web.Response(body=content, status=self.status, content_type="application/json")


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
async def line(node: Node) -> AsyncIterator[Wire]:
    async with node_on_a_port(node.serve) as url:
        made = Wire(url, 2.0)
        yield made
        await made.close()


async def test_questions_of_one_moment_travel_in_one_body(node: Node, line: Wire) -> None:
    answers = await asyncio.gather(*(line.ask("echo", number) for number in range(5)))
    assert answers == [[number] for number in range(5)]
    assert [len(body) for body in node.bodies] == [5]


async def test_question_alone_travels_as_itself_and_keeps_nobody_waiting(node: Node, line: Wire) -> None:
    await asyncio.gather(line.ask("echo", 1), line.ask("send", 2, alone=True), line.ask("echo", 3))
    assert sorted(len(body) if isinstance(body, list) else 0 for body in node.bodies) == [0, 2]


async def test_more_questions_than_a_body_holds_travel_in_several(
    node: Node, line: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MOST_TOGETHER", 2)
    answers = await asyncio.gather(*(line.ask("echo", number) for number in range(5)))
    assert [answer[0] for answer in answers] == list(range(5))
    assert sorted(len(body) if isinstance(body, list) else 1 for body in node.bodies) == [1, 2, 2]


async def test_answers_are_told_apart_by_their_number_not_their_order(node: Node, line: Wire) -> None:
    node.order = -1
    assert await asyncio.gather(*(line.ask("echo", number) for number in range(4))) == [[0], [1], [2], [3]]


async def test_no_of_the_node_reaches_its_own_asker_alone(node: Node, line: Wire) -> None:
    def answer(question: Any) -> Any:  # noqa: ANN401 - JSON
        if question["params"] == [1]:
            return {"id": question["id"], "error": {"code": 3, "message": "reverted", "data": "0xab"}}
        return {"id": question["id"], "result": "yes"}

    node.answer = answer
    answers = await asyncio.gather(*(line.ask("ask", number) for number in range(3)), return_exceptions=True)
    assert answers[0] == answers[2] == "yes"
    assert isinstance(answers[1], RpcError)
    assert (answers[1].code, answers[1].data) == (3, "0xab")


@pytest.mark.parametrize(
    "raw", [b"", b"no JSON", b"[]", b"7", b'"x"', b"null", b'{"id": 0}', b'{"id": 1, "result": 2}', b"[" * 400_000]
)
async def test_what_is_no_answer_is_a_node_that_does_not_answer(node: Node, line: Wire, raw: bytes) -> None:
    node.raw = raw
    with pytest.raises(LedgerUnavailableError, match="does not answer"):
        await line.ask("echo")
    told = await asyncio.gather(line.ask("echo"), line.ask("echo"), return_exceptions=True)
    assert {type(error) for error in told} == {LedgerUnavailableError}


async def test_error_status_and_silence_are_a_node_that_does_not_answer(node: Node, line: Wire) -> None:
    node.status = 503
    with pytest.raises(LedgerUnavailableError, match="does not answer"):
        await line.ask("echo")
    silent = Wire("http://127.0.0.1:1/", 0.5)
    with pytest.raises(LedgerUnavailableError, match="does not answer"):
        await silent.ask("echo")
    await silent.close()


async def test_asker_that_goes_away_leaves_the_others_their_answers(line: Wire) -> None:
    first, second = (asyncio.create_task(line.ask("echo", number)) for number in (1, 2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == [2]


@pytest.mark.parametrize("turns", range(5))
async def test_closed_line_fails_what_is_under_way_and_opens_anew(line: Wire, turns: int) -> None:
    asked = asyncio.create_task(line.ask("echo", 1))
    for _ in range(turns + 1):
        await asyncio.sleep(0)
    await line.close()
    with pytest.raises(LedgerUnavailableError):
        await asyncio.wait_for(asked, 5)
    assert await line.ask("echo", 2) == [2]
