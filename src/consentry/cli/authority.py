"""``consentry authority``: what officers of the national authority do with their own accounts, and what waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from eth_hash.auto import keccak

from consentry.cli import values
from consentry.cli.governing import OfficerKey, act_as, on_chain
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson, listing
from consentry.core.codes import bits
from consentry.core.offices import OFFICES, Role
from consentry.core.terms import ZERO_32
from consentry.errors import InvalidInputError
from consentry.evidence.notice import moment_text
from consentry.ledger.connection import Connection
from consentry.ledger.governance import PendingAct
from consentry.ledger.governance import pending as find_pending
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader

app = typer.Typer(
    help="Authorities and their officers. Most acts take two officers: the first call waits, the same call by another "
    "officer does it.",
    no_args_is_help=True,
)
Account = Annotated[str, typer.Argument(help="the authority's address, 0x and 40 hexadecimal digits")]
Officer = Annotated[str, typer.Argument(help="the officer's address, 0x and 40 hexadecimal digits")]
_NAMES: Final = ", ".join(role.name for role in OFFICES)


@app.command()
def admit(
    authority: Account,
    region: Annotated[int, typer.Option(help="GB/T 2260 code of six digits; 0 for the whole country")],
    key: OfficerKey,
    profile: Annotated[str, typer.Option(help="SHA-256 of its public profile, hexadecimal")] = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Admits an authority for a region; its own account is its first officer. Two officers (NATIONAL)."""
    address, profile_hash = (
        values.address("authority", authority),
        values.hexadecimal("profile", profile, 32) if profile else ZERO_32,
    )
    act_as(settings, key, lambda own: own.admit_authority(address, region, profile_hash), as_json=as_json)


@app.command()
def suspend(authority: Account, key: OfficerKey, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Suspends an authority: its officers and relays can do nothing. Two officers (NATIONAL) of another one."""
    address = values.address("authority", authority)
    act_as(settings, key, lambda own: own.suspend_authority(address), as_json=as_json)


@app.command()
def reinstate(authority: Account, key: OfficerKey, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Reinstates a suspended authority. Two officers (NATIONAL) of another one."""
    address = values.address("authority", authority)
    act_as(settings, key, lambda own: own.reinstate_authority(address), as_json=as_json)


@app.command()
def appoint(
    authority: Account,
    officer: Officer,
    role: Annotated[list[str], typer.Option(help=f"one of {_NAMES}; repeatable")],
    key: OfficerKey,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Makes an account an officer of an authority, or adds roles. Two officers (NATIONAL)."""
    own, account, roles = values.address("authority", authority), values.address("officer", officer), _roles(role)
    act_as(settings, key, lambda by: by.appoint_officer(own, account, roles), as_json=as_json)


def _roles(chosen: Sequence[str]) -> int:
    known = {role.name: role for role in OFFICES}
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise InvalidInputError(f"role does not match (got {unknown[0]}, expected one of {_NAMES})")
    return bits(*(known[name] for name in chosen))


@app.command()
def dismiss(officer: Officer, key: OfficerKey, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Ends the office of an account and takes all its roles. Two officers (NATIONAL)."""
    account = values.address("officer", officer)
    act_as(settings, key, lambda by: by.dismiss_officer(account), as_json=as_json)


@app.command("admit-verifier")
def admit_verifier(
    verifier: Annotated[str, typer.Argument(help="address of the contract, whose code was reviewed")],
    key: OfficerKey,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Lets signers name an ERC-7913 verifier. Two officers (SYSTEM); each announces it first and calls again later."""
    address = values.address("verifier", verifier)
    act_as(settings, key, lambda by: by.admit_verifier(address), as_json=as_json)


@app.command("name-deployment")
def name_deployment(
    contract: Annotated[str, typer.Argument(help="name of the contract, for instance Consents")],
    deployment: Annotated[str, typer.Argument(help="address of the new deployment")],
    version: Annotated[int, typer.Argument(help="number of the deployment, from 1")],
    key: OfficerKey,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Names a contract of the suite. Two officers (SYSTEM); each announces it first and calls again later."""
    name, address = keccak(contract.encode()), values.address("deployment", deployment)
    act_as(settings, key, lambda by: by.name_deployment(name, address, version), as_json=as_json)


@app.command()
def pending(settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Lists the acts that wait for a second officer: who proposed what, and until when it can be confirmed."""

    async def read(connection: Connection, manifest: Manifest) -> Sequence[PendingAct]:
        return await find_pending(ChainReader(connection, manifest), manifest.identity.deployed_in)

    items = [_shown(found) for found in on_chain(settings, read)]
    columns = ("act", "function", "arguments", "proposer", "lapsesAt")
    rows = [
        [item["act"], item["function"], " ".join(item["arguments"].values()), item["proposer"], item["lapsesAt"]]
        for item in items
    ]
    listing(items, columns, rows, as_json=as_json)


def _shown(found: PendingAct) -> dict[str, Any]:
    return {
        "act": "0x" + found.act.hex(),
        "function": found.function,
        "arguments": {name: _text(name, value) for name, value in found.arguments.items()},
        "proposer": "0x" + found.proposer.hex(),
        "lapsesAt": moment_text(found.lapses_at),
    }


def _text(name: str, value: object) -> str:
    if name == "roles" and isinstance(value, int):
        return ",".join(role.name for role in Role if value >> role & 1)
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
