"""An application on a port of this machine, with the connections of a gateway: what a real caller finds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from consentry.api.connections import Crowd, Patience, bounded


@asynccontextmanager
async def on_a_port(app: ASGIApp, crowd: Crowd, patience: Patience) -> AsyncIterator[int]:
    """Serves until the end of the block; gives the port."""
    http: Any = bounded(crowd, patience)
    settings = uvicorn.Config(app, http=http, ws="none", lifespan="off", log_level="critical")
    server = uvicorn.Server(settings)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server._serve([door]))
        while not server.started:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        yield int(door.getsockname()[1])
        server.should_exit = True
        await serving


class Caller:
    """A raw connection: whoever has it decides how slow to be."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, takes: bool) -> None:
        self._reader, self._writer = reader, writer
        self._came = bytearray()
        self._taking = asyncio.create_task(self._take()) if takes else None

    @classmethod
    async def connect(cls, port: int, *, takes: bool = True, source: str = "127.0.0.1") -> Caller:
        """Opens a connection; takes what comes at once, or nothing before it is asked for."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=4_096, local_addr=(source, 0)), takes=takes)

    async def send(self, content: bytes) -> None:
        """Sends bytes; that nobody takes them any more is seen when reading."""
        self._writer.write(content)
        with suppress(ConnectionError):
            await self._writer.drain()

    async def trickle(self, content: bytes, each: float) -> None:
        """Sends one byte after the other, until it is all sent or nobody takes any."""
        for byte in content:
            if self._writer.transport.is_closing():
                return
            await self.send(bytes([byte]))
            await asyncio.sleep(each)

    async def rest(self) -> bytes:
        """Gives what comes until the other side ends the connection."""
        await (self._taking or self._take())
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
        return bytes(self._came)

    async def _take(self) -> None:
        with suppress(ConnectionError):
            while part := await self._reader.read(65_536):
                self._came += part
