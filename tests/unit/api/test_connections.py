"""Callers that are slow, many, or send too much: each is let go, and nobody else waits for it.

Bounds of a gateway are seconds; here they are tenths, and a test that waits without end fails by its timeout.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from consentry.api.connections import MOST_HEAD_BYTES, Crowd, Patience, address_of, bounded
from consentry.api.guard import Guard
from consentry.api.limits import Bounds
from tests.support.gateway_world import BODY_LIMIT, World
from tests.support.on_a_port import Caller, on_a_port

pytestmark = pytest.mark.timeout(30)
QUICK = Patience(head=0.3, idle=0.3, taking=0.5)
HEAD = b"POST /v1/auth/siwe/challenge HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\n"
DEEP = BODY_LIMIT - 100
LARGE = 64 * 2**20


@pytest.fixture
def crowd() -> Crowd:
    """At most eight connections of one address."""
    return Crowd(8)


@pytest.fixture
async def port(world: World, crowd: Crowd) -> AsyncIterator[int]:
    """A gateway on a port, which is still at the service of others in the end."""
    async with on_a_port(world.app, crowd, QUICK) as port:
        yield port
        async with httpx.AsyncClient(trust_env=False) as good:
            assert (await good.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
        await asyncio.sleep(0)
        assert crowd._total <= 1


async def ended(caller: Caller) -> bytes:
    """Gives the first line of what came before the other side ended the connection; empty if nothing came."""
    return (await caller.rest()).partition(b"\r\n")[0]


async def test_headers_that_trickle_are_not_waited_for(port: int) -> None:
    caller = await Caller.connect(port)
    await caller.trickle(HEAD, 0.05)
    assert await ended(caller) == b"HTTP/1.1 408 Request Timeout"


async def test_connection_without_a_request_is_closed(port: int) -> None:
    assert await ended(await Caller.connect(port)) == b""


async def test_empty_lines_keep_no_connection_open(port: int) -> None:
    caller = await Caller.connect(port)
    await caller.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    await caller.trickle(b"\r\n" * 200, 0.05)
    assert await ended(caller) == b"HTTP/1.1 200 OK"


async def test_rest_of_a_body_that_was_answered_already_keeps_no_connection_open(port: int) -> None:
    caller = await Caller.connect(port)
    await caller.send(b"POST /v1/subjects HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
    await caller.trickle(b"x" * 400, 0.05)
    assert await ended(caller) == b"HTTP/1.1 413 Request Entity Too Large"


@pytest.mark.parametrize(
    "head",
    [b"X-Many: 1\r\n" * 10_000, b"X-Long: " + b"a" * (2 * MOST_HEAD_BYTES) + b"\r\n", b"X-Endless: " + b"a" * 2**20],
    ids=["many", "one", "without end"],
)
async def test_headers_of_any_size_are_refused(port: int, head: bytes) -> None:
    caller = await Caller.connect(port)
    await caller.send(HEAD + head + b"\r\n")
    assert await ended(caller) in {b"HTTP/1.1 431 Request Header Fields Too Large", b""}


async def test_headers_within_the_bound_are_taken(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as good:
        answer = await good.get(f"http://127.0.0.1:{port}/healthz", headers={"X-Long": "a" * (MOST_HEAD_BYTES - 1_000)})
    assert answer.status_code == 200


async def test_one_address_has_no_more_connections_than_its_share(port: int, crowd: Crowd) -> None:
    callers = [await Caller.connect(port) for _ in range(20)]
    for caller in callers:
        await caller.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    answers = [await ended(caller) for caller in callers]
    assert answers.count(b"HTTP/1.1 200 OK") == 8
    assert answers.count(b"") == 12
    assert not crowd._open


async def test_answer_that_nobody_takes_is_given_up(crowd: Crowd) -> None:
    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(64):
            await send({"type": "http.response.body", "body": bytes(2**20), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with on_a_port(large, crowd, QUICK) as port:
        caller = await Caller.connect(port, takes=False)
        await caller.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        while crowd._total:  # noqa: ASYNC110 - the count tells nobody
            await asyncio.sleep(0.05)
        assert len(await caller.rest()) < LARGE


async def test_body_that_trickles_is_answered_and_let_go(crowd: Crowd) -> None:
    app = FastAPI()
    app.state.bounds = Bounds.of(0, 0)
    app.add_middleware(Guard, body_seconds=0.3)

    @app.post("/")
    async def take(request: Request) -> int:
        return len(await request.body())

    async with on_a_port(app, crowd, QUICK) as port:
        caller = await Caller.connect(port)
        await caller.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
        await caller.trickle(bytes(100), 0.05)
        assert await ended(caller) == b"HTTP/1.1 408 Request Timeout"
        fast = await Caller.connect(port)
        await fast.send(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100\r\n\r\n" + bytes(100))
        assert await ended(fast) == b"HTTP/1.1 200 OK"


async def test_nested_body_is_refused_as_malformed(port: int) -> None:
    for nested in (b"[" * DEEP, b'{"a":' * (DEEP // 5), b"[" * (DEEP // 2) + b"]" * (DEEP // 2)):
        answer = await _post(port, nested)
        assert answer.status_code in {400, 422}, answer.text


async def test_body_over_the_limit_is_refused_before_it_is_taken_in(port: int) -> None:
    assert (await _post(port, b'"' + b"a" * (BODY_LIMIT + 1) + b'"')).status_code == 413


async def test_compressed_body_is_refused_and_never_unpacked(port: int) -> None:
    bomb = gzip.compress(bytes(16 * 2**20))
    for encoding in ("gzip", "deflate", "br", "gzip, gzip", "GZIP"):
        answer = await _post(port, bomb, **{"Content-Encoding": encoding})
        assert (answer.status_code, answer.json()["code"]) == (415, "input.media-unsupported")


async def _post(port: int, content: bytes, **headers: str) -> httpx.Response:
    sent = {"Content-Type": "application/json", **headers}
    async with httpx.AsyncClient(trust_env=False) as caller:
        return await caller.post(
            f"http://127.0.0.1:{port}/v1/auth/siwe/challenge", content=content, headers=sent, timeout=20
        )


def test_addresses_of_one_network_are_one() -> None:
    assert address_of(("192.0.2.7", 1)) == address_of(("::ffff:192.0.2.7", 2)) == "192.0.2.7"
    assert address_of(("2001:db8::1", 1)) == address_of(("2001:db8::ffff:1", 2)) == "2001:db8::/64"
    assert address_of(("2001:db8:0:1::1", 1)) != address_of(("2001:db8::1", 1))
    assert address_of(None) == address_of(("", 0)) == ""


async def test_fields_after_a_body_are_dropped_however_many_there_are(port: int) -> None:
    caller = await Caller.connect(port)
    await caller.send(b"POST /v1/subjects HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    await caller.send(b"a:b\r\n" * 50_000 + b"\r\n")
    # Nobody said who asks: answered as any such call, and nothing of the fields was kept.
    assert (await ended(caller)).startswith(b"HTTP/1.1 4")


def test_only_what_stands_in_the_head_is_a_header() -> None:
    made = bounded(Crowd(0))
    config = uvicorn.Config(lambda *_: None)
    config.load()
    loop = asyncio.new_event_loop()
    try:
        connection = made(config=config, server_state=ServerState(), app_state={}, _loop=loop)
        connection.headers = []
        connection._in_head = True
        connection.on_header(b"a", b"1")
        connection._in_head = False
        connection.on_header(b"b", b"2")
        assert connection.headers == [(b"a", b"1")]
    finally:
        loop.close()
