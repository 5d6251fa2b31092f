"""The projection follows a chain that is reorganised under its eyes, and refuses one that is another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from consentry.core.chain import ChainIdentity
from consentry.core.terms import Address
from consentry.database.engine import Database
from consentry.directory.codec import columns_of
from consentry.directory.projection import Follower, snapshot_rows
from consentry.directory.rows import ProjectionRows
from consentry.directory.schema import SCHEMA
from consentry.errors import ForeignChainError, LedgerUnavailableError
from tests.support.forking_source import ForkingSource
from tests.unit.directory.conftest import MakeDatabase


@asynccontextmanager
async def projection_of(
    url: str, source: ForkingSource, identity: ChainIdentity | None = None
) -> AsyncIterator[Follower]:
    """Opens a projection as a start of the gateway does."""
    database = Database(url)
    try:
        yield Follower(database, source, identity or source.known_as, blocks_a_step=4)
    finally:
        await database.close()


async def rows_of(url: str) -> list[tuple[object, ...]]:
    """Gives all rows."""
    database = Database(url)
    try:
        return await snapshot_rows(database)
    finally:
        await database.close()


async def kept_of(url: str) -> list[object]:
    """Gives what can be read back, and what is wrong with it."""
    database = Database(url)
    try:
        return [kept.event if not kept.fault else kept.fault async for kept in ProjectionRows(database).rows()]
    finally:
        await database.close()


async def assert_follows(url: str, source: ForkingSource, rebuilt: str) -> None:
    """Checks that the rows are those of the chain as it is, and those that a rebuild makes."""
    assert await kept_of(url) == source.all_events()
    async with projection_of(rebuilt, source) as fresh:
        await fresh.catch_up()
    assert await rows_of(url) == await rows_of(rebuilt)


def once(call: int, act: Callable[[], None]) -> Callable[[str], None]:
    """Gives something that acts before the n-th answer of the node, and never again."""
    count = 0

    def between(_: str) -> None:
        nonlocal count
        count += 1
        if count == call:
            act()

    return between


async def test_tables_equal_the_code_and_go_down_and_up(make_database: MakeDatabase) -> None:
    url = make_database()
    await SCHEMA.check(url)
    await SCHEMA.downgrade(url, "base")
    await SCHEMA.upgrade(url)
    await SCHEMA.check(url)


@pytest.mark.parametrize("depth", [1, 3, 9, 30])
@pytest.mark.parametrize("longer", [0, 1, 40])
async def test_reorganisation_of_any_depth_leaves_only_what_the_chain_has(
    make_database: MakeDatabase, depth: int, longer: int
) -> None:
    source, url = ForkingSource(), make_database()
    for number in range(15):
        source.add(number % 3)
    async with projection_of(url, source) as projection:
        await projection.catch_up()
        source.take_back(depth)
        for _ in range(longer):
            source.add(1)
        position = await projection.catch_up()
    assert position == source.blocks[-1].reference
    await assert_follows(url, source, make_database())


@pytest.mark.parametrize("call", range(1, 14))
async def test_reorganisation_while_it_is_read_is_never_half_taken_in(make_database: MakeDatabase, call: int) -> None:
    """The chain changes before the n-th answer of one round: old and new blocks must not end up side by side."""
    source, url = ForkingSource(), make_database()

    def reorganise() -> None:
        source.take_back(6)
        for _ in range(9):
            source.add(2)

    async with projection_of(url, source) as projection:
        for _ in range(4):
            source.add(2)
        await projection.catch_up()
        for _ in range(5):
            source.add(2)
        source.between = once(call, reorganise)
        for _ in range(4):
            try:
                await projection.catch_up()
            except LedgerUnavailableError as error:
                assert "reorganised" in error.message  # noqa: PT017 - either outcome is right, silence is not
    await assert_follows(url, source, make_database())


class PowerCut(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("event", range(1, 12))
async def test_crash_in_the_middle_of_a_block_leaves_whole_steps_only(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch, event: int
) -> None:
    source, url = ForkingSource(), make_database()
    for _ in range(5):
        source.add(3)
    written = 0

    def failing(given):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - as the function it stands for
        nonlocal written
        written += 1
        if written == event:
            raise PowerCut
        return columns_of(given)

    with monkeypatch.context() as patch:
        patch.setattr("consentry.directory.projection.columns_of", failing)
        async with projection_of(url, source) as projection:
            with pytest.raises(PowerCut):
                await projection.catch_up()
    kept = await kept_of(url)
    async with projection_of(url, source) as projection:
        position = await projection.position()
        reached = position.number if position else -1
        assert kept == [e for e in source.all_events() if e.place.block.number <= reached]
        await projection.catch_up()
    await assert_follows(url, source, make_database())


async def test_two_processes_that_follow_into_the_same_tables_do_not_disturb_each_other(
    make_database: MakeDatabase,
) -> None:
    """A slow one must not set the position back behind rows that a fast one has written."""
    source, url = ForkingSource(), make_database()
    async with projection_of(url, source) as fast, projection_of(url, source) as slow:
        await fast.catch_up()
        source.add(0)
        go_on, reached = asyncio.Event(), asyncio.Event()
        real_events = source.events

        async def held(first, last):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - as the method it stands for
            found = await real_events(first, last)
            reached.set()
            await go_on.wait()
            return found

        source.events = held  # type: ignore[method-assign]  # only for as long as the slow one reads
        waiting = asyncio.create_task(slow.catch_up())
        await reached.wait()
        source.events = real_events  # type: ignore[method-assign]  # put back
        source.add(2)
        await fast.catch_up()
        go_on.set()
        await waiting
        source.add(1)
        await asyncio.gather(slow.catch_up(), fast.catch_up())
    await assert_follows(url, source, make_database())


async def test_node_that_lags_behind_gives_back_nothing_that_was_taken_in(make_database: MakeDatabase) -> None:
    """A head that lies behind is a reorganisation to a shorter chain: what it lacks is undone, and comes again."""
    source, url = ForkingSource(), make_database()
    for _ in range(6):
        source.add(1)
    async with projection_of(url, source) as projection:
        await projection.catch_up()
        kept = source.blocks[5:]
        del source.blocks[5:]
        assert (await projection.catch_up()).number == 4
        source.blocks += kept
        await projection.catch_up()
    await assert_follows(url, source, make_database())


# Which chain it is.


def _other(identity: ChainIdentity, name: str) -> ChainIdentity:
    contracts = (("AccessLedger", Address(b"\x0b" * 20)), *identity.contracts[1:])
    changed = {
        "chain id": replace(identity, chain_id=8),
        "genesis hash": replace(identity, genesis_hash=bytes(32)),
        "deployment": replace(identity, contracts=contracts),
    }
    return changed[name]


@pytest.mark.parametrize("name", ["chain id", "genesis hash", "deployment"])
async def test_restart_on_another_chain_or_deployment_is_refused_and_changes_nothing(
    make_database: MakeDatabase, name: str
) -> None:
    source, url = ForkingSource(), make_database()
    async with projection_of(url, source) as projection:
        await projection.catch_up()
    before = await rows_of(url)
    source.add(2)
    async with projection_of(url, source, _other(source.known_as, name)) as projection:
        for _ in range(2):
            with pytest.raises(ForeignChainError, match=f"{name} of the database does not match"):
                await projection.catch_up()
    assert await rows_of(url) == before
    async with projection_of(url, source) as projection:
        await projection.catch_up()
    await assert_follows(url, source, make_database())


async def test_node_that_serves_another_chain_by_now_is_refused_and_no_row_is_lost(make_database: MakeDatabase) -> None:
    """From the numbers alone it looks like a reorganisation: everything would be undone, and a stranger taken in."""
    source, url = ForkingSource(), make_database()
    async with projection_of(url, source) as projection:
        await projection.catch_up()
        before, own = await rows_of(url), source.blocks
        source.blocks = ForkingSource(seed=1, chain=b"reset").blocks
        for _ in range(2):
            with pytest.raises(ForeignChainError, match="genesis hash"):
                await projection.catch_up()
        assert await rows_of(url) == before
        source.blocks = own
        source.add(1)
        await projection.catch_up()
    await assert_follows(url, source, make_database())


async def test_chain_of_the_same_genesis_that_was_begun_again_is_refused(make_database: MakeDatabase) -> None:
    """Not even the deployment's own blocks are there: no reorganisation reaches that far."""
    source, url = ForkingSource(), make_database()
    source.add(1)
    async with projection_of(url, source) as projection:
        await projection.catch_up()
    before, again = await rows_of(url), ForkingSource(seed=5)
    assert again.known_as == source.known_as
    async with projection_of(url, again) as projection:
        with pytest.raises(ForeignChainError, match="none of the 2 blocks"):
            await projection.catch_up()
    assert await rows_of(url) == before


async def test_start_over_takes_another_chain_on_purpose(make_database: MakeDatabase) -> None:
    source, url = ForkingSource(), make_database()
    async with projection_of(url, source) as projection:
        await projection.catch_up()
    other = ForkingSource(seed=1, chain=b"another")
    async with projection_of(url, other) as projection:
        await projection.start_over()
    await assert_follows(url, other, make_database())
