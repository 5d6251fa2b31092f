"""Pushed events: read as the standard has them, over lines that break off, until the session ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx
import pytest

from consentry.client import events
from consentry.client.events import Event, read_events
from consentry.client.patient import Patient
from consentry.client.transport import Transport
from consentry.core.terms import SubjectId
from consentry.core.typed_data import struct_hash
from consentry.crypto.signing import AccountKey
from consentry.errors import GatewayUnavailableError, NotAuthenticError, VerificationError
from consentry.evidence.notation import Json, hex_of, write
from tests.support.gateway_world import Institution
from tests.unit.api.test_consent_life import ask_by

ENDED = {"code": "auth.not-authentic", "detail": "session is not known or ended"}


class _Line(httpx.AsyncByteStream):
    """A body that comes in pieces and may break off."""

    def __init__(self, pieces: list[bytes], *, breaks: bool) -> None:
        self._pieces, self._breaks = pieces, breaks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._breaks:
            raise httpx.ReadError("gone")


@dataclass
class Gateway:
    """Answers one call after another; remembers from where each wanted to go on."""

    answers: list[httpx.Response]
    asked: list[str | None] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answers a call."""
        self.asked.append(request.headers.get("Last-Event-ID"))
        if not self.answers:
            raise httpx.ConnectError("nobody there")
        return self.answers.pop(0)

    def transport(self) -> Transport:
        """Gives the way to it."""
        return Transport("http://gateway.test", carrier=httpx.MockTransport(self))


def _line(*pieces: bytes, breaks: bool = False) -> httpx.Response:
    return httpx.Response(200, stream=_Line(list(pieces), breaks=breaks))


@pytest.fixture(autouse=True)
def nights(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was slept, in no time."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(events, "sleep", sleep)
    return slept


async def _gather(transport: Transport, found: list[Event]) -> None:
    async for event in events.events(transport, "/v1/asks/events", None):
        found.append(event)  # noqa: PERF401 - it ends with an error, and what came before counts


async def _read(*lines: str) -> list[Event]:
    async def given() -> AsyncIterator[str]:
        for line in lines:
            yield line

    return [event async for event in read_events(given())]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["id: 1-2", "event: ask", "data: {}", ""], [Event("1-2", "ask", "{}")]),
        (["id:1-2", "event:ask", "data:{}", ""], [Event("1-2", "ask", "{}")]),
        (["data: a", "data: b", ""], [Event("", "message", "a\nb")]),
        (["id: 7-999999999", ""], [Event("7-999999999", "", "")]),
        ([":", "", ": still here", ""], []),
        (["retry: 2000", ""], []),
        (["event: ask", ""], []),
        (["id: 1-2", "event: ask", "data: {}"], []),
        (["data", ""], [Event("", "message", "")]),
    ],
    ids=["whole", "no-space", "two-lines", "place-only", "comments", "retry", "no-data", "cut-off", "empty-data"],
)
async def test_events_are_read_as_the_standard_has_them(lines: list[str], expected: list[Event]) -> None:
    assert await _read(*lines) == expected


@pytest.mark.parametrize("breaks", [True, False], ids=["breaks", "ends"])
async def test_stream_that_stops_is_opened_anew_after_the_last_event(nights: list[float], *, breaks: bool) -> None:
    gateway = Gateway(
        [
            _line(
                b"id: 5-999999999\n\nid: 6-1\nevent: ask\nda", b"ta: 1\n\nid: 6-2\nevent: ask\ndata: ha", breaks=breaks
            ),
            _line(b"id: 6-2\nevent: ask\ndata: 2\n\n:\n\n", breaks=breaks),
            httpx.Response(401, json=ENDED),
        ]
    )
    transport, found = gateway.transport(), list[Event]()
    with pytest.raises(NotAuthenticError):
        await _gather(transport, found)
    await transport.close()

    assert [event for event in found if event.name] == [Event("6-1", "ask", "1"), Event("6-2", "ask", "2")]
    assert gateway.asked == [None, "6-1", "6-2"]
    assert nights == [events.RETRY_SECONDS] * 2


async def test_gateway_that_stays_away_is_given_up_and_one_that_is_back_in_time_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks = iter(range(0, 10**6, 25))
    monkeypatch.setattr(events, "monotonic", lambda: float(next(ticks)))
    busy = httpx.Response(503, json={"code": "gateway.overloaded", "detail": "as many streams as it can"})
    gateway = Gateway([busy, _line(b"id: 1-1\nevent: ask\ndata: 1\n\n", breaks=True)])
    transport, found = gateway.transport(), list[Event]()
    with pytest.raises(GatewayUnavailableError):
        await _gather(transport, found)
    await transport.close()

    assert [event.data for event in found] == ["1"]
    assert len(gateway.asked) > 3


def _item() -> Json:
    ask = ask_by(Institution(330_100), SubjectId(b"\x51" * 32))
    place = {"blockNumber": 1, "blockHash": "0x" + "22" * 32, "blockTime": 1, "transactionHash": "0x" + "33" * 32}
    more = {"status": "OPEN", "coolDownEnds": 0, "place": {**place, "logIndex": 1}}
    return {"askId": hex_of(struct_hash(ask)), "ask": write(ask), **more}


async def _first_pushed(data: bytes) -> tuple[str, Json]:
    transport = Gateway([_line(b"id: 1-1\nevent: ask\ndata: " + data + b"\n\n")]).transport()
    async with aclosing(Patient(transport, AccountKey.generate()).asks_pushed()) as pushed:
        found = await anext(pushed)
    await transport.close()
    return found


async def test_ask_is_given_with_its_place() -> None:
    item = _item()
    assert await _first_pushed(json.dumps(item).encode()) == ("1-1", item)


@pytest.mark.parametrize(
    "changes",
    [{"askId": "0x" + "11" * 32}, {"ask": {}}, {"askId": 7}, {"ask": {**_item()["ask"], "maxUses": 77}}],
    ids=["another-id", "no-ask", "no-id", "another-ask"],
)
async def test_ask_that_is_not_the_one_of_its_id_is_refused(changes: Json) -> None:
    with pytest.raises(VerificationError):
        await _first_pushed(json.dumps(_item() | changes).encode())


@pytest.mark.parametrize("data", [b"nonsense", b"[]", b"{}", b"[" * 5000])
async def test_event_that_is_no_ask_is_refused(data: bytes) -> None:
    with pytest.raises(VerificationError):
        await _first_pushed(data)
