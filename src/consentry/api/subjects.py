"""Subjects: enrolled, and what concerns them in lists."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
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
from consentry.api.visibility import consents_naming, fill, listed_to, shown_accesses, sight_of
from consentry.core.terms import SubjectId
from consentry.errors import InvalidInputError
from consentry.gateway import subjects
from consentry.gateway.guardians import guarded_subject, wards_of
from consentry.gateway.ports import ConsentView, RecordView

router = APIRouter(prefix="/v1/subjects", tags=["subjects"])


@router.post("", status_code=HTTPStatus.CREATED, openapi_extra=DOCUMENTED, responses={201: {"model": EnrolAnswer}})
async def enrol(request: Request, body: EnrolBody, caller: Annotated[Caller, Depends(SUBJECT_SIDE)]) -> Response:
    """Enrols a subject; the contract checks both signatures, whoever brings them."""
    context = context_of(request)
    enrolment = body.enrolment.value()
    if enrolment.custodian != context.custodian:
        raise InvalidInputError("custodian of the enrolment does not match this gateway's")
    signatures = raw(body.subject_signature), raw(body.custodian_signature)

    async def work(*, resumed: bool) -> dict[str, Any]:
        parts = context.ledger, context.projection, context.vault
        place = await subjects.enrol(*parts, enrolment, signatures, resumed=resumed)
        await context.projection.wait_for(place.block.number)
        return anchor_json(place, subjectId=shown(enrolment.subject_id))

    return await once(request, caller, HTTPStatus.CREATED, work)


@router.get("", responses={200: {"model": SubjectList}})
async def own_subjects(request: Request, caller: Annotated[Caller, Depends(SIGNER)]) -> dict[str, Any]:
    """Gives the subjects the signed-in signer acts for: its own, and those it is a guardian of and may see."""
    context = context_of(request)
    own = await context.projection.subjects_of_signer(caller.signer)
    now = max((await context.ledger.head()).time, sessions_of(request).now())
    wards = await wards_of(context.projection, caller.signer, now)
    found = [*((view, "SUBJECT") for view in own), *((view, "GUARDIAN") for view in wards)]
    return {
        "items": [
            {"subjectId": shown(view.subject_id), "custodian": shown(view.custodian), "actingAs": role}
            for view, role in found
        ]
    }


@router.get("/{subject_id}/records", responses={200: {"model": RecordPage}})
async def records(
    request: Request,
    subject_id: Id32,
    caller: Annotated[Caller, Depends(SUBJECT_SIDE)],
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists records: all to subject, custodian and guardians who may see, those in scope to who has a consent."""
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
    """Lists consents: all to the subject, its custodian and guardians who may see, those that name it to a grantee."""
    context, subject, after = context_of(request), SubjectId(raw(subject_id)), parse_cursor(cursor)
    clock = sessions_of(request).now()
    sight = await sight_of(context, caller, subject, clock)
    if sight is not None:

        async def fetch(since: tuple[int, int] | None, most: int) -> Sequence[ConsentView]:
            return await context.projection.consents_of(subject, since, most)

        found: Sequence[ConsentView] = await fill(fetch, after, limit + 1, lambda view: sight.shows_terms(view.terms))
    else:
        named = await consents_naming(context, caller, subject)
        found = [v for v in named if after is None or (v.place.block.number, v.place.log_index) > after]
    guarded = await guarded_subject(context.projection, subject)
    now = max((await context.ledger.head()).time, clock)
    show = partial(consent_json, minor_until=guarded.facts.minor_until if guarded else 0, now=now)
    return page(request, found[: limit + 1], limit, show)


@router.get("/{subject_id}/accesses", responses={200: {"model": AccessPage}})
async def accesses(
    request: Request,
    subject_id: Id32,
    caller: Annotated[Caller, Depends(SUBJECT_SIDE)],
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists every access asked for, permitted or denied; sequence numbers have no gap.

    To a guardian of a shielded minor those are missing that rest on what the minor granted itself.
    """
    context, subject = context_of(request), SubjectId(raw(subject_id))
    sight = await subject_seen_by(context, caller, subject, sessions_of(request).now())
    found = await shown_accesses(context, sight, subject, parse_cursor(cursor), limit + 1)
    return page(request, found, limit, access_json)
