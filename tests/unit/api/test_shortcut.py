"""The short way of an access and the way through the framework: whatever is sent, both answer alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from consentry.api import shortcut
from consentry.api.shortcut import Shortcut
from consentry.crypto.sign_in import bound_headers
from consentry.evidence.notation import Json
from tests.support.gateway_world import World

TARGET = "/v1/access"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def asked(world: World) -> Json:
    """The body of a request that is permitted."""
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    consent = await world.grant(people.patient, world.terms(subject))
    return world.access_body(world.request(record, consent, people.hospital), people.hospital)


def content(change: Callable[[Json], object]) -> Callable[[Json], bytes]:
    """Gives a body that is changed before it is written."""

    def make(body: Json) -> bytes:
        changed = change(body)
        return json.dumps(body if changed is None else changed).encode()

    return make


BODIES: dict[str, tuple[Callable[[Json], bytes], dict[str, str], int]] = {
    "in order": (content(lambda _: None), JSON, 200),
    "told how to wait": (content(lambda _: None), JSON | {"Prefer": "wait=7"}, 200),
    "charset": (content(lambda _: None), {"Content-Type": "application/json; charset=utf-8"}, 200),
    "no JSON": (lambda _: b"{", JSON, 422),
    "nested": (lambda _: b"[" * 5_000, JSON, 400),
    "list": (content(lambda body: [body]), JSON, 422),
    "nothing": (lambda _: b"", JSON, 422),
    "another member": (content(lambda body: body | {"more": 1}), JSON, 422),
    "missing member": (content(lambda body: body.pop("signature") and None), JSON, 422),
    "text for a number": (content(lambda body: body["request"].update(purpose="1")), JSON, 422),
    "number for a text": (content(lambda body: body["request"].update(requestId=1)), JSON, 422),
    "another institution": (content(lambda body: body["request"].update(institution="0x" + "11" * 20)), JSON, 403),
    "wrong signature": (content(lambda body: body.update(signature="0x" + "11" * 65)), JSON, 401),
    "unknown record": (content(lambda body: body["request"].update(recordId="0x" + "11" * 32)), JSON, 401),
    "another type": (content(lambda _: None), {"Content-Type": "text/plain"}, 422),
}


def told(answer: httpx.Response) -> tuple[int, dict[str, str], Any]:
    """Gives what must be the same, whichever way it went."""
    body = answer.json()
    body.pop("trace_id", None)
    if answer.status_code == 200:
        # Wrapped anew each time.
        assert len(body["key"].pop("wrapped")) == 2 + 2 * 1200
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, headers, body


async def both(monkeypatch: pytest.MonkeyPatch, send: Callable[[], Any]) -> list[tuple[int, dict[str, str], Any]]:
    """Sends the same twice: the short way, and as if there were none."""
    short = told(await send())

    async def no_shortcut(self: Shortcut, scope: Scope, receive: Receive, send_: Send) -> None:
        await self._app(scope, receive, send_)

    monkeypatch.setattr(Shortcut, "__call__", no_shortcut)
    return [short, told(await send())]


@pytest.mark.parametrize("name", BODIES)
async def test_both_ways_answer_alike(world: World, asked: Json, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    make, headers, status = BODIES[name]
    body, hospital = make(asked), world.institution(world.people.hospital)
    short, framework = await both(monkeypatch, lambda: hospital.send(TARGET, body, **headers))
    assert short == framework
    assert short[0] == status


async def test_both_ways_refuse_who_does_not_prove_who_it_is(
    world: World, asked: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps(asked).encode()
    short, framework = await both(monkeypatch, lambda: world.http.post(TARGET, content=body, headers=JSON))
    assert short == framework
    assert short[0] == 401


async def test_both_ways_refuse_a_request_that_was_sent_before(
    world: World, asked: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, hospital = json.dumps(asked).encode(), world.institution(world.people.hospital)
    headers = JSON | hospital.headers("POST", TARGET, body, bound=bound_headers(JSON))
    first = await world.http.post(TARGET, content=body, headers=headers)
    short, framework = await both(monkeypatch, lambda: world.http.post(TARGET, content=body, headers=headers))
    assert (first.status_code, short[0]) == (200, 401)
    assert short == framework


async def test_request_in_order_goes_the_short_way(world: World, asked: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the tests above compare the framework with itself."""
    went: list[object] = []
    answer = shortcut._answer

    async def noted(*arguments: Any) -> Any:  # noqa: ANN401 - as it has them
        went.append(arguments[1])
        return await answer(*arguments)

    monkeypatch.setattr(shortcut, "_answer", noted)
    hospital = world.institution(world.people.hospital)
    await hospital.send(TARGET, json.dumps(asked).encode(), **JSON)
    await hospital.send(TARGET, b"{", **JSON)
    assert len(went) == 1
