"""The same POST twice does one thing: answers are kept under the caller's Idempotency-Key."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response

from consentry.api.context import context_of
from consentry.api.policy import Caller
from consentry.errors import InvalidInputError

HEADER: Final = "Idempotency-Key"
_KEY: Final = re.compile(r"[\x21-\x7e]{8,128}")

Work = Callable[[], Awaitable[dict[str, Any]]]


class IdempotencyKeyMissingError(InvalidInputError):
    """A POST came without a usable Idempotency-Key. Caller: send one, the same for each retry."""

    code = "input.idempotency-key-missing"


async def once(request: Request, caller: Caller, status: int, work: Work) -> Response:
    """Does the work at the first call, and gives the same answer to every later one.

    A failed call leaves nothing behind: its key may be used again.

    Raises:
        IdempotencyKeyMissingError: no usable key.
        ConflictError: the key belongs to other content, or its first call is under way.
    """
    key = request.headers.get(HEADER, "")
    if not _KEY.fullmatch(key):
        raise IdempotencyKeyMissingError("header Idempotency-Key is missing or not 8 to 128 visible characters")
    answers = context_of(request).answers
    content = b"\n".join((request.method.encode(), request.url.path.encode(), await request.body()))
    earlier = await answers.begin(caller.name, key, hashlib.sha256(content).digest())
    if earlier is not None:
        return _answer(earlier.status, earlier.body)
    try:
        body = json.dumps(await work(), separators=(",", ":")).encode()
    except BaseException:
        await answers.abandon(caller.name, key)
        raise
    await answers.keep(caller.name, key, status, body)
    return _answer(status, body)


def _answer(status: int, body: bytes) -> Response:
    return Response(body, status_code=status, media_type="application/json")
