"""The parties of the story: their keys, their gateways as processes, their state folder."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from consentry.client.hospital import Hospital, Institution
from consentry.client.patient import Patient
from consentry.client.transport import Transport
from consentry.config import Settings, load_settings
from consentry.core.offices import FIRST_OFFICES
from consentry.crypto.signing import AccountKey, SigningKey
from consentry.demo.gateways import error_in_log, free_port, not_ready
from consentry.demo.witnesses import WITNESSES, LogPeople, witness_name
from consentry.errors import ConfigurationError
from consentry.ledger import node
from consentry.ledger.abi import SETTINGS
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.connection import Connection
from consentry.ledger.deployment import Founders, deploy
from consentry.ledger.direct import DirectConnection
from consentry.ledger.embedded.durable import private_folder, write_synced
from consentry.ledger.engines import load_profile
from consentry.ledger.governance import Answer, Governance, Waiting
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.ledger.processes import process_started
from consentry.wiring.adapters import create_passphrase
from consentry.wiring.gateways import LEAST_FREE_BYTES

START_SECONDS: Final = 60.0
RECOVER_SECONDS: Final = 20.0
"""How long a running gateway may take to be ready again, for instance after its chain was away."""
STOP_SECONDS: Final = 20.0
STORY_BYTES: Final = 64 * 2**20
"""What a story may write, beside the space that gateways demand to be ready."""
QUICK: Final = {**SETTINGS, "systemDelay": 60}
"""Settings of the demonstration: its system administrators wait seconds; those of a real deployment wait days."""
_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Party:
    """A hospital of the story."""

    name: str
    title: str
    region: int


HOSPITALS: Final = (
    Party("hospital-a", "Hospital A, province 44", 440100),
    Party("hospital-b", "Hospital B, province 33", 330100),
)
_LOG_SETTINGS: Final = ("log_origin", "log_witnesses", "log_root_file")
PROVINCES: Final = (("province-44", 440000), ("province-33", 330000))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A running gateway."""

    pid: int
    started: str
    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://localhost:{self.port}"


def officers_of(authority: str) -> tuple[str, str]:
    """Gives the names of an authority's two officers: its own account, and its deputy."""
    return authority, f"{authority}-2"


def _folder_of(witness: str) -> str:
    return f"witness-{witness}"


