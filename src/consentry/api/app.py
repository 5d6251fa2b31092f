"""The application: routers, problems, limits, and the check that no route is open."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

import consentry
from consentry.api import auditors, health, hospitals, patients, problems, sign_in
from consentry.api.policy import demand_policies
from consentry.api.sessions import Sessions
from consentry.errors import ConsentryError
from consentry.gateway.context import Context

TRACE_HEADER: Final = "X-Request-Id"
_TRACE: Final = re.compile(r"[0-9a-zA-Z-]{8,64}")
_SAFE_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Lifespan = Callable[[], AbstractAsyncContextManager[Context]]


def create_app(lifespan: Lifespan, body_limit: int) -> FastAPI:
    """Makes the application; ``lifespan`` builds the context at start and takes it down at the end.

    Raises:
        ConfigurationError: a route declares no policy.
    """

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan() as context:
            app.state.context = context
            app.state.sessions = Sessions(context.session_seconds)
            yield

    app = FastAPI(
        title="Consentry",
        version=consentry.__version__,
        description="Record-access consent: the chain decides, the gateway releases only what the chain has logged.",
        lifespan=live,
        redoc_url=None,
        max_body_size=body_limit,
    )
    for router in (health.router, sign_in.router, patients.router, hospitals.router, auditors.router):
        app.include_router(router)
    demand_policies(app)
    app.middleware("http")(_traced)
    _handle_errors(app)
    return app


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


async def _traced(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    given = request.headers.get(TRACE_HEADER, "")
    request.state.trace_id = given if _TRACE.fullmatch(given) else secrets.token_hex(8)
    response = await call_next(request)
    response.headers[TRACE_HEADER] = request.state.trace_id
    for name, value in _SAFE_HEADERS.items():
        response.headers.setdefault(name, value)
    return response
