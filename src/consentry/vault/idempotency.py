"""Idempotency keys: the same key and content get the first answer again, whatever was retried or crashed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Update, or_
from sqlmodel import col, delete, update

from consentry.core.codes import DAY
from consentry.errors import ConflictError, IdempotencyKeyReusedError
from consentry.gateway.once_ports import Answer, Beginning
from consentry.vault.database import Database
from consentry.vault.tables import IdempotencyKey

_INTERRUPTED: Final = 0
"""Stands in ``created_at`` of a key whose first call ended without an answer."""
LONGEST_SECONDS: Final = DAY
"""No call goes on for longer: a claim this old was left by a gateway that is gone."""


def _now() -> int:
    return int(time.time())


class IdempotencyStore:
    """Answers by (caller, key). Implements ``gateway.once_ports.IdempotencyKeys``.

    Args:
        database: where they are kept; several gateways may share it.
        holder: tells this gateway from the others.
        clock: whole seconds since 1970 UTC.
    """

    def __init__(self, database: Database, holder: bytes, *, clock: Callable[[], int] = _now) -> None:
        self._database = database
        self._holder = holder
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
                row = IdempotencyKey(caller=caller, key=key, request_sha256=request_sha256, created_at=self._clock())
                row.holder = self._holder
                session.add(row)
                return Beginning.FIRST
            if row.request_sha256 != request_sha256:
                raise IdempotencyKeyReusedError(
                    "content under this idempotency key does not match the one received before"
                )
            if row.status is not None and row.body is not None:
                return Answer(row.status, row.body)
            if row.created_at != _INTERRUPTED:
                raise ConflictError("first call under this idempotency key is still under way")
            row.created_at, row.holder = self._clock(), self._holder
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
        """Leaves what this gateway claimed to be resumed: at its start, when it works on nothing.

        What another one claimed is left alone, as it may be at work, unless that is so long ago that it is not.
        """
        holder, claimed = col(IdempotencyKey.holder), col(IdempotencyKey.created_at)
        ended = or_(holder == self._holder, holder.is_(None), claimed < self._clock() - LONGEST_SECONDS)
        async with self._database.writing() as session:
            await session.exec(_interrupting().where(ended))

    async def forget_before(self, moment: int) -> None:
        """Drops answers older than ``moment`` (seconds since 1970 UTC)."""
        async with self._database.writing() as session:
            old = col(IdempotencyKey.created_at) < moment, col(IdempotencyKey.status).is_not(None)
            await session.exec(delete(IdempotencyKey).where(*old))


def _interrupting() -> Update:
    return update(IdempotencyKey).where(col(IdempotencyKey.status).is_(None)).values(created_at=_INTERRUPTED)
