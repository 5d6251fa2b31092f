"""Asks for consents: listed to the subject, and to an institution its own alone."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from consentry.api.act_schemas import AskPage
from consentry.api.context import context_of
from consentry.api.policy import SUBJECT_SIDE, Caller, Role, sessions_of, subject_seen_by
from consentry.api.schemas import Id32, raw, shown
from consentry.api.views import USUAL, Cursor, Limit, page, parse_cursor, place_json
from consentry.core.terms import SubjectId
from consentry.evidence.notation import write
from consentry.gateway.asks import AskView, asks_of

router = APIRouter(prefix="/v1/subjects", tags=["asks"])


def ask_json(view: AskView) -> dict[str, Any]:
    """Gives an ask as it stands."""
    return {
        "askId": shown(view.ask_id),
        "ask": write(view.ask),
        "status": view.status.name,
        "coolDownEnds": view.cool_down_ends,
        "place": place_json(view.place),
    }


@router.get("/{subject_id}/asks", responses={200: {"model": AskPage}})
async def asks(
    request: Request,
    subject_id: Id32,
    caller: Annotated[Caller, Depends(SUBJECT_SIDE)],
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists asks: all to the subject; to an institution, the custodian too, those it made itself and no other.

    A guardian sees those to its ward, but none to a shielded minor, which answers for itself.
    """
    context, subject = context_of(request), SubjectId(raw(subject_id))
    if caller.role == Role.INSTITUTION:
        caller.check_active()
    elif not (await subject_seen_by(context, caller, subject, sessions_of(request).now())).whole:
        return page(request, [], limit, ask_json)
    found = await asks_of(
        context.projection,
        subject,
        sessions_of(request).now(),
        institution=caller.institution,
        after=parse_cursor(cursor),
        limit=limit + 1,
    )
    return page(request, found, limit, ask_json)
