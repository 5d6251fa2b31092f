"""When the embedded chain takes its snapshots, and what becomes of one that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from consentry.errors import LedgerUnavailableError
from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.keeper import RETRY_SECONDS, SnapshotKeeper
from consentry.ledger.embedded.link import EngineLink
from consentry.ledger.embedded.records import Genesis, Intent, Seal
from consentry.ledger.embedded.sealer import Sealer
from consentry.ledger.embedded.snapshot import DUE_BLOCKS, DUE_DUMPS_UNDER_LOAD, LONGEST_DUMP_SECONDS, QUIET_SECONDS

GENESIS = Genesis(1_900_000_001, 1_700_000_000, 300_000_000, "osaka", "anvil/1.7.1", bytes(range(32)))


class Engine:
    """The engine's end: dumps the same state each time, unless it is away."""

    def __init__(self) -> None:
        self.is_away = False
        self.dumps = 0
        self.at_work: Callable[[], None] = lambda: None

    async def call(self, method: str, *_: object) -> str:
        """Answers the one question a keeper has."""
        assert method == "anvil_dumpState"
        self.dumps += 1
        self.at_work()
        if self.is_away:
            raise LedgerUnavailableError("engine is away")
        return "0x1f8b"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[BlockLog]:
    """A log in which a snapshot is due."""
    opened = BlockLog.create(tmp_path / "blocks.log", GENESIS)
    grow(opened, DUE_BLOCKS)
    yield opened
    opened.close()


def grow(log: BlockLog, blocks: int) -> None:
    """Adds blocks."""
    for number in range(log.height + 1, log.height + blocks + 1):
        log.begin(Intent(number, GENESIS.time + number, (b"\x02",)))
        log.seal(Seal(number, number.to_bytes(32), (0,)))


class Bench:
    """A keeper with its engine, its folder and a clock that stands until it is moved."""

    def __init__(self, log: BlockLog, folder: Path) -> None:
        self.engine, self.folder, self.now = Engine(), folder, 0.0
        link = cast("EngineLink", self.engine)
        self.keeper = SnapshotKeeper(Sealer(log, link), link, log, folder, 0, lambda: self.now)

    @property
    def written(self) -> list[int]:
        """The blocks of the snapshots that are there."""
        return [int(path.stem) for path in self.folder.glob("*.snapshot")] if self.folder.is_dir() else []


@pytest.fixture
def bench(log: BlockLog, tmp_path: Path) -> Bench:
    """A keeper of that log."""
    return Bench(log, tmp_path / "snapshots")


async def test_take_writes_one_and_has_nothing_to_do_until_a_block_comes(bench: Bench) -> None:
    await bench.keeper.take()
    await bench.keeper.take()
    assert bench.written == [DUE_BLOCKS]
    assert bench.engine.dumps == 1


@pytest.mark.parametrize("fault", ["no dump", "no disk"])
async def test_take_that_fails_is_made_good_by_the_next_without_a_block_between(bench: Bench, fault: str) -> None:
    bench.engine.is_away = fault == "no dump"
    if fault == "no disk":
        bench.folder.touch(0o700)
    await bench.keeper.take()
    assert not bench.written

    bench.engine.is_away = False
    bench.folder.unlink(missing_ok=True)
    await bench.keeper.take()
    assert bench.written == [DUE_BLOCKS]


async def test_take_that_failed_is_due_again_only_after_a_while(bench: Bench) -> None:
    bench.engine.is_away = True
    assert bench.keeper.is_due()
    await bench.keeper.take()
    assert not bench.keeper.is_due()
    bench.now = RETRY_SECONDS - 0.1
    assert not bench.keeper.is_due()
    bench.now = RETRY_SECONDS
    assert bench.keeper.is_due()


@pytest.mark.parametrize("over", [0.0, 0.1])
async def test_dump_that_takes_long_waits_until_nobody_asks(bench: Bench, log: BlockLog, over: float) -> None:
    seconds, waits = LONGEST_DUMP_SECONDS + over, over > 0

    def work() -> None:
        bench.now += seconds

    bench.engine.at_work = work
    await bench.keeper.take()
    bench.now += DUE_DUMPS_UNDER_LOAD * seconds
    grow(log, DUE_BLOCKS)
    assert bench.keeper.is_due() is not waits
    bench.now += QUIET_SECONDS - 0.1
    grow(log, 1)
    assert bench.keeper.is_due() is not waits
    bench.now += QUIET_SECONDS - 0.1
    assert bench.keeper.is_due() is not waits
    bench.now += 0.1
    assert bench.keeper.is_due()
