"""What is killed: a chain, a PostgreSQL server, two gateways of one hospital on one database; each is started again.

A part is started again whenever its process ends, for whatever reason, as a service manager does; nothing else is done.

The two gateways have a state folder and a relay account each. They share what makes them one hospital: database, object
store, keyring with its passphrase, and the directory's key.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from consentry.config import Settings, load_settings
from consentry.crypto.signing import AccountKey
from consentry.demo.gateways import free_port, not_ready
from consentry.demo.network import HOSPITALS, PROVINCES, Network
from consentry.demo.postgresql import Cluster, programs
from consentry.errors import ConfigurationError
from consentry.ledger import node
from consentry.ledger.embedded.service import ENDPOINT_NAME
from consentry.ledger.installation import provide_engine
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.processes import process_started
from consentry.wiring.adapters import create_passphrase

A: Final = HOSPITALS[0].name
GATEWAYS: Final = (A, f"{A}-2")
CHAIN: Final = "chain"
DATABASE: Final = "database"
DATABASE_NAME: Final = "hospital_a"
RESTART_SECONDS: Final = 0.2
UP_SECONDS: Final = 120.0
STOP_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.05


class Part:
    """One process, started again whenever it ends."""

    def __init__(self, name: str, command: list[str], log: Path, **surroundings: Any) -> None:  # noqa: ANN401 - of Popen
        """Takes its name, what runs it, where its output goes, and what else the process is given."""
        self.name = name
        self.starts = 0
        self._command, self._log, self._surroundings = command, log, surroundings
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process, while it lives."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def start(self) -> None:
        """Starts it, and starts it again from now on."""
        self._task = asyncio.create_task(self._keep_up())

    async def _keep_up(self) -> None:
        while True:
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, stdin=DEVNULL, stdout=log, stderr=log, start_new_session=True, **self._surroundings
                )
            self.starts += 1
            await self._process.wait()
            await asyncio.sleep(RESTART_SECONDS)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it for good: in good order, or by force if it takes too long."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(how)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class Site:
    """All parts, in one folder; made by `open_site`."""

    def __init__(self, network: Network, cluster: Cluster, postgres: Path) -> None:
        """Takes the parties with their chain's folder, and the server's files with its program."""
        self.network = network
        self.cluster = cluster
        self._ports = {name: free_port() for name in (CHAIN, *GATEWAYS)}
        engine = provide_engine(network.chain_folder, os.environ)
        chain = [sys.executable, "-m", "consentry.ledger.embedded", "--state", str(network.chain_folder)]
        chain += ["--port", str(self._ports[CHAIN]), "--engine", str(engine)]
        database = cluster.command(postgres), cluster.folder / "log"
        self.parts = {
            CHAIN: Part(CHAIN, chain, network.state / "chain.log", env=_environment()),
            DATABASE: Part(DATABASE, *database, **cluster.surroundings()),
        }

    def settings(self, name: str) -> Settings:
        """Gives the settings of one of the gateways."""
        first = self.network.folder(A)
        return load_settings(
            state_dir=self.network.folder(name),
            node_url=f"http://127.0.0.1:{self._ports[CHAIN]}",
            manifest=self.network.manifest_path,
            custodian="0x" + self.network.key(A).address.hex(),
            database_url=self.cluster.url(DATABASE_NAME),
            object_store=(first / "objects").as_uri(),
            passphrase_file=first / "keys" / "passphrase",
            directory_key_file=first / "keys" / "directory",
            port=self._ports[name],
        )

    def url(self, name: str) -> str:
        """Gives where a gateway answers."""
        return self.settings(name).origin

    @property
    def engine_pid(self) -> int | None:
        """The process of the chain's engine, while it lives."""
        try:
            told = json.loads((self.network.chain_folder / ENDPOINT_NAME).read_bytes())
            pid, mark = int(told["engine_pid"]), told["engine_started"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return pid if mark is not None and process_started(pid) == mark else None

    async def is_whole(self) -> bool:
        """Tells whether both gateways are ready, which they are with chain and database alone."""
        asked = (asyncio.to_thread(not_ready, self._ports[name]) for name in GATEWAYS)
        return all(answer is None for answer in await asyncio.gather(*asked))

    async def start(self) -> None:
        """Starts everything for the first time, one after the other, and admits everybody.

        Raises:
            ConfigurationError: a part does not come up.
        """
        for part in (CHAIN, DATABASE):
            self.parts[part].start()
        await self._until(CHAIN, lambda: asyncio.to_thread(self._chain_answers))
        await self._until(DATABASE, lambda: asyncio.to_thread(self.cluster.answers))
        await asyncio.to_thread(self.cluster.execute, f"CREATE DATABASE {DATABASE_NAME}")
        await self._admit_second_relay()
        create_passphrase(self.settings(A))
        for name in GATEWAYS:
            self.parts[name] = self._gateway(name)
            self.parts[name].start()
            await self._until(name, partial(_is_ready, self._ports[name]))

    def _chain_answers(self) -> bool:
        return node.status(self.network.chain_folder).is_ready

    def _gateway(self, name: str) -> Part:
        settings = self.settings(name)
        if name != A:
            (settings.state_dir / "keyring").symlink_to(self.network.folder(A) / "keyring", target_is_directory=True)
        command = [sys.executable, "-m", "consentry", "serve", "--settings", str(_written(settings))]
        return Part(name, command, settings.state_dir / "gateway.log", env=_environment())

    async def _admit_second_relay(self) -> None:
        manifest = await self.network.deploy()
        relay = AccountKey(load_or_create_key(self.network.folder(GATEWAYS[1]) / "keys" / "relay")).address
        hospital, connection = self.network.key(A).address, self.network.connection()
        try:
            await self.network.by_two(
                connection, manifest, PROVINCES[0][0], lambda officer: officer.admit_relay(relay, hospital)
            )
        finally:
            await connection.close()

    async def _until(self, name: str, holds: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + UP_SECONDS
        while not await holds():
            if time.monotonic() > deadline:
                raise ConfigurationError(f"{name} does not come up within {UP_SECONDS:.0f} s (see the logs beside it)")
            await asyncio.sleep(_POLL_SECONDS)

    async def stop_gateways(self) -> None:
        """Ends both gateways in good order."""
        await asyncio.gather(*(self.parts[name].stop() for name in GATEWAYS if name in self.parts))

    async def stop(self) -> None:
        """Ends everything."""
        await self.stop_gateways()
        # A server of PostgreSQL that is asked to be fast does not wait for its clients.
        await self.parts[DATABASE].stop(signal.SIGINT)
        await self.parts[CHAIN].stop()


@asynccontextmanager
async def open_site(state: Path) -> AsyncIterator[Site]:
    """Makes everything anew in an empty folder, starts it, and stops it at the end.

    Raises:
        ConfigurationError: a program is missing, or a part does not come up.
    """
    initdb, postgres = programs()
    # Not in the state folder: a Unix socket's path is short by law of the kernel, and another account must reach it.
    folder = Path(tempfile.mkdtemp(prefix="consentry-pg-"))
    try:
        cluster = await asyncio.to_thread(Cluster.make, initdb, folder, free_port())
        site = Site(Network(state), cluster, postgres)
        try:
            await site.start()
            yield site
        finally:
            await site.stop()
    finally:
        if (folder / "log").exists():
            shutil.copyfile(folder / "log", state / "database.log")
        shutil.rmtree(folder, ignore_errors=True)


async def _is_ready(port: int) -> bool:
    return await asyncio.to_thread(not_ready, port) is None


def _written(settings: Settings) -> Path:
    """Writes the settings that differ from the usual ones into the file a gateway is given."""
    path = settings.state_dir / "gateway.toml"
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    lines = [f"{name} = {json.dumps(value if isinstance(value, int) else str(value))}" for name, value in given.items()]
    path.write_text("\n".join([*lines, ""]))
    return path


def _environment() -> dict[str, str]:
    """This environment without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CONSENTRY_")}
