"""Records: taken in as a stream, anchored, and given out as ciphertext."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response, StreamingResponse

from consentry.api.context import context_of
from consentry.api.once import DOCUMENTED, once
from consentry.api.policy import DIGEST_HEADER, INSTITUTION, INSTITUTION_UPLOAD, SUBJECT_SIDE, Caller, sessions_of
from consentry.api.ranges import Span, parse_range
from consentry.api.schemas import AnchorAnswer, AnchorBody, Id32, RecordItem, SealedItem, raw, record_key, shown
from consentry.api.views import anchor_json, record_json
from consentry.api.visibility import record_seen_by
from consentry.core.codes import RecordStatus
from consentry.core.terms import SubjectId
from consentry.crypto.sign_in import parse_content_digest
from consentry.errors import NotAuthenticError, NotPermittedError, TooLargeError, UnsupportedMediaError
from consentry.gateway import records
from consentry.gateway.records import SignedLeaf, Upload

router = APIRouter(prefix="/v1/records", tags=["records"])
LARGEST_UPLOAD: Final = 2**43
"""Bytes at which the framework stops a stream; the gateway's own quota is lower and answers with a problem."""
_MEDIA_TYPE: Final = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)
_HIGHEST_VERSION: Final = 2**32 - 1


@router.post(
    "/content",
    status_code=HTTPStatus.CREATED,
    max_body_size=LARGEST_UPLOAD,
    responses={201: {"model": SealedItem}},
)
async def take_content(
    request: Request,
    caller: Annotated[Caller, Depends(INSTITUTION_UPLOAD)],
    subject_id: Annotated[str, Header(alias="Consentry-Subject", pattern=r"^0x[0-9a-f]{64}$")],
    content_type: Annotated[str, Header()],
    version: Annotated[int, Header(alias="Consentry-Record-Version", ge=1, le=_HIGHEST_VERSION)] = 1,
) -> dict[str, Any]:
    """Seals a streamed body; gives what the leaf needs. Nothing is anchored yet, so it needs no Idempotency-Key."""
    context = context_of(request)
    if caller.institution != context.custodian:
        raise NotPermittedError("only this gateway's own institution may take records in")
    caller.check_active()
    if not _MEDIA_TYPE.fullmatch(content_type):
        raise UnsupportedMediaError("media type cannot be read")
    upload = Upload(SubjectId(raw(subject_id)), content_type, version, _signed_body(request, context.limits.upload))
    sealed = await records.take_content(context.projection, context.vault, context.custodian, upload)
    return {
        "objectId": shown(sealed.object_id),
        "version": sealed.version,
        "ciphertextDigest": shown(sealed.ciphertext_digest),
        "ciphertextSize": sealed.ciphertext_size,
        "plaintextSize": sealed.plaintext_size,
        "commitment": shown(sealed.commitment),
    }


async def _signed_body(request: Request, limit: int) -> AsyncIterator[bytes]:
    """Streams the body; refuses at its end if it is not the one that was signed, so nothing of it is kept."""
    expected, hasher, size = parse_content_digest(request.headers[DIGEST_HEADER]), hashlib.sha256(), 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise TooLargeError(f"size of the upload exceeds {limit} bytes")
        hasher.update(piece)
        if piece:
            yield piece
    if hasher.digest() != expected:
        raise NotAuthenticError("body does not match its signed digest")


@router.post("", status_code=HTTPStatus.CREATED, openapi_extra=DOCUMENTED, responses={201: {"model": AnchorAnswer}})
async def anchor(request: Request, body: AnchorBody, caller: Annotated[Caller, Depends(INSTITUTION)]) -> Response:
    """Anchors a sealed object under the custodian's signed leaf."""
    context = context_of(request)
    if caller.institution != context.custodian:
        raise NotPermittedError("only this gateway's own institution may anchor records here")
    previous = body.previous.value() if body.previous else None
    signed = SignedLeaf(body.leaf.value(), raw(body.signature), previous)

    async def work(*, resumed: bool) -> dict[str, Any]:
        anchored, place = await context.intake.anchor(raw(body.object_id), signed, resumed=resumed)
        await context.projection.wait_for(place.block.number)
        return anchor_json(place, recordId=shown(anchored))

    return await once(request, caller, HTTPStatus.CREATED, work)


@router.get("/{record}", responses={200: {"model": RecordItem}})
async def record(request: Request, record: Id32, caller: Annotated[Caller, Depends(SUBJECT_SIDE)]) -> dict[str, Any]:
    """Gives a record version to its subject, its custodian, and to whom it was permitted lately."""
    clock = sessions_of(request).now()
    return record_json(await record_seen_by(context_of(request), caller, record_key(record), clock))


@router.get("/{record}/ciphertext", response_class=Response)
async def ciphertext(
    request: Request,
    record: Id32,
    caller: Annotated[Caller, Depends(INSTITUTION)],
    asked: Annotated[str | None, Header(alias="Range")] = None,
    condition: Annotated[str | None, Header(alias="If-Range")] = None,
) -> Response:
    """Streams ciphertext, whole or a range, to the custodian and to whom the record was permitted lately."""
    context, wanted = context_of(request), record_key(record)
    caller.check_active()
    seen = await record_seen_by(context, caller, wanted, sessions_of(request).now())
    if seen.status == RecordStatus.RESTRICTED:
        raise NotPermittedError("record is restricted to storage")
    size = await context.vault.ciphertext_size(wanted)
    # A version never changes, so its id is a strong validator.
    tag = f'"{wanted.hex()}"'
    headers = {"Accept-Ranges": "bytes", "ETag": tag, "Cache-Control": "no-store"}
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    part = parse_range(asked, size) if condition in (None, tag) else None
    if part is not None:
        headers["Content-Range"] = (
            f"bytes {part.start}-{part.end - 1}/{size}" if part.satisfiable else f"bytes */{size}"
        )
        if not part.satisfiable:
            return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
    span = part or Span(0, size)
    pieces = context.vault.read(wanted, span.start, span.end)
    # The first piece is taken before the status is sent: a damaged object is a problem, not a broken stream.
    first = await anext(pieces)
    headers["Content-Length"] = str(span.end - span.start)
    return StreamingResponse(
        _joined(first, pieces),
        status_code=HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK,
        headers=headers,
        media_type="application/octet-stream",
    )


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
