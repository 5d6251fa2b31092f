"""``consentry institution``: what officers do about institutions, and how an institution rotates its keys."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Final

import typer

from consentry.cli import values
from consentry.cli.counts import assisted, recognitions
from consentry.cli.debts import debts
from consentry.cli.duties import duties
from consentry.cli.governing import OfficerKey as Key
from consentry.cli.governing import act_as, on_chain, shown
from consentry.cli.keys import load_signing_key
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson, answer
from consentry.config import load_settings
from consentry.core.chain import ActReceipt
from consentry.core.terms import InstitutionKeys
from consentry.core.typed_data import Domain
from consentry.crypto.keywrap import PUBLIC_KEY_SIZE
from consentry.crypto.signing import sign
from consentry.errors import ConfigurationError, InvalidInputError, LedgerUnavailableError
from consentry.ledger.accounts import SendingAccount
from consentry.ledger.connection import Connection
from consentry.ledger.governance import Answer, Governance, rotate_keys
from consentry.ledger.keyfiles import load_key
from consentry.ledger.manifest import Manifest

app = typer.Typer(
    help="Institutions and relays. Most acts take two officers: the first call waits, the same call by another "
    "officer does it.",
    no_args_is_help=True,
)
app.command("duties")(duties)
app.command("debts")(debts)
app.command("recognitions")(recognitions)
app.command("assisted")(assisted)
_SHOWN: Final = re.compile(r'releaseKey"?: "?(0x[0-9a-f]+)')
Account = Annotated[str, typer.Argument(help="the institution's address, 0x and 40 hexadecimal digits")]


ReleaseKey = Annotated[str, typer.Option(help="HPKE public key MLKEM768-X25519, hexadecimal")]
ReleaseKeyFile = Annotated[
    Path | None, typer.Option(help="file with that public key: hexadecimal, or what 'key show --release' answered")
]
SIGN_SECONDS: Final = 3600
"""How long new keys may be passed on after they were signed."""


@app.command()
def admit(
    institution: Account,
    region: Annotated[int, typer.Option(help="GB/T 2260 code of six digits")],
    key: Key,
    release_key: ReleaseKey = "",
    release_key_file: ReleaseKeyFile = None,
    signer: Annotated[str, typer.Option(help="ERC-7913 signer of its requests; its own address if not given")] = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Admits an institution with the signer of its requests and its release key. Two officers (AUTHORITY)."""
    address, release = values.address("institution", institution), _release_key(release_key, release_key_file)
    signed_by = values.hexadecimal("signer", signer) if signer else bytes(address)
    act_as(settings, key, lambda own: own.admit_institution(address, region, signed_by, release), as_json=as_json)


def _release_key(given: str, file: Path | None) -> bytes:
    """Takes the public release key from the command line, or from a file: it is 2,400 digits long.

    Raises:
        ConfigurationError: the file cannot be read.
        InvalidInputError: both are given or neither, or it is none.
    """
    if bool(given) == (file is not None):
        raise InvalidInputError("release key does not match (expected one of --release-key and --release-key-file)")
    if file is not None:
        try:
            content = file.read_text().strip()
        except OSError:
            raise ConfigurationError(f"file {file} cannot be read") from None
        except UnicodeDecodeError:
            raise InvalidInputError(f"file {file} holds no release key") from None
        shown = _SHOWN.search(content)
        given = shown[1] if shown else content
    return values.hexadecimal("release key", given, PUBLIC_KEY_SIZE)


