"""What authorities do with an account of their own: one act, straight on the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli.output import answer
from consentry.config import load_settings
from consentry.core.chain import ActReceipt
from consentry.ledger.deployment import verify_identity
from consentry.ledger.governance import Governance
from consentry.ledger.keyfiles import load_key
from consentry.ledger.manifest import Manifest
from consentry.wiring import connect

AuthorityKey = Annotated[Path, typer.Option("--key", help="the authority's key file, mode 0600")]


def act_as(
    settings: Path | None, key: Path, act: Callable[[Governance], Awaitable[ActReceipt]], *, as_json: bool
) -> None:
    """Does one act with the authority's key, and answers with its receipt."""
    known, secret = load_settings(settings), load_key(key)
    manifest = Manifest.read(known.manifest_path)

    async def run() -> ActReceipt:
        connection = connect(known)
        try:
            await verify_identity(connection, manifest)
            return await act(Governance(connection, manifest, secret))
        finally:
            await connection.close()

    receipt = asyncio.run(run())
    place = receipt.place
    values = {"transactionHash": "0x" + place.transaction_hash.hex(), "block": place.block.number}
    answer({**values, "gasUsed": receipt.gas_used}, as_json=as_json)
