"""Idempotency keys: the same key and content get the first answer again, whatever was retried or crashed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Update
from sqlmodel import col, delete, update

from consentry.errors import ConflictError, IdempotencyKeyReusedError
from consentry.gateway.once_ports import Answer, Beginning
from consentry.vault.database import Database
from consentry.vault.tables import IdempotencyKey

_INTERRUPTED: Final = 0
"""Stands in ``created_at`` of a key whose first call ended without an answer."""


def _now() -> int:
    return int(time.time())


class IdempotencyStore:
    """Answers by (caller, key). Implements ``gateway.ports.IdempotencyKeys``."""

    def __init__(self, database: Database, *, clock: Callable[[], int] = _now) -> None:
        self._database = database
        self._clock = clock

    async def begin(self, caller: str, key: str, request_sha256: bytes) -> Answer | Beginning:
        """Claims a key.

        Args:
            caller: who calls, as authenticated.
            key: what the caller chose.
            request_sha256: SHA-256 over method, path and body.

        Returns:
            The earlier answer; otherwise this call shall do the work, for the first time or resuming.

        Raises:
            IdempotencyKeyReusedError: the key was used with other content.
            ConflictError: its first call is still under way.
        """
        async with self._database.writing() as session:
            row = await session.get(IdempotencyKey, (caller, key))
            if row is None:
                session.add(
                    IdempotencyKey(caller=caller, key=key, request_sha256=request_sha256, created_at=self._clock())
                )
                return Beginning.FIRST
            if row.request_sha256 != request_sha256:
                raise IdempotencyKeyReusedError(
                    "content under this idempotency key does not match the one received before"
                )
            if row.status is not None and row.body is not None:
                return Answer(row.status, row.body)
            if row.created_at != _INTERRUPTED:
                raise ConflictError("first call under this idempotency key is still under way")
            row.created_at = self._clock()
            session.add(row)
            return Beginning.RESUMED

    async def finish(self, caller: str, key: str, answer: Answer) -> None:
        """Keeps the answer for the next call."""
        mine = col(IdempotencyKey.caller) == caller, col(IdempotencyKey.key) == key
        async with self._database.writing() as session:
            await session.exec(update(IdempotencyKey).where(*mine).values(status=answer.status, body=answer.body))

    async def abandon(self, caller: str, key: str) -> None:
        """Gives a claimed key back after the work was refused, so that a retry may do it."""
        mine = col(IdempotencyKey.caller) == caller, col(IdempotencyKey.key) == key
        async with self._database.writing() as session:
            await session.exec(delete(IdempotencyKey).where(*mine, col(IdempotencyKey.status).is_(None)))

    async def interrupt(self, caller: str, key: str) -> None:
        """Leaves a claimed key to be resumed: whether the work was done is not known."""
        mine = col(IdempotencyKey.caller) == caller, col(IdempotencyKey.key) == key
        async with self._database.writing() as session:
            await session.exec(_interrupting().where(*mine))

    async def interrupt_all(self) -> None:
        """Leaves every claimed key to be resumed: at the start of the one process that serves this database."""
        async with self._database.writing() as session:
            await session.exec(_interrupting())

    async def forget_before(self, moment: int) -> None:
        """Drops answers older than ``moment`` (seconds since 1970 UTC)."""
        async with self._database.writing() as session:
            old = col(IdempotencyKey.created_at) < moment, col(IdempotencyKey.status).is_not(None)
            await session.exec(delete(IdempotencyKey).where(*old))


def _interrupting() -> Update:
    return update(IdempotencyKey).where(col(IdempotencyKey.status).is_(None)).values(created_at=_INTERRUPTED)
