"""Connections that may not be slow, nor many of one address.

The web server by itself waits for ever for a request to be complete and for an answer to be taken, and keeps whatever
headers come. This is its protocol with bounds. How long a body may take is bounded in ``guard.py``: only there is known
whether the gateway waits for the caller, or the caller for the gateway.
"""

from __future__ import annotations

import asyncio
import ipaddress
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

MOST_CONNECTIONS: Final = 4_096
MOST_HEAD_BYTES: Final = 32_768
"""Bytes of a request before its body; some four kilobytes are ever needed."""
_FILES_PER_CONNECTION: Final = 2
"""Of the files a process may have open, connections take one in so many; databases and objects need some too."""
_PREFIX: Final = 64
"""Whoever has an IPv6 address has a whole network of so many bits."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a connection is waited for, in seconds.

    Attributes:
        head: from the first byte of a request to the last of its headers.
        idle: from an answer to the next request.
        taking: for a caller to take what was sent, some 64 KiB to 1 MiB.
    """

    head: float = 10.0
    idle: float = 20.0
    taking: float = 60.0


def address_of(client: tuple[str, int] | None) -> str:
    """Gives what connections are counted by: an IPv4 address, or the network of an IPv6 address."""
    try:
        found = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _PREFIX), strict=False))


@dataclass(slots=True)
class Crowd:
    """Counts the connections that are open; at most ``most_of_one`` come from one address, any number if it is 0."""

    most_of_one: int
    most: int = MOST_CONNECTIONS
    _open: Counter[str] = field(default_factory=Counter)
    _total: int = 0

    def __post_init__(self) -> None:
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.most = min(self.most, files // _FILES_PER_CONNECTION)

    def enter(self, address: str) -> bool:
        """Counts a connection, unless there are too many."""
        if self._total >= self.most or (self.most_of_one and self._open[address] >= self.most_of_one):
            return False
        self._total += 1
        self._open[address] += 1
        return True

    def leave(self, address: str) -> None:
        """Counts a connection no more."""
        self._total -= 1
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


def bounded(crowd: Crowd, patience: Patience | None = None) -> Callable[..., Connection]:
    """Gives what makes connections that share a count, as the web server asks for it."""

    def make(
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> Connection:
        return Connection(config, server_state, app_state, _loop, crowd, patience or Patience())

    return make


class Connection(HttpToolsProtocol):
    """One connection; what takes too long, or is too much, ends it."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop | None,
        crowd: Crowd,
        patience: Patience,
    ) -> None:
        super().__init__(config, server_state, app_state, loop)
        self._crowd, self._patience = crowd, patience
        self.timeout_keep_alive = patience.idle  # type: ignore[assignment]  # seconds, passed to the loop
        self._counted: str | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self._taking: asyncio.TimerHandle | None = None
        self._in_head = False
        self._head_bytes = 0
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own has it
        """Waits for a request, unless too many connections are open."""
        super().connection_made(transport)
        address = address_of(self.client)
        if not self._crowd.enter(address):
            self._refused = True
            transport.abort()
            return
        self._counted = address
        self._wait(self._patience.head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection."""
        self._end_waiting()
        self.resume_writing()
        if self._counted is not None:
            self._crowd.leave(self._counted)
            self._counted = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes bytes in; headers without end are refused."""
        if self._refused:
            return
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Gives the headers of a request their time."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._wait(self._patience.head)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header in; fields after a body are dropped (RFC 9110, section 6.5.1): nothing here needs any."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Has the request served, unless its headers are too large."""
        self._in_head = False
        if self._refused:
            return
        self._end_waiting()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MOST_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Takes a part of the body in."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Takes note that a request is whole."""
        if not self._refused:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Waits for the next request, whatever else comes: what is left of this one counts for nothing."""
        super().on_response_complete()
        if self.cycle.response_complete and not self._in_head:
            self._wait(self._patience.idle + self._patience.head)

    def pause_writing(self) -> None:
        """Gives the caller its time to take what was sent."""
        super().pause_writing()
        self._taking = self.loop.call_later(self._patience.taking, self.transport.abort)

    def resume_writing(self) -> None:
        """Goes on: the caller took it."""
        super().resume_writing()
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _wait(self, seconds: float) -> None:
        self._end_waiting()
        if not self._refused:
            self._waiting = self.loop.call_later(seconds, self._give_up)

    def _end_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        if self._in_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.abort()

    def _refuse(self, status: HTTPStatus) -> None:
        """Ends the connection; says why, unless an answer to an earlier request is under way."""
        self._refused = True
        self._end_waiting()
        cycle: RequestResponseCycle | None = self.cycle
        if (cycle is None or cycle.response_complete) and not self.transport.is_closing():
            line = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(line.encode())
            self.transport.close()
            # What the caller does not take is dropped.
            self._waiting = self.loop.call_later(self._patience.head, self.transport.abort)
        else:
            self.transport.abort()