@app.command()
def suspend(
    institution: Account,
    key: Key,
    emergency: Annotated[
        bool, typer.Option("--emergency", help="at once and alone; ends after 72 hours unless another officer suspends")
    ] = False,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Suspends an institution: from the next block on all its requests are denied. Two officers (SECURITY)."""
    address = values.address("institution", institution)

    def act(own: Governance) -> Awaitable[Answer]:
        return own.suspend_in_emergency(address) if emergency else own.suspend_institution(address)

    act_as(settings, key, act, as_json=as_json)


@app.command()
def reinstate(institution: Account, key: Key, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Reinstates a suspended institution. Two officers (SECURITY)."""
    address = values.address("institution", institution)
    act_as(settings, key, lambda own: own.reinstate_institution(address), as_json=as_json)


@app.command("admit-relay")
def admit_relay(
    relay: Annotated[str, typer.Argument(help="the gateway's account")],
    institution: Account,
    key: Key,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Lets a gateway's account pass on what others signed. Two officers (AUTHORITY)."""
    account, member = values.address("relay", relay), values.address("institution", institution)
    act_as(settings, key, lambda own: own.admit_relay(account, member), as_json=as_json)


@app.command("remove-relay")
def remove_relay(
    relay: Annotated[str, typer.Argument(help="the gateway's account")],
    key: Key,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Stops an account from passing on anything. One officer (SECURITY)."""
    account = values.address("relay", relay)
    act_as(settings, key, lambda own: own.remove_relay(account), as_json=as_json)


@app.command()
def join(
    group: Annotated[str, typer.Argument(help="32 bytes that start with the authority's own address, hexadecimal")],
    institution: Account,
    key: Key,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Enters an institution into a group: consents that name it cover it from now on. One officer (AUTHORITY)."""
    name, address = values.hexadecimal("group", group, 32), values.address("institution", institution)
    act_as(settings, key, lambda own: own.change_membership(name, address, member=True), as_json=as_json)


@app.command()
def leave(
    group: Annotated[str, typer.Argument(help="32 bytes that start with the authority's own address, hexadecimal")],
    institution: Account,
    key: Key,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Takes an institution out of a group. One officer (AUTHORITY)."""
    name, address = values.hexadecimal("group", group, 32), values.address("institution", institution)
    act_as(settings, key, lambda own: own.change_membership(name, address, member=False), as_json=as_json)


@app.command()
def limit(
    institution: Account,
    key: Key,
    daily: Annotated[int, typer.Option(min=0, help="permitted accesses a day; 0 for the default of 100,000")] = 0,
    emergency: Annotated[int, typer.Option(min=0, help="accesses in an emergency a day; 0 for the default of 50")] = 0,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Sets how much an institution may do in a day. Two officers (AUDIT)."""
    address = values.address("institution", institution)
    act_as(settings, key, lambda own: own.limit_institution(address, daily, emergency), as_json=as_json)


@app.command("reset-keys")
def reset_keys(
    institution: Account,
    signer: Annotated[str, typer.Option(help="the new ERC-7913 signer of its requests")],
    key: Key,
    release_key: ReleaseKey = "",
    release_key_file: ReleaseKeyFile = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Gives an institution other keys, when its own are lost or stolen. Two officers (SECURITY)."""
    address, release = values.address("institution", institution), _release_key(release_key, release_key_file)
    signed_by = values.hexadecimal("signer", signer)
    act_as(settings, key, lambda own: own.reset_keys(address, signed_by, release), as_json=as_json)


@app.command()
def rotate(
    institution: Account,
    key: Annotated[Path, typer.Option("--key", help="file of the key the institution signs with today")],
    new_key: Annotated[Path, typer.Option(help="file of the key it signs with from now on")],
    release_key: ReleaseKey = "",
    release_key_file: ReleaseKeyFile = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Gives an institution the keys that it chose itself; the relay of the settings passes it on."""
    address, release = values.address("institution", institution), _release_key(release_key, release_key_file)
    known = load_settings(settings)
    signers = [load_signing_key(file, known.origin) for file in (key, new_key)]
    relay_key = load_key(known.relay_key)

    async def act(connection: Connection, manifest: Manifest) -> ActReceipt:
        header = await connection.header()
        if header is None:
            raise LedgerUnavailableError("node does not give its newest block")
        keys = InstitutionKeys(address, signers[1].signer, release, header.block.time + SIGN_SECONDS)
        where = manifest.address("Participants")
        domain = Domain("Consentry Participants", manifest.identity.chain_id, where)
        signatures = [sign(signer, domain, keys) for signer in signers]
        return await rotate_keys(SendingAccount(connection, relay_key), manifest, keys, *signatures)

    answer(shown(on_chain(settings, act)), as_json=as_json)
