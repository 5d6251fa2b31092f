"""Server-sent events: what is pushed to a caller until it goes, its session ends, or the gateway stops.

Plain ASGI, so that one that goes away is noticed, and one that does not read is not waited for.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, MutableMapping
from contextlib import ExitStack, aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, cast

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from consentry.errors import OverloadError, TooManyWaitingError
from consentry.gateway.bell import Bell, Listener

MOST_STREAMS: Final = 1000
"""Streams of all callers at a time; about 20 KB each."""
MOST_OF_STRANGERS: Final = 100
"""Streams of those of them whom the chain does not know: anybody can draw keys and sign in with each."""
MOST_OF_SESSION: Final = 2
"""Streams of one session at a time: that of a device, and the one it opens while the former is not known to be gone."""
SEND_SECONDS: Final = 20.0
"""Whoever takes longer to take a piece in is cut off."""


@dataclass(slots=True)
class Streams:
    """The streams that are open, counted."""

    bell: Bell
    is_closing: bool = False
    _open: dict[Listener, bytes] = field(default_factory=dict)
    _strangers: set[Listener] = field(default_factory=set)

    @contextmanager
    def admit(self, token: str, *, known: bool) -> Iterator[Listener]:
        """Gives a session one stream more until the end of the block.

        Raises:
            TooManyWaitingError: the session has as many as it may have.
            OverloadError: the gateway has, or it is about to stop.
        """
        owner = _name_of(token)
        if Counter(self._open.values())[owner] >= MOST_OF_SESSION:
            raise TooManyWaitingError(f"session has {MOST_OF_SESSION} streams open already")
        is_full = len(self._open) >= MOST_STREAMS or (not known and len(self._strangers) >= MOST_OF_STRANGERS)
        if self.is_closing or is_full:
            raise OverloadError("gateway has as many streams open as it can")
        listener = Listener()
        self._open[listener] = owner
        if not known:
            self._strangers.add(listener)
        try:
            with self.bell.heard_by(listener):
                yield listener
        finally:
            del self._open[listener]
            self._strangers.discard(listener)

    def look_again(self, token: str) -> None:
        """Has the streams of a session look whether it is still there."""
        owner = _name_of(token)
        for listener, name in self._open.items():
            if name == owner:
                listener.wake()

    def close(self) -> None:
        """Ends all streams: a server that stops waits for them."""
        self.is_closing = True
        for listener in self._open:
            listener.wake()


def end_streams(app: FastAPI) -> None:
    """Ends the streams of an application, if it was started: its server calls this when it is about to stop."""
    streams: Streams | None = getattr(app.state, "streams", None)
    if streams is not None:
        streams.close()


def streams_of(request: Request) -> Streams:
    """Gives the streams of the application a request came to."""
    return cast("Streams", request.app.state.streams)


def _name_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class EventStream(StreamingResponse):
    """A stream of server-sent events; its room is given back when it ends, however it does."""

    media_type = "text/event-stream"

    def __init__(self, pieces: AsyncGenerator[bytes, None], room: ExitStack) -> None:
        """Takes the events, and what is held while they last."""
        # Proxies are told not to gather pieces: an event is of use at once.
        super().__init__(pieces, headers={"X-Accel-Buffering": "no"})
        self._pieces = pieces
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends until the events end, the caller is gone, or it does not take them in."""
        del scope
        sending, leaving = asyncio.create_task(self._send(send)), asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(sending, leaving, return_exceptions=True)
            self._room.close()
        if sending.done() and not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        # A caller that is cut off finds the stream broken off, not ended: it comes again.
        with suppress(TimeoutError):
            await _in_time(send, start)
            async with aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    await _in_time(send, {"type": "http.response.body", "body": piece, "more_body": True})
            await _in_time(send, {"type": "http.response.body", "body": b"", "more_body": False})


async def _in_time(send: Send, message: MutableMapping[str, Any]) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send(message)


async def _gone(receive: Receive) -> None:
    """Returns once the caller is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
