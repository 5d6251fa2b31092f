"""The institutions of the chain, and what one of them asked for.

Institutions are admitted by an authority's own account, with ``consentry.ledger.governance``: a gateway has no part in
it and no key for it.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from consentry.api.act_schemas import AssistedConsents, DutyList
from consentry.api.context import context_of
from consentry.api.policy import (
    INSTITUTION,
    INSTITUTION_OR_AUTHORITY,
    PUBLIC,
    Caller,
    check_institution_seen_by,
    sessions_of,
)
from consentry.api.schemas import AccessPage, Id20, InstitutionItem, InstitutionPage, raw, shown
from consentry.api.views import USUAL, Cursor, Limit, access_json, institution_json, page, parse_cursor
from consentry.core.calendar import quarter_of
from consentry.core.revocations import OpenDuty
from consentry.core.terms import Address
from consentry.errors import NotFoundError

router = APIRouter(prefix="/v1/institutions", tags=["institutions"])


@router.get("", responses={200: {"model": InstitutionPage}})
async def institutions(
    request: Request,
    _: Annotated[Caller, Depends(PUBLIC)],
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists the institutions in the order of admission; membership is public."""
    found = await context_of(request).projection.institutions(parse_cursor(cursor), limit + 1)
    return page(request, found, limit, institution_json)


@router.get("/{address}", responses={200: {"model": InstitutionItem}})
async def institution(request: Request, address: Id20, _: Annotated[Caller, Depends(PUBLIC)]) -> dict[str, Any]:
    """Gives one institution."""
    found = await context_of(request).projection.institution(Address(raw(address)))
    if found is None:
        raise NotFoundError("institution is not known")
    return institution_json(found)


@router.get("/{address}/duties", responses={200: {"model": DutyList}})
async def duties(
    request: Request, address: Id20, caller: Annotated[Caller, Depends(INSTITUTION_OR_AUTHORITY)]
) -> dict[str, Any]:
    """Lists what an institution owes after revocations, to itself and to authorities; read on chain, at its head."""
    check_institution_seen_by(caller, raw(address))
    now = sessions_of(request).now()
    found = await context_of(request).ledger.duties_of(Address(raw(address)))
    return {"items": [_duty_json(duty, now) for duty in sorted(found, key=lambda duty: duty.due_at)]}


@router.get("/{address}/assisted-consents", responses={200: {"model": AssistedConsents}})
async def assisted_consents(
    request: Request, address: Id20, caller: Annotated[Caller, Depends(INSTITUTION_OR_AUTHORITY)]
) -> dict[str, int]:
    """Counts the consents that staff of an institution prepared, to itself and to authorities; read at head."""
    check_institution_seen_by(caller, raw(address))
    quarter = quarter_of(sessions_of(request).now())
    found = await context_of(request).ledger.assisted_by(Address(raw(address)), quarter)
    return {"granted": found.granted, "inQuarter": found.in_quarter, "undone": found.undone}


def _duty_json(duty: OpenDuty, now: int) -> dict[str, Any]:
    return {
        "consentId": shown(duty.consent_id),
        "kind": duty.kind.name,
        "dueAt": duty.due_at,
        "overdue": duty.due_at <= now,
    }


@router.get("/{address}/accesses", responses={200: {"model": AccessPage}})
async def accesses(
    request: Request,
    address: Id20,
    caller: Annotated[Caller, Depends(INSTITUTION)],
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists the accesses an institution asked for, at whatever gateway, to itself."""
    if caller.institution != raw(address):
        raise NotFoundError("institution is not known")
    projection, own = context_of(request).projection, [Address(raw(address))]
    found = await projection.accesses(institutions=own, after=parse_cursor(cursor), limit=limit + 1)
    return page(request, found, limit, access_json)
