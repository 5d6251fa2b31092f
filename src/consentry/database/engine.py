"""One database: SQLite with a write-ahead log by default, PostgreSQL with psycopg in production.

Every room has its own metadata and its own migrations; they may share one database file, because each keeps its own
version table.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, MetaData, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from consentry.database.commits import Commits
from consentry.errors import ConfigurationError, ConflictError, InvalidInputError, VaultUnavailableError

_DRIVERS: Final = ("sqlite+aiosqlite", "postgresql+psycopg")
_WRITES: Final = "consentry_writes"
_FILE_MODE: Final = 0o600
_READERS: Final = 4
_PATIENCE_SECONDS: Final = 10
_IDLE_SECONDS: Final = 60
_STATEMENT_SECONDS: Final = 60
"""A rebuild reads everything in one statement; nothing may take longer."""
Result = TypeVar("Result")
_WRITER: Final = 0x636F6E73656E7472
"""Number of the lock that the one writer of a PostgreSQL database holds: ``consentr``."""


def own_metadata() -> MetaData:
    """Gives the metadata of one room: apart from all others, with stable constraint names for the migrations."""
    return MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Database:
    """One engine and its transactions; nothing of SQLAlchemy's errors leaves it.

    One transaction of this process writes at a time; the next begins when it is told, not when it looks again.

    Args:
        url: ``sqlite+aiosqlite:///path`` or ``postgresql+psycopg://...``.

    Raises:
        ConfigurationError: the URL or its driver cannot be used.

    Attributes:
        engine: the engine of the transactions that are written with ``await``.
        commits: transactions that many writers share.
    """

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        self.commits = Commits(self.write)
        plain = _plain_engine(url)
        self._writer = plain.execution_options(**{_WRITES: True})
        self._reader = plain.execution_options(**_reading(plain.dialect.name))
        self._writer_thread = ThreadPoolExecutor(1, "database-writer")
        self._reader_threads = ThreadPoolExecutor(_READERS, "database-reader")
        self._turn = asyncio.Lock()
        options: dict[str, Any] = {"class_": AsyncSession, "expire_on_commit": False}
        looking = self.engine.execution_options(**_reading(self.engine.dialect.name))
        self._reading = async_sessionmaker(looking, **options)
        self._writing = async_sessionmaker(as_writer(self.engine), **options)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Opens a transaction that only looks, at one state of the database from its first look on.

        Raises:
            VaultUnavailableError: the database does not answer.
        """
        with _Translated():
            async with self._reading() as session, session.begin():
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Opens a transaction that changes something; it is durable when the block is left.

        Raises:
            VaultUnavailableError: the database does not answer.
            ConflictError: a row of that key is already there.
            InvalidInputError: a value is none that the database can hold.
        """
        with _Translated():
            async with self._turn, self._writing() as session, session.begin():
                yield session

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Does something in one writing transaction, in the thread that writes; it is durable when this returns.

        One hop to another thread, however many statements there are. Whoever goes away meanwhile does not stop it.

        Args:
            work: is given the connection; runs in that thread.

        Raises:
            ConsentryError: as of `writing`, or what the work raises; nothing was written then.
        """

        def run() -> Result:
            with _Translated(), self._writer.begin() as connection:
                return work(connection)

        async with self._turn:
            return await asyncio.get_running_loop().run_in_executor(self._writer_thread, run)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Does something in one transaction that only looks, in a thread: one hop, however many statements there are.

        Args:
            work: is given the connection; runs in that thread.

        Raises:
            ConsentryError: as of `reading`, or what the work raises.
        """

        def run() -> Result:
            with _Translated(), self._reader.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._reader_threads, run)

    async def forget_old_pages(self) -> None:
        """Empties the write-ahead log of SQLite, where pages stay as they were before a change.

        PostgreSQL keeps old rows until it vacuums, and its log as long as it is set to; that is its operator's to do.

        Raises:
            VaultUnavailableError: the database does not answer, or somebody reads for so long that the log is needed.
        """
        if self.engine.dialect.name != "sqlite":
            return
        with _Translated():
            async with self.engine.connect() as connection:
                # Past SQLAlchemy: inside a transaction the log cannot be emptied.
                raw = (await connection.get_raw_connection()).driver_connection
                async with _driver(raw).execute("PRAGMA wal_checkpoint(TRUNCATE)") as cursor:
                    busy, *_ = await cursor.fetchone()
        if busy:
            raise VaultUnavailableError("database cannot empty its log now (a reader needs it)")

    async def close(self) -> None:
        """Gives back all connections."""
        await self.engine.dispose()
        for threads in (self._writer_thread, self._reader_threads):
            await asyncio.to_thread(threads.shutdown)
        self._writer.dispose()


def _driver(connection: object) -> Any:  # noqa: ANN401 - the driver's own connection, which SQLAlchemy does not type
    if connection is None:
        raise VaultUnavailableError("database cannot serve (no connection)")
    return connection


def create_engine(url: str) -> AsyncEngine:
    """Makes an engine with the settings that durability asks for.

    SQLite: write-ahead log, a sync at every commit, foreign keys, 10 s of patience for the one writer, zeros over
    whatever is deleted or changed, and the write lock taken when a writing transaction begins, so that reading first
    can never end in a busy snapshot.

    PostgreSQL: the same promises. A writing transaction first takes one lock for the whole database, with the same 10 s
    of patience, so what it has read still stands when it writes; one that looks sees one state. A connection that the
    server gave up is replaced before it is used.

    Raises:
        ConfigurationError: the URL or its driver cannot be used.
    """
    if not url.startswith(tuple(f"{driver}:" for driver in _DRIVERS)):
        raise ConfigurationError(
            f"database URL does not match (got {url.partition(':')[0]}, expected {' or '.join(_DRIVERS)})"
        )
    try:
        engine = create_async_engine(url, **_options(url))
    except (ImportError, SQLAlchemyError) as error:
        raise ConfigurationError(f"database URL cannot be used ({type(error).__name__})") from error
    _prepare(engine.sync_engine)
    return engine


def _prepare(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "begin", _begin_postgresql)


def _options(url: str) -> dict[str, Any]:
    """What every engine is made with: no value of a statement in a message, and no waiting for a server for ever."""
    if url.startswith("sqlite"):
        return {"hide_parameters": True}
    limits = {
        "connect_timeout": _PATIENCE_SECONDS,
        # Of what was sent and is not acknowledged: a server that is cut off does not say so.
        "tcp_user_timeout": _PATIENCE_SECONDS * 1000,
        "options": f"-c statement_timeout={_STATEMENT_SECONDS}s",
    }
    return {"hide_parameters": True, "pool_pre_ping": True, "connect_args": limits}


def _plain_engine(url: str) -> Engine:
    """Makes the engine of the threads that write and look, for a URL that `create_engine` took."""
    engine = sqlalchemy.create_engine(url.replace("sqlite+aiosqlite", "sqlite", 1), **_options(url))
    _prepare(engine)
    return engine


def does_not_answer(error: Exception) -> bool:
    """Whether an error of ours means that the database's server does not answer now."""
    return isinstance(error.__cause__, OperationalError | InterfaceError | ConnectionError)


