"""``consentry authority``: what the national authority does with its own account, straight on the chain."""

from __future__ import annotations

from typing import Annotated

import typer

from consentry.cli import values
from consentry.cli.governing import AuthorityKey, act_as
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson
from consentry.core.terms import ZERO_32

app = typer.Typer(help="Authorities, admitted and suspended by the national authority's account.", no_args_is_help=True)
Account = Annotated[str, typer.Argument(help="the authority's address, 0x and 40 hexadecimal digits")]


@app.command()
def admit(
    authority: Account,
    region: Annotated[int, typer.Option(help="GB/T 2260 code of six digits; 0 for the whole country")],
    key: AuthorityKey,
    profile: Annotated[str, typer.Option(help="SHA-256 of its public profile, hexadecimal")] = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Admits an authority for a region and gives it the role to act there."""
    address, profile_hash = (
        values.address("authority", authority),
        values.hexadecimal("profile", profile, 32) if profile else ZERO_32,
    )
    act_as(settings, key, lambda own: own.admit_authority(address, region, profile_hash), as_json=as_json)


@app.command()
def suspend(authority: Account, key: AuthorityKey, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Suspends an authority: it can admit nobody, and its relays pass nothing on."""
    address = values.address("authority", authority)
    act_as(settings, key, lambda own: own.suspend_authority(address), as_json=as_json)


@app.command()
def reinstate(authority: Account, key: AuthorityKey, settings: SettingsFile = None, as_json: AsJson = False) -> None:
    """Reinstates a suspended authority."""
    address = values.address("authority", authority)
    act_as(settings, key, lambda own: own.reinstate_authority(address), as_json=as_json)
