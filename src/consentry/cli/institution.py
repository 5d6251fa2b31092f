"""``consentry institution``: what an authority does with its own account, straight on the chain."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from consentry.cli import values
from consentry.cli.duties import duties
from consentry.cli.governing import AuthorityKey as Key
from consentry.cli.governing import act_as
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson
from consentry.crypto.keywrap import PUBLIC_KEY_SIZE
from consentry.errors import ConfigurationError, InvalidInputError

app = typer.Typer(
    help="Institutions and relays, admitted and suspended by an authority's own account.", no_args_is_help=True
)
app.command("duties")(duties)
_SHOWN: Final = re.compile(r'releaseKey"?: "?(0x[0-9a-f]+)')
Account = Annotated[str, typer.Argument(help="the institution's address, 0x and 40 hexadecimal digits")]


@app.command()
def admit(
    institution: Account,
    region: Annotated[int, typer.Option(help="GB/T 2260 code of six digits")],
    key: Key,
    release_key: Annotated[str, typer.Option(help="HPKE public key MLKEM768-X25519, hexadecimal")] = "",
    release_key_file: Annotated[
        Path | None, typer.Option(help="file with that public key: hexadecimal, or what 'key show --release' answered")
    ] = None,
    signer: Annotated[str, typer.Option(help="ERC-7913 signer of its requests; its own address if not given")] = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Admits an institution with the signer of its requests and its release key."""
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
def suspend(institution: Account, key: Key, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Suspends an institution: from the next block on all its requests are denied."""
    address = values.address("institution", institution)
    act_as(settings, key, lambda own: own.suspend_institution(address), as_json=as_json)


@app.command()
def reinstate(institution: Account, key: Key, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Reinstates a suspended institution."""
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
    """Lets a gateway's account pass on what others signed."""
    account, member = values.address("relay", relay), values.address("institution", institution)
    act_as(settings, key, lambda own: own.admit_relay(account, member), as_json=as_json)


@app.command("remove-relay")
def remove_relay(
    relay: Annotated[str, typer.Argument(help="the gateway's account")],
    key: Key,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Stops an account from passing on anything."""
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
    """Enters an institution into a group: consents that name the group cover it from the next block on."""
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
    """Takes an institution out of a group."""
    name, address = values.hexadecimal("group", group, 32), values.address("institution", institution)
    act_as(settings, key, lambda own: own.change_membership(name, address, member=False), as_json=as_json)
