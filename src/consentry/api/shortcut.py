"""The way of the one call that is made most, past the layers of the framework that it does not need.

``POST /v1/access`` is a route like any other: the framework knows its policy, documents its body, and serves it where
something is out of order. A request that is in order is authenticated by the same policy, read into the same body and
answered by the same function here, without the layers in between, which cost as much as the decision itself.
"""

from __future__ import annotations

from typing import Final

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consentry.api import problems
from consentry.api.access import access, router
from consentry.api.policy import INSTITUTION
from consentry.api.schemas import AccessBody
from consentry.errors import ConsentryError

_BODY: Final = TypeAdapter(AccessBody)
_ROUTE: Final = next(route for route in router.routes if isinstance(route, APIRoute) and route.endpoint is access)


class Shortcut:
    """ASGI middleware, the innermost; ``app`` is everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope["path"] != _ROUTE.path or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            content = await request.body()
        except ClientDisconnect:
            return
        except HTTPException as error:
            # It came too slowly, or is too long.
            await problems.from_http(request, error)(scope, receive, send)
            return
        body = _read(request, content)
        if body is None:
            # What is wrong with it is told by the framework, once it knows who asks.
            await self._app(scope, _Again(content, receive).receive, send)
            return
        scope["route"] = _ROUTE
        await (await _answer(request, body))(scope, receive, send)


def _read(request: Request, content: bytes) -> AccessBody | None:
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        return _BODY.validate_json(content)
    except ValidationError:
        return None


async def _answer(request: Request, body: AccessBody) -> Response:
    try:
        caller = await INSTITUTION(request)
        return await access(request, body, caller, request.headers.getlist("Prefer") or None)
    except ConsentryError as error:
        return problems.from_error(request, error)
    except HTTPException as error:
        return problems.from_http(request, error)


class _Again:
    """A body that was read, to be read once more."""

    def __init__(self, content: bytes, receive: Receive) -> None:
        self._first: Message | None = {"type": "http.request", "body": content, "more_body": False}
        self._receive = receive

    async def receive(self) -> Message:
        """Gives it, then whatever comes after it."""
        first, self._first = self._first, None
        return first or await self._receive()
