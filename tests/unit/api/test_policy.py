"""Every route declares its policy: an application with one that does not refuses to start."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route, WebSocketRoute

from consentry.api import app as application
from consentry.api.app import ROUTERS, create_app
from consentry.api.policy import PUBLIC, SIGNER, all_routes, demand_policies
from consentry.errors import ConfigurationError
from consentry.gateway.context import Context
from tests.support.gateway_world import MemoryParts, People, World, done
from tests.support.memory_ledger import VERIFIERS


@asynccontextmanager
async def _nothing() -> AsyncIterator[Context]:
    """Is never entered: the application is made, not started."""
    yield MemoryParts().context(People(VERIFIERS).custodian.address)


@pytest.mark.parametrize("kind", ["bare", "two", "plain", "websocket", "mounted", "deep"])
def test_application_with_an_open_route_refuses_to_start(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = APIRouter()

    def endpoint() -> None: ...

    if kind == "bare":
        planted.add_api_route("/open", endpoint)
    elif kind == "two":
        planted.add_api_route("/open", endpoint, dependencies=[Depends(PUBLIC), Depends(SIGNER)])
    elif kind == "plain":
        planted.routes.append(Route("/open", endpoint))
    elif kind == "websocket":
        planted.routes.append(WebSocketRoute("/open", endpoint))
    elif kind == "mounted":
        planted.routes.append(Mount("/mounted", routes=[Route("/open", endpoint)]))
    else:
        inner = APIRouter()
        inner.add_api_route("/open", endpoint)
        planted.include_router(inner)

    class Planted:
        router = planted

    monkeypatch.setattr(application, "ROUTERS", (*ROUTERS, Planted))
    with pytest.raises(ConfigurationError, match="/open"):
        create_app(_nothing, 1_000)


def test_application_as_it_is_starts_and_hides_its_documentation_on_demand() -> None:
    app = create_app(_nothing, 1_000)
    demand_policies(app)
    assert "/openapi.json" in {getattr(route, "path", "") for route in all_routes(app.routes)}
    closed = create_app(_nothing, 1_000, documentation=False)
    assert not {"/docs", "/openapi.json"} & {getattr(route, "path", "") for route in all_routes(closed.routes)}


def test_gateway_holds_no_key_that_could_sign_for_anybody() -> None:
    parts, people = MemoryParts(), People(VERIFIERS)
    context = parts.context(people.custodian.address)
    held = {name for name in dir(context) if not name.startswith("_")}
    assert held == {
        "bell",
        "check_ready",
        "custodian",
        "desk",
        "erasures",
        "hosts",
        "idempotency",
        "intake",
        "ledger",
        "limits",
        "log",
        "nonces",
        "origin",
        "person_desk",
        "persons",
        "projection",
        "session_seconds",
        "vault",
        "verifiers",
        "wait_seconds",
    }


async def test_document_says_how_the_caller_of_each_route_proves_who_it_is(world: World) -> None:
    schema = done(await world.http.get("/openapi.json"), 200)
    ways = {
        (path, method): [next(iter(way)) for way in operation["security"]]
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    }

    assert ways["/v1/access", "post"] == ["SignedRequest"]
    assert ways["/v1/consents", "post"] == ["Session", "SignedRequest"]
    assert ways["/v1/audit/accesses", "get"] == ["Session"]
    assert ways["/healthz", "get"] == []
    assert set(schema["components"]["securitySchemes"]) == {"Session", "SignedRequest"}


async def test_document_tells_the_problems_and_the_idempotency_key_of_each_route(world: World) -> None:
    paths = done(await world.http.get("/openapi.json"), 200)["paths"]
    problems = {
        (path, method): {status for status in operation["responses"] if status >= "4" and status != "default"}
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    keyed = {
        (path, method)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "Idempotency-Key" in {parameter["name"] for parameter in operation.get("parameters", ())}
    }
    routes = [route for route in all_routes(world.app.routes) if isinstance(route, APIRoute)]

    assert problems["/v1/access", "post"] == {"401", "403", "409", "413", "422", "503"}
    assert problems["/v1/records/{record}", "get"] == {"401", "403", "404", "422", "503"}
    assert problems["/healthz", "get"] == set()
    for operations in paths.values():
        for operation in operations.values():
            assert set(operation["responses"]["default"]["content"]) == {"application/problem+json"}
    assert len(keyed) > 0
    assert keyed == {
        (route.path, method.lower())
        for route in routes
        if "once" in route.endpoint.__code__.co_names
        for method in route.methods or ()
    }
