"""Compares copies with what they were made from: projection and log with the chain, an object with its leaf."""

from __future__ import annotations

import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass

from consentry.config import Settings
from consentry.core.terms import RecordId
from consentry.database.engine import Database
from consentry.directory.projection import snapshot_rows
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader
from consentry.vault.inspection import Inspection
from consentry.wiring.adapters import connect, database_url, object_store, open_projection
from consentry.wiring.gateways import log_plan
from consentry.witness.gateway_log import RebuiltLog


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Outcome of a rebuild: rows made anew from the chain, how many of the running ones differed, and the log's."""

    rows: int
    differing: int
    replaced: bool
    log: RebuiltLog | None = None


async def rebuild(settings: Settings, *, replace: bool) -> Rebuilt:
    """Makes the projection anew from the chain and compares it row for row with the running one (promise P7).

    The running projection is caught up first, so both stand at the same head. With ``replace`` a differing one is
    emptied and follows the chain again from the start. The tree of the ledger log is made anew and compared likewise.
    """
    reader = ChainReader(connect(settings), Manifest.read(settings.manifest_path))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(reader.close)
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=settings.state_dir, prefix="rebuild-"))
        fresh_settings = settings.model_copy(
            update={"database_url": f"sqlite+aiosqlite:///{folder}/fresh.db", "database_url_file": None}
        )
        running, projection = await stack.enter_async_context(open_projection(settings, reader))
        await projection.catch_up()
        fresh, followed = await stack.enter_async_context(open_projection(fresh_settings, reader))
        await followed.catch_up()
        await projection.catch_up()
        # The running one may be further by now: the two are compared up to where the new one stands.
        reached = await followed.position()
        made, kept = await snapshot_rows(fresh), await snapshot_rows(running, reached.number if reached else -1)
        differing = max(len(set(kept) - set(made)), len(set(made) - set(kept)))
        if differing and replace:
            await projection.start_over()
        log = await log_plan(settings).rebuild(replace=replace) if settings.log_origin else None
        return Rebuilt(len(made), differing, bool(differing and replace), log)


async def read_object(settings: Settings, record: RecordId) -> int:
    """Reads a record's whole ciphertext as a release would, without any key; gives its size.

    Raises:
        VaultError: the object is not what was anchored.
    """
    database = Database(database_url(settings))
    try:
        inspection = Inspection(database, object_store(settings))
        row, size = await inspection.row_of(record), 0
        async for piece in inspection.read(row, 0, row.ciphertext_size):
            size += len(piece)
        return size
    finally:
        await database.close()
