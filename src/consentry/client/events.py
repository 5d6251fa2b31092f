"""Server-sent events of a gateway, over as many connections as it takes."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from pydantic_core import from_json

from consentry.client.transport import Transport
from consentry.errors import GatewayUnavailableError, OverloadError, VerificationError

SILENCE_SECONDS: Final = 45.0
"""A gateway says something three times in this; one that does not is gone."""
RETRY_SECONDS: Final = 2.0
GIVE_UP_SECONDS: Final = 60.0
"""How long a gateway may be out of reach in one piece."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its place, by which a stream goes on after it, its name and what it says."""

    place: str
    name: str
    data: str

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Gives what it says, read as JSON.

        Raises:
            VerificationError: it is none.
        """
        try:
            return from_json(self.data)
        except ValueError:
            raise VerificationError("event of the gateway cannot be read") from None


async def events(transport: Transport, target: str, last: str | None) -> AsyncGenerator[Event, None]:
    """Gives the events of a stream, opened anew whenever it ends.

    Args:
        transport: the gateway.
        target: where the stream is.
        last: place of the last event that was given, if one was.

    Raises:
        NotAuthenticError: the session ended.
        GatewayUnavailableError: the gateway cannot be reached for `GIVE_UP_SECONDS`.
    """
    away_since: float | None = None
    while True:
        try:
            async with transport.listen(target, last, SILENCE_SECONDS) as lines:
                away_since = None
                async for event in read_events(lines):
                    last = event.place or last
                    yield event
        except (GatewayUnavailableError, OverloadError):
            away_since = away_since or monotonic()
            if monotonic() - away_since > GIVE_UP_SECONDS:
                raise
        await sleep(RETRY_SECONDS)


async def read_events(lines: AsyncIterator[str]) -> AsyncGenerator[Event, None]:
    """Reads events out of lines, as the HTML standard has it; one that only tells a place has no name and no data."""
    place, name, data = "", "", list[str]()
    async for line in lines:
        if not line:
            if place or data:
                yield Event(place, (name or "message") if data else "", "\n".join(data))
            place, name, data = "", "", []
            continue
        member, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if member == "id":
            place = value
        elif member == "event":
            name = value
        elif member == "data":
            data.append(value)
