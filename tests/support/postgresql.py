"""A real PostgreSQL server in a temporary folder, on a Unix socket and a free port, run by an account that is not root.

Writes are not synced to disk: what survives a power loss is PostgreSQL's own promise, and no test of ours pulls a plug.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from consentry.demo.gateways import free_port

ACCOUNTS = ("postgres", "nobody")
"""Who runs the server where the tests run as root: it refuses to."""
OWNER = "consentry"
WAIT_SECONDS = 60.0


def find_program(name: str) -> Path | None:
    """Finds a program of the server: beside its others where Debian puts them, newest first, or on the PATH."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: -float(path.parts[4]))
    found = shutil.which(name)
    return kept[0] if kept else Path(found) if found else None


@dataclass
class PostgresServer:
    """A server that runs."""

    folder: Path
    port: int

    def __post_init__(self) -> None:
        self._numbers = count()

    def url(self, name: str) -> str:
        """Gives the URL of a database."""
        return f"postgresql+psycopg://{OWNER}@/{name}?host={self.folder}&port={self.port}"

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

    def execute(self, statement: str) -> None:
        """Runs one statement of ours outside a transaction."""
        where = {"host": str(self.folder), "port": str(self.port), "user": OWNER, "dbname": "postgres"}
        with psycopg.connect(conninfo=psycopg.conninfo.make_conninfo(**where), autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def run_postgresql(initdb: Path, postgres: Path) -> Iterator[PostgresServer]:
    """Makes a cluster and serves it; all of it is gone at the end."""
    # A Unix socket's path is short by law of the kernel, and the server's account must be able to walk to it.
    folder = Path(tempfile.mkdtemp(prefix="consentry-pg-"))
    account, port = _other_account(), free_port()
    data = folder / "data"
    try:
        if account:
            shutil.chown(folder, account, None)
        form = ["--username", OWNER, "--encoding", "UTF8", "--no-locale", "--no-sync"]
        access = ["--auth-local", "trust", "--auth-host", "scram-sha-256"]
        _run([initdb, "--pgdata", data, *form, *access], account, folder)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "max_connections": "200",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [postgres, "-D", data, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=_environment(folder),
                **_as(account),
            )
        try:
            server = PostgresServer(folder, port)
            _wait_until_it_answers(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(WAIT_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _other_account() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {line.partition(":")[0] for line in Path("/etc/passwd").read_text().splitlines()}
    return next(name for name in ACCOUNTS if name in known)


def _as(account: str | None) -> dict[str, Any]:
    return {"user": account, "extra_groups": []} if account else {}


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}


def _run(command: list[str | Path], account: str | None, folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False, **_as(account)
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _wait_until_it_answers(server: PostgresServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            server.execute("SELECT 1")
        except psycopg.OperationalError:
            said = (server.folder / "log").read_text()
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        else:
            return
