"""Whatever the chain does and wherever the process ends, the projection becomes what a rebuild makes (promise P7)."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consentry.core.chain import EventPlace
from consentry.database.engine import Database
from consentry.directory.codec import columns_of, from_row, to_row
from consentry.directory.projection import Follower, snapshot_rows
from consentry.directory.rows import ProjectionRows
from consentry.directory.schema import SCHEMA
from consentry.directory.tables import EventRow
from consentry.errors import LedgerUnavailableError
from tests.support.forking_source import ForkingSource
from tests.support.postgresql import PostgresServer

EXAMPLES = 60
MOST_ROUNDS = 12


class PowerCut(BaseException):
    """The process ends here."""


@dataclass(frozen=True, slots=True)
class Round:
    """What happens between two looks at the tables.

    Attributes:
        back: blocks the chain takes back at first.
        sealed: events of each block that is sealed then.
        under_way: the same once more while the projection reads: before which answer, how many back, and blocks.
        cut_at: the row at whose writing the process ends; none is written if it is zero.
        silent_at: the answer that the node does not give.
    """

    back: int
    sealed: tuple[int, ...]
    under_way: tuple[int, int, tuple[int, ...]]
    cut_at: int | None
    silent_at: int | None


BLOCKS = st.lists(st.integers(0, 3), max_size=6).map(tuple)
MORE_BLOCKS = st.lists(st.integers(0, 3), min_size=4, max_size=12).map(tuple)
ROUNDS = st.builds(
    Round,
    back=st.sampled_from([0, 0, 0, 1, 3, 8]),
    sealed=BLOCKS,
    under_way=st.tuples(st.integers(2, 8), st.integers(0, 8), BLOCKS | MORE_BLOCKS),
    cut_at=st.none() | st.none() | st.integers(0, 12),
    silent_at=st.none() | st.none() | st.integers(1, 12),
)


@dataclass
class Bench:
    """Databases beside each other, each a copy of an empty one: files, or those of a server if there is one."""

    folder: Path
    server: PostgresServer | None
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    empty: str = ""

    def prepare(self) -> None:
        """Makes the one that is copied."""
        self.empty = self.server.make_database() if self.server else f"sqlite+aiosqlite:///{self.folder}/empty.db"
        asyncio.run(SCHEMA.upgrade(self.empty))

    @contextmanager
    def url(self) -> Iterator[str]:
        """Lends an empty database."""
        if self.server is None:
            target = self.folder / f"{next(self.numbers)}.db"
            shutil.copyfile(self.folder / "empty.db", target)
            yield f"sqlite+aiosqlite:///{target}"
            return
        made = self.server.make_database(like=self.empty)
        try:
            yield made
        finally:
            self.server.drop_database(made)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Databases of each kind."""
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    made = Bench(tmp_path_factory.mktemp("projections"), server)
    made.prepare()
    return made


def _change(source: ForkingSource, back: int, sealed: tuple[int, ...]) -> None:
    source.take_back(back)
    for events in sealed:
        source.add(events)


async def _live(url: str, source: ForkingSource, step: int, what: Round, patch: pytest.MonkeyPatch) -> None:
    """One life of the process: it starts, follows until something stops it, and is gone."""
    answers, written = itertools.count(1), itertools.count()
    at, back, sealed = what.under_way

    def between(_: str) -> None:
        number = next(answers)
        if number == at:
            _change(source, back, sealed)
        if number == what.silent_at:
            raise LedgerUnavailableError("node does not answer")

    def failing(event):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - as the function it stands for
        if next(written) == what.cut_at:
            raise PowerCut
        return columns_of(event)

    source.between = between
    database = Database(url)
    with patch.context() as own:
        own.setattr("consentry.directory.projection.columns_of", failing)
        try:
            await Follower(database, source, source.known_as, blocks_a_step=step).catch_up()
        except (PowerCut, LedgerUnavailableError):
            pass
        finally:
            source.between = lambda _: None
            await database.close()


async def _follow(url: str, source: ForkingSource, step: int) -> tuple[list[tuple[object, ...]], list[object]]:
    database = Database(url)
    try:
        position = await Follower(database, source, source.known_as, blocks_a_step=step).catch_up()
        assert position == source.blocks[-1].reference
        kept = [row.fault or row.event async for row in ProjectionRows(database).rows()]
        return await snapshot_rows(database), list(kept)
    finally:
        await database.close()


async def _play(bench: Bench, seed: int, step: int, rounds: list[Round]) -> None:
    source = ForkingSource(seed)
    with bench.url() as url, bench.url() as fresh, pytest.MonkeyPatch.context() as patch:
        for what in rounds:
            _change(source, what.back, what.sealed)
            await _live(url, source, step, what, patch)
        rows, kept = await _follow(url, source, step)
        rebuilt, _ = await _follow(fresh, source, 1_000)
    assert kept == source.all_events()
    assert rows == rebuilt


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), step=st.integers(1, 5), rounds=st.lists(ROUNDS, min_size=1, max_size=MOST_ROUNDS))
def test_projection_equals_a_rebuild_whatever_happened(bench: Bench, seed: int, step: int, rounds: list[Round]) -> None:
    asyncio.run(_play(bench, seed, step, rounds))


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_event_comes_back_from_its_row(seed: int) -> None:
    source = ForkingSource(seed)
    source.add(4)
    for event in source.all_events():
        place: EventPlace = event.place
        row: EventRow = to_row(event)
        assert from_row(row, place.block) == event
