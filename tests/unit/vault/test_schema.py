"""Migrations: up from nothing, equal to the code, down and up again with data; the database checks rows itself."""

from __future__ import annotations

import asyncio
import threading
import traceback
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from consentry.errors import ConfigurationError, ConflictError, InvalidInputError, VaultUnavailableError
from consentry.vault import schema
from consentry.vault.database import Database, create_engine
from consentry.vault.tables import KeptRequest, StoredObject
from tests.support.postgresql import PostgresServer
from tests.unit.vault.conftest import Bench


async def test_upgrade_twice_equals_the_code(bench: Bench) -> None:
    await schema.upgrade(bench.url)
    await schema.check(bench.url)


async def test_check_of_changed_tables_is_refused(bench: Bench) -> None:
    async with bench.database.writing() as session:
        await (await session.connection()).exec_driver_sql("ALTER TABLE releases ADD COLUMN extra TEXT")
    with pytest.raises(ConfigurationError):
        await schema.check(bench.url)


async def test_downgrade_and_upgrade_leave_foreign_tables_alone(bench: Bench) -> None:
    async with bench.database.writing() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("CREATE TABLE of_another_room (id INTEGER)")
        await connection.exec_driver_sql("INSERT INTO of_another_room VALUES (7)")
    await schema.downgrade(bench.url, "base")
    await schema.upgrade(bench.url)
    await schema.check(bench.url)
    async with bench.database.reading() as session:
        rows = await (await session.connection()).exec_driver_sql("SELECT id FROM of_another_room")
        assert rows.scalar_one() == 7


