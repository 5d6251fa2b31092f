"""Around every request: a trace id, safe headers, a line in the log, and a problem for what nobody foresaw.

Plain ASGI: bodies of any size pass untouched, in both directions.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consentry.api import problems
from consentry.api.logs import Log, places_of

TRACE_HEADER: Final = "X-Request-Id"
_TRACE: Final = re.compile(r"[0-9a-zA-Z-]{8,64}")
_SAFE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Tracing:
    """ASGI middleware; ``app`` is what it stands around."""

    app: ASGIApp
    log: Log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, began = Request(scope), time.monotonic()
        given = request.headers.get(TRACE_HEADER, "")
        trace = request.state.trace_id = given if _TRACE.fullmatch(given) else secrets.token_hex(8)
        status = 0

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[TRACE_HEADER] = trace
                for name, value in _SAFE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, send_traced)
        except Exception as error:
            # The edge: nothing goes unanswered or untold. The message is left out, it may hold what a caller sent.
            told = {"trace_id": trace, "kind": type(error).__name__, "places": places_of(error)}
            self.log.error("failure", **told)  # noqa: TRY400 - `exception` would tell the message too
            if status:
                raise
            await problems.from_failure(request)(scope, receive, send_traced)
        finally:
            self._tell(request, status, began)

    def _tell(self, request: Request, status: int, began: float) -> None:
        state, route = request.state, request.scope.get("route")
        self.log.info(
            "request",
            trace_id=state.trace_id,
            method=request.method,
            route=getattr(route, "path", None),
            status=status,
            role=getattr(state, "role", None),
            problem=getattr(state, "problem", None),
            milliseconds=round((time.monotonic() - began) * 1000, 1),
        )
