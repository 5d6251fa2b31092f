"""The tables of an audit in SQL: DuckDB in memory over the files, which it can read and nothing else can be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from consentry.audit.tables import TABLES, Column, Table, Type
from consentry.audit.whole import whole_parts
from consentry.errors import InvalidInputError

_SQL: Final = {
    Type.HASH: "BLOB",
    Type.ACCOUNT: "BLOB",
    Type.BYTES: "BLOB",
    Type.WHOLE: "BIGINT",
    Type.SMALL: "INTEGER",
    Type.CODE: "SMALLINT",
    Type.FLAG: "BOOLEAN",
    Type.TEXT: "VARCHAR",
    Type.WORD: "VARCHAR",
    Type.WORDS: "VARCHAR[]",
}


@dataclass(frozen=True, slots=True)
class View:
    """A question that is asked often, by a name."""

    name: str
    says: str
    query: str


VIEWS: Final = (
    View(
        "wrong_decisions",
        "decisions that the rules decide otherwise",
        "SELECT * FROM decisions WHERE reason_code <> expected_code",
    ),
    View(
        "volume",
        "decisions of each institution, day, basis and purpose; those permitted, and those asked for by machines",
        "SELECT institution, moment(time)::DATE AS day, basis, purpose, count(*) AS decisions, "
        "count(*) FILTER (permitted) AS permitted, count(*) FILTER (actor = 'MACHINE') AS by_machines "
        "FROM decisions GROUP BY ALL",
    ),
    View(
        "refusals",
        "denied accesses of each institution by reason",
        "SELECT institution, reason, count(*) AS decisions FROM decisions WHERE NOT permitted GROUP BY ALL",
    ),
    View(
        "overdue_debts",
        "debts of emergency accesses of which something is owed too long",
        "SELECT * FROM debts WHERE overdue",
    ),
    View(
        "recognition",
        "what each institution holds of marked results now, by examination",
        "SELECT institution, item, count(*) AS answered, count(*) FILTER (accepted) AS accepted "
        "FROM (SELECT * FROM recognitions QUALIFY row_number() OVER "
        "(PARTITION BY record, institution ORDER BY number DESC) = 1) GROUP BY ALL",
    ),
    View(
        "assisted",
        "consents by custodian of the patient, and how many of them staff prepared",
        "SELECT custodian, count(*) AS consents, count(*) FILTER (assurance = 'STAFF_ASSISTED') AS assisted "
        "FROM consents WHERE granted IS NOT NULL GROUP BY ALL",
    ),
)


def open_tables(folder: Path) -> duckdb.DuckDBPyConnection:
    """Opens the tables of an audit that is over.

    Each table is a view of its name, beside those of `VIEWS`; ``shown(x)`` gives bytes as hexadecimal with 0x, and
    ``moment(t)`` a time as one.

    Raises:
        InvalidInputError: the folder holds no tables, those of an audit that is not over, or not exactly what it wrote.
    """
    whole = whole_parts(folder.absolute())
    connection = duckdb.connect()
    files: list[str] = []
    connection.execute("CREATE MACRO shown(value) AS '0x' || lower(hex(value))")
    connection.execute("CREATE MACRO moment(seconds) AS to_timestamp(seconds)")
    for table in TABLES:
        parts = [str(path) for path in whole[table.name]]
        files += parts
        connection.execute(f"CREATE VIEW {table.name} AS {_rows(table, parts)}")
    for view in VIEWS:
        connection.execute(f"CREATE VIEW {view.name} AS {view.query}")
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET allowed_paths = [{', '.join(map(_quoted, files))}]")
    for setting in ("temp_directory = ''", "allowed_directories = []", "enable_external_access = false"):
        connection.execute(f"SET {setting}")
    connection.execute("SET lock_configuration = true")
    return connection


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
    """Asks one question; gives the names of the columns and the rows.

    Raises:
        InvalidInputError: it is no single question, or it cannot be answered.
    """
    try:
        statements = duckdb.extract_statements(query)
        if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
            raise InvalidInputError("query does not match (expected one SELECT)")
        answered = connection.execute(statements[0])
        return [name for name, *_ in answered.description or ()], answered.fetchall()
    except duckdb.Error as error:
        raise InvalidInputError(f"query cannot be answered ({error})") from error


def _rows(table: Table, parts: Sequence[str]) -> str:
    if parts:
        return f"SELECT * FROM read_parquet([{', '.join(map(_quoted, parts))}])"  # noqa: S608 - names of files, quoted
    columns = ", ".join(f'CAST(NULL AS {_type(column)}) AS "{column.name}"' for column in table.columns)
    return f"SELECT {columns} WHERE false"


def _type(column: Column) -> str:
    return _SQL[column.kind]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
