"""Slow chains over HTTP: 202 with a place to look, then the decision, then the key to who asks again."""

from __future__ import annotations

import json

import httpx
import pytest

from consentry.api import schemas
from consentry.api.prefer import LONGEST_WAIT, Patience, patience_of
from consentry.core.terms import AccessRequest
from tests.support.gateway_world import MemoryParts, World, done
from tests.support.slow_ledger import Slowness, slowed
from tests.support.waiting import until


@pytest.fixture
def slow(parts: MemoryParts, monkeypatch: pytest.MonkeyPatch) -> Slowness:
    """The ledger's slowness."""
    return slowed(parts.ledger, monkeypatch)


async def _asked(world: World) -> AccessRequest:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    return world.request(record, await world.grant(people.patient, world.terms(subject)), people.hospital)


async def _ask(world: World, request: AccessRequest, prefer: str) -> httpx.Response:
    hospital = world.people.hospital
    body = json.dumps(world.access_body(request, hospital)).encode()
    headers = {"Content-Type": "application/json", "Prefer": prefer}
    return await world.institution(hospital).send("/v1/access", body, **headers)


async def _look(world: World, request: AccessRequest) -> httpx.Response:
    return await world.institution(world.people.hospital).get(f"/v1/access/{request.request_id}")


@pytest.mark.parametrize(("prefer", "applied"), [("wait=0", "wait=0"), ("respond-async", "respond-async")])
async def test_late_decision_is_answered_with_202_then_found_then_released(
    world: World, slow: Slowness, prefer: str, applied: str
) -> None:
    request = await _asked(world)
    place, state = f"/v1/access/{request.request_id}", {"state": "pending", "requestId": str(request.request_id)}

    late = await _ask(world, request, prefer)
    pending = await _look(world, request)
    slow.gate.set()
    await until(lambda: not world.context.desk._behind.under_way)
    decided = await _look(world, request)
    again = await _ask(world, request, "wait=30")

    assert (late.status_code, late.json(), late.headers["Preference-Applied"]) == (202, state, applied)
    assert (late.headers["Location"], late.headers["Retry-After"]) == (place, "1")
    assert (pending.status_code, pending.json(), pending.headers["Location"]) == (202, state, place)
    assert schemas.DecisionItem.model_validate(done(decided, 200)).permitted
    answer = schemas.AccessAnswer.model_validate(done(again, 200))
    assert answer.key.wrapped
    assert again.headers["Preference-Applied"] == "wait=30"
    assert answer.decision.model_dump() == schemas.DecisionItem.model_validate(decided.json()).model_dump()


async def test_decision_in_time_is_answered_as_ever(world: World) -> None:
    answer = await world.ask(await _asked(world), world.people.hospital)

    assert schemas.AccessAnswer.model_validate(done(answer, 200)).decision.permitted
    assert "Preference-Applied" not in answer.headers


async def test_pending_request_is_shown_to_nobody_else(world: World, slow: Slowness) -> None:
    request = await _asked(world)
    assert (await _ask(world, request, "wait=0")).status_code == 202

    answer = await world.institution(world.people.clinic).get(f"/v1/access/{request.request_id}")

    assert answer.status_code == 404
    slow.gate.set()


async def test_unknown_request_is_not_found(world: World) -> None:
    assert (await _look(world, await _asked(world))).status_code == 404


async def test_document_tells_of_202_and_its_headers(world: World) -> None:
    paths = done(await world.http.get("/openapi.json"), 200)["paths"]
    for operation in (paths["/v1/access"]["post"], paths["/v1/access/{request_id}"]["get"]):
        assert {"Location", "Retry-After"} <= operation["responses"]["202"]["headers"].keys()
    assert "prefer" in {parameter["name"] for parameter in paths["/v1/access"]["post"]["parameters"]}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], Patience(10)),
        (["wait=3"], Patience(3, "wait=3")),
        (['Wait = "3"'], Patience(3, "wait=3")),
        (["wait=3; slowly=yes"], Patience(3, "wait=3")),
        (["wait=3, wait=4"], Patience(3, "wait=3")),
        (["handling=lenient", "wait=3"], Patience(3, "wait=3")),
        (["respond-async"], Patience(0, "respond-async")),
        (["respond-async, wait=3"], Patience(3, "respond-async, wait=3")),
        (["wait=999999999"], Patience(LONGEST_WAIT, f"wait={LONGEST_WAIT}")),
        (["wait=-1"], Patience(10)),
        (["wait=1e9"], Patience(10)),
        (["wait"], Patience(10)),
        (["wait=" + "9" * 5000], Patience(10)),
        (["return=minimal"], Patience(10)),
        ([",;=,"], Patience(10)),
    ],
)
def test_patience_of_a_header(lines: list[str], expected: Patience) -> None:
    assert patience_of(lines, 10) == expected


@pytest.mark.parametrize("line", ["a" + " " * 30_000 + "x", "a=" + " " * 30_000 + ";", 'wait="' * 5_000, "," * 30_000])
def test_line_of_any_length_is_read_in_no_time(line: str) -> None:
    """A pattern that goes back for each blank would take minutes: the suite's own limit of time ends it."""
    assert patience_of([line, "wait=3"], 10).seconds in {3, 10}
