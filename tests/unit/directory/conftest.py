"""Databases of a projection, each a copy of one that was made once."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consentry.directory.schema import SCHEMA
from tests.support.postgresql import PostgresServer

MakeDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def empty_in_postgresql(postgresql: PostgresServer) -> str:
    """The URL of a database that holds the empty tables."""
    url = postgresql.make_database()
    asyncio.run(SCHEMA.upgrade(url))
    return url


@pytest.fixture
async def make_sqlite(tmp_path: Path) -> MakeDatabase:
    """Gives a function that makes an empty database in a file and gives its URL."""
    empty, numbers = tmp_path / "empty.db", itertools.count()
    await SCHEMA.upgrade(f"sqlite+aiosqlite:///{empty}")

    def make() -> str:
        target = tmp_path / f"projection-{next(numbers)}.db"
        shutil.copyfile(empty, target)
        return f"sqlite+aiosqlite:///{target}"

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def make_database(request: pytest.FixtureRequest) -> Iterator[MakeDatabase]:
    """Gives a function that makes an empty database of each kind and gives its URL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("make_sqlite")
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    empty: str = request.getfixturevalue("empty_in_postgresql")
    made: list[str] = []

    def make() -> str:
        made.append(server.make_database(like=empty))
        return made[-1]

    yield make
    for url in made:
        server.drop_database(url)
