"""Idempotency keys: the same key and content get the first answer again, whatever was retried."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, delete, update

from consentry.errors import ConflictError
from consentry.vault.tables import IdempotencyKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from consentry.vault.database import Database


def _now() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer as it was sent: number and body, opaque to this room."""

    status: int
    body: bytes


class IdempotencyKeys:
    """Answers by (caller, key)."""

    def __init__(self, database: Database, *, clock: Callable[[], int] = _now) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, caller: str, key: str, request_sha256: bytes) -> Answer | None:
        """Claim a key.

        Args:
            caller: Who calls, as authenticated.
            key: What the caller chose.
            request_sha256: SHA-256 over method, path and body.

        Returns:
            The earlier answer; None if this call is the first and shall do the work.

        Raises:
            ConflictError: The key was used with other content, or its first call is still under way.
        """
        async with self._database.writing() as session:
            row = await session.get(IdempotencyKey, (caller, key))
            if row is None:
                session.add(
                    IdempotencyKey(caller=caller, key=key, request_sha256=request_sha256, created_at=self._clock())
                )
                return None
            if row.request_sha256 != request_sha256:
                raise ConflictError("content under this idempotency key does not match the one received before")
            if row.status is None or row.body is None:
                raise ConflictError("first call under this idempotency key is still under way")
            return Answer(row.status, row.body)

    async def finish(self, caller: str, key: str, answer: Answer) -> None:
        """Keep the answer for the next call."""
        mine = col(IdempotencyKey.caller) == caller, col(IdempotencyKey.key) == key
        async with self._database.writing() as session:
            await session.exec(update(IdempotencyKey).where(*mine).values(status=answer.status, body=answer.body))

    async def abandon(self, caller: str, key: str) -> None:
        """Give a claimed key back after the work failed, so that a retry may do it."""
        mine = col(IdempotencyKey.caller) == caller, col(IdempotencyKey.key) == key
        async with self._database.writing() as session:
            await session.exec(delete(IdempotencyKey).where(*mine, col(IdempotencyKey.status).is_(None)))

    async def forget_before(self, moment: int) -> None:
        """Drop keys older than ``moment`` (seconds since 1970 UTC)."""
        async with self._database.writing() as session:
            await session.exec(delete(IdempotencyKey).where(col(IdempotencyKey.created_at) < moment))
