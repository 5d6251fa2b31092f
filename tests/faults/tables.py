"""The real tables under a story: outbox, vault and projection on SQLite files that outlive a process.

A transaction may fail before it is committed, and a process may end in the middle of one: nothing of it is there then.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, event
from sqlmodel.ext.asyncio.session import AsyncSession

from consentry.core import events
from consentry.core.chain import ChainIdentity
from consentry.database.engine import Database
from consentry.directory.mirror import Mirror
from consentry.directory.projection import Follower, snapshot_rows
from consentry.directory.schema import SCHEMA as DIRECTORY
from consentry.directory.views import Directory
from consentry.errors import VaultUnavailableError
from consentry.ledger.chain import ChainLedger
from consentry.vault.objects import ObjectStore
from consentry.vault.outbox import RequestOutbox
from consentry.vault.schema import SCHEMA as VAULT
from consentry.vault.store import RecordVault
from tests.faults.node import Rules
from tests.faults.plan import Plan
from tests.faults.process import Process, failing
from tests.faults.promises import Promises, demand
from tests.faults.stores import Following
from tests.support import samples
from tests.support.memory_kms import MemoryKms

Result = TypeVar("Result")


def make_template(folder: Path) -> Path:
    """Makes the empty database that every story begins with."""
    file = folder / "empty.db"
    for schema in (VAULT, DIRECTORY):
        asyncio.run(schema.upgrade(f"sqlite+aiosqlite:///{file}"))
    return file


class TearingDatabase(Database):
    """A database of one process, whose transactions may be torn."""

    def __init__(self, url: str, process: Process, plan: Plan) -> None:
        super().__init__(url)
        self._process = process
        self._plan = plan

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Opens a transaction that may be torn, or whose end is not told."""
        self._process.pass_point()
        async with super().writing() as session:
            yield session
            self._process.pass_point()
            if self._plan.happens("torn-write"):
                raise OSError("disk is full (simulated)")
        self._process.pass_point()
        if self._plan.happens("store-reply-lost"):
            raise VaultUnavailableError("answer of the database was lost (simulated)")

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Does something in a transaction that may be torn, or whose end is not told."""

        def torn(connection: Connection) -> Result:
            done = work(connection)
            self._process.pass_point()
            if self._plan.happens("torn-write"):
                raise OSError("disk is full (simulated)")
            return done

        self._process.pass_point()
        done = await super().write(torn)
        self._process.pass_point()
        if self._plan.happens("store-reply-lost"):
            raise VaultUnavailableError("answer of the database was lost (simulated)")
        return done


class Objects:
    """Objects in a dictionary; as much of `ObjectStore` as sealing needs."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, name: str, pieces: AsyncIterable[bytes]) -> None:
        """Stores an object whole."""
        self.kept[name] = b"".join([piece async for piece in pieces])

    async def delete(self, name: str) -> None:
        """Deletes an object."""
        self.kept.pop(name, None)


class WatchedKms:
    """A key service at which every unwrapping is a release."""

    def __init__(self, inner: MemoryKms, promises: Promises) -> None:
        self._inner = inner
        self._promises = promises

    async def unwrap(self, subject_ref: bytes, wrapped: bytes, context: bytes) -> bytes:
        """Unwraps, and has the promises looked at."""
        self._promises.check_release()
        return await self._inner.unwrap(subject_ref, wrapped, context)


