"""Fills a projection with consents and records that stand in no chain, so that one of a million can be measured.

Granting a million consents takes hours. So rows are written straight into the tables: each is a real row of the same
projection, as the follower wrote it, under other random ids of consent, record and subject, in invented blocks before
the first one. No access can be decided under them: the chain does not know them.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

ROWS_A_BLOCK: Final = 100
CONSENTS_A_RECORD: Final = 10
_SETTINGS: Final = ("journal_mode=OFF", "synchronous=OFF", "cache_size=-262144", "temp_store=MEMORY", "threads=2")
"""Nothing is promised of a file that is being filled: a run that ends meanwhile throws it away."""

Row = dict[str, Any]


def fill(database: Path, consents: int) -> None:
    """Adds live consents to the SQLite file of a projection that nobody has open, with a record for every tenth.

    Indexes are made anew at the end: written to row by row they would take most of the time.

    Raises:
        RuntimeError: the projection has no consent or record to make others like.
    """
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        wanted = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'ledger_events' AND sql > ''"
        indexes = connection.execute(wanted).fetchall()
        consent, record = (_model(connection, kind) for kind in ("ConsentGranted", "RecordAnchored"))
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        _write(connection, consents, consent, record)
        for _, statement in indexes:
            connection.execute(statement)
        connection.execute("PRAGMA journal_mode=WAL")


def _model(connection: sqlite3.Connection, kind: str) -> Row:
    cursor = connection.execute("SELECT * FROM ledger_events WHERE kind = ? LIMIT 1", [kind])
    found = cursor.fetchone()
    if found is None:
        raise RuntimeError(f"projection does not match (got no {kind}, expected one to make others like)")
    return dict(zip((column for column, *_ in cursor.description), found, strict=True))


def _write(connection: sqlite3.Connection, consents: int, consent: Row, record: Row) -> None:
    lowest = min(0, connection.execute("SELECT min(number) FROM ledger_blocks").fetchone()[0])
    (time,) = connection.execute("SELECT min(time) FROM ledger_blocks").fetchone()
    blocks = -(-consents // ROWS_A_BLOCK)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_DRAW, {"count": consents, "first": lowest - blocks, "a_block": ROWS_A_BLOCK})
    connection.execute("INSERT INTO ledger_blocks SELECT block, randomblob(32), ? FROM drawn WHERE place = 0", [time])
    _write_like(connection, consent, "consent_id", "2 * place + 1", "true")
    _write_like(connection, record, "record_id", "2 * place", f"number % {CONSENTS_A_RECORD} = 0")
    connection.execute("COMMIT")
    connection.execute("DROP TABLE drawn")


_DRAW: Final = """
CREATE TEMPORARY TABLE drawn AS
WITH RECURSIVE counted(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM counted WHERE number + 1 < :count)
SELECT number, :first + number / :a_block AS block, number % :a_block AS place,
       randomblob(32) AS consent_id, randomblob(32) AS record_id, randomblob(32) AS subject_id
FROM counted
"""


def _write_like(connection: sqlite3.Connection, model: Row, own: str, index: str, which: str) -> None:
    """Writes a row like the model for each that was drawn, with ids of its own in columns and in the content."""
    payload, parts = _in_parts(model, own)
    values = {column: f":{column}" for column in model} | {
        "block_number": "block",
        "log_index": index,
        own: own,
        "subject_id": "subject_id",
        "payload": payload,
    }
    connection.execute(
        f"INSERT INTO ledger_events ({', '.join(values)}) SELECT {', '.join(values.values())} FROM drawn WHERE {which}",  # noqa: S608 - our own words and the table's column names
        model | parts,
    )


def _in_parts(model: Row, own: str) -> tuple[str, dict[str, str]]:
    """Gives the content of a row with other ids as SQL, and what of the model's stands between the ids."""
    written = {model[column].hex(): column for column in (own, "subject_id")}
    words, parts = list[str](), dict[str, str]()
    for place, part in enumerate(re.split(f"({'|'.join(written)})", model["payload"])):
        words.append(f"lower(hex({written[part]}))" if part in written else f":part_{place}")
        parts |= {} if part in written else {f"part_{place}": part}
    return " || ".join(words), parts
