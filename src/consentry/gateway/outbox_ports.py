"""What keeps requests for access from being lost: each is stored before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from consentry.core.terms import AccessRequest, Address, ConsentId, RequestBatch


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A request as received, kept before it is sent (outbox)."""

    request: AccessRequest
    signature: bytes
    consent_id: ConsentId
    scope_proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request of a batch, and the proof that its record is one of those its consent names."""

    request: AccessRequest
    scope_proof: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """Requests that their institution signed as a whole, as received and in the order of their tree."""

    batch: RequestBatch
    items: tuple[Wanted, ...]
    signature: bytes


class Outbox(Protocol):
    """Requests that must be decided exactly once, whatever crashes."""

    async def keep(self, item: StoredRequest) -> None:
        """Stores durably before anything is sent; the same item again is no change, another request is a conflict.

        The same request with another signature or proof takes the place of the former, and waits anew.
        """
        ...

    async def settle(self, institution: Address, request_id: int) -> None:
        """Marks a request as decided; one that was never kept changes nothing."""
        ...

    async def forget(self, item: StoredRequest) -> None:
        """Drops a request about which nothing was decided: its id is free. One kept in its place meanwhile stays."""
        ...

    async def unsettled(self) -> Sequence[StoredRequest]:
        """Gives what was kept and not settled, oldest first."""
        ...

    async def is_waiting(self, institution: Address, request_id: int) -> bool:
        """Tells whether a request was kept and not settled."""
        ...

    async def keep_batch(self, batch: StoredBatch) -> None:
        """Stores a batch durably before it is sent; the same again is no change.

        The same requests with another signature or other proofs take the place of the former.
        """
        ...

    async def drop_batch(self, batch: StoredBatch) -> None:
        """Drops a batch of which every request was answered, or about which nothing was decided.

        One kept in its place meanwhile stays.
        """
        ...

    async def batches(self) -> Sequence[StoredBatch]:
        """Gives the batches that were kept and not dropped, oldest first."""
        ...
