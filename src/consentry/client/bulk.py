"""Many requests at a time: drawn, signed once or one by one, and each answer read for what it is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from consentry.client.answers import BATCH, OUTCOME, OUTCOMES, expect
from consentry.client.decisions import Permitted, denial_of, permitted_of
from consentry.client.transport import error_of
from consentry.core.terms import AccessRequest, ConsentId, RecordId
from consentry.errors import AccessDeniedError, ConsentryError, InvalidInputError, VerificationError
from consentry.evidence.notation import Json

MOST_TOGETHER: Final = 500
"""Requests of one call."""
_LANE_BITS: Final = 8
"""The chain keeps the bits of so many request ids, as a power of two, in one slot."""

Answer = Permitted | ConsentryError
"""What came of one request of several; a denial is an `AccessDeniedError` with reason and receipt."""


@dataclass(frozen=True, slots=True)
class Sought:
    """A record that is asked for under a consent, with its proof if the consent names records."""

    record: RecordId
    consent: ConsentId
    scope_proof: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as made, with the proof that its record is one of those the consent names."""

    request: AccessRequest
    scope_proof: tuple[bytes, ...] = ()


def request_ids() -> Iterator[int]:
    """Draws request ids that stand side by side: together they cost the chain less than ids drawn one by one."""
    while True:
        lane = secrets.randbits(256 - _LANE_BITS) << _LANE_BITS
        yield from range(lane, lane + (1 << _LANE_BITS))


def most_that_fit(error: ConsentryError, sent: int) -> int | None:
    """Gives how many of the requests sent together a gateway would take; None if it tells no number that helps."""
    most = error.details.get("most") if isinstance(error, InvalidInputError) else None
    return most if isinstance(most, int) and not isinstance(most, bool) and 0 < most < sent else None


def read_answers(body: object, asked: Sequence[Asked], signatures: Sequence[bytes]) -> list[Answer]:
    """Reads the answers to requests that were sent together.

    Args:
        body: what the gateway answers.
        asked: the requests, in the order they were sent.
        signatures: what was signed for each.

    Raises:
        VerificationError: there is not one answer for each, in order, or one of them is not about its request.
    """
    items = expect(body, BATCH)["items"]
    if len(items) != len(asked):
        raise VerificationError("answers do not match the requests that were sent", expected=len(asked), got=len(items))
    return [_read(item, one.request, sign) for item, one, sign in zip(items, asked, signatures, strict=True)]


def _read(item: object, request: AccessRequest, signature: bytes) -> Answer:
    told: Json = expect(item, OUTCOME, "an item")
    outcome = told["outcome"]
    if outcome not in OUTCOMES:
        raise VerificationError("answer of the gateway cannot be read: outcome of an item is not known")
    expect(told, OUTCOMES[outcome], "an item")
    if told["requestId"] != str(request.request_id):
        raise VerificationError("answer is not about the request that was sent")
    if outcome == "permitted":
        return permitted_of(told, request, signature)
    if outcome == "denied":
        found = denial_of(told)
        return AccessDeniedError("access was denied", reason=found["reason"], receipt=found["receipt"])
    error = error_of(told["problem"]["status"], told["problem"])
    if isinstance(error, AccessDeniedError):
        raise VerificationError(
            "answer contradicts itself: what was denied, or refused to be believed, is no rejection"
        )
    return error
