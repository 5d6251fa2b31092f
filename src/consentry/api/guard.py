"""Before every request: an address that proves nothing may not ask for ever, nor anybody send for ever.

Plain ASGI, as ``tracing.py`` is, and within it: what is refused here is told there.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consentry.api import problems
from consentry.api.connections import address_of
from consentry.api.limits import bounds_of, check
from consentry.api.policy import Role
from consentry.errors import ConsentryError, UnsupportedMediaError

BODY_SECONDS: Final = 20.0
"""A body is waited for so long, and as long again as its bytes take at the least rate."""
LEAST_RATE: Final = 8_192
"""Bytes a second."""


@dataclass(frozen=True, slots=True)
class Guard:
    """ASGI middleware; ``app`` is what it stands before."""

    app: ASGIApp
    body_seconds: float = BODY_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        rates, address = bounds_of(request).of_address, address_of(scope.get("client"))

        async def send_counted(message: Message) -> None:
            # A role is noted once it is proved; a route for anyone notes that.
            if message["type"] == "http.response.start" and _proves_nothing(request):
                rates.take(address)
            await send(message)

        try:
            check(rates, address, "requests of this address that prove no identity")
            _check_encoding(request)
        except ConsentryError as error:
            await problems.from_error(request, error)(scope, receive, send)
            return
        await self.app(scope, _Body(receive, self.body_seconds).receive, send_counted)


def _proves_nothing(request: Request) -> bool:
    return getattr(request.state, "role", None) in {None, Role.ANYONE.value}


def _check_encoding(request: Request) -> None:
    """A compressed body may become any size: none is taken in, and none is unpacked."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaError("content encodings are not taken in")


class _Body:
    """A body that has to come; only the time the gateway waits for it counts."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._left = seconds
        self._is_whole = False

    async def receive(self) -> Message:
        """Gives the next part.

        Raises:
            HTTPException: 408, it comes too slowly.
        """
        if self._is_whole:
            return await self._receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._left):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, headers={"Connection": "close"}) from None
        self._left += len(message.get("body", b"")) / LEAST_RATE - (time.monotonic() - began)
        self._is_whole = not message.get("more_body", False)
        return message
