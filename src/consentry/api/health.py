"""Whether the service lives, whether it may be used, and what it is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

import consentry
from consentry.api.context import context_of
from consentry.api.policy import PUBLIC, Caller
from consentry.api.schemas import shown

router = APIRouter(tags=["service"])


@router.get("/healthz")
async def healthz(_: Annotated[Caller, Depends(PUBLIC)]) -> dict[str, str]:
    """Tells that the process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request, _: Annotated[Caller, Depends(PUBLIC)]) -> dict[str, str]:
    """Tells that chain, projection and vault can be used; a problem with 503 otherwise."""
    await context_of(request).check_ready()
    return {"status": "ready"}


@router.get("/v1/about")
async def about(request: Request, _: Annotated[Caller, Depends(PUBLIC)]) -> dict[str, Any]:
    """Tells which gateway this is, on which chain."""
    context = context_of(request)
    identity = await context.ledger.identity()
    position = await context.projection.position()
    return {
        "version": consentry.__version__,
        "custodian": shown(context.custodian),
        "origin": context.origin,
        "chainId": identity.chain_id,
        "genesisHash": shown(identity.genesis_hash),
        "contracts": {name: shown(address) for name, address in identity.contracts},
        "deployedIn": identity.deployed_in,
        "projectedTo": position.number if position else None,
    }
