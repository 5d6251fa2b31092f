"""Errors leave as RFC 9457 problems: each with its number, a stable code, a trace id, and nothing that was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from fastapi import FastAPI, Request

from consentry import errors
from consentry.api import schemas
from consentry.api.problems import STATUS, from_error, status_of
from consentry.client.transport import error_of
from consentry.core.terms import RecordId
from consentry.evidence.notation import hex_of
from tests.support.gateway_world import MemoryParts, World

MARKER = "Mustermann-diagnosis-F20"


def family(root: type[errors.ConsentryError]) -> Iterator[type[errors.ConsentryError]]:
    """Gives an error and everything below it that this package defines."""
    yield root
    for child in root.__subclasses__():
        if child.__module__.startswith("consentry."):
            yield from family(child)


ALL = list(dict.fromkeys(family(errors.ConsentryError)))
LEAVES = [kind for kind in ALL if not any(child.__module__.startswith("consentry.") for child in kind.__subclasses__())]


def test_every_leaf_of_the_hierarchy_has_a_number_of_its_own() -> None:
    assert set(LEAVES) <= set(STATUS)
    assert len(LEAVES) > 15


def test_every_code_is_used_once_and_every_error_is_defined_in_one_place() -> None:
    codes = [kind.code for kind in ALL]
    assert len(codes) == len(set(codes))
    assert {kind.__module__ for kind in ALL} == {"consentry.errors"}


def test_error_without_a_number_has_that_of_its_nearest_ancestor() -> None:
    class MissingLimbError(errors.VaultUnavailableError):
        """Is defined here alone."""

    assert status_of(MissingLimbError("gone")) == HTTPStatus.SERVICE_UNAVAILABLE
    assert status_of(errors.VaultError("broken")) == HTTPStatus.INTERNAL_SERVER_ERROR


async def test_problem_has_every_member_and_the_trace_id_of_the_call(world: World) -> None:
    answer = await world.anyone().get("/v1/institutions/0x" + "00" * 20, **{"X-Request-Id": "trace-0815"})
    problem = schemas.Problem.model_validate(answer.json())
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (problem.status, problem.code, problem.trace_id) == (404, "not-found", "trace-0815")
    assert problem.type == "urn:consentry:problem:not-found"
    assert answer.headers["X-Request-Id"] == "trace-0815"


@pytest.mark.parametrize(("step", "more"), [(None, {}), (7, {"step": 7})])
def test_step_is_told_only_where_there_is_one(step: int | None, more: dict[str, int]) -> None:
    request = Request({"type": "http", "path": "/", "headers": [], "query_string": b"", "server": ("test", 80)})
    told = json.loads(bytes(from_error(request, errors.VerificationError("digest does not match", step=step)).body))
    assert schemas.Problem.model_validate(told).step == step
    assert {name: told[name] for name in told if name == "step"} == more


@pytest.mark.parametrize("solidity", ["ErasuresOfficersAlike", None])
def test_error_of_the_contract_is_named_in_a_problem_and_comes_back_with_it(solidity: str | None) -> None:
    request = Request({"type": "http", "path": "/", "headers": [], "query_string": b"", "server": ("test", 80)})
    error = errors.InvalidInputError("contract refused", solidity=solidity)
    told = json.loads(bytes(from_error(request, error).body))

    back = error_of(told["status"], told)

    assert schemas.Problem.model_validate(told).solidity == solidity
    assert (type(back), back.details.get("solidity")) == (errors.InvalidInputError, solidity)


@pytest.mark.parametrize("given", ["", "short", "a" * 65, "with space", 'quote"quote', "line\\nbreak", "\u00e9" * 8])
async def test_trace_id_of_another_form_is_replaced(world: World, given: str) -> None:
    answer = await world.http.get("/healthz", headers=[(b"X-Request-Id", given.encode("latin-1"))])
    assert answer.headers["X-Request-Id"] != given
    assert len(answer.headers["X-Request-Id"]) == 16


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PUT", "/v1/consents", 405), ("GET", "/v1/institutions/0x12", 422)],
)
async def test_refusals_of_the_framework_are_problems_too(world: World, method: str, path: str, status: int) -> None:
    answer = await world.http.request(method, path)
    problem = schemas.Problem.model_validate(answer.json())
    assert (answer.status_code, problem.status) == (status, status)
    assert answer.headers["Content-Type"] == "application/problem+json"
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        assert answer.headers["Allow"]


async def test_safe_headers_are_on_every_answer(world: World) -> None:
    for path in ("/healthz", "/nowhere", "/v1/subjects"):
        headers = (await world.http.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Frame-Options"] == "DENY"


async def test_unforeseen_failure_tells_nothing_and_is_logged_without_its_message(
    world: World, parts: MemoryParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(record: RecordId) -> None:
        raise RuntimeError(f"{MARKER} {record.hex()}")

    subject = await world.enrol(world.people.patient)
    record = await world.add_record(subject)
    monkeypatch.setattr(parts.projection, "record", breaks)

    answer = await world.signer(world.people.patient).get(f"/v1/records/{hex_of(record)}")

    problem = schemas.Problem.model_validate(answer.json())
    assert (answer.status_code, problem.code) == (500, "internal")
    assert MARKER not in answer.text
    assert MARKER not in world.lines.getvalue()
    (failure,) = [line for line in world.logged if line["event"] == "failure"]
    assert (failure["kind"], failure["trace_id"], failure["level"]) == ("RuntimeError", problem.trace_id, "error")
    assert any("breaks" in place for place in failure["places"])


def test_openapi_document_tells_answers_and_problems(world: World) -> None:
    assert isinstance(world.app, FastAPI)
    document = world.app.openapi()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            assert "default" in operation["responses"], path


@pytest.mark.parametrize("kind", [errors.OverloadError, errors.TooManyWaitingError, errors.TooOftenError])
def test_whoever_is_refused_for_want_of_room_is_told_when_to_come_back(kind: type[errors.OverloadError]) -> None:
    request = Request({"type": "http", "path": "/", "headers": []})
    assert from_error(request, kind("full")).headers["Retry-After"] == "2"
    assert from_error(request, kind("full", retry_after=7)).headers["Retry-After"] == "7"
    assert "Retry-After" not in from_error(request, errors.CoolDownError("not yet")).headers