async def test_database_of_a_newer_version_is_refused(bench: Bench) -> None:
    async with bench.database.writing() as session:
        await (await session.connection()).exec_driver_sql("UPDATE vault_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="vault tables do not match"):
        await schema.upgrade(bench.url)


async def test_sqlite_runs_with_the_settings_durability_asks_for(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/gateway.db")
    async with database.reading() as session:
        connection = await session.connection()
        settings = {
            name: (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    await database.close()


async def test_writers_come_one_after_another_and_a_reader_sees_one_state(bench: Bench) -> None:
    """Whatever the kind of database: what a writer has read still stands when it writes."""
    other, written = Database(bench.url), asyncio.Event()

    async def count(session: AsyncSession) -> int:
        return len((await session.exec(select(StoredObject))).all())

    async def write_what_was_counted(database: Database) -> None:
        async with database.writing() as session:
            number = await count(session)
            await asyncio.sleep(0.05)
            session.add(row(object_id=bytes([number]) * 32, header=bytes([number]) * 56))
        written.set()

    async with bench.database.reading() as reader:
        assert await count(reader) == 0
        writers = [asyncio.create_task(write_what_was_counted(database)) for database in (bench.database, other) * 2]
        await written.wait()
        assert await count(reader) == 0
        await asyncio.gather(*writers)
        assert await count(reader) == 0
    async with other.reading() as reader:
        assert await count(reader) == 4
    await other.close()


async def test_a_transaction_that_only_looks_cannot_write_in_postgresql(postgresql: PostgresServer) -> None:
    database = Database(postgresql.make_database())
    with pytest.raises(VaultUnavailableError):
        async with database.reading() as session:
            await (await session.connection()).exec_driver_sql("CREATE TABLE looked (id INTEGER)")
    await database.close()


async def test_connection_that_the_server_gave_up_is_replaced(postgresql: PostgresServer) -> None:
    url = postgresql.make_database()
    await schema.upgrade(url)
    database = Database(url)
    async with database.reading() as session:
        assert await session.get(StoredObject, bytes(32)) is None
    postgresql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    async with database.reading() as session:
        assert await session.get(StoredObject, bytes(32)) is None
    await database.close()


async def test_postgresql_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://nobody@/none?host={tmp_path}"
    database = Database(url)
    with pytest.raises(VaultUnavailableError):
        async with database.reading() as session:
            await session.get(StoredObject, bytes(32))
    with pytest.raises(VaultUnavailableError):
        await schema.upgrade(url)
    await database.close()


async def test_upgrades_at_once_make_the_tables_once(database_url: str) -> None:
    await asyncio.gather(*(schema.upgrade(database_url) for _ in range(3)))
    await schema.check(database_url)


async def test_password_of_postgresql_is_asked_for_and_never_told(postgresql: PostgresServer) -> None:
    name = PostgresServer.name_of(postgresql.make_database())
    postgresql.execute("ALTER ROLE consentry PASSWORD 'right-password'")
    await schema.upgrade(postgresql.url_with_password(name, "right-password"))
    database = Database(postgresql.url_with_password(name, "wrong-password"))
    with pytest.raises(VaultUnavailableError) as raised:
        async with database.reading() as session:
            await session.get(StoredObject, bytes(32))
    shown = "".join(traceback.format_exception(raised.value)) + repr(database.engine)
    assert "wrong-password" not in shown
    await database.close()


async def test_text_that_postgresql_cannot_hold_is_invalid(postgresql: PostgresServer) -> None:
    url = postgresql.make_database()
    await schema.upgrade(url)
    database = Database(url)
    with pytest.raises(InvalidInputError):
        async with database.writing() as session:
            session.add(row(media_type="text/\x00plain"))
    await database.close()


def row(**changes: Any) -> StoredObject:  # noqa: ANN401 - any column may be wrong on purpose
    fields: dict[str, Any] = {
        "object_id": bytes(32),
        "subject_id": bytes(32),
        "version": 1,
        "suite": 1,
        "media_type": "text/plain",
        "plaintext_size": 0,
        "ciphertext_size": 72,
        "ciphertext_sha256": bytes(32),
        "header": bytes(56),
        "commitment": bytes(32),
        "wrapped_keys": bytes(84),
        "state": "sealed",
        "created_at": 0,
    }
    return StoredObject(**(fields | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"object_id": bytes(31)},
        {"record_id": b"x"},
        {"subject_id": b""},
        {"header": bytes(55)},
        {"ciphertext_sha256": bytes(20)},
        {"commitment": bytes(33)},
        {"version": 0},
        {"ciphertext_size": 0},
        {"state": "lost"},
        {"wrapped_keys": b""},
        {"state": "erased"},
    ],
)
async def test_database_refuses_a_malformed_row(bench: Bench, changes: dict[str, Any]) -> None:
    with pytest.raises(ConflictError):
        async with bench.database.writing() as session:
            session.add(row(**changes))


async def write_one_good_and_one_bad(bench: Bench) -> None:
    async with bench.database.writing() as session:
        session.add(
            KeptRequest(institution=bytes(20), request_id=bytes(32), payload="", state="received", created_at=0)
        )
        await session.flush()
        session.add(row(version=0))


async def test_writing_rolls_back_as_a_whole(bench: Bench) -> None:
    with pytest.raises(ConflictError):
        await write_one_good_and_one_bad(bench)
    async with bench.database.reading() as session:
        assert await session.get(KeptRequest, (bytes(20), bytes(32))) is None


async def test_reader_goes_on_while_a_writer_works(bench: Bench) -> None:
    async with bench.database.writing() as writer:
        writer.add(row())
        await writer.flush()
        async with bench.database.reading() as reader:
            assert await reader.get(StoredObject, bytes(32)) is None
    async with bench.database.reading() as reader:
        assert await reader.get(StoredObject, bytes(32)) is not None


@pytest.mark.parametrize("url", ["", "sqlite:///x", "mysql+asyncmy://x", "postgresql://x", "postgresql+asyncpg://x"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        create_engine(url)


async def test_database_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/none/vault.db")
    with pytest.raises(VaultUnavailableError):
        async with database.reading() as session:
            await session.exec(text("SELECT 1"))  # type: ignore[call-overload]  # plain text is not in sqlmodel's overloads
    with pytest.raises(VaultUnavailableError):
        await schema.upgrade(f"sqlite+aiosqlite:///{tmp_path}/none/vault.db")
    # aiosqlite does not wait for the thread of a connection that failed to open; it must end before the loop does.
    while any("_connection_worker_thread" in thread.name for thread in threading.enumerate()):  # noqa: ASYNC110 - a thread tells no event
        await asyncio.sleep(0.001)
