"""Questions that are put again: how often, which, and to whom not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from consentry.config import Settings
from consentry.core.chain import BlockReference
from consentry.errors import LedgerUnavailableError
from consentry.ledger.connection import Header
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.patience import WAITS, patient
from consentry.wiring import audits
from tests.support.node_on_a_port import node_on_a_port

GONE = LedgerUnavailableError("node does not answer", is_passing=True)
ANSWERS = {
    "no": LedgerUnavailableError("node refuses", rpc_code=-32602),
    "nonsense": LedgerUnavailableError("node does not answer (with what is no answer)"),
    "others": LedgerUnavailableError("chain was reorganised while it was read"),
}


class Reader:
    """Answers as told: raises each error, then gives what it was asked with."""

    def __init__(self) -> None:
        self.errors = list[LedgerUnavailableError]()
        self.asked = 0

    async def block(self, number: int, *, whole: bool = False) -> tuple[int, bool]:
        """Gives what was asked for."""
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return number, whole

    async def close(self) -> None:
        """Has nothing to close."""

    def domain(self, name: str) -> str:
        """Asks nobody."""
        return name


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited; nobody waits really."""
    found = list[float]()

    async def wait(seconds: float) -> None:
        # What others wait for, such as a connection that is closed, takes no time.
        found.extend([seconds] if seconds else [])

    monkeypatch.setattr("consentry.ledger.patience.asyncio.sleep", wait)
    return found


async def test_node_that_answered_before_is_asked_again(waited: list[float]) -> None:
    reader = Reader()
    asked = patient(reader)
    assert await asked.block(1) == (1, False)
    reader.errors = [GONE, GONE]
    assert await asked.block(7, whole=True) == (7, True)
    assert (waited, reader.asked) == ([1.0, 2.0], 4)


async def test_node_is_not_waited_for_without_end(waited: list[float]) -> None:
    reader = Reader()
    asked = patient(reader)
    await asked.block(1)
    reader.errors = [GONE] * 99
    with pytest.raises(LedgerUnavailableError, match="does not answer"):
        await asked.block(2)
    assert waited == [*WAITS]
    reader.errors = [GONE]
    assert await asked.block(3) == (3, False)
    assert waited == [*WAITS, WAITS[0]]


async def test_node_that_never_answered_is_named_at_once(waited: list[float]) -> None:
    reader = Reader()
    reader.errors = [GONE]
    with pytest.raises(LedgerUnavailableError):
        await patient(reader).block(1)
    assert waited == []


@pytest.mark.parametrize("name", ANSWERS)
async def test_whatever_a_node_says_is_an_answer(name: str, waited: list[float]) -> None:
    reader = Reader()
    asked = patient(reader)
    await asked.block(1)
    reader.errors = [ANSWERS[name]]
    with pytest.raises(LedgerUnavailableError) as caught:
        await asked.block(2)
    assert caught.value is ANSWERS[name]
    assert waited == []


async def test_node_is_waited_for_some_minutes_in_all(waited: list[float]) -> None:
    reader = Reader()
    asked = patient(reader)
    await asked.block(1)
    for _ in range(40):
        reader.errors = [GONE] * 4
        with suppress(LedgerUnavailableError):
            await asked.block(2)
    assert 300 <= sum(waited) < 308


BUSY = {"error": {"code": -32002, "message": "not within 10 seconds"}}
BLOCK = {"number": "0x7", "hash": "0x" + "11" * 32, "timestamp": "0x5", "parentHash": "0x" + "22" * 32}
HEADER = Header(BlockReference(7, b"\x11" * 32, 5), b"\x22" * 32)


OWN = {"error": {**BUSY["error"], "code": -32603}}


# Once by plain JSON-RPC and once by web3, which asks one that hangs up again by itself.
@pytest.mark.parametrize(
    ("asked", "told"), [("header", BUSY), ("header", OWN), ("header", None), ("chain_id", BUSY), ("chain_id", OWN)]
)
async def test_node_that_is_busy_or_away_is_told_from_others(
    asked: str, told: dict[str, Any] | None, waited: list[float]
) -> None:
    fine = {"result": BLOCK if asked == "header" else "0x7"}
    async with node([fine, told, fine]) as url, connection(url) as found:
        first, second = await getattr(found, asked)(), await getattr(found, asked)()
    expected = HEADER if asked == "header" else 7
    assert (first, second) == (expected, expected)
    assert waited == [1.0]


NO = {"error": {"code": -32000, "message": "no"}}


@pytest.mark.parametrize("told", [{"result": 7}, {"result": {}}, NO, {"id": 99, "result": BLOCK}, {}, []], ids=str)
async def test_node_that_says_something_else_is_not_asked_again(told: object, waited: list[float]) -> None:
    async with node([{"result": BLOCK}, told]) as url, connection(url) as found:
        await found.header()
        with pytest.raises(LedgerUnavailableError):
            await found.header()
    assert waited == []


@asynccontextmanager
async def node(answers: list[Any]) -> AsyncIterator[str]:
    """Gives the address of a node with these answers, one after the other; at one that is none it hangs up."""

    async def serve(request: web.Request) -> web.Response:
        asked, told = await request.json(), answers.pop(0)
        if told is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.json_response({"jsonrpc": "2.0", "id": asked["id"], **told} if isinstance(told, dict) else told)

    async with node_on_a_port(serve) as url:
        yield url


@asynccontextmanager
async def connection(url: str) -> AsyncIterator[DirectConnection]:
    """Gives a patient connection."""
    made = DirectConnection(url, load_profile("embedded"))
    yield patient(made)
    await made.close()


async def test_reader_of_an_audit_is_patient(waited: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader()
    monkeypatch.setattr(audits, "ChainReader", lambda *_: reader)
    monkeypatch.setattr(audits, "connect", lambda _: None)
    monkeypatch.setattr(audits, "Manifest", SimpleNamespace(read=lambda _: None))
    async with audits.open_audit(Settings(), chain_only=True) as scope:
        await scope.reader.block(1)
        reader.errors = [GONE]
        await scope.reader.block(2)
    assert waited == [1.0]


def test_what_asks_nobody_is_the_same() -> None:
    assert patient(Reader()).domain("Consents") == "Consents"
