"""What an operator asks of stored records: rewrap after a key rotation, find faults."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlmodel import col, select, update

from consentry.core.terms import SubjectId
from consentry.vault.database import Database
from consentry.vault.inspection import Finding, Inspection
from consentry.vault.kms import Kms
from consentry.vault.objects import ObjectStore
from consentry.vault.store import context_of
from consentry.vault.tables import ObjectState, StoredObject


class VaultUpkeep:
    """Changes stored records as a whole; nothing here hands content or keys out.

    A library for an operator's own program: no command and no route calls it.
    """

    def __init__(self, database: Database, objects: ObjectStore, kms: Kms) -> None:
        self._database = database
        self._objects = objects
        self._kms = kms
        self._inspection = Inspection(database, objects)

    async def rewrap_subject(self, subject_id: SubjectId) -> int:
        """Rotates a subject's key and wraps all its record keys anew; content is never encrypted again.

        A crash in between is harmless: older key versions go on unwrapping, and running it again finishes the rest.

        Returns:
            How many record keys were wrapped anew.

        Raises:
            NotFoundError: the subject never had a key.
            KeyDestroyedError: the subject was erased.
        """
        await self._kms.rotate_subject_key(subject_id)
        live = col(StoredObject.state) != ObjectState.ERASED.value
        async with self._database.reading() as session:
            mine = col(StoredObject.subject_id) == bytes(subject_id)
            rows = (await session.exec(select(StoredObject).where(mine, live))).all()
        for row in rows:
            context = context_of(row)
            wrapped = await self._kms.rewrap(row.subject_id, row.wrapped_keys, context, context)
            # Only over the bytes that were read: an erasure or an anchoring that came in between must win.
            unchanged = col(StoredObject.wrapped_keys) == row.wrapped_keys
            change = update(StoredObject).where(col(StoredObject.object_id) == row.object_id, unchanged)
            async with self._database.writing() as session:
                await session.exec(change.values(wrapped_keys=wrapped))
        return len(rows)

    async def findings(self) -> AsyncIterator[Finding]:
        """Checks every stored object against its row, and every object for a row."""
        async for finding in self._inspection.findings():
            yield finding
