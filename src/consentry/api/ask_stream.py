"""Asks pushed to the patient: its device need not look again and again (CN-26)."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse

from consentry.api.asks import ask_json
from consentry.api.context import context_of
from consentry.api.policy import SIGNER, Caller, bearer_token, sessions_of, subject_seen_by
from consentry.api.sessions import Sessions
from consentry.api.streams import EventStream, Streams, streams_of
from consentry.api.views import parse_cursor
from consentry.core.codes import AskStatus
from consentry.core.terms import SubjectId
from consentry.errors import ConsentryError, NotAuthenticError, NotFoundError
from consentry.gateway.asks import AskView, Cursor, asks_to
from consentry.gateway.bell import Listener
from consentry.gateway.context import Context
from consentry.gateway.guardians import wards_of

router = APIRouter(prefix="/v1/asks", tags=["asks"])
HEARTBEAT_SECONDS: Final = 15.0
"""How often something is sent although nothing happened: so that neither side keeps a line that is dead."""
REFRESH_TURNS: Final = 4
"""After so many heartbeats it is looked anew whose asks the caller sees; before anything is sent it always is."""
RETRY_MILLISECONDS: Final = 2000
_LAST_IN_BLOCK: Final = 999_999_999
_DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "events `ask`: `data` is an item of the list of asks, `id` its place; comments in between",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.get("/events", response_class=StreamingResponse, responses=_DOCUMENTED)
async def ask_events(
    request: Request,
    caller: Annotated[Caller, Depends(SIGNER)],
    last: Annotated[
        str | None, Header(alias="Last-Event-ID", description="id of the last event that arrived: goes on after it")
    ] = None,
) -> EventStream:
    """Pushes asks to the caller's subjects, and to those it is a guardian of and sees, as the lists show them.

    Begins with the asks that are open, or after the last event that arrived; goes on until the session ends.
    """
    after, token, room = parse_cursor(last), bearer_token(request), ExitStack()
    streams = streams_of(request)
    listener = room.enter_context(streams.admit(token, known=sessions_of(request).find(token).known))
    sight = _Sight(context_of(request), sessions_of(request), caller, token)
    return EventStream(_events(sight, streams, listener, after), room)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a caller sees, as long as its session lasts."""

    context: Context
    sessions: Sessions
    caller: Caller
    token: str

    def seconds_left(self) -> int:
        """Gives how long the session lasts.

        Raises:
            NotAuthenticError: it ended.
        """
        return self.sessions.find(self.token).expires_at - self.sessions.now()

    async def subjects(self) -> frozenset[SubjectId]:
        """Gives the subjects whose asks are shown to the caller now; none of a shielded minor to its guardian."""
        projection, now = self.context.projection, self.sessions.now()
        own = await projection.subjects_of_signer(self.caller.signer)
        wards = await wards_of(projection, self.caller.signer, now)
        named = {view.subject_id for view in (*own, *wards)}
        return frozenset([subject for subject in named if await self._is_whole(subject)])

    async def _is_whole(self, subject: SubjectId) -> bool:
        try:
            return (await subject_seen_by(self.context, self.caller, subject, self.sessions.now())).whole
        except NotFoundError:
            return False

    def asks(self, subjects: frozenset[SubjectId], after: Cursor | None) -> AsyncIterator[AskView]:
        """Gives the asks to some subjects after a place."""
        return asks_to(self.context.projection, subjects, self.sessions.now(), after)


@dataclass(slots=True)
class _Feed:
    """Where a stream has got to: the place of the last ask that was looked at, none at the beginning."""

    sight: _Sight
    after: Cursor | None
    is_new: bool

    async def news(self, listener: Listener) -> AsyncGenerator[bytes, None]:
        """Gives what came since; to a new stream of that what is open, and where it goes on.

        Raises:
            NotAuthenticError: the session ended.
        """
        reached = await _reached(self.sight.context)
        listener.subjects = await self.sight.subjects()
        async for view in self.sight.asks(listener.subjects, self.after):
            self.sight.seconds_left()
            self.after = _place_of(view)
            if not self.is_new or view.status == AskStatus.OPEN:
                yield _ask(view)
        if self.is_new:
            self.is_new, self.after = False, max(self.after or reached, reached)
            yield f"id: {_cursor(self.after)}\n\n".encode()


async def _events(
    sight: _Sight, streams: Streams, listener: Listener, after: Cursor | None
) -> AsyncGenerator[bytes, None]:
    """Gives the pieces of a stream; ends with the session, the gateway, or when something does not answer."""
    feed, turns = _Feed(sight, after, is_new=after is None), 0
    yield f"retry: {RETRY_MILLISECONDS}\n\n".encode()
    try:
        while not streams.is_closing:
            if turns % REFRESH_TURNS == 0:
                async for piece in feed.news(listener):
                    yield piece
            was_woken = await listener.wait(min(HEARTBEAT_SECONDS, sight.seconds_left()))
            sight.seconds_left()
            turns = 0 if was_woken else turns + 1
            if not was_woken:
                yield b":\n\n"
    except NotAuthenticError:
        yield b"event: end\ndata: session ended\n\n"
    except ConsentryError:
        return


async def _reached(context: Context) -> Cursor:
    """Gives the place behind everything the projection has by now."""
    position = await context.projection.position()
    return (position.number if position else 0), _LAST_IN_BLOCK


def _place_of(view: AskView) -> Cursor:
    return view.place.block.number, view.place.log_index


def _cursor(place: Cursor) -> str:
    return f"{place[0]}-{place[1]}"


def _ask(view: AskView) -> bytes:
    item = json.dumps(ask_json(view), separators=(",", ":"))
    return f"id: {_cursor(_place_of(view))}\nevent: ask\ndata: {item}\n\n".encode()
