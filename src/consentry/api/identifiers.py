"""Codes of persons: entered and ended by the custodian, resolved by institutions.

A code comes in a body and goes nowhere: no log, problem or answer repeats it, and what an ``Idempotency-Key`` is tied
to is a keyed digest.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from consentry.api.context import context_of
from consentry.api.once import DOCUMENTED, once
from consentry.api.person_schemas import IdentifierAnswer, IdentifierBody, ResolveAnswer, ResolveBody
from consentry.api.policy import INSTITUTION, Caller, check_custodian, sessions_of
from consentry.api.schemas import raw, shown
from consentry.core.terms import SubjectId
from consentry.errors import NotPermittedError
from consentry.gateway.person_ports import Period

router = APIRouter(prefix="/v1/identifiers", tags=["identifiers"])
Institution = Annotated[Caller, Depends(INSTITUTION)]


def _answer(body: IdentifierBody, period: Period) -> dict[str, Any]:
    return {"kind": body.kind, "subjectId": body.subject_id, "since": period.since, "until": period.until}


@router.post("", status_code=HTTPStatus.CREATED, openapi_extra=DOCUMENTED, responses={201: {"model": IdentifierAnswer}})
async def identify(request: Request, body: IdentifierBody, caller: Institution) -> Response:
    """Has a code stand for a subject of this custodian; only a keyed hash of it is kept."""
    context = context_of(request)
    check_custodian(context, caller)
    now, subject = sessions_of(request).now(), SubjectId(raw(body.subject_id))

    async def work(*, resumed: bool) -> dict[str, Any]:
        desk = context.person_desk
        return _answer(body, await desk.identify(body.known_kind(), body.code, subject, now, resumed=resumed))

    return await once(request, caller, HTTPStatus.CREATED, work, fingerprint=context.persons.fingerprint)


@router.post("/end", openapi_extra=DOCUMENTED, responses={200: {"model": IdentifierAnswer}})
async def end(request: Request, body: IdentifierBody, caller: Institution) -> Response:
    """Ends that a code stands for a subject; that it did stays on record."""
    context = context_of(request)
    check_custodian(context, caller)
    now, subject = sessions_of(request).now(), SubjectId(raw(body.subject_id))

    async def work(*, resumed: bool) -> dict[str, Any]:
        desk = context.person_desk
        return _answer(body, await desk.end(body.known_kind(), body.code, subject, now, resumed=resumed))

    return await once(request, caller, HTTPStatus.OK, work, fingerprint=context.persons.fingerprint)


@router.post("/resolve", responses={200: {"model": ResolveAnswer}})
async def resolve(request: Request, body: ResolveBody, caller: Institution) -> dict[str, Any]:
    """Gives the subjects of the person a code stands for.

    The custodian gets all of them, over standing links too. Another institution gets those for which a consent in force
    names it; if there is none, the answer is the one about somebody who was never here.
    """
    context = context_of(request)
    caller.check_active()
    if caller.institution is None:
        raise NotPermittedError("only institutions may do this")
    now = sessions_of(request).now()
    found = await context.person_desk.resolve(body.known_kind(), body.code, caller.institution, now)
    return {
        "subjects": [
            {"subjectId": shown(one.subject_id), "custodian": shown(one.custodian), "linked": one.linked}
            for one in found
        ]
    }
