"""Links between the subjects of one person: prepared by the custodian, signed by an authority, receipted, looked at."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from consentry.api.act_schemas import ActBody
from consentry.api.context import context_of
from consentry.api.once import DOCUMENTED, once
from consentry.api.person_schemas import (
    KeptAnswer,
    LinkAnswer,
    LinkList,
    LinkToPrepare,
    OpeningBody,
    PreparedLink,
    PreparedUnlink,
    UnlinkToPrepare,
)
from consentry.api.policy import (
    INSTITUTION,
    INSTITUTION_OR_AUTHORITY,
    MEMBER,
    Caller,
    Role,
    check_custodian,
    sessions_of,
    subject_seen_by,
)
from consentry.api.schemas import Id32, raw, shown
from consentry.api.views import anchor_json, place_json
from consentry.core.persons import SubjectLink, SubjectUnlink
from consentry.core.terms import Address, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.errors import NotFoundError
from consentry.evidence.notation import read, write
from consentry.gateway.persons import LinkView

router = APIRouter(prefix="/v1/persons", tags=["persons"])
Staff = Annotated[Caller, Depends(INSTITUTION_OR_AUTHORITY)]
CREATED = HTTPStatus.CREATED


@router.post("/links/prepare", responses={200: {"model": PreparedLink}})
async def prepare_link(
    request: Request, body: LinkToPrepare, caller: Annotated[Caller, Depends(INSTITUTION)]
) -> dict[str, Any]:
    """Makes a link for an authority to sign and keeps what opens it; nothing is linked yet."""
    context = context_of(request)
    check_custodian(context, caller)
    subjects, authority = [SubjectId(raw(one)) for one in body.subjects], Address(raw(body.authority))
    made = await context.person_desk.prepare_link(subjects, authority, sessions_of(request).now())
    return {
        "actHash": shown(struct_hash(made.act)),
        "act": write(made.act),
        "subjects": [shown(one) for one in made.subjects],
        "blinding": shown(made.blinding),
    }


@router.post("/links", status_code=CREATED, openapi_extra=DOCUMENTED, responses={201: {"model": LinkAnswer}})
async def link(request: Request, body: ActBody, caller: Staff) -> Response:
    """Has a prepared link receipted, with the signature of its authority."""
    context, act = context_of(request), read(SubjectLink, body.act)
    check_custodian(context, caller)
    signatures = [raw(signature) for signature in body.signatures]

    async def work(*, resumed: bool) -> dict[str, Any]:
        place = await context.person_desk.link(act, signatures, resumed=resumed)
        await context.projection.wait_for(place.block.number)
        return anchor_json(place, actHash=shown(struct_hash(act)))

    return await once(request, caller, CREATED, work)


@router.post("/links/openings", status_code=CREATED, openapi_extra=DOCUMENTED, responses={201: {"model": KeptAnswer}})
async def keep(request: Request, body: OpeningBody, caller: Annotated[Caller, Depends(INSTITUTION)]) -> Response:
    """Keeps what opens a link of another custodian about a subject of this one; the chain must have the link."""
    context, act = context_of(request), read(SubjectLink, body.act)
    check_custodian(context, caller)
    subjects, blinding = [SubjectId(raw(one)) for one in body.subjects], raw(body.blinding)

    async def work(**_: bool) -> dict[str, Any]:
        await context.person_desk.keep(act, subjects, blinding)
        return {"actHash": shown(struct_hash(act))}

    return await once(request, caller, CREATED, work)


@router.post("/unlinks/prepare", responses={200: {"model": PreparedUnlink}})
async def prepare_unlink(request: Request, body: UnlinkToPrepare, caller: Staff) -> dict[str, Any]:
    """Makes an unlink for an authority to sign and keeps what opens it; the link stands until it is receipted."""
    context = context_of(request)
    check_custodian(context, caller)
    parts = raw(body.link), Address(raw(body.authority)), body.reason
    made = await context.person_desk.prepare_unlink(*parts, sessions_of(request).now())
    return {
        "actHash": shown(struct_hash(made.act)),
        "act": write(made.act),
        "reason": made.reason,
        "blinding": shown(made.blinding),
    }


@router.post("/unlinks", status_code=CREATED, openapi_extra=DOCUMENTED, responses={201: {"model": LinkAnswer}})
async def unlink(request: Request, body: ActBody, caller: Staff) -> Response:
    """Has a prepared unlink receipted, with the signature of its authority; both acts stay on record."""
    context, act = context_of(request), read(SubjectUnlink, body.act)
    check_custodian(context, caller)
    signatures = [raw(signature) for signature in body.signatures]

    async def work(*, resumed: bool) -> dict[str, Any]:
        place = await context.person_desk.unlink(act, signatures, resumed=resumed)
        await context.projection.wait_for(place.block.number)
        return anchor_json(place, actHash=shown(struct_hash(act)))

    return await once(request, caller, CREATED, work)


@router.get("/{subject_id}/links", responses={200: {"model": LinkList}})
async def links(request: Request, subject_id: Id32, caller: Annotated[Caller, Depends(MEMBER)]) -> dict[str, Any]:
    """Lists every link of a subject, undone ones too, to the subject, its custodian, and authorities.

    A guardian sees them too, but none of a shielded minor: it is told of no subject the minor has elsewhere.
    """
    context, subject = context_of(request), SubjectId(raw(subject_id))
    if caller.role != Role.AUTHORITY:
        sight = await subject_seen_by(context, caller, subject, sessions_of(request).now())
        if not sight.whole:
            return {"items": []}
    elif await context.projection.subject(subject) is None:
        raise NotFoundError("subject is not known")
    return {"items": [_link_json(view) for view in await context.person_desk.history(subject)]}


def _link_json(view: LinkView) -> dict[str, Any]:
    opening, event = view.opening, view.event
    return {
        "actHash": shown(event.act_hash),
        "status": "UNDONE" if view.undone else "STANDING",
        "act": write(event.act),
        "signatures": [shown(signature) for signature in event.signatures],
        "subjects": [shown(one) for one in opening.subjects],
        "blinding": shown(opening.blinding) if opening.blinding else None,
        "place": place_json(event.place),
        "undone": _undone_json(view),
    }


def _undone_json(view: LinkView) -> dict[str, Any] | None:
    event, opening = view.undone, view.undoing
    if event is None:
        return None
    known = opening is not None and bool(opening.blinding)
    return {
        "actHash": shown(event.act_hash),
        "act": write(event.act),
        "signatures": [shown(signature) for signature in event.signatures],
        "reason": opening.reason if opening and known else None,
        "blinding": shown(opening.blinding) if opening and known else None,
        "place": place_json(event.place),
    }
