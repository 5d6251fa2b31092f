"""The engine, installed before each test, and a folder for a chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from consentry.ledger import node


@pytest.fixture(autouse=True)
def _installed(engine: Path) -> None:
    """Has the engine installed, also for tests that only start it."""
    assert engine.is_file()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A folder for a chain, which is stopped afterwards."""
    folder = tmp_path / "chain"
    yield folder
    node.down(folder)
