"""Fills a projection with consents and records that stand in no chain, so that one of a million can be measured.

Granting a million consents takes hours. So rows are written straight into the tables: each is a real row of the same
projection, as the follower wrote it, under other random ids of consent, record and subject, in invented blocks before
the first one. No access can be decided under them: the chain does not know them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from os import urandom
from pathlib import Path
from typing import Final

ROWS_A_BLOCK: Final = 100
CONSENTS_A_RECORD: Final = 10
ID_BYTES: Final = 32
PORTION: Final = 10_000
_SETTINGS: Final = ("synchronous=OFF", "cache_size=-262144", "temp_store=MEMORY")

Row = dict[str, object]


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
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


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
    first = lowest - blocks
    connection.execute("BEGIN IMMEDIATE")
    made = ((first + place, urandom(ID_BYTES), time) for place in range(blocks))
    connection.executemany("INSERT INTO ledger_blocks (number, hash, time) VALUES (?, ?, ?)", made)
    columns = ", ".join(consent)
    marks = ", ".join("?" for _ in consent)
    connection.executemany(
        f"INSERT INTO ledger_events ({columns}) VALUES ({marks})",  # noqa: S608 - the table's own column names
        _rows(first, consents, consent, record),
    )
    connection.execute("COMMIT")


def _rows(first: int, consents: int, consent: Row, record: Row) -> Iterator[list[object]]:
    """Gives the rows in the order of their places."""
    for number in range(consents):
        block, index = first + number // ROWS_A_BLOCK, 2 * (number % ROWS_A_BLOCK)
        subject = urandom(ID_BYTES)
        if number % CONSENTS_A_RECORD == 0:
            yield _like(record, block, index, record_id=urandom(ID_BYTES), subject_id=subject)
        yield _like(consent, block, index + 1, consent_id=urandom(ID_BYTES), subject_id=subject)


def _like(model: Row, block: int, index: int, **ids: bytes) -> list[object]:
    """Gives a row as the model, with other ids, in its columns and wherever they stand in its content."""
    payload = str(model["payload"])
    for name, value in ids.items():
        known = model[name]
        payload = payload.replace(known.hex() if isinstance(known, bytes) else "", value.hex())
    other: Row = {**ids, "block_number": block, "log_index": index, "payload": payload}
    return [other.get(name, value) for name, value in model.items()]
