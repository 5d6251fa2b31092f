"""A real PostgreSQL server in a folder of its own, on a Unix socket and a free port; never run by root.

What is made here is for trials: whoever may enter the folder may use the server without a password.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from consentry.errors import ConfigurationError

ACCOUNTS: Final = ("postgres", "nobody")
"""Who runs the server where we run as root: it refuses to."""
OWNER: Final = "consentry"
_AMID: Final = b"""
    SELECT pid FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
        AND xact_start IS NOT NULL AND (%(pid)s::integer IS NULL OR pid = %(pid)s)
    ORDER BY backend_xid IS NULL, random() LIMIT 1
"""
"""A backend amid a transaction, rather one that wrote already; with a number, that one alone."""
_MOST_LOOKS: Final = 1_000
_MOST_SECONDS: Final = 2
_MOST_HELD: Final = 1.0
"""Seconds for which a stopped process may keep the server from answering."""


def find_program(name: str) -> Path | None:
    """Finds a program of the server: beside its others where Debian puts them, newest first, or on the PATH."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: -float(path.parts[4]))
    found = shutil.which(name)
    return kept[0] if kept else Path(found) if found else None


def programs() -> tuple[Path, Path]:
    """Gives ``initdb`` and ``postgres``.

    Raises:
        ConfigurationError: they are not installed.
    """
    found = find_program("initdb"), find_program("postgres")
    if found[0] is None or found[1] is None:
        raise ConfigurationError("PostgreSQL is not installed: ./scripts/servers installs it, as root on Debian")
    return found[0], found[1]


@dataclass
class Cluster:
    """The files of a server, and how it is started and reached; it is not started here."""

    folder: Path
    port: int

    @classmethod
    def make(cls, initdb: Path, folder: Path, port: int) -> Cluster:
        """Makes an empty cluster.

        Args:
            initdb: the program.
            folder: short, as the path of a Unix socket must be, and one that the server's account can walk to.
            port: a free one.

        Raises:
            ConfigurationError: it cannot be made.
        """
        made = cls(folder, port)
        if made.account:
            shutil.chown(folder, made.account, None)
        form = ["--username", OWNER, "--encoding", "UTF8", "--no-locale", "--no-sync"]
        access = ["--auth-local", "trust", "--auth-host", "scram-sha-256"]
        done = subprocess.run(  # noqa: S603 - fixed arguments
            [initdb, "--pgdata", folder / "data", *form, *access],
            capture_output=True,
            text=True,
            check=False,
            **made.surroundings(),
        )
        if done.returncode:
            raise ConfigurationError(f"PostgreSQL cannot make a cluster: {' '.join(done.stderr.split())[-300:]}")
        return made

    @property
    def account(self) -> str | None:
        """The account that runs the server; none where it is our own."""
        if os.geteuid() != 0:
            return None
        known = {line.partition(":")[0] for line in Path("/etc/passwd").read_text().splitlines()}
        return next(name for name in ACCOUNTS if name in known)

    def command(self, postgres: Path, **settings: str) -> list[str]:
        """Gives the command that serves the cluster in the foreground."""
        own = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": str(self.folder)}
        options = [part for name, value in {**own, **settings}.items() for part in ("-c", f"{name}={value}")]
        return [str(postgres), "-D", str(self.folder / "data"), *options]

    def surroundings(self) -> dict[str, Any]:
        """Gives what a process of the server is started with: its account, folder and environment."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        as_account: dict[str, Any] = {"user": self.account, "extra_groups": []} if self.account else {}
        return {"cwd": self.folder, "env": environment, **as_account}

    def url(self, name: str) -> str:
        """Gives the URL of a database."""
        return f"postgresql+psycopg://{OWNER}@/{name}?host={self.folder}&port={self.port}"

    def execute(self, statement: str) -> None:
        """Runs one statement of ours outside a transaction."""
        with psycopg.connect(conninfo=self._place("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def answers(self) -> bool:
        """Tells whether the server takes a statement."""
        try:
            self.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def stop_amid_transaction(self, name: str) -> int | None:
        """Stops a process that serves a connection to a database, amid a transaction: it can be killed right there.

        Returns:
            The process, which stays stopped; none if the server does not answer or nobody is amid a transaction.
        """
        try:
            with psycopg.connect(conninfo=self._place(name), autocommit=True) as connection:
                for _ in range(_MOST_LOOKS):
                    row = connection.execute(_AMID, {"pid": None}).fetchone()
                    if row is not None and _is_stopped_amid(connection, int(row[0])):
                        return int(row[0])
        except psycopg.Error:
            return None
        return None

    def _place(self, name: str) -> str:
        where = {"host": str(self.folder), "port": str(self.port), "user": OWNER, "dbname": name}
        limits = {"connect_timeout": str(_MOST_SECONDS), "options": f"-c statement_timeout={_MOST_SECONDS}s"}
        return psycopg.conninfo.make_conninfo("", **where, **limits)


def _is_stopped_amid(connection: psycopg.Connection, pid: int) -> bool:
    """Stops a process; lets it go on if its transaction ended before it stood still, or that cannot be told.

    A process that holds a lock within the server, as it does while it commits, keeps the server from answering: neither
    it nor the question then ends by itself. Such a one goes on after a while, and is no victim.
    """
    held, gone_on = False, threading.Event()
    waiting = threading.Timer(_MOST_HELD, _go_on, (pid, gone_on))
    try:
        os.kill(pid, signal.SIGSTOP)
        waiting.start()
        held = connection.execute(_AMID, {"pid": pid}).fetchone() is not None
    except ProcessLookupError:
        return False
    finally:
        waiting.cancel()
        if waiting.ident is not None:
            waiting.join()
        if not held:
            _go_on(pid, gone_on)
    return held and not gone_on.is_set()


def _go_on(pid: int, gone_on: threading.Event) -> None:
    gone_on.set()
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
