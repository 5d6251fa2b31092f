"""Asking for access: the decision, its receipt, and the wrapped key."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse

from consentry.api.context import context_of
from consentry.api.policy import INSTITUTION, Caller
from consentry.api.problems import shown_receipt
from consentry.api.schemas import AccessAnswer, AccessBody, DecisionItem, raw, shown
from consentry.api.views import record_json
from consentry.core.codes import Reason
from consentry.core.receipts import FinalReceipt
from consentry.errors import InvalidInputError, NotFoundError, NotPermittedError
from consentry.evidence.notation import write

router = APIRouter(prefix="/v1/access", tags=["access"])
_LARGEST = 2**256 - 1


@router.post("", responses={200: {"model": AccessAnswer}})
async def access(request: Request, body: AccessBody, caller: Annotated[Caller, Depends(INSTITUTION)]) -> JSONResponse:
    """Has a request decided and, if permitted, gives the wrapped key.

    The signed request id makes it idempotent: it needs no Idempotency-Key, and no key is kept.
    """
    context, asked = context_of(request), body.request.value()
    if asked.institution != caller.institution:
        raise NotPermittedError("institution of the request does not match the caller")
    proof = tuple(raw(item) for item in body.scope_proof)
    permitted = await context.desk.request(asked, raw(body.signature), proof)
    return JSONResponse(
        {
            "decision": _decision_json(permitted.receipt),
            "record": record_json(permitted.record),
            "key": {
                "wrapped": shown(permitted.key.wrapped),
                "objectId": shown(permitted.key.object_id),
                "plaintextSize": permitted.key.plaintext_size,
                "releaseKeyHash": shown(permitted.key.release_key_hash),
            },
        }
    )


@router.get("/{request_id}", responses={200: {"model": DecisionItem}})
async def decision(
    request: Request,
    request_id: Annotated[str, Path(pattern=r"^(0|[1-9][0-9]{0,77})$")],
    caller: Annotated[Caller, Depends(INSTITUTION)],
) -> dict[str, Any]:
    """Gives the decision on one of the caller's own requests, as the chain has it."""
    if caller.institution is None or int(request_id) > _LARGEST:
        raise InvalidInputError("request id does not match (expected at most 256 bits)")
    receipt = await context_of(request).ledger.find_decision(caller.institution, int(request_id))
    if receipt is None:
        raise NotFoundError("request is not known")
    return _decision_json(receipt)


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
