"""What officers do with an account of their own: one call, straight on the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from consentry.cli.output import answer
from consentry.config import load_settings
from consentry.core.chain import ActReceipt
from consentry.evidence.notice import moment_text
from consentry.ledger.connection import Connection
from consentry.ledger.deployment import verify_identity
from consentry.ledger.governance import Announced, Answer, Governance, Waiting
from consentry.ledger.keyfiles import load_key
from consentry.ledger.manifest import Manifest
from consentry.wiring.adapters import connect

OfficerKey = Annotated[Path, typer.Option("--key", help="the officer's key file, mode 0600")]
Outcome = TypeVar("Outcome")


def on_chain(settings: Path | None, act: Callable[[Connection, Manifest], Awaitable[Outcome]]) -> Outcome:
    """Does something on the node and the deployment of the settings, once they are verified."""
    known = load_settings(settings)
    manifest = Manifest.read(known.manifest_path)

    async def run() -> Outcome:
        connection = connect(known)
        try:
            await verify_identity(connection, manifest)
            return await act(connection, manifest)
        finally:
            await connection.close()

    return asyncio.run(run())


def act_as(settings: Path | None, key: Path, act: Callable[[Governance], Awaitable[Answer]], *, as_json: bool) -> None:
    """Makes one call with an officer's key, and tells whether the act is done or waits."""
    secret = load_key(key)

    async def call(connection: Connection, manifest: Manifest) -> Answer:
        return await act(Governance(connection, manifest, secret))

    answer(shown(on_chain(settings, call)), as_json=as_json)


def shown(given: Answer) -> dict[str, Any]:
    """Gives the answer to one call in words and ids."""
    if isinstance(given, Announced):
        return {"state": "announced; call again after the delay", "readyAt": moment_text(given.ready_at)}
    if isinstance(given, Waiting):
        waits = {"act": "0x" + given.act.hex(), "lapsesAt": moment_text(given.lapses_at)}
        return {"state": "waits for a second officer", **waits, **_receipt(given.receipt)}
    return {"state": "done", **_receipt(given)}


def _receipt(receipt: ActReceipt) -> dict[str, Any]:
    place = receipt.place
    found = {"transactionHash": "0x" + place.transaction_hash.hex(), "block": place.block.number}
    return {**found, "gasUsed": receipt.gas_used}
