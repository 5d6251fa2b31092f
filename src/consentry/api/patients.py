"""What patients call: enrol, see, grant, take back."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from consentry.api.context import context_of
from consentry.api.once import once
from consentry.api.policy import MEMBER, SIGNER, SUBJECT_SIDE, Caller, Role, subject_seen_by
from consentry.api.schemas import (
    EnrolBody,
    GrantBody,
    PrepareBody,
    RevokeBody,
    consent_key,
    raw,
    shown,
)
from consentry.api.views import MOST, USUAL, access_json, act_json, consent_json, page, parse_cursor, record_json
from consentry.core.codes import ConsentStatus
from consentry.core.terms import SubjectId
from consentry.core.typed_data import consent_id
from consentry.errors import InvalidInputError, NotFoundError
from consentry.evidence.notation import write
from consentry.gateway import consents, subjects
from consentry.gateway.ports import ConsentView, RecordView

router = APIRouter(prefix="/v1", tags=["patients"])
Id32 = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$")]
Limit = Annotated[int, Query(ge=1, le=MOST)]


@router.post("/subjects")
async def enrol(request: Request, body: EnrolBody, caller: Annotated[Caller, Depends(SUBJECT_SIDE)]) -> Response:
    """Enrols a subject; both signatures are checked by the contract."""
    context = context_of(request)
    enrolment = body.enrolment.value()
    if enrolment.custodian != context.custodian:
        raise InvalidInputError("custodian of the enrolment does not match this gateway's")

    async def work() -> dict[str, Any]:
        signatures = raw(body.subject_signature), raw(body.custodian_signature)
        receipt = await subjects.enrol(context.ledger, context.create_subject_key, enrolment, *signatures)
        await context.projection.wait_for(receipt.place.block.number)
        return act_json(receipt, subjectId=shown(enrolment.subject_id))

    return await once(request, caller, HTTPStatus.CREATED, work)


@router.get("/subjects")
async def own_subjects(request: Request, caller: Annotated[Caller, Depends(SIGNER)]) -> dict[str, Any]:
    """Gives the subjects the signed-in signer acts for."""
    found = await context_of(request).projection.subjects_of_signer(caller.signer)
    return {"items": [{"subjectId": shown(s.subject_id), "custodian": shown(s.custodian)} for s in found]}


@router.get("/subjects/{subject_id}/records")
async def records(
    request: Request,
    subject_id: Id32,
    caller: Annotated[Caller, Depends(SUBJECT_SIDE)],
    cursor: str | None = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists records: all to the subject and its custodian, those in scope to an institution with a consent."""
    context, subject = context_of(request), SubjectId(raw(subject_id))
    mask = await _categories_seen(request, caller, subject)
    after, seen = parse_cursor(cursor), list[RecordView]()
    while len(seen) <= limit:
        found = await context.projection.records_of(subject, after, limit + 1)
        seen += [v for v in found if mask is None or mask & (1 << v.leaf.category)]
        if len(found) <= limit:
            break
        after = found[-1].place.block.number, found[-1].place.log_index
    return page(request, seen, limit, record_json)


async def _categories_seen(request: Request, caller: Caller, subject: SubjectId) -> int | None:
    """Gives the classes a grantee may list; None for the subject's own side, which sees all."""
    context = context_of(request)
    try:
        await subject_seen_by(context, caller, subject)
    except NotFoundError:
        named = await _consents_naming(request, caller, subject)
        if not named:
            raise
        mask = 0
        for view in named:
            mask |= view.terms.categories
        return mask
    return None


async def _consents_naming(request: Request, caller: Caller, subject: SubjectId) -> list[ConsentView]:
    if caller.role != Role.INSTITUTION:
        return []
    context = context_of(request)
    now = (await context.ledger.head()).time
    found = await context.projection.consents_of(subject, None, MOST)
    return [
        view
        for view in found
        if view.terms.institution == caller.institution
        and view.status == ConsentStatus.ACTIVE
        and view.terms.valid_from <= now < view.terms.valid_until
    ]


@router.get("/subjects/{subject_id}/consents")
async def consents_of(
    request: Request,
    subject_id: Id32,
    caller: Annotated[Caller, Depends(SUBJECT_SIDE)],
    cursor: str | None = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists consents: all to the subject and its custodian, those that name it to a grantee."""
    context, subject = context_of(request), SubjectId(raw(subject_id))
    try:
        await subject_seen_by(context, caller, subject)
    except NotFoundError:
        named = await _consents_naming(request, caller, subject)
        if not named:
            raise
        return page(request, named, MOST, consent_json)
    found = await context.projection.consents_of(subject, parse_cursor(cursor), limit + 1)
    return page(request, found, limit, consent_json)


@router.get("/subjects/{subject_id}/accesses")
async def accesses(
    request: Request,
    subject_id: Id32,
    caller: Annotated[Caller, Depends(SUBJECT_SIDE)],
    cursor: str | None = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists every access asked for, permitted or denied; sequence numbers have no gap."""
    context, subject = context_of(request), SubjectId(raw(subject_id))
    await subject_seen_by(context, caller, subject)
    found = await context.projection.accesses(subject_id=subject, after=parse_cursor(cursor), limit=limit + 1)
    return page(request, found, limit, access_json)


@router.post("/consents/prepare")
async def prepare(request: Request, body: PrepareBody, _: Annotated[Caller, Depends(MEMBER)]) -> dict[str, Any]:
    """Gives the exact EIP-712 document and the notice text; changes nothing."""
    made = consents.prepare(context_of(request).ledger, body.terms.value(), body.language)
    return {
        "consentId": shown(made.consent_id),
        "terms": write(made.terms),
        "document": made.document,
        "notice": {"language": made.language, "text": made.notice_text},
    }


@router.post("/consents")
async def grant(request: Request, body: GrantBody, caller: Annotated[Caller, Depends(MEMBER)]) -> Response:
    """Grants. Whoever relays, the contract demands the subject's own signature."""
    context = context_of(request)

    async def work() -> dict[str, Any]:
        granted, receipt = await consents.grant(context.ledger, body.terms.value(), raw(body.signature))
        await context.projection.wait_for(receipt.place.block.number)
        return act_json(receipt, consentId=shown(granted))

    return await once(request, caller, HTTPStatus.CREATED, work)


@router.post("/consents/{consent}/revocation/prepare")
async def prepare_revocation(
    request: Request, consent: Id32, caller: Annotated[Caller, Depends(SIGNER)]
) -> dict[str, Any]:
    """Gives the EIP-712 document that takes a consent back."""
    context = context_of(request)
    view = await consents.known(context.projection, consent_key(consent))
    await subject_seen_by(context, caller, view.terms.subject_id)
    return {"document": consents.prepare_revocation(context.ledger, view.terms), "terms": write(view.terms)}


@router.post("/consents/{consent}/revocation")
async def revoke(
    request: Request, consent: Id32, body: RevokeBody, caller: Annotated[Caller, Depends(MEMBER)]
) -> Response:
    """Takes a consent back; from the block of the answer on nothing is permitted under it."""
    context, wanted = context_of(request), consent_key(consent)
    terms = body.terms.value() if body.terms else (await consents.known(context.projection, wanted)).terms
    if consent_id(terms) != wanted:
        raise InvalidInputError("terms do not match the consent in the address")

    async def work() -> dict[str, Any]:
        receipt = await consents.revoke(context.ledger, terms, raw(body.signature))
        await context.projection.wait_for(receipt.place.block.number)
        return act_json(receipt, consentId=consent)

    return await once(request, caller, HTTPStatus.OK, work)
