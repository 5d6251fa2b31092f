"""Shared commits: many kinds of writes in one transaction, and none pays for what another cannot write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from consentry.database import engine
from consentry.database.commits import Kind
from consentry.database.engine import Database
from consentry.errors import ConflictError, NotAuthenticError, VaultUnavailableError

INSERT = text("INSERT INTO kept VALUES (:n)")


class Bench:
    """A table and two kinds of writes into it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.transactions: list[list[str]] = []
        self.plain: Kind[int, int] = database.commits.kind(self._plain)
        self.picky: Kind[int, int] = database.commits.kind(self._picky)

    def _plain(self, connection: Connection, items: Sequence[int]) -> list[int]:
        self._insert(connection, "plain", items)
        return [item * 10 for item in items]

    def _picky(self, connection: Connection, items: Sequence[int]) -> list[int | Exception]:
        self._insert(connection, "picky", [item for item in items if item != 13])
        return [NotAuthenticError("unlucky") if item == 13 else item for item in items]

    def _insert(self, connection: Connection, kind: str, items: Sequence[int]) -> None:
        (begun,) = connection.execute(text("SELECT count(*) FROM kept")).one()
        self.transactions.append([kind, *map(str, items), f"after {begun}"])
        connection.execute(text("INSERT INTO kept VALUES (:n)"), [{"n": item} for item in items])

    def break_writes(self, patch: pytest.MonkeyPatch, fails: Callable[[int], bool], why: str) -> list[object]:
        """Lets writes fail that their number says so of, counted from 1; gives the list of those that come."""
        write, calls = self.database.write, list[object]()

        async def failing(work: Any) -> Any:  # noqa: ANN401 - as it has it
            calls.append(work)
            if fails(len(calls)):
                raise VaultUnavailableError(why)
            return await write(work)

        patch.setattr(self.database.commits, "_write", failing)
        return calls

    async def kept(self) -> list[int]:
        """Gives what is in the table."""
        query = text("SELECT n FROM kept ORDER BY n")
        return list(await self.database.write(lambda connection: connection.execute(query).scalars().all()))


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/some.db")
    await database.write(lambda connection: connection.execute(text("CREATE TABLE kept (n INTEGER PRIMARY KEY)")))
    return Bench(database)


async def test_what_waits_is_written_together_and_each_gets_its_own_answer(bench: Bench) -> None:
    async with bench.database.writing():
        first = asyncio.create_task(bench.plain.submit(1))
        await asyncio.sleep(0)
        others = [asyncio.create_task(kind.submit(n)) for n, kind in enumerate((bench.plain, bench.picky) * 2, 2)]
        await asyncio.sleep(0)
    assert await asyncio.gather(first, *others) == [10, 20, 3, 40, 5]
    assert bench.transactions == [
        ["plain", "1", "after 0"],
        ["plain", "2", "4", "after 1"],
        ["picky", "3", "5", "after 3"],
    ]
    assert await bench.kept() == [1, 2, 3, 4, 5]


async def test_refusal_of_one_item_is_its_own(bench: Bench) -> None:
    told = await asyncio.gather(bench.picky.submit(12), bench.picky.submit(13), return_exceptions=True)
    assert told[0] == 12
    assert isinstance(told[1], NotAuthenticError)
    assert await bench.kept() == [12]


async def test_kind_that_cannot_be_written_does_not_keep_another_from_it(bench: Bench) -> None:
    await bench.plain.submit(1)
    told = await asyncio.gather(bench.picky.submit(1), bench.plain.submit(2), return_exceptions=True)
    assert isinstance(told[0], ConflictError)
    assert told[1] == 20
    assert await bench.kept() == [1, 2]


class TornError(Exception):
    """What nobody foresaw."""


async def test_item_that_nobody_foresaw_fails_alone(bench: Bench) -> None:
    def fragile(connection: Connection, items: Sequence[int]) -> list[int]:
        if 13 in items:
            raise TornError
        bench._insert(connection, "fragile", items)
        return list(items)

    kind = bench.database.commits.kind(fragile)
    wanted = kind.submit(12), kind.submit(13), kind.submit(14), bench.plain.submit(2)
    told = await asyncio.gather(*wanted, return_exceptions=True)
    assert [told[0], told[2], told[3]] == [12, 14, 20]
    assert isinstance(told[1], TornError)
    assert await bench.kept() == [2, 12, 14]


async def test_one_that_was_written_is_told_so_when_the_disk_fails_with_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.plain.submit(1)
    bench.break_writes(monkeypatch, lambda number: number == 3, "disk is full")
    # The first transaction holds what cannot be written; the second is the plain ones', the third the picky ones'.
    told = await asyncio.gather(bench.plain.submit(2), bench.picky.submit(1), return_exceptions=True)
    assert told[0] == 20
    assert isinstance(told[1], VaultUnavailableError)
    assert await bench.kept() == [1, 2]


async def test_nobody_is_told_more_than_is_known_when_the_disk_fails_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.break_writes(monkeypatch, lambda _: True, "disk is full")
    told = await asyncio.gather(bench.plain.submit(2), bench.picky.submit(1), return_exceptions=True)
    assert {type(error) for error in told} == {VaultUnavailableError}


async def test_work_that_fails_leaves_nothing(bench: Bench) -> None:
    def half(connection: Connection) -> None:
        connection.execute(text("INSERT INTO kept VALUES (7)"))
        raise ConflictError("no")

    with pytest.raises(ConflictError):
        await bench.database.write(half)
    assert await bench.kept() == []
    await bench.database.close()


async def test_writes_of_which_nothing_is_known_are_not_tried_one_by_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be there: the second time a nonce would seem to have been spent by somebody else."""
    await bench.plain.submit(1)
    calls = bench.break_writes(monkeypatch, lambda number: number > 1, "answer was lost")
    wanted = bench.picky.submit(1), bench.picky.submit(2), bench.picky.submit(3)
    told = await asyncio.gather(*wanted, return_exceptions=True)
    assert {type(error) for error in told} == {VaultUnavailableError}
    assert len(calls) == 2


async def test_writers_of_a_process_take_turns_and_never_meet_the_lock_of_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_PATIENCE_SECONDS", 0)
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/some.db")
    await database.write(lambda connection: connection.execute(text("CREATE TABLE kept (n INTEGER PRIMARY KEY)")))

    async def slow(number: int) -> None:
        async with database.writing() as session:
            await (await session.connection()).execute(INSERT, {"n": number})
            await asyncio.sleep(0.05)

    def quick(number: int) -> Awaitable[object]:
        return database.write(lambda connection: connection.execute(INSERT, {"n": number}))

    await asyncio.gather(slow(1), quick(2), slow(3), quick(4))
    query = text("SELECT count(*) FROM kept")
    assert await database.read(lambda connection: connection.execute(query).scalar_one()) == 4
    await database.close()
