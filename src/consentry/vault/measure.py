"""Objects as they lie in the store, measured for an audit; nothing here can open one."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from sqlmodel import col, select

from consentry.audit.ports import StoredObject as Measured
from consentry.core.terms import RecordId
from consentry.database.engine import Database
from consentry.errors import VaultError
from consentry.vault.inspection import object_name
from consentry.vault.objects import ObjectStore
from consentry.vault.tables import ObjectState, StoredObject


class ObjectMeasure:
    """Reads every object that belongs to a record."""

    def __init__(self, database: Database, objects: ObjectStore) -> None:
        """Takes the vault's database and its object store; no key."""
        self._database = database
        self._objects = objects

    async def measured(self) -> AsyncIterator[Measured]:
        """Gives SHA-256 and size of each anchored object as it is now; erased ones are left out."""
        query = select(StoredObject).where(col(StoredObject.state) == ObjectState.ANCHORED.value)
        async with self._database.reading() as session:
            rows = (await session.exec(query.order_by(col(StoredObject.object_id)))).all()
        for row in rows:
            if row.record_id is not None:
                yield await self._measure(RecordId(row.record_id), object_name(row.object_id))

    async def _measure(self, record_id: RecordId, name: str) -> Measured:
        hasher = hashlib.sha256()
        try:
            size = await self._objects.size(name)
            async for piece in self._objects.stream(name, 0, size):
                hasher.update(piece)
        except VaultError as error:
            return Measured(record_id, b"", 0, error.code)
        return Measured(record_id, hasher.digest(), size)
