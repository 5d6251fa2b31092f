"""A real PostgreSQL server in a temporary folder, for the tests.

Writes are not synced to disk: what survives a power loss is PostgreSQL's own promise, and no test of ours pulls a plug.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from consentry.demo.gateways import free_port
from consentry.demo.postgresql import OWNER, Cluster, find_program

__all__ = ["OWNER", "PostgresServer", "find_program", "run_postgresql"]
WAIT_SECONDS = 60.0


@dataclass
class PostgresServer(Cluster):
    """A server that runs."""

    def __post_init__(self) -> None:
        self._numbers = count()

    def url_with_password(self, name: str, password: str) -> str:
        """Gives the URL of a database over the network, where the server asks for a password."""
        return f"postgresql+psycopg://{OWNER}:{password}@127.0.0.1:{self.port}/{name}"

    def make_database(self, like: str | None = None) -> str:
        """Makes a database, empty or a copy of another one that nobody is connected to; gives its URL."""
        name = f"made_{next(self._numbers)}"
        copied = f" TEMPLATE {self.name_of(like)}" if like else ""
        self.execute(f"CREATE DATABASE {name}{copied}")
        return self.url(name)

    @staticmethod
    def name_of(url: str) -> str:
        """Gives the name of the database in a URL."""
        return url.partition("@/")[2].partition("?")[0]

    def drop_database(self, url: str) -> None:
        """Removes a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {self.name_of(url)} WITH (FORCE)")


@contextmanager
def run_postgresql(initdb: Path, postgres: Path) -> Iterator[PostgresServer]:
    """Makes a cluster and serves it; all of it is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="consentry-pg-"))
    try:
        made = Cluster.make(initdb, folder, free_port())
        command = made.command(postgres, fsync="off", max_connections="200")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **made.surroundings())
        try:
            server = PostgresServer(folder, made.port)
            _wait_until_it_answers(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(WAIT_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_it_answers(server: PostgresServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not server.answers():
        said = (server.folder / "log").read_text()
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