def as_writer(engine: AsyncEngine) -> AsyncEngine:
    """Gives the same engine for transactions that change something."""
    return engine.execution_options(**{_WRITES: True})


def _reading(dialect: str) -> dict[str, Any]:
    if dialect == "sqlite":
        return {}
    return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def keep_private(url: str) -> None:
    """Makes a database file one's own to read, and creates it so; SQLite gives its log and index files the same mode.

    Raises:
        OSError: the file cannot be made, or belongs to another account.
    """
    driver, _, path = url.partition(":///")
    if not driver.startswith("sqlite") or not path or path.startswith((":", "file:")):
        return
    file = Path(path.partition("?")[0])
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, _FILE_MODE))
    for part in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        if part.exists():
            part.chmod(_FILE_MODE)


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own adapter
    # The driver would begin transactions by itself, always as readers; `_begin_sqlite` does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={_PATIENCE_SECONDS * 1000}",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES, False):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE_SECONDS}s'")
        # A gateway whose machine is gone must not hold the lock until the network notices.
        connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER})")


class _Translated:
    """Turns SQLAlchemy's errors into ours; errors of our own pass."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, IntegrityError):
            raise ConflictError("row does not match (got present or not allowed, expected absent and valid)") from error
        if isinstance(error, DataError):
            raise InvalidInputError("value does not match (got one that the database cannot hold)") from error
        if isinstance(error, DBAPIError | SQLAlchemyError | OSError):
            raise VaultUnavailableError(f"database cannot serve ({type(error).__name__})") from error
