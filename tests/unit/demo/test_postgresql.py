"""A backend is caught amid a transaction, or nobody is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg
import pytest

from consentry.demo.postgresql import OWNER, Cluster
from tests.support.postgresql import PostgresServer


def connected(server: PostgresServer, name: str) -> psycopg.Connection:
    """Gives a connection to a database, with no transaction begun."""
    return psycopg.connect(host=str(server.folder), port=server.port, user=OWNER, dbname=name)


def test_backend_is_stopped_amid_its_transaction(postgresql: PostgresServer) -> None:
    url = postgresql.make_database()
    with (
        connected(postgresql, postgresql.name_of(url)) as writer,
        connected(postgresql, postgresql.name_of(url)) as idle,
    ):
        writer.execute("CREATE TABLE kept (number integer)")

        stopped = postgresql.stop_amid_transaction(postgresql.name_of(url))

        assert stopped == writer.info.backend_pid != idle.info.backend_pid
        assert Path(f"/proc/{stopped}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        os.kill(stopped, signal.SIGCONT)
    postgresql.drop_database(url)


def test_nobody_is_stopped_where_no_transaction_is_open(postgresql: PostgresServer) -> None:
    url = postgresql.make_database()
    with connected(postgresql, postgresql.name_of(url)) as idle:
        assert postgresql.stop_amid_transaction(postgresql.name_of(url)) is None
        assert idle.execute("SELECT 1").fetchone() == (1,)
    postgresql.drop_database(url)


def state_of(pid: int) -> str:
    """Gives the letter by which Linux tells whether a process runs, sleeps or is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@dataclass
class HeldUp:
    """A connection to a server whose one backend holds a lock that every answer needs."""

    backend: int
    looks: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def execute(self, _: bytes, asked: Mapping[str, int | None]) -> Self:
        self.looks += asked["pid"] is None
        if asked["pid"] is not None:
            self._wait_while(stopped=False)
            self._wait_while(stopped=True)
        return self

    def _wait_while(self, *, stopped: bool) -> None:
        while (state_of(self.backend) == "T") == stopped:
            time.sleep(0.01)

    def fetchone(self) -> tuple[int] | None:
        return (self.backend,) if self.looks == 1 else None


def test_backend_that_keeps_the_server_from_answering_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as backend:
        try:
            monkeypatch.setattr(psycopg, "connect", lambda **_: HeldUp(backend.pid))
            assert Cluster(Path(), 0).stop_amid_transaction("any") is None
            assert state_of(backend.pid) != "T"
        finally:
            backend.kill()