class Network:
    """Everything the story needs, in one folder; each step can be done again without harm."""

    def __init__(
        self,
        state: Path,
        *,
        recover_seconds: float = RECOVER_SECONDS,
        stop_seconds: float = STOP_SECONDS,
        given: Mapping[str, Any] | None = None,
    ) -> None:
        """Takes the state folder, and how long a running gateway is waited for before it is replaced or killed.

        ``given`` are settings of every gateway, where they are not the usual ones.
        """
        self.state = private_folder(state.absolute())
        self.chain_folder = self.state / "chain"
        self.manifest_path = self.state / "deployment.json"
        self._given = dict(given or {})
        self._recover_seconds = recover_seconds
        self._stop_seconds = stop_seconds
        self._transports: list[Transport] = []
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def check_space(self) -> None:
        """Checks that the disk has room for a story, before anything is started.

        Raises:
            ConfigurationError: it has not.
        """
        free, needed = shutil.disk_usage(self.state).free, LEAST_FREE_BYTES + STORY_BYTES
        if free < needed:
            raise ConfigurationError(
                f"free disk space at {self.state} does not match"
                f" (got {free >> 20} MiB, expected {needed >> 20} MiB at least)"
            )

    def key(self, name: str) -> AccountKey:
        """Gives a party's account key, drawn at first use."""
        return AccountKey(load_or_create_key(self.state / "keys" / name))

    def start_chain(self) -> node.NodeStatus:
        """Starts the chain, or finds it running; it keeps its port if it can, so gateways find it again."""
        running = node.status(self.chain_folder)
        if running.is_ready:
            return running
        kept = self.state / "chain-port"
        port = int(kept.read_text()) if kept.exists() else None
        if port is None or not running.is_running:
            port = free_port(port)
        started = node.up(self.chain_folder, port)
        write_synced(kept, str(port).encode())
        return started

    def connection(self) -> Connection:
        """Connects to the running chain."""
        url = node.status(self.chain_folder).url
        if url is None:
            raise ConfigurationError("chain of the demonstration does not run")
        return DirectConnection(url, load_profile("embedded"))

    async def deploy(self, settings: Mapping[str, int] = QUICK) -> Manifest:
        """Deploys the contracts at the first start, and admits everybody; ``settings`` are those of the deployment."""
        if self.manifest_path.exists():
            return Manifest.read(self.manifest_path)
        connection = self.connection()
        try:
            deployer = SendingAccount(connection, self.key("deployer").secret)
            founders = Founders(*(self.key(name).address for name in officers_of("national")))
            manifest = await deploy(connection, deployer, founders, settings=settings)
            await self._admit(connection, manifest)
        finally:
            await connection.close()
        manifest.write(self.manifest_path)
        return manifest

    async def _admit(self, connection: Connection, manifest: Manifest) -> None:
        async def two(authority: str, function: str, *values: object) -> None:
            await self.by_two(connection, manifest, authority, lambda by: getattr(by, function)(*values))

        for name, region in PROVINCES:
            own, deputy = (self.key(officer).address for officer in officers_of(name))
            await two("national", "admit_authority", own, region, secrets.token_bytes(32))
            await two("national", "appoint_officer", own, deputy, FIRST_OFFICES)
        for party, (province, _) in zip(HOSPITALS, PROVINCES, strict=True):
            hospital = self.institution(party.name)
            keys = hospital.key.signer, hospital.release_key
            relay = AccountKey(load_or_create_key(self.folder(party.name) / "keys" / "relay"))
            await two(province, "admit_institution", hospital.address, party.region, *keys)
            await two(province, "admit_relay", relay.address, hospital.address)

    async def by_two(
        self,
        connection: Connection,
        manifest: Manifest,
        authority: str,
        act: Callable[[Governance], Awaitable[Answer]],
    ) -> Answer:
        """Has the two officers of an authority do an act: the first one proposes, the second one confirms."""
        first, second = (Governance(connection, manifest, self.key(name).secret) for name in officers_of(authority))
        proposed = await act(first)
        return await act(second) if isinstance(proposed, Waiting) else proposed

    def folder(self, name: str) -> Path:
        """Gives the state folder of one gateway."""
        return private_folder(self.state / name)

    def institution(self, name: str) -> Institution:
        """Gives a hospital's secrets: in truth they lie in the hospital, not beside its gateway."""
        key = self.key(name)
        return Institution(key.address, key, load_or_create_key(self.state / "keys" / f"{name}-release"))

    def settings(self, name: str) -> Settings:
        """Gives the settings of one gateway; it keeps its port unless somebody else listens there by now."""
        known = self._endpoint(name)
        runs = known is not None and self._lives(known)
        log = self._log_settings() if name == HOSPITALS[0].name else {}
        return load_settings(
            state_dir=self.folder(name),
            node_url=node.status(self.chain_folder).url or "",
            manifest=self.manifest_path,
            custodian="0x" + self.key(name).address.hex(),
            port=known.port if known and runs else free_port(known.port if known else None),
            **log,
            **self._given,
        )

    @property
    def log_people(self) -> LogPeople:
        """Who has to do with the ledger log: the first hospital's gateway keeps it."""
        return LogPeople(self.state, self.folder(HOSPITALS[0].name))

    def _log_settings(self) -> dict[str, Any]:
        """Gives the settings of the ledger log, where witnesses were started once."""
        if not self.log_people.root_file.exists():
            return {}
        known = {name: self._endpoint(_folder_of(name)) for name in WITNESSES}
        urls = {name: endpoint.url for name, endpoint in known.items() if endpoint}
        return self.log_people.settings(urls) if len(urls) == len(WITNESSES) else {}

    def start_witnesses(self) -> None:
        """Starts the witnesses of the ledger log, or finds them running; they are not waited for.

        It comes before `start_gateway`, which tells the gateway where they are.
        """
        people = self.log_people
        people.write_root(Manifest.read(self.manifest_path))
        for name in WITNESSES:
            known = self._endpoint(_folder_of(name))
            if known and self._lives(known):
                continue
            port, folder = free_port(known.port if known else None), self.folder(_folder_of(name))
            where = ("--state", str(folder / "state"), "--key", str(people.key_file(name)), "--port", str(port))
            chain = ("--node", node.status(self.chain_folder).url or "", "--manifest", str(self.manifest_path))
            named = ("--name", witness_name(name), "--log", str(people.log_key), "--engine", "embedded")
            people.witness_key(name)
            self._spawn(_folder_of(name), ("witness", "run", *where, *chain, *named), {}, "witness.log", port)

    def start_gateway(self, name: str) -> Endpoint:
        """Starts a gateway as a process of its own, or finds it running; returns once it is ready."""
        known = self._endpoint(name)
        if known and self._lives(known):
            if self._comes_up(known, self._recover_seconds):
                return known
            self.stop_gateway(name)
        settings = self.settings(name)
        create_passphrase(settings)
        log_path = self.folder(name) / "gateway.log"
        begun_at = log_path.stat().st_size if log_path.exists() else 0
        told = ("state_dir", "node_url", "manifest", "custodian", "port", *_LOG_SETTINGS, *self._given)
        known_settings = {key: getattr(settings, key) for key in told}
        environment = {
            f"CONSENTRY_{key.upper()}": str(value) for key, value in known_settings.items() if value is not None
        }
        endpoint = self._spawn(name, ("serve",), environment, log_path.name, settings.port)
        if not self._comes_up(endpoint, START_SECONDS):
            problem = not_ready(endpoint.port) if self._lives(endpoint) else ""
            self.stop_gateway(name)
            reason = problem or error_in_log(log_path, begun_at) or "it does not say why"
            raise ConfigurationError(f"gateway {name} does not start: {reason} (see {log_path})")
        return endpoint

    def _spawn(
        self, name: str, arguments: tuple[str, ...], given: Mapping[str, str], log_name: str, port: int
    ) -> Endpoint:
        """Starts a command as a process of its own, which outlives this one."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CONSENTRY_")}
        with (self.folder(name) / log_name).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - this very program, with arguments made in this module
                [sys.executable, "-m", "consentry", *arguments],
                env={**environment, **given},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._children[process.pid] = process
        endpoint = Endpoint(process.pid, process_started(process.pid) or "", port)
        self._remember(name, endpoint)
        return endpoint

    def _comes_up(self, endpoint: Endpoint, seconds: float) -> bool:
        """Waits until a gateway is ready; false once it ended, or is not ready in time."""
        deadline = time.monotonic() + seconds
        while not_ready(endpoint.port) is not None:
            self._reap()
            if not self._lives(endpoint) or time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        # Another process may hold the port and answer in its place.
        return self._lives(endpoint)

    def gateway_pid(self, name: str) -> int | None:
        """Gives the process of a running gateway."""
        known = self._endpoint(name)
        return known.pid if known and self._lives(known) else None

    def stop_gateway(self, name: str) -> None:
        """Stops a gateway in good order."""
        known = self._endpoint(name)
        if known is None or not self._lives(known):
            self._reap()
            return
        os.kill(known.pid, signal.SIGTERM)
        deadline = time.monotonic() + self._stop_seconds
        while self._lives(known):
            if time.monotonic() > deadline:
                os.kill(known.pid, signal.SIGKILL)
            self._reap()
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stops everything this folder's story started."""
        for name in (*(party.name for party in HOSPITALS), *(_folder_of(name) for name in WITNESSES)):
            if (self.state / name).exists():
                self.stop_gateway(name)
        for child in self._children.values():
            # Its first thread has ended; the process is gone once the others have.
            with suppress(subprocess.TimeoutExpired):
                child.wait(self._stop_seconds)
        self._reap()
        node.down(self.chain_folder)

    def hospital(self, name: str, at: str) -> Hospital:
        """Gives the SDK of one hospital at the gateway of another, or its own."""
        own = self.institution(name)
        return Hospital(self._kept(Transport(self.hospital_url(at), institution=own.address, key=own.key)), own)

    def patient(self, key: SigningKey, at: str) -> Patient:
        """Gives the SDK of a patient at a gateway."""
        return Patient(self._kept(Transport(self.hospital_url(at))), key)

    async def hang_up(self) -> None:
        """Closes every connection that hospitals and patients of this network opened."""
        while self._transports:
            await self._transports.pop().close()

    def _kept(self, transport: Transport) -> Transport:
        self._transports.append(transport)
        return transport

    def hospital_url(self, name: str) -> str:
        """Gives the address of a gateway."""
        known = self._endpoint(name)
        if known is None:
            raise ConfigurationError(f"gateway {name} does not run")
        return known.url

    def _endpoint(self, name: str) -> Endpoint | None:
        try:
            return Endpoint(**json.loads((self.folder(name) / "endpoint.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _remember(self, name: str, endpoint: Endpoint) -> None:
        content = {"pid": endpoint.pid, "started": endpoint.started, "port": endpoint.port}
        write_synced(self.folder(name) / "endpoint.json", json.dumps(content).encode())

    def _reap(self) -> None:
        """Takes note of the end of processes this network started itself; others have the system for a parent."""
        self._children = {pid: child for pid, child in self._children.items() if child.poll() is None}

    @staticmethod
    def _lives(endpoint: Endpoint) -> bool:
        return process_started(endpoint.pid) == endpoint.started
