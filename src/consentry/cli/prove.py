"""``consentry access prove``: writes evidence files."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer

from consentry.cli import values
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson, answer
from consentry.config import Settings, load_settings
from consentry.errors import ConsentryError, GatewayUnavailableError, InvalidInputError
from consentry.evidence.notation import Json
from consentry.evidence.note import LARGEST
from consentry.evidence.trust import TrustRoot
from consentry.evidence.validator_trail import Anchor
from consentry.evidence.verify import verify
from consentry.ledger.best_proof import Proved, Wanted, prove_best
from consentry.ledger.besu.files import EPOCH_BLOCKS
from consentry.ledger.chain import ChainLedger
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.ledger.proofs import Prover
from consentry.wiring.adapters import connect
from consentry.witness.gateway_log import read_log_root

_ASK_SECONDS = 10.0
_USUAL_TRUST_ROOT: Final = Path("trust-root.json")


def prove(
    *,
    request_id: Annotated[str, typer.Argument(help="request id, decimal")],
    institution: Annotated[
        str, typer.Option(help="address of the institution that asked; custodian of the settings if not given")
    ] = "",
    out: Annotated[Path, typer.Option(help="where the bundle goes")] = Path("evidence.json"),
    trust_root_out: Annotated[
        Path | None,
        typer.Option(help="new file for a trust root; trust-root.json if not given, unless there is one already"),
    ] = None,
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
    """Writes the bundle of one access with all proofs there are, and a trust root it holds against if there is none."""
    number, known = values.request_id(request_id), load_settings(settings)
    if not institution and not known.custodian:
        raise InvalidInputError("--institution is missing: the settings name no custodian either")
    asked = values.address("institution", institution or known.custodian)
    values.check_target(out)
    values.check_target(trust_root_out or _USUAL_TRUST_ROOT, fresh=trust_root_out is not None)
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
    values.write(out, bundle)
    told = {"bundle": str(out), "bytes": len(bundle), **_with_trust_root(proved, bundle, trust_root_out)}
    missing = list(proved.missing) if as_json else "; ".join(proved.missing) or "nothing"
    answer({**told, "vouched": proved.verified.vouched.in_words(), "missing": missing}, as_json=as_json)


def _with_trust_root(proved: Proved, bundle: bytes, target: Path | None) -> Json:
    """Writes a trust root, but never over one that is there: whom to believe is for who believes it to say.

    Returns:
        The file that was written; or the one that was kept, and whether the bundle holds against it.
    """
    if target is not None or not _USUAL_TRUST_ROOT.exists():
        target = target or _USUAL_TRUST_ROOT
        values.write(target, proved.trust.to_json())
        return {"trustRoot": str(target)}
    kept: Json = {"keptTrustRoot": str(_USUAL_TRUST_ROOT)}
    try:
        verify(bundle, TrustRoot.from_json(values.content_of(_USUAL_TRUST_ROOT)))
    except ConsentryError as error:
        return {**kept, "holdsAgainstIt": False, "because": error.message}
    return {**kept, "holdsAgainstIt": True}


def _checkpoint(given: str, settings: Settings) -> bytes | None:
    """Reads the checkpoint that is named, or that of the gateway's own log if there is one."""
    if given.startswith(("http://", "https://")):
        return _asked_for(given)
    path = Path(given) if given else settings.log_folder / "published" / "checkpoint"
    if not given and not path.exists():
        return None
    return values.content_of(path)


def _asked_for(url: str) -> bytes | None:
    try:
        with httpx.stream("GET", url, timeout=_ASK_SECONDS) as given:
            content = b""
            for part in given.iter_bytes():
                content += part
                if len(content) > LARGEST:
                    raise InvalidInputError(f"checkpoint does not match (got more than {LARGEST} bytes)")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise GatewayUnavailableError(f"checkpoint cannot be had ({type(error).__name__})") from error
    return content if given.status_code == httpx.codes.OK else None
