"""Fills a projection with consents and records that stand in no chain, so that one of a million can be measured.

Granting a million consents takes hours. So rows are written straight into the tables: each is a real row of the same
projection, as the follower wrote it, under other random ids of consent, record and subject, in invented blocks before
the first one. No access can be decided under them: the chain does not know them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from os import urandom
from pathlib import Path
from typing import Any, Final

ROWS_A_BLOCK: Final = 100
CONSENTS_A_RECORD: Final = 10
ID_BYTES: Final = 32
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
    like_consent, like_record = _like(consent, "consent_id"), _like(record, "record_id")
    for number in range(consents):
        block, index = first + number // ROWS_A_BLOCK, 2 * (number % ROWS_A_BLOCK)
        subject = urandom(ID_BYTES)
        if number % CONSENTS_A_RECORD == 0:
            yield like_record(block, index, urandom(ID_BYTES), subject)
        yield like_consent(block, index + 1, urandom(ID_BYTES), subject)


def _like(model: Row, own: str) -> Callable[[int, int, bytes, bytes], list[object]]:
    """Gives what makes rows as the model, at another place, with other ids in columns and wherever content has them."""
    places = [list(model).index(name) for name in ("block_number", "log_index", own, "subject_id", "payload")]
    known, subject = (model[name].hex() for name in (own, "subject_id"))
    pieces = [piece.split(subject) for piece in str(model["payload"]).split(known)]

    def make(*values: Any) -> list[object]:  # noqa: ANN401 - block, index and two ids
        row = list(model.values())
        id_, subject_id = (value.hex() for value in values[2:])
        content = id_.join(subject_id.join(piece) for piece in pieces)
        for place, value in zip(places, (*values, content), strict=True):
            row[place] = value
        return row

    return make
