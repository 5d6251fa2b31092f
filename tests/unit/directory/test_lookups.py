"""A look-up reads what it gives and no more: neither statements nor memory grow with the rows that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import event, text

from consentry.core.events import LedgerEvent
from consentry.core.terms import ConsentId, RecordId
from consentry.database.engine import Database
from consentry.directory import mirror, projection
from consentry.directory.projection import Follower, snapshot_rows
from consentry.directory.schema import SCHEMA
from consentry.directory.views import Directory
from consentry.errors import ForeignChainError
from tests.support import samples
from tests.support.forking_source import ForkingSource
from tests.unit.directory.conftest import MakeDatabase


@dataclass
class CountingSource(ForkingSource):
    """A chain that notes how many blocks were asked for at a time, and how many events came."""

    steps: list[tuple[int, int]] = field(default_factory=list)

    async def events(self, first: int, last: int) -> Sequence[LedgerEvent]:
        """Gives the events of some blocks."""
        found = await super().events(first, last)
        self.steps.append((last - first + 1, len(found)))
        return found


async def test_look_ups_search_by_what_is_asked_and_by_kind(make_sqlite: MakeDatabase) -> None:
    source, database = ForkingSource(), Database(make_sqlite())
    follower = Follower(database, source, source.known_as)
    directory, asked = Directory(database, follower), list[tuple[str, Any]]()
    party, subject = samples.CUSTODIAN, samples.SUBJECT

    def note(_c: object, _u: object, statement: str, values: object, _x: object, _m: object) -> None:
        if "FROM ledger_events" in statement:
            asked.append((statement, values))

    event.listen(database._reader, "before_cursor_execute", note)
    try:
        await follower.catch_up()
        await directory.institution(party)
        await directory.institutions()
        await directory.subject(subject)
        await directory.record(RecordId(samples.word(1)))
        await directory.consent(ConsentId(samples.word(2)))
        await directory.consents_of(subject, None, 5)
        await directory.was_permitted(party, RecordId(samples.word(1)), 0)
        await directory.subjects_of_signer(b"signer")
        await directory.appointments_of(b"signer")
        await directory.accesses(after=(3, 0), limit=5)
        event.remove(database._reader, "before_cursor_execute", note)
        for statement, values in asked:
            async with database.engine.connect() as connection:
                rows = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)).all()
            steps = [str(row) for row in rows if "ledger_events" in str(row)]
            assert steps, rows
            assert all("kind=?" in step for step in steps), (statement, steps)
    finally:
        await database.close()
    assert len(asked) >= 10


async def test_one_act_is_found_by_its_hash(make_sqlite: MakeDatabase) -> None:
    database = Database(make_sqlite())
    try:
        async with database.engine.connect() as connection:
            query = "EXPLAIN QUERY PLAN SELECT * FROM ledger_events WHERE kind IN ('A', 'B') AND act_hash = x'00'"
            rows = (await connection.execute(text(query))).all()
    finally:
        await database.close()
    assert any("ix_ledger_events_act_hash (act_hash=?)" in str(row) for row in rows)


async def test_indexes_can_be_made_and_undone(make_database: MakeDatabase) -> None:
    url = make_database()
    await SCHEMA.downgrade(url, "0004")
    await SCHEMA.upgrade(url)
    await SCHEMA.check(url)


async def test_steps_grow_over_empty_blocks_and_shrink_over_full_ones(
    make_sqlite: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "EVENTS_A_STEP", 20)
    monkeypatch.setattr(projection, "FIRST_BLOCKS", 2)
    source, database = CountingSource(), Database(make_sqlite())
    for count in (*[0] * 60, *[10] * 60):
        source.add(count)
    try:
        await Follower(database, source, source.known_as, blocks_a_step=16).catch_up()
        rows = await snapshot_rows(database)
    finally:
        await database.close()
    blocks = [step[0] for step in source.steps]
    assert blocks[:4] == [2, 4, 8, 16]
    assert max(blocks) == 16
    assert blocks[-5:-1] == [2, 2, 2, 2]
    assert len(rows) == len(source.all_events()) + 61


async def test_fork_is_found_however_far_below_it_lies(
    make_sqlite: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "BLOCKS_A_LOOK", 2)
    source, urls = ForkingSource(), [make_sqlite(), make_sqlite()]
    for _ in range(9):
        source.add(1)
    databases = [Database(url) for url in urls]
    try:
        follower = Follower(databases[0], source, source.known_as)
        await follower.catch_up()
        source.take_back(7)
        for _ in range(8):
            source.add(1)
        await follower.catch_up()
        await Follower(databases[1], source, source.known_as).catch_up()
        assert await snapshot_rows(databases[0]) == await snapshot_rows(databases[1])
    finally:
        for database in databases:
            await database.close()


async def test_chain_without_any_known_block_is_foreign(
    make_sqlite: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "BLOCKS_A_LOOK", 2)
    source, database = ForkingSource(), Database(make_sqlite())
    for _ in range(5):
        source.add(1)
    try:
        follower = Follower(database, source, source.known_as)
        await follower.catch_up()
        # The same genesis, and nothing else of what was.
        del source.blocks[1:]
        for _ in range(9):
            source.add(1)
        with pytest.raises(ForeignChainError, match="none of the 6 blocks"):
            await follower.catch_up()
    finally:
        await database.close()


def test_shelf_gives_up_what_came_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "MOST_VIEWS", 2)
    shelf = mirror._Shelf()
    for key in (b"a", b"b", b"c", b"d"):
        shelf.keep(key, key)
    assert list(shelf) == [b"c", b"d"]
