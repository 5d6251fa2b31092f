"""Bodies and answers of requests for many records at once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from consentry.api.schemas import (
    AccessAnswer,
    Decimal256,
    Problem,
    Receipt,
    RequestBody,
    ScopeProof,
    Signature,
    Strict,
)
from consentry.gateway.together import MOST_REQUESTS


class WantedBody(Strict):
    """One request of several; ``signature`` where each is signed."""

    request: RequestBody
    signature: Signature | None = None
    scope_proof: ScopeProof = Field(default_factory=list)


class BatchBody(Strict):
    """Asks for many records: either with a signature for each request, or with one for all.

    The one is over the EIP-712 ``RequestBatch`` of institution, root and number of these requests in this order.
    """

    requests: Annotated[list[WantedBody], Field(min_length=1, max_length=MOST_REQUESTS)]
    signature: Signature | None = None


class PermittedItem(AccessAnswer):
    """A request of several that was permitted."""

    outcome: Literal["permitted"]
    request_id: Decimal256


class DeniedItem(Strict):
    """A request of several that was denied, on record; or what it rested on ended before the key was given out."""

    outcome: Literal["denied"]
    request_id: Decimal256
    reason: str
    receipt: Receipt


class RejectedItem(Strict):
    """A request of several with neither a key nor a denial; ``problem`` says why, and whether to ask again."""

    outcome: Literal["rejected"]
    request_id: Decimal256
    problem: Problem


class BatchAnswer(Strict):
    """What came of each request, in their order."""

    items: list[Annotated[PermittedItem | DeniedItem | RejectedItem, Field(discriminator="outcome")]]
