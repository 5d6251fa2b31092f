"""The same POST twice does one thing: answers are kept under the caller's Idempotency-Key."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, Final, Protocol

from fastapi import Request
from fastapi.responses import Response

from consentry.api.context import context_of
from consentry.api.policy import Caller
from consentry.errors import (
    ConflictError,
    IdempotencyKeyMissingError,
    InvalidInputError,
    LedgerRejectedError,
    NotAuthenticError,
    NotFoundError,
    NotPermittedError,
)
from consentry.gateway.once_ports import Answer, Beginning

HEADER: Final = "Idempotency-Key"
_KEY: Final = re.compile(r"[\x21-\x7e]{8,128}")

DOCUMENTED: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": HEADER,
            "in": "header",
            "required": True,
            "description": "chosen by the caller; the same call under the same key does one thing",
            "schema": {"type": "string", "minLength": 8, "maxLength": 128},
        }
    ]
}
"""What a route that answers through ``once`` adds to its entry in the OpenAPI document."""


class Work(Protocol):
    """What a call does."""

    async def __call__(self, *, resumed: bool) -> dict[str, Any]:
        """Does it, and gives the body of the answer; an earlier call may have done it already if ``resumed``."""
        ...


CHANGED_NOTHING: Final = (
    *(InvalidInputError, NotAuthenticError, NotPermittedError, NotFoundError),
    *(ConflictError, LedgerRejectedError),
)
"""Errors after which nothing is otherwise than before. After any other, something may have been done."""


Fingerprint = Callable[[bytes], bytes]
"""Gives 32 bytes by which the content of a call is recognised."""


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


async def once(
    request: Request,
    caller: Caller,
    status: int,
    work: Work,
    *,
    keeps_answer: bool = True,
    fingerprint: Fingerprint = _sha256,
) -> Response:
    """Does the work at the first call, and gives the same answer to every later one.

    A call that was refused for certain leaves nothing behind: its key may be used again. Whatever else ended a call,
    the next one under the same key resumes it.

    Args:
        request: the call.
        caller: who calls.
        status: of the answer.
        work: what the call does.
        keeps_answer: whether the answer may be kept. One with keys of records may not, or they would be given out
            again without a last look; then the work itself, which must be harmless to repeat, is done again.
        fingerprint: what is kept of the content; keyed where the content could be guessed from a plain hash.

    Raises:
        IdempotencyKeyMissingError: no usable key.
        IdempotencyKeyReusedError: the key belongs to other content.
        ConflictError: the first call under the key is still under way.
    """
    key = request.headers.get(HEADER, "")
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyMissingError("header Idempotency-Key is missing or not 8 to 128 visible characters")
    store = context_of(request).idempotency
    content = b"\n".join((request.method.encode(), request.url.path.encode(), await request.body()))
    earlier = await store.begin(caller.name, key, fingerprint(content))
    if isinstance(earlier, Answer) and keeps_answer:
        return _response(earlier)
    try:
        body = json.dumps(await work(resumed=earlier is not Beginning.FIRST), separators=(",", ":")).encode()
        answer = Answer(status, body)
        await store.finish(caller.name, key, answer if keeps_answer else Answer(status, b""))
    except CHANGED_NOTHING:
        await store.abandon(caller.name, key)
        raise
    except BaseException:
        await store.interrupt(caller.name, key)
        raise
    return _response(answer)


def _response(answer: Answer) -> Response:
    return Response(answer.body, status_code=answer.status, media_type="application/json")
