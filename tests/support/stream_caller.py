"""A caller of a stream, straight on the application: the HTTP client of other tests waits for whole answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from tests.support.callers import HOST


@dataclass
class Streaming:
    """An open stream.

    Attributes:
        takes: while it is not set, nothing that is sent is taken in.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)
    _pieces: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    _gone: asyncio.Event = field(default_factory=asyncio.Event)
    _is_asked: bool = False

    async def piece(self, seconds: float = 30) -> str:
        """Gives the next piece, without its last empty line; none once it has ended."""
        async with asyncio.timeout(seconds):
            return (await self._pieces.get()).decode().removesuffix("\n\n")

    async def is_silent(self) -> bool:
        """Tells whether nothing comes, once everything that is ready had its turn."""
        for _ in range(200):
            await asyncio.sleep(0)
        return self._pieces.empty()

    def leave(self) -> None:
        """Goes away."""
        self._gone.set()

    async def receive(self) -> MutableMapping[str, Any]:
        """Gives the application what the caller sends."""
        if not self._is_asked:
            self._is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Takes what the application sends."""
        await self.takes.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            await self._pieces.put(message["body"])


@asynccontextmanager
async def streaming(app: ASGIApp, target: str, *, takes: bool = True, **headers: str) -> AsyncIterator[Streaming]:
    """Opens a stream until the end of the block, or until it ends by itself."""
    made = Streaming()
    if takes:
        made.takes.set()
    sent = [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": target,
        "raw_path": target.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", HOST.encode()), *sent],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }

    async def served() -> None:
        await app(scope, made.receive, made.send)

    task = asyncio.create_task(served())
    task.add_done_callback(lambda _: made.has_ended.set())
    try:
        yield made
    finally:
        made.leave()
        made.takes.set()
        async with asyncio.timeout(30):
            await task
