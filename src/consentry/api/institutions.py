"""The institutions of the chain, and what one of them asked for.

Institutions are admitted by an authority's own account, with ``consentry.ledger.governance``: a gateway has no part in
it and no key for it.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from consentry.api.context import context_of
from consentry.api.policy import INSTITUTION, PUBLIC, Caller
from consentry.api.schemas import AccessPage, Id20, InstitutionItem, InstitutionPage, raw
from consentry.api.views import USUAL, Cursor, Limit, access_json, institution_json, page, parse_cursor
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
