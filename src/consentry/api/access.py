"""Asking for access: the decision, its receipt, and the wrapped key."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.responses import JSONResponse, Response

from consentry.api.batch_schemas import BatchAnswer, BatchBody
from consentry.api.context import context_of
from consentry.api.limits import check_subjects
from consentry.api.once import DOCUMENTED, once
from consentry.api.policy import INSTITUTION, Caller
from consentry.api.prefer import patience_of
from consentry.api.problems import of_item, shown_receipt
from consentry.api.schemas import AccessAnswer, AccessBody, DecisionItem, PendingAnswer, raw, shown
from consentry.api.views import record_json
from consentry.core.codes import Reason
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import AccessRequest
from consentry.errors import (
    AccessDeniedError,
    ConsentryError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
)
from consentry.evidence.notation import write
from consentry.gateway.access import Access
from consentry.gateway.outbox_ports import Wanted

router = APIRouter(prefix="/v1/access", tags=["access"])
_LARGEST = 2**256 - 1
RETRY_SECONDS: Final = 1
"""How soon a caller comes back for a decision that is under way: about a block."""
_PENDING: Final[dict[str, Any]] = {
    "model": PendingAnswer,
    "description": "kept, not decided yet: look at Location after Retry-After, then send the same request again",
    "headers": {
        name: {"schema": {"type": kind}, "description": says}
        for name, kind, says in (
            ("Location", "string", "where the decision will be"),
            ("Retry-After", "integer", "seconds after which to look"),
            ("Preference-Applied", "string", "what of Prefer was followed (RFC 7240)"),
        )
    },
}


@router.post("", responses={200: {"model": AccessAnswer}, 202: _PENDING})
async def access(
    request: Request,
    body: AccessBody,
    caller: Annotated[Caller, Depends(INSTITUTION)],
    prefer: Annotated[list[str] | None, Header(description="wait=SECONDS, respond-async (RFC 7240)")] = None,
) -> JSONResponse:
    """Has a request decided and, if permitted, gives the wrapped key.

    The signed request id makes it idempotent: it needs no Idempotency-Key, and no key is kept. A decision that is not
    final in time goes on; its key is given out when the same request is sent again.
    """
    context, asked = context_of(request), body.request.value()
    _check_own(caller, [asked])
    await check_subjects(request, [asked])
    patience = patience_of(prefer or [], context.wait_seconds)
    signature, proof = raw(body.signature), _proof(body.scope_proof)
    permitted = await context.desk.request_within(patience.seconds, asked, signature, proof)
    if permitted is None:
        return _pending(asked.request_id, patience.headers)
    return JSONResponse(_access_json(permitted), headers=patience.headers)


@router.post(":batch", openapi_extra=DOCUMENTED, responses={200: {"model": BatchAnswer}})
async def access_batch(request: Request, body: BatchBody, caller: Annotated[Caller, Depends(INSTITUTION)]) -> Response:
    """Has many requests decided, and gives for each, in order, the wrapped key, the denial or the problem.

    Under one signature all are decided in one transaction, or none is and the answer is a problem. The same call again
    gives the same decisions. Keys are not kept for it: each is wrapped anew, as long as the access is in force.
    """
    context = context_of(request)
    wanted = [Wanted(item.request.value(), _proof(item.scope_proof)) for item in body.requests]
    asked = [item.request for item in wanted]
    _check_own(caller, asked)
    await check_subjects(request, asked)
    signatures = [item.signature for item in body.requests]

    async def work(**_: bool) -> dict[str, Any]:
        if body.signature is not None and not any(signatures):
            found = await context.desk.request_batch(wanted, raw(body.signature))
        elif body.signature is None and all(signatures):
            found = await context.desk.request_each([(w, raw(s)) for w, s in zip(wanted, signatures, strict=True) if s])
        else:
            raise InvalidInputError("signatures do not match (expected one for all requests, or one for each)")
        numbers = [item.request.request_id for item in wanted]
        return {"items": [_item_json(request, *pair) for pair in zip(numbers, found, strict=True)]}

    return await once(request, caller, HTTPStatus.OK, work, keeps_answer=False)


@router.get("/{request_id}", responses={200: {"model": DecisionItem}, 202: _PENDING})
async def decision(
    request: Request,
    request_id: Annotated[str, Path(pattern=r"^(0|[1-9][0-9]{0,77})$")],
    caller: Annotated[Caller, Depends(INSTITUTION)],
) -> Response:
    """Gives the decision on one of the caller's own requests, as the chain has it, or says that it is under way."""
    context = context_of(request)
    if caller.institution is None or int(request_id) > _LARGEST:
        raise InvalidInputError("request id does not match (expected at most 256 bits)")
    # Asked in this order, a decision that comes in between is not missed.
    is_waiting = await context.desk.is_waiting(caller.institution, int(request_id))
    receipt = await context.ledger.find_decision(caller.institution, int(request_id))
    if receipt is not None:
        return JSONResponse(_decision_json(receipt))
    if is_waiting:
        return _pending(int(request_id), {})
    raise NotFoundError("request is not known")


def _pending(request_id: int, more: dict[str, str]) -> JSONResponse:
    headers = {"Location": f"{router.prefix}/{request_id}", "Retry-After": str(RETRY_SECONDS), **more}
    return JSONResponse({"state": "pending", "requestId": str(request_id)}, HTTPStatus.ACCEPTED, headers)


def _check_own(caller: Caller, requests: Sequence[AccessRequest]) -> None:
    if any(asked.institution != caller.institution for asked in requests):
        raise NotPermittedError("institution of the request does not match the caller")


def _proof(nodes: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(raw(node) for node in nodes)


def _access_json(permitted: Access) -> dict[str, Any]:
    return {
        "decision": _decision_json(permitted.receipt),
        "record": record_json(permitted.record),
        "key": {
            "wrapped": shown(permitted.key.wrapped),
            "objectId": shown(permitted.key.object_id),
            "plaintextSize": permitted.key.plaintext_size,
            "releaseKeyHash": shown(permitted.key.release_key_hash),
        },
    }


def _item_json(request: Request, number: int, found: Access | ConsentryError) -> dict[str, Any]:
    named = {"requestId": str(number)}
    if isinstance(found, Access):
        return {"outcome": "permitted", **named, **_access_json(found)}
    if isinstance(found, AccessDeniedError):
        receipt = shown_receipt(found.details["receipt"])
        return {"outcome": "denied", **named, "reason": found.details["reason"], "receipt": receipt}
    return {"outcome": "rejected", **named, "problem": of_item(request, found)}


def _decision_json(receipt: FinalReceipt) -> dict[str, Any]:
    entry = receipt.entry
    return {
        "permitted": receipt.permitted,
        "reason": Reason(entry.reason).name,
        "decidedAt": entry.decided_at,
        "subjectId": shown(entry.subject_id),
        "request": write(entry.request),
        "receipt": shown_receipt(receipt),
    }
