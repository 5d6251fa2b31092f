"""The tables of an eventful month, written once for the tests that only read them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from consentry.reports.opened import OpenedTables
from tests.support.audit_folder import audited
from tests.support.province_life import eventful_month


@pytest.fixture(scope="session")
def month_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gives the folder of an audit of the eventful month."""
    folder = tmp_path_factory.mktemp("month")
    asyncio.run(audited(eventful_month().reader(), folder))
    return folder


@pytest.fixture
def tables(month_folder: Path) -> Iterator[OpenedTables]:
    """Gives those tables, opened."""
    with OpenedTables(month_folder) as opened:
        yield opened
