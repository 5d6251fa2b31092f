"""The engine, installed once, and a folder for a chain."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consentry.ledger import node
from consentry.ledger.installation import provide_engine

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The engine's binary, installed once if it is nowhere yet."""
    binary = provide_engine(tmp_path_factory.mktemp("engine") / "state", os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONSENTRY_ANVIL", str(binary))
        yield binary


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A folder for a chain, which is stopped afterwards."""
    folder = tmp_path / "chain"
    yield folder
    node.down(folder)
