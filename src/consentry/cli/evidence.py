"""``consentry access prove``: writes evidence files."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import httpx
import typer

from consentry.cli import values
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson, answer
from consentry.config import Settings, load_settings
from consentry.errors import ConfigurationError, GatewayUnavailableError, InvalidInputError
from consentry.evidence.validator_trail import Anchor
from consentry.ledger.best_proof import Proved, Wanted, prove_best
from consentry.ledger.besu.files import EPOCH_BLOCKS
from consentry.ledger.chain import ChainLedger
from consentry.ledger.embedded.durable import explained, write_synced
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.ledger.proofs import Prover
from consentry.wiring.adapters import connect
from consentry.witness.gateway_log import read_log_root

_LARGEST_CHECKPOINT = 1 << 18
_ASK_SECONDS = 10.0


def prove(
    *,
    request_id: Annotated[str, typer.Argument(help="request id, decimal")],
    institution: Annotated[
        str, typer.Option(help="address of the institution that asked; custodian of the settings if not given")
    ] = "",
    out: Annotated[Path, typer.Option(help="where the bundle goes")] = Path("evidence.json"),
    trust_root: Annotated[Path, typer.Option(help="where a trust root goes")] = Path("trust-root.json"),
    log_root: Annotated[
        Path | None, typer.Option(help="log root that says whose cosignatures count; that of the settings if not given")
    ] = None,
    checkpoint: Annotated[
        str, typer.Option(help="file or address of the log's checkpoint; that of the own log if not given")
    ] = "",
    headers: Annotated[
        bool, typer.Option("--headers", help="every header and receipt too, for readers who believe no witnesses")
    ] = False,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Writes the bundle of one access with all proofs there are, and a trust root it holds against."""
    number, known = values.request_id(request_id), load_settings(settings)
    if not institution and not known.custodian:
        raise InvalidInputError("--institution is missing: the settings name no custodian either")
    asked = values.address("institution", institution or known.custodian)
    for target in (out, trust_root):
        values.check_target(target)
    root_file = log_root or known.log_root_file
    wanted = Wanted(read_log_root(root_file) if root_file else None, _checkpoint(checkpoint, known), headers=headers)

    async def run() -> Proved:
        connection, manifest = connect(known), Manifest.read(known.manifest_path)
        pinned = Anchor(0, manifest.identity.genesis_hash, EPOCH_BLOCKS)
        ledger = await ChainLedger.connect(connection, manifest, load_or_create_key(known.relay_key))
        try:
            prover = Prover(connection, manifest, ledger)
            return await prove_best(prover, asked, number, replace(wanted, pinned=pinned), int(time.time()))
        finally:
            await ledger.close()

    proved = asyncio.run(run())
    bundle = proved.bundle.to_json()
    with explained("writing a file"):
        write_synced(out, bundle)
        write_synced(trust_root, proved.trust.to_json())
    told = {"bundle": str(out), "bytes": len(bundle), "trustRoot": str(trust_root)}
    missing = list(proved.missing) if as_json else "; ".join(proved.missing) or "nothing"
    answer({**told, "vouched": proved.verified.vouched.in_words(), "missing": missing}, as_json=as_json)


def _checkpoint(given: str, settings: Settings) -> bytes | None:
    """Reads the checkpoint that is named, or that of the gateway's own log if there is one."""
    if given.startswith(("http://", "https://")):
        return _asked_for(given)
    path = Path(given) if given else settings.log_folder / "published" / "checkpoint"
    if not given and not path.exists():
        return None
    try:
        return path.read_bytes()
    except OSError:
        raise ConfigurationError(f"file {path} cannot be read") from None


def _asked_for(url: str) -> bytes | None:
    try:
        with httpx.stream("GET", url, timeout=_ASK_SECONDS) as given:
            content = b""
            for part in given.iter_bytes():
                content += part
                if len(content) > _LARGEST_CHECKPOINT:
                    raise InvalidInputError(f"checkpoint does not match (got more than {_LARGEST_CHECKPOINT} bytes)")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise GatewayUnavailableError(f"checkpoint cannot be had ({type(error).__name__})") from error
    return content if given.status_code == httpx.codes.OK else None
