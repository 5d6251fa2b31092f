"""The engine of the embedded chain, installed once if it is nowhere yet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from consentry.ledger.installation import provide_engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The engine's binary."""
    binary = provide_engine(tmp_path_factory.mktemp("engine") / "state", os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONSENTRY_ANVIL", str(binary))
        yield binary
