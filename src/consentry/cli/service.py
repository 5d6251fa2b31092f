"""``consentry serve``, ``doctor`` and ``deploy``: one gateway."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
import uvicorn

from consentry.api.app import create_app
from consentry.api.logs import json_log
from consentry.cli.options import SettingsFile, keep_to_oneself
from consentry.cli.output import AsJson, answer
from consentry.config import load_settings
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.deployment import deploy as deploy_suite
from consentry.ledger.deployment import verify_identity
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.wiring import connect, create_passphrase, open_gateway
from consentry.wiring import rebuild as rebuild_projection

STOP_SECONDS = 10


def serve(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Serves one gateway in the foreground; requests are logged to the error stream as JSON lines."""
    keep_to_oneself()
    known = load_settings(settings)
    create_passphrase(known)
    log = json_log()

    def tell(what: str, why: str) -> None:
        log.error("background", what=what, why=why)

    app = create_app(
        lambda: open_gateway(known, tell), known.max_body_bytes, documentation=known.documentation, log=log
    )
    answer({"gateway": known.origin, "custodian": known.custodian, "state": "starting"}, as_json=as_json)
    uvicorn.run(app, host=known.host, port=known.port, log_level="warning", timeout_graceful_shutdown=STOP_SECONDS)


def doctor(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Shows the settings without secrets, and checks node and deployment."""
    known = load_settings(settings)
    manifest = Manifest.read(known.manifest_path)

    async def check() -> int:
        connection = connect(known)
        try:
            await verify_identity(connection, manifest)
            header = await connection.header()
            return header.block.number if header else 0
        finally:
            await connection.close()

    head = asyncio.run(check())
    identity = manifest.identity
    answer({**known.describe(), "chain_id": identity.chain_id, "head": head, "chain": "verified"}, as_json=as_json)


def rebuild(
    settings: SettingsFile = None,
    replace: Annotated[bool, typer.Option("--replace", help="put the rebuilt rows in place of differing ones")] = False,
    as_json: AsJson = False,
) -> None:
    """Makes the projection anew from the chain and compares it row for row. Exit code 1: it differed."""
    keep_to_oneself()
    outcome = asyncio.run(rebuild_projection(load_settings(settings), replace=replace))
    values = {"rows": outcome.rows, "differing": outcome.differing, "replaced": outcome.replaced}
    answer(values, as_json=as_json)
    if outcome.differing:
        raise typer.Exit(1)


def deploy(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Deploys the contracts on the configured node; the national authority's key is made beside the relay's."""
    keep_to_oneself()
    known = load_settings(settings)
    keys = known.state_dir / "keys"

    async def run() -> Manifest:
        connection = connect(known)
        try:
            if known.manifest_path.exists():
                manifest = Manifest.read(known.manifest_path)
                await verify_identity(connection, manifest)
                return manifest
            deployer = SendingAccount(connection, load_or_create_key(keys / "deployer"))
            national = SendingAccount(connection, load_or_create_key(keys / "national"))
            manifest = await deploy_suite(connection, deployer, national)
            manifest.write(known.manifest_path)
            return manifest
        finally:
            await connection.close()

    manifest = asyncio.run(run())
    contracts = {name: "0x" + address.hex() for name, address in manifest.identity.contracts}
    answer({"chainId": manifest.identity.chain_id, "manifest": str(known.manifest_path), **contracts}, as_json=as_json)
