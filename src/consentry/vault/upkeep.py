"""What an operator or a patient's right asks of stored records: erase, rewrap after a key rotation, find faults."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import Update
from sqlmodel import col, select, update

from consentry.core.terms import RecordId, SubjectId
from consentry.vault.database import Database
from consentry.vault.inspection import Finding, Inspection, object_name
from consentry.vault.kms import Kms
from consentry.vault.objects import ObjectStore
from consentry.vault.store import keys_context
from consentry.vault.tables import ObjectState, StoredObject


class VaultUpkeep:
    """Changes stored records as a whole; nothing here hands content or keys out.

    A library for an operator's own program: no command and no route calls it yet, since an erasure that counts needs
    its receipt on chain (promise P11), which this version does not write.
    """

    def __init__(self, database: Database, objects: ObjectStore, kms: Kms) -> None:
        self._database = database
        self._objects = objects
        self._kms = kms
        self._inspection = Inspection(database, objects)

    async def erase_record(self, record_id: RecordId) -> None:
        """Destroys the wrapped keys of one record version, then its object; doing it again changes nothing.

        Copies in backups of the database stay readable until the backup expires or the subject's key is destroyed.

        Raises:
            NotFoundError: this vault does not hold the record.
        """
        row = await self._inspection.row_of(record_id)
        async with self._database.writing() as session:
            await session.exec(_erasure().where(col(StoredObject.object_id) == row.object_id))
        await self._objects.delete(object_name(row.object_id))

    async def erase_subject(self, subject_id: SubjectId) -> None:
        """Destroys a subject's key, which makes all its records unreadable, then the rows' keys and the objects.

        Raises:
            NotFoundError: the subject never had a key.
        """
        await self._kms.destroy(subject_id)
        mine = col(StoredObject.subject_id) == bytes(subject_id)
        async with self._database.writing() as session:
            object_ids = (await session.exec(select(StoredObject.object_id).where(mine))).all()
            await session.exec(_erasure().where(mine))
        for object_id in object_ids:
            await self._objects.delete(object_name(object_id))

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
            context = keys_context(row.object_id, row.version)
            wrapped = await self._kms.rewrap(row.subject_id, row.wrapped_keys, context)
            # Only over the bytes that were read: an erasure that came in between must win.
            unchanged = col(StoredObject.wrapped_keys) == row.wrapped_keys
            change = update(StoredObject).where(col(StoredObject.object_id) == row.object_id, unchanged)
            async with self._database.writing() as session:
                await session.exec(change.values(wrapped_keys=wrapped))
        return len(rows)

    async def findings(self) -> AsyncIterator[Finding]:
        """Checks every stored object against its row, and every object for a row."""
        async for finding in self._inspection.findings():
            yield finding


def _erasure() -> Update:
    return update(StoredObject).values(wrapped_keys=b"", state=ObjectState.ERASED.value)
