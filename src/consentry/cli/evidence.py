"""``consentry access prove``: writes evidence files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import values
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson, answer
from consentry.config import load_settings
from consentry.errors import InvalidInputError
from consentry.ledger.chain import ChainLedger
from consentry.ledger.embedded.durable import explained, write_synced
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.ledger.proofs import Prover
from consentry.wiring import connect


def prove(
    request_id: Annotated[str, typer.Argument(help="request id, decimal")],
    institution: Annotated[
        str, typer.Option(help="address of the institution that asked; custodian of the settings if not given")
    ] = "",
    out: Annotated[Path, typer.Option(help="where the bundle goes")] = Path("evidence.json"),
    trust_root: Annotated[Path, typer.Option(help="where a trust root goes")] = Path("trust-root.json"),
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Writes the bundle of one access, and a trust root that vouches for this node's newest block."""
    number, known = values.request_id(request_id), load_settings(settings)
    if not institution and not known.custodian:
        raise InvalidInputError("--institution is missing: the settings name no custodian either")
    asked = values.address("institution", institution or known.custodian)
    for target in (out, trust_root):
        values.check_target(target)

    async def run() -> tuple[bytes, bytes]:
        connection, manifest = connect(known), Manifest.read(known.manifest_path)
        ledger = await ChainLedger.connect(connection, manifest, load_or_create_key(known.relay_key))
        try:
            prover = Prover(connection, manifest, ledger)
            trust = await prover.trust_root()
            bundle = await prover.prove(asked, number, checkpoint=trust.checkpoints[0].number)
        finally:
            await ledger.close()
        return bundle.to_json(), trust.to_json()

    bundle, trust = asyncio.run(run())
    with explained("writing a file"):
        write_synced(out, bundle)
        write_synced(trust_root, trust)
    answer({"bundle": str(out), "bytes": len(bundle), "trustRoot": str(trust_root)}, as_json=as_json)
