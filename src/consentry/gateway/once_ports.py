"""What keeps a call from being done twice: answers under idempotency keys, and nonces of signed requests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer as it was sent: number and body, opaque to whoever keeps it."""

    status: int
    body: bytes


class Beginning(Enum):
    """How a call under an idempotency key begins."""

    FIRST = "first"
    RESUMED = "resumed"
    """An earlier call under the key ended without an answer; what it was to do may be done."""


class IdempotencyKeys(Protocol):
    """Answers by caller and key, durable."""

    async def begin(self, caller: str, key: str, request_sha256: bytes) -> Answer | Beginning:
        """Claims a key, or gives the answer of its first call.

        Raises:
            IdempotencyKeyReusedError: the key was used with other content.
            ConflictError: its first call is still under way.
        """
        ...

    async def finish(self, caller: str, key: str, answer: Answer) -> None:
        """Keeps the answer for the next call."""
        ...

    async def abandon(self, caller: str, key: str) -> None:
        """Gives a key back: nothing was done under it."""
        ...

    async def interrupt(self, caller: str, key: str) -> None:
        """Leaves a key to be resumed: whether something was done under it is not known."""
        ...


class Nonces(Protocol):
    """Nonces of signed HTTP requests, durable: a restart forgets none."""

    async def spend(self, signer: bytes, nonce: str, until: int) -> None:
        """Uses a nonce up; it must be remembered until ``until``, in seconds since the epoch.

        Raises:
            NotAuthenticError: it was seen before.
        """
        ...
