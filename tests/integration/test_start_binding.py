"""A gateway that starts binds no keys: what is written into its database meanwhile stays what it was."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlmodel import col, update

from consentry.core.terms import SubjectId
from consentry.database.engine import Database
from consentry.vault.tables import ObjectState, StoredObject
from consentry.wiring.gateways import open_gateway
from tests.integration.test_foreign_chain import Site, site
from tests.support.samples import word

__all__ = ["site"]


async def content() -> AsyncIterator[bytes]:
    """Gives what was never anchored."""
    yield b"secret"


async def test_start_leaves_a_sealed_object_alone_that_the_database_calls_an_anchored_record(site: Site) -> None:
    subject = SubjectId(word(7))
    async with open_gateway(site.settings()) as context:
        await context.vault.create_subject(subject)
        sealed = await context.vault.seal(content(), subject_id=subject, media_type="text/plain")
    database = Database(site.settings().database)
    try:
        async with database.writing() as session:
            change = update(StoredObject).where(col(StoredObject.object_id) == sealed.object_id)
            await session.exec(change.values(record_id=word(8), ciphertext_sha256=word(9), commitment=word(10)))
        before = await _row(database, sealed.object_id)
        async with open_gateway(site.settings()) as context:
            await context.check_ready()
        after = await _row(database, sealed.object_id)
        assert (after.state, after.wrapped_keys) == (ObjectState.SEALED, before.wrapped_keys)
    finally:
        await database.close()


async def _row(database: Database, object_id: bytes) -> StoredObject:
    async with database.reading() as session:
        row = await session.get(StoredObject, object_id)
    assert row is not None
    return row
