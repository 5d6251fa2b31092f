"""The end of a record, for its custodian: what would be destroyed, the erasure, and how far it is."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from consentry.api.act_schemas import ActBody, ErasureAnswer, ErasureItem
from consentry.api.context import context_of
from consentry.api.once import DOCUMENTED, once
from consentry.api.policy import INSTITUTION, Caller
from consentry.api.schemas import Id32, raw, record_key, shown
from consentry.api.views import anchor_json
from consentry.core.erasures import Erasure
from consentry.core.typed_data import struct_hash
from consentry.errors import InvalidInputError, NotFoundError
from consentry.evidence.notation import read
from consentry.gateway.context import Context
from consentry.gateway.erasures import digest_of, report_of
from consentry.gateway.ports import Remains

router = APIRouter(prefix="/v1/records", tags=["erasures"])


def _own(context: Context, caller: Caller) -> None:
    if caller.institution != context.custodian:
        raise NotFoundError("record is not known")


def _progress_json(remains: Remains) -> dict[str, Any]:
    return {"keysDestroyed": remains.keys_destroyed, "deletedAt": remains.deleted_at}


@router.get("/{record}/erasure", responses={200: {"model": ErasureItem}})
async def erasure(request: Request, record: Id32, caller: Annotated[Caller, Depends(INSTITUTION)]) -> dict[str, Any]:
    """Gives the report that officers sign before an erasure, and after it how far it is; to the custodian."""
    context, wanted = context_of(request), record_key(record)
    _own(context, caller)
    remains = await context.vault.remains(wanted)
    view = await context.projection.record(wanted)
    if view is None:
        raise NotFoundError("record is not known")
    report = report_of(wanted, remains)
    return {
        "recordId": shown(wanted),
        "subjectId": shown(view.leaf.subject_id),
        "status": (await context.ledger.record_status(wanted)).name,
        "report": report,
        "reportDigest": shown(digest_of(report)),
        **_progress_json(remains),
    }


@router.post(
    "/{record}/erasure",
    status_code=HTTPStatus.CREATED,
    openapi_extra=DOCUMENTED,
    responses={201: {"model": ErasureAnswer}},
)
async def erase(
    request: Request, record: Id32, body: ActBody, caller: Annotated[Caller, Depends(INSTITUTION)]
) -> Response:
    """Has an erasure taken by the chain, then destroys keys and object; what a fault keeps is done later unasked."""
    context = context_of(request)
    _own(context, caller)
    act = read(Erasure, body.act)
    if act.record_id != record_key(record):
        raise InvalidInputError("record of the act does not match the address")
    signatures = [raw(signature) for signature in body.signatures]

    async def work(*, resumed: bool) -> dict[str, Any]:
        place, remains = await context.erasures.erase(act, signatures, resumed=resumed)
        await context.projection.wait_for(place.block.number)
        return anchor_json(place, actHash=shown(struct_hash(act)), **_progress_json(remains))

    return await once(request, caller, HTTPStatus.CREATED, work)
