"""One gateway's parts, as ``wiring`` builds them and ``api`` uses them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from consentry.core.terms import Address, SubjectId
from consentry.crypto.signing import Verifiers
from consentry.gateway.access import AccessDesk
from consentry.gateway.ports import Ledger, Outbox, Projection, Vault


class KeptAnswer(Protocol):
    """An answer as it was sent."""

    @property
    def status(self) -> int:
        """HTTP number."""
        ...

    @property
    def body(self) -> bytes:
        """Body as sent."""
        ...


class Answers(Protocol):
    """Idempotency keys, durable; see ``consentry.vault.idempotency``."""

    async def begin(self, caller: str, key: str, request_sha256: bytes) -> KeptAnswer | None:
        """Claims a key; gives the earlier answer, None for the first call."""
        ...

    async def keep(self, caller: str, key: str, status: int, body: bytes) -> None:
        """Keeps the answer."""
        ...

    async def abandon(self, caller: str, key: str) -> None:
        """Gives a claimed key back."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what is taken in, in bytes."""

    body: int
    upload: int


@dataclass(frozen=True, slots=True)
class Context:
    """One gateway's parts."""

    custodian: Address
    origin: str
    authority: str
    ledger: Ledger
    projection: Projection
    vault: Vault
    outbox: Outbox
    answers: Answers
    create_subject_key: Callable[[SubjectId], Awaitable[None]]
    verifiers: Verifiers
    limits: Limits
    session_seconds: int
    check_ready: Callable[[], Awaitable[None]]

    @property
    def desk(self) -> AccessDesk:
        """The desk at which accesses are asked for."""
        return AccessDesk(self.custodian, self.ledger, self.projection, self.vault, self.outbox)
