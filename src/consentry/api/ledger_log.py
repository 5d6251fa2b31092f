"""The ledger log of a gateway, as C2SP ``tlog-tiles`` has it: checkpoint and tiles below ``/log``, for anybody."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse, Response

from consentry.api.context import context_of
from consentry.api.policy import PUBLIC, Caller
from consentry.errors import NotFoundError
from consentry.gateway.log_ports import PublishedLog

router = APIRouter(prefix="/log", tags=["ledger log"])

FOR_EVER: Final = "public, max-age=31536000, immutable"
FOR_NOW: Final = "no-store"


def _log(request: Request) -> PublishedLog:
    found = context_of(request).log
    if found is None:
        raise NotFoundError("this gateway keeps no ledger log")
    return found


@router.get("/checkpoint", response_class=PlainTextResponse)
async def checkpoint(request: Request, _: Annotated[Caller, Depends(PUBLIC)]) -> PlainTextResponse:
    """Gives the newest published checkpoint, with the signatures of the log and of its witnesses."""
    return PlainTextResponse(_log(request).checkpoint(), headers={"Cache-Control": FOR_NOW})


@router.get("/key", response_class=PlainTextResponse)
async def key(request: Request, _: Annotated[Caller, Depends(PUBLIC)]) -> PlainTextResponse:
    """Gives the verifier key of the log."""
    return PlainTextResponse(f"{_log(request).key}\n")


@router.get("/tile/{path:path}", response_class=Response)
async def tile(request: Request, path: str, _: Annotated[Caller, Depends(PUBLIC)]) -> Response:
    """Gives the hashes of a tile, 32 bytes each; a full one may be kept for ever."""
    content, is_full = await _log(request).tile(f"tile/{path}")
    headers = {"Cache-Control": FOR_EVER if is_full else FOR_NOW}
    return Response(content, media_type="application/octet-stream", headers=headers)
