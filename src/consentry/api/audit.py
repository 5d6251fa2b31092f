"""What authorities call: the access log, never content."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from consentry.api.context import context_of
from consentry.api.policy import AUTHORITY, Caller
from consentry.api.schemas import AccessPage, raw
from consentry.api.views import USUAL, Cursor, Limit, access_json, page, parse_cursor
from consentry.core.participants import COUNTRY, is_within
from consentry.core.terms import Address
from consentry.errors import NotFoundError
from consentry.gateway.context import Context

router = APIRouter(prefix="/v1/audit", tags=["authorities"])


@router.get("/accesses", responses={200: {"model": AccessPage}})
async def accesses(
    request: Request,
    caller: Annotated[Caller, Depends(AUTHORITY)],
    institution: Annotated[str | None, Query(pattern=r"^0x[0-9a-f]{40}$")] = None,
    cursor: Cursor = None,
    limit: Limit = USUAL,
) -> JSONResponse:
    """Lists accesses: of the whole country to the national authority, of its own institutions to any other."""
    context = context_of(request)
    asked = await _institutions(context, caller, Address(raw(institution)) if institution else None)
    found = await context.projection.accesses(institutions=asked, after=parse_cursor(cursor), limit=limit + 1)
    return page(request, found, limit, access_json)


async def _institutions(context: Context, caller: Caller, wanted: Address | None) -> list[Address] | None:
    """Gives the institutions whose accesses are asked for; None for all of the country."""
    if wanted is None and caller.region == COUNTRY:
        return None
    known = await context.projection.institutions()
    own = [view.address for view in known if is_within(view.region, caller.region)]
    if wanted is None:
        return own
    if wanted not in own:
        raise NotFoundError("institution is not known")
    return [wanted]
