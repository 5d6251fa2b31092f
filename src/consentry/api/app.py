"""The application: routers, problems, limits, and the check that no route is open."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

import consentry
from consentry.api import (
    access,
    acts,
    ask_stream,
    asks,
    audit,
    consents,
    debts,
    erasures,
    health,
    identifiers,
    institutions,
    ledger_log,
    persons,
    problems,
    recognitions,
    records,
    sign_in,
    subjects,
)
from consentry.api.challenges import Challenges
from consentry.api.documentation import complete_document
from consentry.api.guard import Guard
from consentry.api.limits import Bounds
from consentry.api.logs import Log, json_log
from consentry.api.policy import demand_policies
from consentry.api.schemas import Problem
from consentry.api.sessions import Sessions
from consentry.api.shortcut import Shortcut
from consentry.api.streams import Streams
from consentry.api.tracing import Tracing
from consentry.errors import ConsentryError
from consentry.gateway.context import Context

ROUTERS = (
    # Routes are tried in turn: what is asked most comes first.
    *(access, health, sign_in, subjects, records, consents, acts, asks, ask_stream, debts, erasures, recognitions),
    *(identifiers, persons, institutions, audit, ledger_log),
)

MOST_FRAMES: Final = 1_000

Lifespan = Callable[[], AbstractAsyncContextManager[Context]]


def create_app(lifespan: Lifespan, body_limit: int, *, documentation: bool = True, log: Log | None = None) -> FastAPI:
    """Makes the application.

    Args:
        lifespan: builds the context at start and takes it down at the end.
        body_limit: most bytes of a JSON body.
        documentation: whether ``/docs`` and ``/openapi.json`` are served; not in production.
        log: where requests are told; standard error if none is given.

    Raises:
        ConfigurationError: a route declares no policy.
    """

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        with _shallow():
            async with lifespan() as context:
                app.state.context = context
                app.state.sessions = Sessions(context.session_seconds)
                app.state.challenges = Challenges()
                app.state.streams = Streams(context.bell)
                app.state.bounds = Bounds.of(context.limits.unproven, context.limits.about_subject)
                yield

    app = FastAPI(
        title="Consentry",
        version=consentry.__version__,
        description="Record-access consent: the chain decides, the gateway releases only what the chain has logged.",
        lifespan=live,
        openapi_url="/openapi.json" if documentation else None,
        redoc_url=None,
        max_body_size=body_limit,
        responses={"default": {"model": Problem, "description": "A problem (RFC 9457)"}},
    )
    for part in ROUTERS:
        app.include_router(part.router)
    demand_policies(app)
    complete_document(app)
    app.add_middleware(Shortcut)
    app.add_middleware(Guard)
    app.add_middleware(Tracing, log=log or json_log())
    _handle_errors(app)
    return app


@contextmanager
def _shallow() -> Iterator[None]:
    """Keeps the interpreter's own limit of recursion, which libraries of the chain raise a hundredfold.

    Without it a body of nested brackets ends the process: parsing it takes more of the stack than there is.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(MOST_FRAMES)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(ConsentryError)
    async def ours(request: Request, error: ConsentryError) -> Response:
        return problems.from_error(request, error)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        return problems.from_validation(request, error)

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        return problems.from_http(request, error)
