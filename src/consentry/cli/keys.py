"""``consentry key``: keys of people and institutions, one file each.

An account's or a release key's file holds 32 bytes in hexadecimal. That of a P-256 key or passkey also names its kind
and the verifier that belongs to its signer, so the file alone says who signs.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer
from cryptography.hazmat.primitives.asymmetric import ec

from consentry.cli import councils, values
from consentry.cli.options import GatewayUrl, SettingsFile
from consentry.cli.output import AsJson, answer
from consentry.client.gateway import about
from consentry.client.transport import Transport
from consentry.config import load_settings
from consentry.core.terms import Address
from consentry.crypto.keywrap import new_release_seed, release_public_key
from consentry.crypto.p256 import P256Key
from consentry.crypto.pseudonyms import practitioner_of
from consentry.crypto.signing import AccountKey, SigningKey, Verifiers
from consentry.crypto.webauthn import SoftwarePasskey
from consentry.errors import ConfigurationError, InvalidInputError, VerificationError
from consentry.evidence.notation import Json, hex_of
from consentry.ledger.embedded.durable import explained
from consentry.ledger.keyfiles import load_key, read_private
from consentry.ledger.manifest import Manifest

app = typer.Typer(help="Keys of people and institutions: new, show, council, practitioner.", no_args_is_help=True)
FILE_MODE: Final = 0o600
_SECRET_SIZE: Final = 32


class KeyKind(StrEnum):
    """What a key file is for."""

    ACCOUNT = "account"
    P256 = "p256"
    PASSKEY = "passkey"
    RELEASE = "release"


VERIFIERS: Final = {KeyKind.P256: "ERC7913P256Verifier", KeyKind.PASSKEY: "ERC7913WebAuthnVerifier"}
"""The contract that checks signatures of a kind of key."""
Kind = Annotated[
    KeyKind,
    typer.Option(help="account (secp256k1), p256, passkey (P-256 in software), or release (unwraps record keys)"),
]


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="file to be made, mode 0600")],
    kind: Kind = KeyKind.ACCOUNT,
    gateway: GatewayUrl = "",
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", help="deployment manifest that names the verifier, in place of a gateway"),
    ] = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Draws a key into a new file and shows who signs with it; the secret is never shown."""
    values.check_target(file, fresh=True)
    if kind in VERIFIERS:
        verifier = _verifier(VERIFIERS[kind], gateway or load_settings(settings).gateway, manifest)
        secret = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
        content = f"{kind} {secret.to_bytes(_SECRET_SIZE, 'big').hex()} {hex_of(verifier)}"
    else:
        content = (AccountKey.generate().secret if kind == KeyKind.ACCOUNT else new_release_seed()).hex()
    _write_new(file, content)
    answer(_described(file, kind), as_json=as_json)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="key file")],
    release: Annotated[bool, typer.Option("--release", help="the file holds a release key, not an account's")] = False,
    as_json: AsJson = False,
) -> None:
    """Shows who signs with a key, or the public half of a release key."""
    kind = read_private(file).partition(" ")[0]
    usual = KeyKind.RELEASE if release else KeyKind.ACCOUNT
    answer(_described(file, KeyKind(kind) if kind in VERIFIERS else usual), as_json=as_json)


@app.command()
def council(
    file: Annotated[Path, typer.Argument(help="file to be made; it holds no secret")],
    threshold: Annotated[int, typer.Option(min=1, help="how many members have to sign")],
    member: Annotated[list[str], typer.Option(help="signer of a member, as 'key show' gives it; repeatable")],
    gateway: GatewayUrl = "",
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", help="deployment manifest that names the verifiers, in place of a gateway"),
    ] = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Makes several signers one, of whom so many have to sign, and shows that signer."""
    values.check_target(file, fresh=True)
    url = gateway or load_settings(settings).gateway
    named = [_verifier(name, url, manifest) for name in (*VERIFIERS.values(), "CouncilVerifier")]
    answer(councils.found(file, threshold, member, Verifiers(*named)), as_json=as_json)


@app.command()
def practitioner(
    staff_id: Annotated[str, typer.Argument(help="the institution's own id of a person or agent")],
    file: Annotated[Path, typer.Option("--secret", help="file with the institution's secret; made at first use")],
    as_json: AsJson = False,
) -> None:
    """Shows the pseudonym under which a person inside an institution stands on chain."""
    if not file.exists():
        values.check_target(file)
        _write_new(file, secrets.token_hex(_SECRET_SIZE))
    answer({"practitioner": hex_of(practitioner_of(load_key(file), staff_id))}, as_json=as_json)


def _described(file: Path, kind: KeyKind) -> Json:
    shown: Json = {"file": str(file), "kind": str(kind)}
    if kind == KeyKind.RELEASE:
        return {**shown, "releaseKey": hex_of(release_public_key(load_key(file)))}
    # The origin takes no part in who signs.
    return {**shown, "signer": hex_of(load_signing_key(file, "http://localhost").signer)}


def _verifier(name: str, gateway: str, manifest: Path | None) -> Address:
    if manifest is not None:
        known = dict(Manifest.read(manifest).identity.contracts)
    else:
        values.origin(gateway)
        known = asyncio.run(_asked(gateway))
    if name not in known:
        raise VerificationError(f"contract {name} is not part of the deployment")
    return known[name]


async def _asked(gateway: str) -> dict[str, Address]:
    transport = Transport(gateway)
    try:
        return (await about(transport)).contracts
    finally:
        await transport.close()


def _write_new(file: Path, content: str) -> None:
    """Writes a key where no file is; an existing one is never replaced, its key may be the only copy."""
    try:
        with explained("writing a key file"), os.fdopen(_opened(file), "w") as opened:
            opened.write(content + "\n")
            opened.flush()
            os.fsync(opened.fileno())
    except FileExistsError:
        raise InvalidInputError(f"file {file} exists already") from None


def _opened(file: Path) -> int:
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)


def load_signing_key(file: Path, origin: str) -> SigningKey:
    """Reads a key that signs, of whatever kind.

    Args:
        file: its file.
        origin: where a passkey believes to be; a gateway accepts its own origin alone.

    Raises:
        ConfigurationError: the file is missing, can be read by others, or does not hold a key.
    """
    kind, *rest = read_private(file).split(" ")
    if not rest:
        return _account(file)
    try:
        secret, verifier = (bytes.fromhex(part.removeprefix("0x")) for part in rest)
        private = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
        usable = len(secret) == _SECRET_SIZE and len(verifier) == values.ADDRESS_SIZE and kind in VERIFIERS
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"key file {file.name} does not hold a key")
    if kind == KeyKind.P256:
        return P256Key(private, Address(verifier))
    return SoftwarePasskey(private, Address(verifier), urlsplit(origin).hostname or "", origin)


def _account(file: Path) -> AccountKey:
    key = AccountKey(load_key(file))
    try:
        _ = key.address
    except ValueError:
        raise ConfigurationError(f"key file {file.name} does not hold the key of an account") from None
    return key
