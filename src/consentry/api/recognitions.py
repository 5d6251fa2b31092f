"""Marked results and registered studies: what stands on chain, and counts of an institution."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from consentry.api.act_schemas import ActItem, RecognitionCounts
from consentry.api.context import context_of
from consentry.api.policy import MEMBER, Caller, Role, check_institution_seen_by
from consentry.api.schemas import Id20, Id32, raw, record_key
from consentry.api.views import act_json
from consentry.core.recognitions import ResultMark, StudyRegistration
from consentry.core.signed_act import SignedAct
from consentry.core.terms import Address
from consentry.errors import NotFoundError
from consentry.gateway.recognitions import counts_of

router = APIRouter(prefix="/v1", tags=["recognitions"])


async def _about_record(
    request: Request, record: str, caller: Caller, what: str, kind: type[SignedAct]
) -> dict[str, Any]:
    """Gives the one act of a kind about a record, to members: they have it on their own nodes as well."""
    if caller.role == Role.INSTITUTION:
        caller.check_active()
    projection = context_of(request).projection
    found = await projection.acts(records=[record_key(record)], kinds=(kind,), after=None, limit=1)
    if not found or caller.role == Role.SIGNER:
        raise NotFoundError(f"{what} of the record is not known")
    return act_json(found[0])


@router.get("/records/{record}/mark", responses={200: {"model": ActItem}})
async def mark(request: Request, record: Id32, caller: Annotated[Caller, Depends(MEMBER)]) -> dict[str, Any]:
    """Gives the quality mark of a result, to institutions and authorities."""
    return await _about_record(request, record, caller, "mark", ResultMark)


@router.get("/records/{record}/study", responses={200: {"model": ActItem}})
async def study(request: Request, record: Id32, caller: Annotated[Caller, Depends(MEMBER)]) -> dict[str, Any]:
    """Gives the registration of an imaging study, to institutions and authorities."""
    return await _about_record(request, record, caller, "study", StudyRegistration)


@router.get("/institutions/{address}/recognitions", responses={200: {"model": RecognitionCounts}})
async def recognitions(
    request: Request, address: Id20, caller: Annotated[Caller, Depends(MEMBER)]
) -> dict[str, list[dict[str, int]]]:
    """Counts what an institution accepted of others' results and others of its own, to itself and to authorities."""
    check_institution_seen_by(caller, raw(address))
    found = await counts_of(context_of(request).projection, Address(raw(address)))
    return {
        "items": [
            {
                "itemCode": item_code,
                "receivedAccepted": counts.received_accepted,
                "receivedRefused": counts.received_refused,
                "issuedAccepted": counts.issued_accepted,
                "issuedRefused": counts.issued_refused,
            }
            for item_code, counts in found.items()
        ]
    }
