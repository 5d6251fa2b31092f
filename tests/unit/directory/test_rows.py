"""Rows read for an audit: nothing that was changed behind the projection's back goes by."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from consentry.audit.audit import Audit
from consentry.audit.findings import Kind
from consentry.database.engine import Database
from consentry.directory.projection import Follower
from consentry.directory.rows import ProjectionRows
from consentry.directory.schema import SCHEMA
from tests.support.memory_reader import honest_story

REFUSAL = "(block_number, log_index) = (SELECT block_number, log_index FROM ledger_events"
REFUSAL += " WHERE kind = 'AccessDecided' AND NOT permitted ORDER BY block_number, log_index LIMIT 1)"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A projection of the honest story."""
    await SCHEMA.upgrade(database_url)
    opened = Database(database_url)
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
        ("UPDATE ledger_events SET permitted = true WHERE refusal", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_events SET subject_id = :zero WHERE refusal", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_events SET payload = '[]' WHERE refusal", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_events SET payload = 'no JSON' WHERE refusal", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_events SET kind = 'Nothing' WHERE refusal", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_events SET transaction_hash = :zero WHERE refusal", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_events SET log_index = 77 WHERE refusal", [Kind.ROW_UNKNOWN, Kind.ROW_MISSING]),
        ("DELETE FROM ledger_events WHERE refusal", [Kind.ROW_MISSING]),
        ("UPDATE ledger_blocks SET time = time + 1 WHERE number = 7", [Kind.ROW_DIFFERS]),
        ("DELETE FROM ledger_blocks WHERE number = 7", [Kind.ROW_DIFFERS]),
        ("UPDATE ledger_position SET number = number - 1", [Kind.PROJECTION_BEHIND]),
        ("DELETE FROM ledger_position", [Kind.PROJECTION_BEHIND]),
    ],
)
async def test_row_changed_behind_the_back_is_found(database: Database, statement: str, kinds: list[Kind]) -> None:
    values = {"zero": bytes(32)} if ":zero" in statement else {}
    async with database.writing() as session:
        await (await session.connection()).execute(text(statement.replace("refusal", REFUSAL)), values)
    assert await _kinds(database) == kinds
