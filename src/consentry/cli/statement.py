"""``consentry statement``: writes files that say that no access is missing."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import values
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson, answer
from consentry.cli.vouching import CheckpointPlace, LogRootFile, told, wanted_for
from consentry.config import Settings, load_settings
from consentry.ledger.best_statement import Asked, Stated, state_best
from consentry.ledger.deployment import verify_identity
from consentry.ledger.manifest import Manifest
from consentry.ledger.statements import Stater
from consentry.wiring.adapters import connect

app = typer.Typer(help="Statements that no access is missing: subject, institution.", no_args_is_help=True)
Out = Annotated[Path, typer.Option(help="where the statement goes")]
TrustTarget = Annotated[
    Path | None,
    typer.Option("--trust-root-out", help="new file for a trust root that vouches for this node's newest block"),
]
Newest = Annotated[
    bool | None,
    typer.Option(
        "--newest/--witnessed",
        help="up to the newest block, or up to the newest that witnesses vouch for; "
        "if neither is given: the newest where blocks have seals, else the witnessed one",
    ),
]


@app.command()
def subject(
    *,
    subject: Annotated[str, typer.Argument(help="subject id, 32 bytes in hexadecimal")],
    out: Out = Path("statement.json"),
    trust_root_out: TrustTarget = None,
    newest: Newest = None,
    log_root: LogRootFile = None,
    checkpoint: CheckpointPlace = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """States all accesses of a patient's records, with all that can vouch for the block they are stated up to."""
    asked = Asked("subject", values.hexadecimal("subject", subject, values.ID_SIZE), newest=newest)
    _check_targets(out, trust_root_out)
    stated = _stated(asked, log_root, checkpoint, load_settings(settings))
    _write(stated, out, trust_root_out, as_json=as_json)


@app.command()
def institution(
    *,
    institution: Annotated[str, typer.Argument(help="address of the institution")],
    out: Out = Path("statement.json"),
    withhold: Annotated[
        bool, typer.Option("--withhold", help="gives the hash of each access alone, which hides who was asked about")
    ] = False,
    trust_root_out: TrustTarget = None,
    newest: Newest = None,
    log_root: LogRootFile = None,
    checkpoint: CheckpointPlace = "",
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """States all accesses an institution asked for, with all that can vouch for the block they are stated up to."""
    asked = Asked("institution", values.address("institution", institution), withhold, newest)
    _check_targets(out, trust_root_out)
    stated = _stated(asked, log_root, checkpoint, load_settings(settings))
    _write(stated, out, trust_root_out, as_json=as_json)


def _check_targets(out: Path, trust_target: Path | None) -> None:
    values.check_target(out)
    if trust_target is not None:
        values.check_target(trust_target, fresh=True)


def _stated(asked: Asked, log_root: Path | None, checkpoint: str, known: Settings) -> Stated:
    manifest = Manifest.read(known.manifest_path)
    wanted = wanted_for(log_root, checkpoint, known, manifest)

    async def run() -> Stated:
        connection = connect(known)
        try:
            await verify_identity(connection, manifest)
            return await state_best(Stater(connection, manifest), asked, wanted, int(time.time()))
        finally:
            await connection.close()

    return asyncio.run(run())


def _write(stated: Stated, out: Path, trust_target: Path | None, *, as_json: bool) -> None:
    made, content = stated.statement, stated.statement.to_json()
    values.write(out, content)
    if trust_target is not None:
        values.write(trust_target, stated.trust.to_json())
    written = {"statement": str(out), "claim": made.claim, "accesses": len(made.entries), "bytes": len(content)}
    vouched = told(stated.verified.vouched, stated.missing, as_json=as_json)
    answer({**written, **vouched, **({"trustRoot": str(trust_target)} if trust_target else {})}, as_json=as_json)
