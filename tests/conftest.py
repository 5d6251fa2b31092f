"""What is installed or started once for all tests: the engine of the embedded chain, the servers behind the ports."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from consentry.ledger.installation import provide_engine
from tests.support.openbao import OpenBao, run_openbao
from tests.support.postgresql import PostgresServer, find_program, run_postgresql
from tests.support.programs import needed
from tests.support.s3_server import S3Server, run_s3_server
from tests.support.soft_hsm import SoftHsm, find_module, make_token

# How long an example takes depends on what else the machine does; pytest's own limit ends what hangs.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The engine's binary."""
    binary = provide_engine(tmp_path_factory.mktemp("engine") / "state", os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONSENTRY_ANVIL", str(binary))
        yield binary


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """A server of PostgreSQL."""
    initdb, postgres = needed(find_program("initdb"), "initdb"), needed(find_program("postgres"), "postgres")
    with run_postgresql(initdb, postgres) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/gateway.db"
        return
    server: PostgresServer = request.getfixturevalue("postgresql")
    url = server.make_database()
    yield url
    server.drop_database(url)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server with the API of S3."""
    with run_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def soft_hsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """A token of SoftHSM."""
    module = needed(find_module(), "softhsm2")
    with make_token(module, tmp_path_factory.mktemp("softhsm")) as made:
        yield made


@pytest.fixture(scope="session")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """A server of OpenBao."""
    with run_openbao(tmp_path_factory.mktemp("openbao")) as server:
        yield server
