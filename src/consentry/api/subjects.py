"""Subjects: enrolled, and what concerns them in lists."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from consentry.api.context import context_of
from consentry.api.once import DOCUMENTED, once
from consentry.api.policy import SIGNER, SUBJECT_SIDE, Caller, sessions_of, subject_seen_by
from consentry.api.schemas import (
    AccessPage,
    ConsentPage,
    EnrolAnswer,
    EnrolBody,
    Id32,
    RecordPage,
    SubjectList,
    raw,
    shown,
)
from consentry.api.views import (
    USUAL,
    Cursor,
    Limit,
    access_json,
    anchor_json,
    consent_json,
    page,
    parse_cursor,
    record_json,
)
from consentry.api.visibility import consents_naming, fill, is_own_side, listed_to
from consentry.core.terms import SubjectId
from consentry.errors import InvalidInputError
from consentry.gateway import subjects
from consentry.gateway.ports import RecordView

router = APIRouter(prefix="/v1/subjects", tags=["subjects"])


@router.post("", status_code=HTTPStatus.CREATED, openapi_extra=DOCUMENTED, responses={201: {"model": EnrolAnswer}})
async def enrol(request: Request, body: EnrolBody, caller: Annotated[Caller, Depends(SUBJECT_SIDE)]) -> Response:
    """Enrols a subject; the contract checks both signatures, whoever brings them."""
    context = context_of(request)
    enrolment = body.enrolment.value()
    if enrolment.custodian != context.custodian:
        raise InvalidInputError("custodian of the enrolment does not match this gateway's")
    signatures = raw(body.subject_signature), raw(body.custodian_signature)

    async def work(resumed: bool) -> dict[str, Any]:  # noqa: FBT001 - called by position
        parts = context.ledger, context.projection, context.vault
        place = await subjects.enrol(*parts, enrolment, signatures, resumed=resumed)
        await context.projection.wait_for(place.block.number)
        return anchor_json(place, subjectId=shown(enrolment.subject_id))

    return await once(request, caller, HTTPStatus.CREATED, work)


@router.get("", responses={200: {"model": SubjectList}})
async def own_subjects(request: Request, caller: Annotated[Caller, Depends(SIGNER)]) -> dict[str, Any]:
    """Gives the subjects the signed-in signer acts for."""
    found = await context_of(request).projection.subjects_of_signer(caller.signer)
    return {"items": [{"subjectId": shown(s.subject_id), "custodian": shown(s.custodian)} for s in found]}


@router.get("/{subject_id}/records", responses={200: {"model": RecordPage}})
async def records(
    request: Request,
    subject_id: Id32,
    caller: Annotated[Caller, Depends(SUBJECT_SIDE)],
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists records: all to the subject and its custodian, those in scope to an institution with a consent."""
    context, subject = context_of(request), SubjectId(raw(subject_id))
    fits = await listed_to(context, caller, subject, sessions_of(request).now())

    async def fetch(after: tuple[int, int] | None, most: int) -> Sequence[RecordView]:
        return await context.projection.records_of(subject, after, most)

    found = await fill(fetch, parse_cursor(cursor), limit + 1, fits)
    return page(request, found, limit, record_json)


@router.get("/{subject_id}/consents", responses={200: {"model": ConsentPage}})
async def consents(
    request: Request,
    subject_id: Id32,
    caller: Annotated[Caller, Depends(SUBJECT_SIDE)],
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists consents: all to the subject and its custodian, those that name it to a grantee."""
    context, subject, after = context_of(request), SubjectId(raw(subject_id)), parse_cursor(cursor)
    if await is_own_side(context, caller, subject):
        found = await context.projection.consents_of(subject, after, limit + 1)
        return page(request, found, limit, consent_json)
    named = await consents_naming(context, caller, subject)
    later = [v for v in named if after is None or (v.place.block.number, v.place.log_index) > after]
    return page(request, later[: limit + 1], limit, consent_json)


@router.get("/{subject_id}/accesses", responses={200: {"model": AccessPage}})
async def accesses(
    request: Request,
    subject_id: Id32,
    caller: Annotated[Caller, Depends(SUBJECT_SIDE)],
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists every access asked for, permitted or denied; sequence numbers have no gap."""
    context, subject = context_of(request), SubjectId(raw(subject_id))
    await subject_seen_by(context, caller, subject)
    found = await context.projection.accesses(subject_id=subject, after=parse_cursor(cursor), limit=limit + 1)
    return page(request, found, limit, access_json)
