"""Nonces of signed HTTP requests: each is good once, past a restart too. Implements ``gateway.once_ports.Nonces``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection, insert, tuple_
from sqlmodel import col, delete, select

from consentry.errors import NotAuthenticError
from consentry.vault.database import Database
from consentry.vault.tables import SpentNonce

CLEANING_SECONDS: Final = 60
_COLUMNS: Final = tuple_(col(SpentNonce.signer), col(SpentNonce.nonce))

_Spent = tuple[bytes, str, int]


def _now() -> int:
    return int(time.time())


class NonceStore:
    """Spent nonces; concurrent calls share a transaction."""

    def __init__(self, database: Database, *, clock: Callable[[], int] = _now) -> None:
        self._clock = clock
        self._spending = database.commits.kind(self._spend_all)
        self._cleaned = 0

    async def spend(self, signer: bytes, nonce: str, until: int) -> None:
        """Uses a nonce up; it is remembered until ``until``, in seconds since 1970 UTC.

        Raises:
            NotAuthenticError: it was seen before.
            VaultUnavailableError: the database does not answer; the request must not be served.
        """
        await self._spending.submit((signer, nonce, until))

    def _spend_all(self, connection: Connection, items: Sequence[_Spent]) -> list[Exception | None]:
        now = self._clock()
        results: list[Exception | None] = []
        if now >= self._cleaned + CLEANING_SECONDS:
            connection.execute(delete(SpentNonce).where(col(SpentNonce.until) < now))
            self._cleaned = now
        known = {(signer, nonce) for signer, nonce, _ in items}
        query = select(col(SpentNonce.signer), col(SpentNonce.nonce)).where(_COLUMNS.in_(known))
        seen = {(signer, nonce) for signer, nonce in connection.execute(query)}
        fresh = []
        for signer, nonce, until in items:
            if (signer, nonce) in seen:
                results.append(NotAuthenticError("nonce of the signed request was seen before"))
                continue
            seen.add((signer, nonce))
            fresh.append({"signer": signer, "nonce": nonce, "until": until})
            results.append(None)
        if fresh:
            connection.execute(insert(SpentNonce), fresh)
        return results
