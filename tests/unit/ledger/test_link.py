"""The connection to the engine: whoever waits on it gets an answer or an error, whatever the engine says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from consentry.errors import InvalidInputError, LedgerUnavailableError
from consentry.ledger.embedded.link import EngineLink


class Engine:
    """The other end: takes lines, and says what it is told to."""

    def __init__(self) -> None:
        self.says = asyncio.StreamReader()
        self.heard: list[dict[str, Any]] = []
        self.link = EngineLink(self.says, cast("asyncio.StreamWriter", self))

    def write(self, line: bytes) -> None:
        """Hears a line."""
        self.heard.append(json.loads(line))

    def close(self) -> None:
        """Has nothing to close."""

    async def asked(self, number: int) -> list[asyncio.Task[memoryview]]:
        """As many questions as named, all under way."""
        tasks = [asyncio.create_task(self.link.raw("eth_chainId", [])) for _ in range(number)]
        await asyncio.sleep(0)
        return tasks


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    """An engine and the link to it."""
    engine = Engine()
    yield engine
    await engine.link.close()


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}\n',
        b'{"id":1,"result":"0x1"}\n',
        b"nonsense\n",
    ],
    ids=["null", "other-order", "no-json"],
)
async def test_listen_line_without_an_id_fails_all_that_wait_and_the_link_goes_on(engine: Engine, line: bytes) -> None:
    waiting = await engine.asked(2)
    engine.says.feed_data(line)
    async with asyncio.timeout(1):
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(outcome, LedgerUnavailableError) for outcome in outcomes)
    (after,) = await engine.asked(1)
    engine.says.feed_data(b'{"jsonrpc":"2.0","id":2,"result":"late"}\n{"jsonrpc":"2.0","id":3,"result":"0x1"}\n')
    assert bytes(await after) == b'"result":"0x1"}', "an answer to what was given up is in nobody's way"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"\udfff": 1}], ids=ascii)
async def test_raw_what_the_engine_could_not_read_is_not_written(engine: Engine, value: object) -> None:
    with pytest.raises(InvalidInputError):
        await engine.link.raw("eth_call", [value])
    assert not engine.heard
