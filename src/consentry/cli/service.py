"""``consentry serve``, ``doctor`` and ``deploy``: one gateway."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import uvicorn
from fastapi import FastAPI

from consentry.api.app import create_app
from consentry.api.connections import Crowd, bounded
from consentry.api.logs import json_log
from consentry.api.streams import end_streams
from consentry.cli import values
from consentry.cli.options import SettingsFile, keep_to_oneself
from consentry.cli.output import AsJson, answer
from consentry.cli.patience import patiently
from consentry.config import Settings, load_settings
from consentry.core.terms import Address
from consentry.crypto.signing import AccountKey
from consentry.ledger.abi import SETTINGS, SYSTEM_DELAY
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.claims import open_door
from consentry.ledger.deployment import Founders, verify_identity
from consentry.ledger.deployment import deploy as deploy_suite
from consentry.ledger.keyfiles import load_key, load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader
from consentry.wiring.adapters import connect, create_passphrase
from consentry.wiring.copies import rebuild as rebuild_projection
from consentry.wiring.gateways import check_custodian, open_gateway

STOP_SECONDS = 10
SWITCH_SECONDS = 0.0005
Opened = TypeVar("Opened")


def serve(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Serves one gateway in the foreground; requests are logged to the error stream as JSON lines."""
    keep_to_oneself()
    known = load_settings(settings)
    check_custodian(known)
    with open_door(known.host, known.port) as door, suppress(KeyboardInterrupt):
        known = known.model_copy(update={"port": door.getsockname()[1]})
        create_passphrase(known)

        def tell_ready() -> None:
            answer({"gateway": known.origin, "custodian": known.custodian, "state": "ready"}, as_json=as_json)

        run_gateway(known, door, tell_ready)


def run_gateway(known: Settings, door: socket.socket, tell_ready: Callable[[], None]) -> None:
    """Opens a gateway and serves it until a signal ends it.

    Args:
        known: its settings.
        door: bound to where it is to listen.
        tell_ready: called once it answers.

    Raises:
        ConsentryError: a part of it cannot be used, or is still away after `start_wait_seconds`.
    """
    log, parts = json_log(), AsyncExitStack()

    def tell(what: str, why: str) -> None:
        log.error("background", what=what, why=why)

    def say(what: str, why: str) -> None:
        log.error("start", what=what, why=why, seconds=known.start_wait_seconds)

    async def serve_opened() -> None:
        # Opened out here, where what is wrong comes out as it is; closed by the server, before it obeys the signal.
        async with parts:
            context = await patiently(
                lambda: parts.enter_async_context(open_gateway(known, tell)), known.start_wait_seconds, say
            )
            app = create_app(
                lambda: _closing(parts, context), known.max_body_bytes, documentation=known.documentation, log=log
            )
            await _Server(app, Crowd(known.connections_per_address), tell_ready).serve([door])

    with asyncio.Runner(loop_factory=uvicorn.Config("").get_loop_factory()) as runner:
        runner.run(serve_opened())


@asynccontextmanager
async def _closing(parts: AsyncExitStack, opened: Opened) -> AsyncIterator[Opened]:
    async with parts:
        yield opened


class _Server(uvicorn.Server):
    """A web server that bounds its connections, and says when it answers."""

    def __init__(self, app: FastAPI, crowd: Crowd, tell_ready: Callable[[], None]) -> None:
        http: Any = bounded(crowd)
        settings = uvicorn.Config(
            app, http=http, ws="none", log_level="warning", timeout_graceful_shutdown=STOP_SECONDS
        )
        super().__init__(settings)
        self._tell_ready = tell_ready
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to listen, then says so."""
        await super().startup(sockets)
        # What is there by now stays: the collector, which stops everybody, need not walk it again and again.
        gc.collect()
        gc.freeze()
        # The thread that writes to the database waits for the interpreter after each statement.
        sys.setswitchinterval(SWITCH_SECONDS)
        self._tell_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends what has no end of its own, then stops."""
        end_streams(self._app)
        await super().shutdown(sockets)


def doctor(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Shows the settings without secrets, and checks node and deployment."""
    known = load_settings(settings)
    manifest = Manifest.read(known.manifest_path)

    async def check() -> tuple[int, dict[str, str]]:
        connection = connect(known)
        try:
            await verify_identity(connection, manifest)
            header, reader = await connection.header(), ChainReader(connection, manifest)
            lanes = [await _lane(reader, file) for file in known.relay_keys]
            return header.block.number if header else 0, dict(lanes)
        finally:
            await connection.close()

    head, lanes = asyncio.run(check())
    identity = manifest.identity
    told = {"chain_id": identity.chain_id, "head": head, "chain": "verified", "relays": lanes}
    answer({**known.describe(), **told}, as_json=as_json)


async def _lane(reader: ChainReader, file: Path) -> tuple[str, str]:
    """Tells of a relay's key which account it is of, and whether that is admitted."""
    account = _drawn(file)
    if account is None:
        return file.name, "no key yet"
    return "0x" + account.hex(), "admitted" if await reader.is_active_relay(account) else "not admitted"


def _drawn(file: Path) -> Address | None:
    return AccountKey(load_key(file)).address if file.exists() else None


def rebuild(
    settings: SettingsFile = None,
    replace: Annotated[bool, typer.Option("--replace", help="put the rebuilt rows in place of differing ones")] = False,
    as_json: AsJson = False,
) -> None:
    """Makes the projection anew from the chain and compares it row for row. Exit code 1: it differed."""
    keep_to_oneself()
    outcome = asyncio.run(rebuild_projection(load_settings(settings), replace=replace))
    values: dict[str, object] = {"rows": outcome.rows, "differing": outcome.differing, "replaced": outcome.replaced}
    if outcome.log is not None:
        values |= {"log": {"size": outcome.log.size, "differs": outcome.log.differs, "replaced": outcome.log.replaced}}
    answer(values, as_json=as_json)
    if outcome.differing or (outcome.log is not None and outcome.log.differs):
        raise typer.Exit(1)


def deploy(
    second_officer: Annotated[
        str, typer.Option(help="account of the second officer; a key is made beside the relay's if not given")
    ] = "",
    system_delay: Annotated[
        int, typer.Option(min=0, help="seconds from the announcement to the act of a system administrator")
    ] = SYSTEM_DELAY,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Deploys the contracts on the configured node; keys of the national authority are made beside the relay's."""
    keep_to_oneself()
    known = load_settings(settings)
    keys = known.state_dir / "keys"
    second = values.address("second officer", second_officer) if second_officer else None

    async def run() -> Manifest:
        connection = connect(known)
        try:
            if known.manifest_path.exists():
                manifest = Manifest.read(known.manifest_path)
                await verify_identity(connection, manifest)
                return manifest
            deployer = SendingAccount(connection, load_or_create_key(keys / "deployer"))
            founders = Founders(_account_of(keys / "national"), second or _account_of(keys / "national-2"))
            manifest = await deploy_suite(
                connection, deployer, founders, settings={**SETTINGS, "systemDelay": system_delay}
            )
            manifest.write(known.manifest_path)
            return manifest
        finally:
            await connection.close()

    manifest = asyncio.run(run())
    contracts = {name: "0x" + address.hex() for name, address in manifest.identity.contracts}
    answer({"chainId": manifest.identity.chain_id, "manifest": str(known.manifest_path), **contracts}, as_json=as_json)


def _account_of(file: Path) -> Address:
    """Gives the account of a key file, which is made if it is not there."""
    return AccountKey(load_or_create_key(file)).address
