"""What authorities call: the access log, never content."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from consentry.api.context import context_of
from consentry.api.policy import AUTHORITY, Caller
from consentry.api.schemas import raw
from consentry.api.views import MOST, USUAL, access_json, page, parse_cursor
from consentry.core.terms import Address
from consentry.errors import NotFoundError

router = APIRouter(prefix="/v1/audit", tags=["authorities"])
_PROVINCE = 10_000


@router.get("/accesses")
async def accesses(
    request: Request,
    caller: Annotated[Caller, Depends(AUTHORITY)],
    institution: Annotated[str | None, Query(pattern=r"^0x[0-9a-f]{40}$")] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = USUAL,
) -> JSONResponse:
    """Lists accesses: of the whole country to the national authority, of one institution to that of its province."""
    projection = context_of(request).projection
    asked = Address(raw(institution)) if institution else None
    if caller.region:
        view = await projection.institution(asked) if asked else None
        if view is None or view.region // _PROVINCE != caller.region // _PROVINCE:
            raise NotFoundError("no institution of this authority's region was named")
    found = await projection.accesses(institution=asked, after=parse_cursor(cursor), limit=limit + 1)
    return page(request, found, limit, access_json)
