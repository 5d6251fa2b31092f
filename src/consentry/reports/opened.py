"""The tables of an audit, opened for questions in SQL: one view each, and nothing else within reach.

DuckDB reads the Parquet files where they are. The connection is in memory, loads no extension and, once the views are
made, opens no file outside the folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import duckdb

from consentry.audit.parts import schema_of
from consentry.audit.tables import FORMAT, TABLES, Table
from consentry.core.codes import ActorKind
from consentry.errors import InvalidInputError

_WITHOUT_REACH: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "memory_limit": "1500MB",
}
_LOOKS: Final = f"""
    CREATE VIEW looks AS SELECT * FROM decisions
    WHERE permitted AND subject IS NOT NULL AND actor_code = {int(ActorKind.HUMAN)}
"""  # noqa: S608 - made of a constant
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """What was audited.

    Attributes:
        chain_id: of the ledger, in decimal digits.
        first: first block that was read.
        head: last block that was read.
        head_hash: its hash.
        head_time: its time in seconds.
        events: number of events read.
        decisions: number of accesses decided again.
        signatures: number of signatures checked again.
        limits: what could not be checked, in words.
    """

    chain_id: str
    first: int
    head: int
    head_hash: bytes
    head_time: int
    events: int
    decisions: int
    signatures: int
    limits: tuple[str, ...]


class OpenedTables:
    """The tables of one run that is over.

    Beside one view a table there is ``looks``: accesses by people to records of known subjects that were permitted.

    Attributes:
        run: what was audited.
    """

    def __init__(self, folder: Path) -> None:
        """Opens a folder of tables.

        Raises:
            InvalidInputError: it holds no finished run, or one of another format.
        """
        if not folder.is_dir():
            raise InvalidInputError(f"no folder of tables (got {folder})")
        self._connection = duckdb.connect(":memory:", config=_WITHOUT_REACH)
        for table in TABLES:
            self._open(folder, table)
        self._connection.execute(f"SET allowed_directories = ['{_quoted(str(folder.resolve()))}']")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute(_LOOKS)
        self.run = self._read_run()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _open(self, folder: Path, table: Table) -> None:
        files = sorted((folder.resolve() / table.name).glob("part-*.parquet"))
        if not files:
            self._connection.register(table.name, schema_of(table).empty_table())
            return
        named = ", ".join(f"'{_quoted(str(path))}'" for path in files)
        try:
            self._connection.execute(f"CREATE VIEW {table.name} AS FROM read_parquet([{named}])")
        except duckdb.Error as error:
            raise InvalidInputError(f"table {table.name} cannot be read ({_first_line(error)})") from error
        found = [name for name, *_ in self._connection.execute(f"DESCRIBE {table.name}").fetchall()]
        expected = [column.name for column in table.columns]
        if found != expected:
            raise InvalidInputError(f"columns of {table.name} do not match (got {found}, expected {expected})")

    def _read_run(self) -> Run:
        rows = self.rows("SELECT * FROM run")
        if len(rows) != 1:
            raise InvalidInputError(f"number of rows of table run does not match (got {len(rows)}, expected 1)")
        row = rows[0]
        if row["format"] != FORMAT:
            raise InvalidInputError(f"format of the tables does not match (got {row['format']}, expected {FORMAT})")
        return Run(**{name: row[name] for name in Run.__slots__ if name != "limits"}, limits=tuple(row["limits"]))

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> Sequence[Row]:
        """Gives what a query answers, a mapping a row.

        Args:
            sql: one of our own statements; values from outside come as ``parameters`` only.
            parameters: by name, without the dollar sign.

        Raises:
            InvalidInputError: the tables do not hold what the query needs.
        """
        try:
            answered = self._connection.execute(sql, dict(parameters or {}))
            names = [each[0] for each in answered.description or ()]
            return [dict(zip(names, values, strict=True)) for values in answered.fetchall()]
        except duckdb.Error as error:
            raise InvalidInputError(f"tables cannot be read ({_first_line(error)})") from error


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
