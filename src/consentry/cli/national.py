"""``consentry national``: the national ledger, for its officers, for witnesses of provinces, and for who proves."""

from __future__ import annotations

import typer

from consentry.cli import national_anchors, national_conflict, national_officers, national_witness

app = typer.Typer(
    help="The national ledger: deploy, admit, witnesses, resolve, close (officers), cosign (witness), anchor, "
    "conflict, show, prove, trust.",
    no_args_is_help=True,
)
for command in (
    national_officers.deploy,
    national_officers.admit,
    national_officers.witnesses,
    national_officers.resolve,
    national_officers.close,
    national_witness.cosign,
    national_anchors.anchor,
    national_conflict.conflict,
    national_anchors.show,
    national_anchors.prove,
    national_anchors.trust,
):
    app.command()(command)
