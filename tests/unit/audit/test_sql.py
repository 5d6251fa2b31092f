"""Tables of an audit in SQL: what they hold can be asked, nothing else can be reached, and nothing can be changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from consentry.audit.audit import Audit
from consentry.audit.parts import PartWriter, part_path
from consentry.audit.rows import Rows
from consentry.audit.sql import VIEWS, ask, open_tables
from consentry.audit.tables import TABLES
from consentry.errors import InvalidInputError
from tests.support.memory_reader import honest_story

DOCUMENT = Path(__file__).parents[3] / "docs" / "formats" / "audit-tables.md"


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    audit = Audit(honest_story().reader(), rows=Rows(PartWriter(tmp_path / "it's")))
    await audit.conclude(await audit.run())
    return tmp_path / "it's"


def test_every_table_and_view_can_be_asked_even_without_rows(folder: Path) -> None:
    connection = open_tables(folder)
    for table in TABLES:
        names, _ = ask(connection, f"SELECT * FROM {table.name}")  # noqa: S608 - names of ours
        assert names == [column.name for column in table.columns]
    for view in VIEWS:
        ask(connection, f"SELECT * FROM {view.name}")  # noqa: S608 - names of ours


def test_questions_are_answered_from_the_chain(folder: Path) -> None:
    connection = open_tables(folder)
    assert ask(connection, "SELECT count(*), count(*) FILTER (permitted) FROM decisions")[1] == [(11, 5)]
    assert ask(connection, "SELECT sum(decisions), sum(permitted) FROM volume")[1] == [(11, 5)]
    assert ask(connection, "SELECT count(*) FROM wrong_decisions")[1] == [(0,)]
    [(institution,)] = ask(connection, "SELECT DISTINCT shown(institution) FROM decisions")[1]
    assert institution.startswith("0x")
    assert len(institution) == 42


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "COPY (SELECT 1) TO 'out.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO 'out.csv'",
        "SELECT 1; SELECT 2",
        "SET enable_external_access = true",
        "CREATE TABLE more (a INT)",
        "DROP VIEW decisions",
        "INSTALL httpfs",
        "ATTACH 'other.db'",
        "PRAGMA database_list",
        "SELECT nothing FROM decisions",
        "no SQL",
        "",
    ],
)
def test_what_is_no_question_to_the_tables_is_refused(folder: Path, query: str) -> None:
    with pytest.raises(InvalidInputError, match="query"):
        ask(open_tables(folder), query)


def test_part_cannot_be_overwritten(folder: Path) -> None:
    part = part_path(folder, "decisions", 0)
    before = part.read_bytes()
    with pytest.raises(InvalidInputError):
        ask(open_tables(folder), f"COPY (SELECT 1) TO '{part}' (FORMAT parquet, USE_TMP_FILE false)")
    assert part.read_bytes() == before


def test_folder_of_an_audit_that_is_not_over_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no tables of an audit that is over"):
        open_tables(tmp_path)


def test_document_lists_every_view() -> None:
    section = DOCUMENT.read_text().partition("## Views")[2].partition("## Tables")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    assert lines == [f"| `{view.name}` | {view.says} |" for view in VIEWS]
