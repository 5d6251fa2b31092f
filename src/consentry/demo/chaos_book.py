"""What clients sent and what they were told, written down in a process that nobody kills."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from consentry.client.bulk import Answer
from consentry.client.decisions import Permitted
from consentry.core.codes import Reason
from consentry.core.terms import AccessRequest
from consentry.demo.chaos_check import Act, Key, Told, key_of
from consentry.errors import AccessDeniedError, ConflictError, ConsentryError
from consentry.evidence.notation import Json, bytes_of


@dataclass
class Book:
    """What was sent, and what came back."""

    sent: dict[Key, AccessRequest] = field(default_factory=dict)
    answered: set[Key] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    spans: list[tuple[float, float]] = field(default_factory=list)
    """When a decision was asked for first, and when it came; by the monotonic clock."""
    calls: int = 0
    too_late: int = 0
    """Requests that were decided, but whose answer came after they had expired: told so, without a key."""
    permitted_after_revocation: int = 0
    unforeseen: list[str] = field(default_factory=list)
    """Answers nobody should get here, whatever was killed."""

    def send(self, requests: Sequence[AccessRequest]) -> None:
        """Writes down what is about to be sent."""
        self.sent |= {key_of(request): request for request in requests}

    def note(self, request: AccessRequest, answer: Answer, began: float) -> None:
        """Writes down the answer to a request."""
        self.answered.add(key_of(request))
        if isinstance(answer, Permitted):
            self.told.append(Told(request, Reason.NONE, _place(answer.receipt), answer.entry))
        elif isinstance(answer, AccessDeniedError):
            reason, receipt = Reason[str(answer.details["reason"])], answer.details["receipt"]
            self.told.append(Told(request, reason, _place(receipt), None))
        elif isinstance(answer, ConflictError) and time.time() >= request.expires_at:
            self.too_late += 1
            return
        else:
            self.wonder("request", answer)
            return
        self.spans.append((began, time.monotonic()))

    def wonder(self, what: str, error: ConsentryError) -> None:
        """Writes down what nobody foresaw."""
        self.unforeseen.append(f"{what}: {error.code}: {error.message}")


def _place(receipt: Json) -> tuple[bytes, bytes, int]:
    return bytes_of(receipt["blockHash"], 32), bytes_of(receipt["transactionHash"], 32), int(receipt["logIndex"])
