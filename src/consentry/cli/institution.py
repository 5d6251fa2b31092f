"""``consentry institution``: what an authority does with its own account, straight on the chain."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import values
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson, answer
from consentry.config import load_settings
from consentry.core.chain import ActReceipt
from consentry.ledger.deployment import verify_identity
from consentry.ledger.governance import Governance
from consentry.ledger.keyfiles import load_key
from consentry.ledger.manifest import Manifest
from consentry.wiring import connect

app = typer.Typer(
    help="Institutions and relays, admitted and suspended by an authority's own account.", no_args_is_help=True
)
Key = Annotated[Path, typer.Option("--key", help="the authority's key file, mode 0600")]
Account = Annotated[str, typer.Argument(help="the institution's address, 0x and 40 hexadecimal digits")]


@app.command()
def admit(
    institution: Account,
    region: Annotated[int, typer.Option(help="GB/T 2260 code of six digits")],
    release_key: Annotated[str, typer.Option(help="HPKE public key MLKEM768-X25519, hexadecimal")],
    key: Key,
    signer: Annotated[str, typer.Option(help="ERC-7913 signer of its requests; its own address if not given")] = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Admits an institution with the signer of its requests and its release key."""
    address, release = values.address("institution", institution), values.hexadecimal("release key", release_key)
    signed_by = values.hexadecimal("signer", signer) if signer else bytes(address)
    _act(settings, key, lambda own: own.admit_institution(address, region, signed_by, release), as_json=as_json)


@app.command()
def suspend(institution: Account, key: Key, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Suspends an institution: from the next block on all its requests are denied."""
    address = values.address("institution", institution)
    _act(settings, key, lambda own: own.suspend_institution(address), as_json=as_json)


@app.command()
def reinstate(institution: Account, key: Key, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Reinstates a suspended institution."""
    address = values.address("institution", institution)
    _act(settings, key, lambda own: own.reinstate_institution(address), as_json=as_json)


@app.command("admit-relay")
def admit_relay(
    relay: Annotated[str, typer.Argument(help="the gateway's account")],
    institution: Account,
    key: Key,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Lets a gateway's account pass on what others signed."""
    account, member = values.address("relay", relay), values.address("institution", institution)
    _act(settings, key, lambda own: own.admit_relay(account, member), as_json=as_json)


@app.command("remove-relay")
def remove_relay(
    relay: Annotated[str, typer.Argument(help="the gateway's account")],
    key: Key,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Stops an account from passing on anything."""
    account = values.address("relay", relay)
    _act(settings, key, lambda own: own.remove_relay(account), as_json=as_json)


def _act(
    settings: Path | None, key: Path, act: Callable[[Governance], Awaitable[ActReceipt]], *, as_json: bool
) -> None:
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
