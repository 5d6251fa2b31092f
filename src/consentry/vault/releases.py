"""What the vault gave out, for an audit: one row each time the keys of a record were unwrapped."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlmodel import col, select

from consentry.audit.ports import KeptRelease
from consentry.core.terms import Address, RecordId
from consentry.database.engine import Database
from consentry.vault.tables import Release


class ReleaseRows:
    """Reads the rows of releases; each was written before its keys were unwrapped."""

    def __init__(self, database: Database) -> None:
        """Takes the vault's database."""
        self._database = database

    async def releases(self) -> AsyncIterator[KeptRelease]:
        """Gives every release, in the order in which they were written."""
        async with self._database.reading() as session:
            rows = (await session.exec(select(Release).order_by(col(Release.id)))).all()
        for row in rows:
            request_id = int.from_bytes(row.request_id, "big")
            record_id, institution = RecordId(row.record_id), Address(row.institution)
            yield KeptRelease(record_id, institution, request_id, row.decision_id, row.released_at)
