"""What the benchmarks measure by: figures made of known readings, and rows of a filled projection that read as real."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from benchmarks import audit
from benchmarks.filling import fill
from benchmarks.pace import Reached, figures, portions
from benchmarks.usage import slope
from consentry.core import events
from consentry.core.chain import EventPlace
from consentry.core.terms import ConsentId, RecordId
from consentry.database.engine import Database
from consentry.directory.projection import Follower
from consentry.directory.rows import ProjectionRows
from consentry.directory.schema import SCHEMA
from consentry.directory.views import Directory
from tests.support import samples
from tests.support.forking_source import Block, ForkingSource

CONSENT, RECORD = ConsentId(samples.word(0x300)), RecordId(samples.word(0x200))


def reached(accesses: int, seconds: float) -> Reached:
    """Gives a reading of one process that holds a byte an access beside its first thousand."""
    return Reached(accesses, seconds, seconds / 2, {"engine": 1000 + accesses})


@pytest.mark.parametrize(("batches", "most"), [(100, 10), (2500, 25)])
def test_every_tenth_is_portioned_alike(batches: int, most: int) -> None:
    made = portions(batches, most)
    assert sum(made) == batches
    assert made[: len(made) // 10] * 10 == made
    assert made[0] == batches // 100
    assert max(made) <= most


def test_tenths_are_compared_by_their_own_time() -> None:
    # A second for each tenth, and two for the last one.
    readings = [reached(0, 0.0), reached(10, 0.1), *(reached(100 * part, float(part)) for part in range(1, 10))]
    found = figures([*readings, reached(1000, 11.0)])
    assert found["write_last_over_first_tenth"] == pytest.approx(0.5)
    assert found["write_last_over_first_tenth_by_cpu"] == pytest.approx(0.5)
    assert found["engine_bytes_per_access"] == pytest.approx(1.0)
    assert found["write_accesses"] == 1000


def test_slope_is_the_exponent() -> None:
    assert slope([(10, 3 * 10**1.5), (100, 3 * 100**1.5), (1000, 3 * 1000**1.5)]) == pytest.approx(1.5)


def test_audit_is_compared_by_what_one_event_takes() -> None:
    marks = [
        audit.Mark(
            10**size,
            size,
            [audit.Spent(100, 10.0, 30.0)] * 3,
            [audit.Spent(10**size, slowly * 10**size, 0.01 * 10**size, 10**8 + 40 * 10**size, 0.01 * 10**size)] * 3,
        )
        for size, slowly in ((4, 0.002), (5, 0.0025), (6, 0.002))
    ]
    found = audit.figures(marks)
    assert found["audit_over_web3py"] == found["audit_over_web3py_at_1000000"] == pytest.approx(50)
    assert found["audit_over_web3py_at_100000"] == pytest.approx(40)
    assert found["audit_command_over_web3py_at_1000000"] == pytest.approx(10)
    assert found["audit_over_web3py_by_cpu_at_1000000"] == pytest.approx(30)
    assert found["audit_scaling_exponent"] == pytest.approx(1)
    assert found["audit_memory_bytes_per_event"] == pytest.approx(40)
    assert found["audit_rounds_at_1000000"] == 3


def test_audit_has_five_rounds_or_two_once_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = audit.Spent(100, 1.0, 1.0)
    monkeypatch.setattr(audit, "_looped", lambda *_: spent)
    monkeypatch.setattr(audit, "_audited", lambda *_, **__: spent)
    stage: Any = None
    for enough, rounds in ((math.inf, 5), (-math.inf, 2)):
        assert len(audit.in_turns(stage, audit.Mark(100, 1), enough).audits) == rounds


async def test_filled_rows_read_as_those_they_are_made_like(tmp_path: Path) -> None:
    file = tmp_path / "projection.db"
    url = f"sqlite+aiosqlite:///{file}"
    await SCHEMA.upgrade(url)
    source = ForkingSource()
    await follow(url, source)
    indexes = indexes_of(file)
    fill(file, 250)
    fill(file, 50)
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT consent_id FROM ledger_events WHERE block_number < 0 AND consent_id > ''")
        ids = [ConsentId(row[0]) for row in found]
    assert len(set(ids)) == 300
    assert indexes_of(file) == indexes
    database = Database(url)
    try:
        directory = Directory(database, Follower(database, source, source.known_as))
        real, filled = await directory.consent(CONSENT), await directory.consent(ids[0])
        assert real is not None
        assert filled is not None
        assert filled.terms.subject_id != real.terms.subject_id
        assert filled.terms.institution == real.terms.institution
        assert not [kept.fault async for kept in ProjectionRows(database).rows() if kept.fault]
    finally:
        await database.close()


async def follow(url: str, source: ForkingSource) -> None:
    """Takes in a block with a consent and a record."""
    source.add(0)
    block, transaction = source.blocks[-1].reference, samples.word(9)
    granted = events.ConsentGranted(
        EventPlace(block, transaction, 0), CONSENT, samples.SUBJECT, samples.terms(), b"signed"
    )
    leaf = samples.leaf()
    anchored = events.RecordAnchored(EventPlace(block, transaction, 1), RECORD, samples.SUBJECT, leaf.custodian, leaf)
    source.blocks[-1] = Block(block, (granted, anchored))
    database = Database(url)
    try:
        await Follower(database, source, source.known_as).catch_up()
    finally:
        await database.close()


def indexes_of(file: Path) -> list[tuple[str, str]]:
    """Gives the indexes of the events."""
    with closing(sqlite3.connect(file)) as connection:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'ledger_events' ORDER BY name"
        return connection.execute(query).fetchall()
