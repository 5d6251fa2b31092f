"""The implementations of the ledger port, each populated once a module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.ledger_worlds import LedgerWorld, open_world


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["memory", "in-process", "embedded"])
async def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LedgerWorld]:
    """One populated ledger for all tests; each test brings its own subjects."""
    if request.param == "embedded":
        request.getfixturevalue("engine")
    async with open_world(request.param, tmp_path_factory.mktemp("ledger") / "chain") as made:
        yield made
