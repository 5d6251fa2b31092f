"""Rows read for an audit: nothing that was changed behind the projection's back goes by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from consentry.audit.audit import Audit
from consentry.audit.findings import Kind
from consentry.database.engine import Database
from consentry.directory.projection import Follower
from consentry.directory.rows import ProjectionRows
from consentry.directory.schema import SCHEMA
from tests.support.memory_reader import honest_story

REFUSAL = "rowid = (SELECT MIN(rowid) FROM ledger_events WHERE kind = 'AccessDecided' AND NOT permitted)"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A projection of the honest story."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}"
    await SCHEMA.upgrade(url)
    opened = Database(url)
    reader = honest_story().reader()
    await Follower(opened, reader, await reader.identity()).catch_up()
    yield opened
    await opened.close()


async def _kinds(database: Database) -> list[Kind]:
    audit = Audit(honest_story().reader())
    report = await audit.compare_projection(await audit.run(), ProjectionRows(database))
    return [finding.kind for finding in report.findings]


async def test_rows_as_projected_give_no_finding(database: Database) -> None:
    assert await _kinds(database) == []


@pytest.mark.parametrize(
    ("statement", "kinds"),
    [
        ("UPDATE ledger_events SET permitted = 1 WHERE refusal", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_events SET subject_id = zeroblob(32) WHERE refusal", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_events SET payload = '[]' WHERE refusal", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_events SET payload = 'no JSON' WHERE refusal", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_events SET kind = 'Nothing' WHERE refusal", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_events SET transaction_hash = zeroblob(32) WHERE refusal", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_events SET log_index = 77 WHERE refusal", [Kind.ROW_UNKNOWN, Kind.ROW_MISSING]),
        ("DELETE FROM ledger_events WHERE refusal", [Kind.ROW_MISSING]),
        ("UPDATE ledger_blocks SET time = time + 1 WHERE number = 7", [Kind.ROW_DIFFERS]),
        ("DELETE FROM ledger_blocks WHERE number = 7", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_position SET number = number - 1", [Kind.PROJECTION_BEHIND]),
        ("DELETE FROM ledger_position", [Kind.PROJECTION_BEHIND]),
    ],
)
async def test_row_changed_behind_the_back_is_found(database: Database, statement: str, kinds: list[Kind]) -> None:
    async with database.writing() as session:
        await (await session.connection()).execute(text(statement.replace("refusal", REFUSAL)))
    assert await _kinds(database) == kinds
