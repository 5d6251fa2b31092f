"""Databases of a projection, each a copy of one that was made once."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from consentry.directory.schema import SCHEMA

MakeDatabase = Callable[[], str]


@pytest.fixture
async def make_database(tmp_path: Path) -> MakeDatabase:
    """Gives a function that makes an empty database and gives its URL."""
    empty, numbers = tmp_path / "empty.db", itertools.count()
    await SCHEMA.upgrade(f"sqlite+aiosqlite:///{empty}")

    def make() -> str:
        target = tmp_path / f"projection-{next(numbers)}.db"
        shutil.copyfile(empty, target)
        return f"sqlite+aiosqlite:///{target}"

    return make
