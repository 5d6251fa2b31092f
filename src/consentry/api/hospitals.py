"""What hospitals call: take records in, ask for access, fetch ciphertext."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from consentry.api.context import context_of
from consentry.api.once import once
from consentry.api.policy import (
    DIGEST_HEADER,
    INSTITUTION,
    INSTITUTION_UPLOAD,
    MEMBER,
    PUBLIC,
    SUBJECT_SIDE,
    Caller,
    Role,
    subject_seen_by,
)
from consentry.api.problems import shown_receipt
from consentry.api.schemas import AccessBody, AnchorBody, raw, record_key, shown
from consentry.api.views import MOST, USUAL, access_json, act_json, institution_json, page, parse_cursor, record_json
from consentry.core.codes import Reason
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import Address, RecordId, SubjectId
from consentry.crypto.sign_in import parse_content_digest
from consentry.errors import InvalidInputError, NotAuthenticError, NotFoundError, NotPermittedError
from consentry.evidence.notation import write
from consentry.gateway import records
from consentry.gateway.access import LEASE_SECONDS
from consentry.gateway.context import Context
from consentry.gateway.ports import RecordView

router = APIRouter(prefix="/v1", tags=["hospitals"])
Id32 = Annotated[str, Path(pattern=r"^0x[0-9a-f]{64}$")]
Id20 = Annotated[str, Path(pattern=r"^0x[0-9a-f]{40}$")]
LARGEST_UPLOAD: Final = 2**43
"""Bytes at which the framework stops a stream; the gateway's own quota is lower and answers with a problem."""
_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{1,18})?")
_MEDIA_TYPE: Final = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}")


class UploadTooLargeError(InvalidInputError):
    """An upload exceeds the limit of this gateway. Caller: split the record."""

    code = "input.too-large"


@router.get("/institutions")
async def institutions(request: Request, _: Annotated[Caller, Depends(PUBLIC)]) -> dict[str, Any]:
    """Gives every institution; membership is public."""
    return {"items": [institution_json(v) for v in await context_of(request).projection.institutions()]}


@router.get("/institutions/{address}")
async def institution(request: Request, address: Id20, _: Annotated[Caller, Depends(PUBLIC)]) -> dict[str, Any]:
    """Gives one institution."""
    found = await context_of(request).projection.institution(Address(raw(address)))
    if found is None:
        raise NotFoundError("institution is not known")
    return institution_json(found)


@router.get("/institutions/{address}/accesses")
async def accesses(
    request: Request,
    address: Id20,
    caller: Annotated[Caller, Depends(INSTITUTION)],
    cursor: str | None = None,
    limit: int = USUAL,
) -> JSONResponse:
    """Lists the accesses an institution asked for, to itself."""
    if caller.institution != raw(address):
        raise NotFoundError("institution is not known")
    if not 1 <= limit <= MOST:
        raise InvalidInputError(f"limit does not match (got {limit}, expected 1 to {MOST})")
    projection = context_of(request).projection
    found = await projection.accesses(institution=Address(raw(address)), after=parse_cursor(cursor), limit=limit + 1)
    return page(request, found, limit, access_json)


@router.post("/records/content", status_code=HTTPStatus.CREATED, max_body_size=LARGEST_UPLOAD)
async def take_content(
    request: Request,
    caller: Annotated[Caller, Depends(INSTITUTION_UPLOAD)],
    subject_id: Annotated[str, Header(alias="Consentry-Subject", pattern=r"^0x[0-9a-f]{64}$")],
    content_type: Annotated[str, Header()],
) -> dict[str, Any]:
    """Seals a streamed body; gives what the leaf needs. Nothing is anchored yet."""
    context = context_of(request)
    if caller.institution != context.custodian:
        raise NotPermittedError("only this gateway's own institution may take records in")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise InvalidInputError("content encodings are not taken in")
    if not _MEDIA_TYPE.fullmatch(content_type):
        raise InvalidInputError("media type cannot be read")
    subject = SubjectId(raw(subject_id))
    pieces = _checked(request, context.limits.upload)
    sealed = await records.take_content(
        context.projection, context.vault, context.custodian, subject, pieces, content_type
    )
    return {
        "objectId": shown(sealed.object_id),
        "ciphertextDigest": shown(sealed.ciphertext_digest),
        "ciphertextSize": sealed.ciphertext_size,
        "plaintextSize": sealed.plaintext_size,
        "commitment": shown(sealed.commitment),
    }


async def _checked(request: Request, limit: int) -> AsyncIterator[bytes]:
    """Streams the body; refuses at its end if it is not the one that was signed, so nothing of it is kept."""
    expected, hasher, size = parse_content_digest(request.headers[DIGEST_HEADER]), hashlib.sha256(), 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise UploadTooLargeError(f"size of the upload exceeds {limit} bytes")
        hasher.update(piece)
        if piece:
            yield piece
    if hasher.digest() != expected:
        raise NotAuthenticError("body does not match its signed digest")


