"""Consents: prepared, granted, taken back."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from consentry.api.context import context_of
from consentry.api.once import DOCUMENTED, once
from consentry.api.policy import SIGNER, SUBJECT_SIDE, Caller, Role, sessions_of
from consentry.api.schemas import (
    ConsentAnswer,
    GrantBody,
    Id32,
    PrepareBody,
    PreparedAnswer,
    PreparedRevocation,
    PrepareRevocationBody,
    RevokeBody,
    consent_key,
    raw,
    shown,
)
from consentry.api.views import anchor_json
from consentry.api.visibility import sight_of
from consentry.core.terms import ZERO_32, ConsentId, ConsentTerms
from consentry.core.typed_data import consent_id
from consentry.errors import InvalidInputError, NotFoundError
from consentry.evidence.notation import write
from consentry.gateway import consents
from consentry.gateway.context import Context
from consentry.gateway.guardians import guarded_subject

router = APIRouter(prefix="/v1/consents", tags=["consents"])


@router.post("/prepare", responses={200: {"model": PreparedAnswer}})
async def prepare(request: Request, body: PrepareBody, _: Annotated[Caller, Depends(SUBJECT_SIDE)]) -> dict[str, Any]:
    """Gives the exact EIP-712 document and the notice text; changes nothing."""
    made = consents.prepare(context_of(request).ledger, body.terms.value(), body.language)
    return {
        "consentId": shown(made.consent_id),
        "terms": write(made.terms),
        "document": made.document,
        "notice": {"language": made.language, "text": made.notice_text},
    }


@router.post("", status_code=HTTPStatus.CREATED, openapi_extra=DOCUMENTED, responses={201: {"model": ConsentAnswer}})
async def grant(request: Request, body: GrantBody, caller: Annotated[Caller, Depends(SUBJECT_SIDE)]) -> Response:
    """Grants. Whoever relays, the contract demands the signature of the subject, or of the guardian in the terms."""
    context, terms, signature = context_of(request), body.terms.value(), raw(body.signature)

    async def work(*, resumed: bool) -> dict[str, Any]:
        parts = context.ledger, context.projection
        granted, place = await consents.grant(*parts, terms, signature, resumed=resumed)
        await context.projection.wait_for(place.block.number)
        return anchor_json(place, consentId=shown(granted))

    return await once(request, caller, HTTPStatus.CREATED, work)


@router.post("/{consent}/revocation/prepare", responses={200: {"model": PreparedRevocation}})
async def prepare_revocation(
    request: Request, consent: Id32, caller: Annotated[Caller, Depends(SIGNER)], body: PrepareRevocationBody
) -> dict[str, Any]:
    """Gives the EIP-712 document that takes a consent back."""
    context = context_of(request)
    terms = await _own_terms(context, caller, consent_key(consent), sessions_of(request).now())
    guardian = raw(body.guardian) if body.guardian else ZERO_32
    return {"document": consents.prepare_revocation(context.ledger, terms, guardian), "terms": write(terms)}


@router.post("/{consent}/revocation", openapi_extra=DOCUMENTED, responses={200: {"model": ConsentAnswer}})
async def revoke(
    request: Request, consent: Id32, body: RevokeBody, caller: Annotated[Caller, Depends(SUBJECT_SIDE)]
) -> Response:
    """Takes a consent back; from the block of the answer on nothing is permitted under it.

    Whoever has the terms may relay; without them the consent must be known here and be the caller's own, or that of the
    subject whose card the caller has.
    """
    context, wanted = context_of(request), consent_key(consent)
    clock = sessions_of(request).now()
    terms = body.terms.value() if body.terms else await _own_terms(context, caller, wanted, clock)
    if consent_id(terms) != wanted:
        raise InvalidInputError("terms do not match the consent in the address")
    guardian = raw(body.guardian) if body.guardian else ZERO_32

    async def work(*, resumed: bool) -> dict[str, Any]:
        parts = context.ledger, context.projection
        place = await consents.revoke(*parts, terms, raw(body.signature), guardian=guardian, resumed=resumed)
        await context.projection.wait_for(place.block.number)
        return anchor_json(place, consentId=consent)

    return await once(request, caller, HTTPStatus.OK, work)


async def _own_terms(context: Context, caller: Caller, wanted: ConsentId, clock: int) -> ConsentTerms:
    view = await context.projection.consent(wanted)
    if view is None or not await _may_take_back(context, caller, view.terms, clock):
        raise NotFoundError("consent is not known")
    return view.terms


async def _may_take_back(context: Context, caller: Caller, terms: ConsentTerms, clock: int) -> bool:
    """Tells whether the caller sees the terms, or signs with the card of their subject, which sees nothing else."""
    sight = await sight_of(context, caller, terms.subject_id, clock)
    if sight is not None or caller.role != Role.SIGNER:
        return sight is not None and sight.shows_terms(terms)
    guarded = await guarded_subject(context.projection, terms.subject_id)
    now = max((await context.ledger.head()).time, clock)
    return guarded is not None and guarded.takes_back_with(caller.signer, now)
