"""``consentry access prove``: writes evidence files."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from consentry.cli import values
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson, answer
from consentry.cli.vouching import CheckpointPlace, LogRootFile, told, wanted_for
from consentry.config import load_settings
from consentry.errors import ConsentryError, InvalidInputError
from consentry.evidence.notation import Json
from consentry.evidence.trust import TrustRoot
from consentry.evidence.verify import verify
from consentry.ledger.best_proof import Proved, prove_best
from consentry.ledger.chain import ChainLedger
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.ledger.proofs import Prover
from consentry.wiring.adapters import connect

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
    log_root: LogRootFile = None,
    checkpoint: CheckpointPlace = "",
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
    manifest = Manifest.read(known.manifest_path)
    wanted = wanted_for(log_root, checkpoint, known, manifest)

    async def run() -> Proved:
        connection = connect(known)
        ledger = await ChainLedger.connect(connection, manifest, load_or_create_key(known.relay_key))
        try:
            prover = Prover(connection, manifest, ledger)
            return await prove_best(prover, asked, number, wanted, int(time.time()), headers=headers)
        finally:
            await ledger.close()

    proved = asyncio.run(run())
    bundle = proved.bundle.to_json()
    values.write(out, bundle)
    written = {"bundle": str(out), "bytes": len(bundle), **_with_trust_root(proved, bundle, trust_root_out)}
    answer({**written, **told(proved.verified.vouched, proved.missing, as_json=as_json)}, as_json=as_json)


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
