"""A backend is caught amid a transaction, or nobody is."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg

from consentry.demo.postgresql import OWNER
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
