"""Signed acts of the life cycles: shown, taken, listed.

Every act of `consentry.core.act_table` has the same two routes. Whoever relays, the contract demands the signatures of
those the act names.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from consentry.api.act_schemas import ActAnswer, ActBody, ActName, ActPage, ActToPrepare, PreparedAct
from consentry.api.context import context_of
from consentry.api.once import DOCUMENTED, once
from consentry.api.policy import MEMBER, SUBJECT_SIDE, Caller, Role, sessions_of, subject_seen_by
from consentry.api.schemas import Id20, Id32, raw, shown
from consentry.api.views import USUAL, Cursor, Limit, act_json, anchor_json, page, parse_cursor
from consentry.api.visibility import shown_acts
from consentry.core.act_table import ACTS, BY_NAME
from consentry.core.asks import AskDenial, ConsentAsk
from consentry.core.signed_act import SignedAct
from consentry.core.terms import Address, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.errors import NotFoundError
from consentry.evidence.notation import Json, read
from consentry.gateway import acts

router = APIRouter(prefix="/v1", tags=["acts"])
SHOWN_TO_CUSTODIANS: Final = tuple(act for act in ACTS if act not in {ConsentAsk, AskDenial})
"""A custodian sees all acts that concern its subjects, but for asks and denials."""


def _act(name: str, members: Json) -> SignedAct:
    kind = BY_NAME.get(name)
    if kind is None:
        raise NotFoundError("kind of act is not known")
    return read(kind, members)


@router.post("/acts/{name}/prepare", responses={200: {"model": PreparedAct}})
async def prepare(
    request: Request, name: ActName, body: ActToPrepare, _: Annotated[Caller, Depends(MEMBER)]
) -> dict[str, Any]:
    """Gives the EIP-712 document to be signed, and who has to sign it; changes nothing."""
    act = _act(name, body.act)
    document = acts.prepare(context_of(request).ledger, act)
    return {"actHash": shown(struct_hash(act)), "signers": list(act.FORM.signers), "document": document}


@router.post(
    "/acts/{name}", status_code=HTTPStatus.CREATED, openapi_extra=DOCUMENTED, responses={201: {"model": ActAnswer}}
)
async def perform(
    request: Request, name: ActName, body: ActBody, caller: Annotated[Caller, Depends(MEMBER)]
) -> Response:
    """Has a signed act taken; signatures stand in the order of its signers."""
    context, act = context_of(request), _act(name, body.act)
    signatures = [raw(signature) for signature in body.signatures]

    async def work(*, resumed: bool) -> dict[str, Any]:
        place = await acts.perform(context.ledger, context.projection, act, signatures, resumed=resumed)
        await context.projection.wait_for(place.block.number)
        return anchor_json(place, actHash=shown(struct_hash(act)))

    return await once(request, caller, HTTPStatus.CREATED, work)


@router.get("/subjects/{subject_id}/acts", responses={200: {"model": ActPage}})
async def acts_of_subject(
    request: Request,
    subject_id: Id32,
    caller: Annotated[Caller, Depends(SUBJECT_SIDE)],
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists the signed acts that concern a subject, to the subject, its custodian and guardians who may see.

    Who asked the subject for what, and what it denied, is no custodian's business.
    """
    context, subject = context_of(request), SubjectId(raw(subject_id))
    sight = await subject_seen_by(context, caller, subject, sessions_of(request).now())
    kinds = SHOWN_TO_CUSTODIANS if caller.role == Role.INSTITUTION else ()
    found = await shown_acts(context, sight, subject, parse_cursor(cursor), limit + 1, kinds)
    return page(request, found, limit, act_json)


@router.get("/institutions/{address}/acts", responses={200: {"model": ActPage}})
async def acts_of_institution(
    request: Request,
    address: Id20,
    caller: Annotated[Caller, Depends(MEMBER)],
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists the signed acts that concern an institution, to itself and to authorities."""
    own = caller.role == Role.AUTHORITY or caller.institution == raw(address)
    if not own:
        raise NotFoundError("institution is not known")
    projection = context_of(request).projection
    found = await projection.acts(institution=Address(raw(address)), after=parse_cursor(cursor), limit=limit + 1)
    return page(request, found, limit, act_json)
