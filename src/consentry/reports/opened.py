"""The tables of an audit, opened for the questions of reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import duckdb

from consentry.audit.sql import open_tables
from consentry.audit.tables import FORMAT
from consentry.core.codes import ActorKind
from consentry.errors import InvalidInputError

BY_PEOPLE: Final = f"actor_code = {int(ActorKind.HUMAN)}"
"""Which decisions a person asked for."""
BY_MACHINES: Final = f"actor_code <> {int(ActorKind.HUMAN)}"
"""Which decisions nobody asked for in person."""
_LOOKS: Final = f"""
    CREATE VIEW looks AS SELECT * FROM decisions WHERE permitted AND subject IS NOT NULL AND {BY_PEOPLE}
"""  # noqa: S608 - made of a constant
Row = Mapping[str, Any]
_ROWS_AT_ONCE: Final = 4_096


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

    Beside the tables and views of `audit.sql` there is ``looks``: permitted accesses by people to records of known
    subjects.

    Attributes:
        run: what was audited.
    """

    def __init__(self, folder: Path) -> None:
        """Opens a folder of tables.

        Raises:
            InvalidInputError: it holds no finished run, or one of another format.
        """
        self._connection = open_tables(folder)
        self._connection.execute(_LOOKS)
        self.run = self._read_run()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

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
        return list(self.stream(sql, parameters))

    def stream(self, sql: str, parameters: Mapping[str, object] | None = None) -> Iterator[Row]:
        """Gives what a query answers, some thousand rows at a time; nothing else may be asked meanwhile.

        Raises:
            InvalidInputError: as `rows`.
        """
        try:
            answered = self._connection.execute(sql, dict(parameters or {}))
            names = [each[0] for each in answered.description or ()]
            while some := answered.fetchmany(_ROWS_AT_ONCE):
                for values in some:
                    yield dict(zip(names, values, strict=True))
        except duckdb.Error as error:
            raise InvalidInputError(f"tables cannot be read ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