class TableStores:
    """One SQLite file a story, each process with connections of its own."""

    numbers = itertools.count()

    def __init__(self, template: Path) -> None:
        self._template = template
        self._files: list[Path] = []
        self._open: list[Database] = []
        self._raw: list[Any] = []
        self._followed: list[tuple[Mirror, Follower]] = []

    def url(self) -> str:
        """Makes an empty database."""
        file = self._template.with_name(f"{next(self.numbers)}.db")
        shutil.copyfile(self._template, file)
        self._files.append(file)
        return f"sqlite+aiosqlite:///{file}"

    def database(self, url: str, process: Process | None = None, plan: Plan | None = None) -> Database:
        """Opens a database, which fails if it is one of a process."""
        made = TearingDatabase(url, process, plan) if process and plan else Database(url)
        self._open.append(made)
        event.listen(made.engine.sync_engine, "connect", lambda raw, _: self._raw.append(raw.driver_connection))
        return made

    async def open(self, promises: Promises) -> None:
        """Begins with an empty file."""
        self._own = self.url()
        self._plain = self.database(self._own)
        self._kms, self._objects = MemoryKms(), cast("ObjectStore", Objects())
        self._watched = WatchedKms(self._kms, promises)

    @staticmethod
    def _now() -> int:
        return samples.NOW + int(asyncio.get_running_loop().time())

    def first_vault(self) -> RecordVault:
        """Gives a vault that does not fail."""
        return RecordVault(self._plain, self._objects, self._kms, clock=self._now)

    def vault(self, process: Process, plan: Plan, down: dict[str, bool]) -> RecordVault:
        """Gives the vault of a process."""
        kms: Any = failing(self._watched, process, plan, down, "key service")
        return RecordVault(self.database(self._own, process, plan), self._objects, kms, clock=self._now)

    def outbox(self, process: Process, plan: Plan) -> RequestOutbox:
        """Gives the outbox of a process."""
        return RequestOutbox(self.database(self._own, process, plan), clock=self._now)

    def look_at_outbox(self) -> RequestOutbox:
        """Gives an outbox that does not fail."""
        return RequestOutbox(self._plain, clock=self._now)

    def projection(self, ledger: ChainLedger, rules: Rules, process: Process, plan: Plan) -> Following:
        """Gives views in memory and the follower that feeds them."""
        self._rules, self._identity = rules, ledger._manifest.identity
        database = self.database(self._own, process, plan)
        follower = self._follower(database, ledger, self._identity)
        mirror = Mirror(database, follower)
        self._followed = [pair for pair in self._followed if _lives(pair[0])] + [(mirror, follower)]
        mirror.__dict__["process"] = process
        return mirror, follower.catch_up

    @staticmethod
    def _follower(database: Database, ledger: ChainLedger, identity: ChainIdentity) -> Follower:
        return Follower(database, ledger, identity, blocks_a_step=7)

    async def check(self, ledger: ChainLedger) -> None:
        """Compares the tables with a rebuild, and every view in memory with the tables (P7).

        Raises:
            BrokenPromiseError: they differ.
        """
        for mirror, follower in self._followed:
            if _lives(mirror):
                await follower.catch_up()
                await self._check_mirror(mirror, ledger)
        rebuilt = self.database(self.url())
        await Follower(rebuilt, ledger, self._identity).catch_up()
        same = await snapshot_rows(self._plain) == await snapshot_rows(rebuilt)
        demand(same, "P7: the projection is not what a rebuild makes")

    async def _check_mirror(self, mirror: Mirror, ledger: ChainLedger) -> None:
        tables = Directory(self._plain, self._follower(self._plain, ledger, self._identity))
        for told in self._rules.log:
            pairs: list[tuple[object, object]] = []
            if isinstance(told, events.InstitutionAdmitted):
                address = told.institution
                pairs = [(await mirror.institution(address), await tables.institution(address))]
            elif isinstance(told, events.RecordAnchored):
                pairs = [(await mirror.record(told.record_id), await tables.record(told.record_id))]
            elif isinstance(told, events.ConsentGranted):
                pairs = [(await mirror.consent(told.consent_id), await tables.consent(told.consent_id))]
            demand(all(one == other for one, other in pairs), "P7: a view in memory is not what the tables say")

    async def close(self) -> None:
        """Closes every connection and removes the files."""
        for database in self._open:
            await database.close()
        for raw in self._raw:
            # A process that ended in a transaction has given nothing back.
            await raw.close()
        for file in self._files:
            for part in file.parent.glob(f"{file.name}*"):
                part.unlink()


def _lives(mirror: Mirror) -> bool:
    process: Process = mirror.__dict__["process"]
    return process.alive