@router.post("/records")
async def anchor(request: Request, body: AnchorBody, caller: Annotated[Caller, Depends(INSTITUTION)]) -> Response:
    """Anchors a sealed object under the custodian's signed leaf."""
    context = context_of(request)
    if caller.institution != context.custodian:
        raise NotPermittedError("only this gateway's own institution may anchor records here")
    previous = body.previous.value() if body.previous else None

    async def work() -> dict[str, Any]:
        parts = raw(body.object_id), body.leaf.value(), raw(body.signature), previous
        anchored, receipt = await records.anchor(context.ledger, context.vault, context.custodian, *parts)
        await context.projection.wait_for(receipt.place.block.number)
        return act_json(receipt, recordId=shown(anchored))

    return await once(request, caller, HTTPStatus.CREATED, work)


@router.post("/access")
async def access(request: Request, body: AccessBody, caller: Annotated[Caller, Depends(INSTITUTION)]) -> JSONResponse:
    """Has a request decided and, if permitted, gives the wrapped key. The signed request id makes it idempotent."""
    context, asked = context_of(request), body.request.value()
    if asked.institution != caller.institution:
        raise NotPermittedError("institution of the request does not match the caller")
    proof = tuple(raw(item) for item in body.scope_proof)
    granted = await context.desk.request(asked, raw(body.signature), proof)
    return JSONResponse(
        {
            "decision": _decision(granted.receipt),
            "record": record_json(granted.record),
            "key": {
                "wrapped": shown(granted.key.wrapped),
                "objectId": shown(granted.key.object_id),
                "plaintextSize": granted.key.plaintext_size,
                "releaseKeyHash": shown(granted.key.release_key_hash),
            },
        }
    )


def _decision(receipt: FinalReceipt) -> dict[str, Any]:
    entry = receipt.entry
    return {
        "permitted": receipt.permitted,
        "reason": Reason(entry.reason).name,
        "decidedAt": entry.decided_at,
        "subjectId": shown(entry.subject_id),
        "request": write(entry.request),
        "receipt": shown_receipt(receipt),
    }


@router.get("/access/{request_id}")
async def decision(
    request: Request,
    request_id: Annotated[str, Path(pattern=r"^(0|[1-9][0-9]{0,77})$")],
    caller: Annotated[Caller, Depends(INSTITUTION)],
) -> dict[str, Any]:
    """Gives the decision on one of the caller's own requests, as the chain has it."""
    if caller.institution is None:
        raise NotFoundError("request is not known")
    receipt = await context_of(request).ledger.find_decision(caller.institution, int(request_id))
    if receipt is None:
        raise NotFoundError("request is not known")
    return _decision(receipt)


@router.get("/records/{record}")
async def record(request: Request, record: Id32, caller: Annotated[Caller, Depends(MEMBER)]) -> dict[str, Any]:
    """Gives a record version to its subject, its custodian, and to whom it was permitted."""
    return record_json(await _seen(context_of(request), caller, record_key(record)))


@router.get("/records/{record}/ciphertext")
async def ciphertext(
    request: Request,
    record: Id32,
    caller: Annotated[Caller, Depends(SUBJECT_SIDE)],
    span: Annotated[str | None, Header(alias="Range")] = None,
) -> Response:
    """Streams ciphertext, whole or a range, to the custodian and to whom the record was permitted lately."""
    context, wanted = context_of(request), record_key(record)
    await _seen(context, caller, wanted)
    if caller.role != Role.INSTITUTION:
        raise NotFoundError("record is not known")
    size = await context.vault.ciphertext_size(wanted)
    headers = {"Accept-Ranges": "bytes", "ETag": f'"{wanted.hex()}"', "Cache-Control": "no-store"}
    start, end, status = 0, size, HTTPStatus.OK
    if span is not None:
        found = _RANGE.fullmatch(span)
        start, end = (int(found[1]), min(int(found[2] or size) + 1, size)) if found else (size, 0)
        if start >= end:
            headers["Content-Range"] = f"bytes */{size}"
            return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        status = HTTPStatus.PARTIAL_CONTENT
    pieces = context.vault.read(wanted, start, end)
    # The first piece is taken before the status is sent: a damaged object is a problem, not a broken stream.
    first = await anext(pieces)
    headers["Content-Length"] = str(end - start)
    media_type = "application/octet-stream"
    return StreamingResponse(_joined(first, pieces), status_code=status, headers=headers, media_type=media_type)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def _seen(context: Context, caller: Caller, wanted: RecordId) -> RecordView:
    view = await context.projection.record(wanted)
    if view is None:
        raise NotFoundError("record is not known")
    try:
        await subject_seen_by(context, caller, view.leaf.subject_id)
    except NotFoundError:
        if caller.institution is None or not await _permitted_lately(context, caller.institution, view):
            raise NotFoundError("record is not known") from None
    return view


async def _permitted_lately(context: Context, institution: Address, view: RecordView) -> bool:
    head = await context.ledger.head()
    await context.projection.wait_for(head.number)
    return await context.projection.was_permitted(institution, view.record_id, head.time - LEASE_SECONDS)
