"""A wire between two processes that can be slow, silent or cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Wire:
    """Passes every connection on to a port; ``delay`` seconds late, or not at all while it is cut."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.delay = 0.0
        self.passed = 0
        self._target = target
        self._is_cut = False
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Ends all connections, and takes none."""
        self._is_cut = True
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        """Passes connections on again."""
        self._is_cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Passes one connection on."""
        if self._is_cut:
            writer.transport.abort()
            return
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._target)
        self._open |= {writer, ours}
        try:
            await asyncio.gather(
                self._pass(reader, ours, is_question=True), self._pass(theirs, writer, is_question=False)
            )
        finally:
            self._open -= {writer, ours}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_question: bool) -> None:
        with suppress(ConnectionError):
            while part := await reader.read(65_536):
                await asyncio.sleep(self.delay if is_question else 0)
                writer.write(part)
                await writer.drain()
                self.passed += len(part)
        writer.close()


@asynccontextmanager
async def wire_to(target: int) -> AsyncIterator[Wire]:
    """Makes a wire to a port of this machine until the end of the block."""
    wire = Wire(target)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        wire.cut()
        server.close()
