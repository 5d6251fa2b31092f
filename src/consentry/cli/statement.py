"""``consentry statement``: writes files that say that no access is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer

from consentry.cli import values
from consentry.cli.options import SettingsFile
from consentry.cli.output import AsJson, answer
from consentry.config import Settings, load_settings
from consentry.core.terms import SubjectId
from consentry.evidence.completeness import Statement
from consentry.evidence.trust import TrustRoot
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


@app.command()
def subject(
    *,
    subject: Annotated[str, typer.Argument(help="subject id, 32 bytes in hexadecimal")],
    out: Out = Path("statement.json"),
    trust_root_out: TrustTarget = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """States all accesses of a patient's records up to the newest block of the configured node."""
    wanted = SubjectId(values.hexadecimal("subject", subject, values.ID_SIZE))
    _write(lambda stater: stater.of_subject(wanted), out, trust_root_out, load_settings(settings), as_json=as_json)


@app.command()
def institution(
    *,
    institution: Annotated[str, typer.Argument(help="address of the institution")],
    out: Out = Path("statement.json"),
    withhold: Annotated[
        bool, typer.Option("--withhold", help="gives the hash of each access alone, which hides who was asked about")
    ] = False,
    trust_root_out: TrustTarget = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """States all accesses an institution asked for up to the newest block of the configured node."""
    wanted = values.address("institution", institution)

    async def state(stater: Stater) -> Statement:
        made = await stater.of_institution(wanted)
        return made.withholding() if withhold else made

    _write(state, out, trust_root_out, load_settings(settings), as_json=as_json)


def _write(
    state: Callable[[Stater], Awaitable[Statement]],
    out: Path,
    trust_target: Path | None,
    known: Settings,
    *,
    as_json: bool,
) -> None:
    values.check_target(out)
    if trust_target is not None:
        values.check_target(trust_target, fresh=True)

    async def run() -> tuple[Statement, TrustRoot]:
        connection, manifest = connect(known), Manifest.read(known.manifest_path)
        try:
            await verify_identity(connection, manifest)
            stater = Stater(connection, manifest)
            made = await state(stater)
            return made, stater.trust_root(made)
        finally:
            await connection.close()

    made, trust = asyncio.run(run())
    content = made.to_json()
    values.write(out, content)
    if trust_target is not None:
        values.write(trust_target, trust.to_json())
    written = {"statement": str(out), "claim": made.claim, "accesses": len(made.entries), "bytes": len(content)}
    answer(written | ({"trustRoot": str(trust_target)} if trust_target else {}), as_json=as_json)
