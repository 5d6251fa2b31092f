"""``consentry audit``: every access decided again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from consentry.audit.findings import Report
from consentry.cli.output import AsJson, console
from consentry.config import load_settings
from consentry.wiring import run_audit


def audit(
    settings: Annotated[Path | None, typer.Option("--settings", help="TOML file with settings")] = None,
    chain_only: Annotated[
        bool, typer.Option("--chain-only", help="leave database, objects and releases aside")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Decides every access again from the chain alone; compares database and objects too. Exit code 1: findings."""
    report = asyncio.run(run_audit(load_settings(settings), chain_only=chain_only))
    if as_json:
        typer.echo(json.dumps(report_json(report)))
    else:
        _show(report)
    if not report.clean:
        raise typer.Exit(1)


def report_json(report: Report) -> dict[str, object]:
    """Gives a report as JSON."""
    return {
        "clean": report.clean,
        "head": report.head.number,
        "events": report.events,
        "decisions": report.decisions,
        "signatures": report.signatures,
        "findings": [
            {"kind": f.kind, "about": f.about, "message": f.message, "expected": f.expected, "got": f.got}
            for f in report.findings
        ],
        "limits": list(report.limits),
        "unreleased": report.unreleased,
    }


def _show(report: Report) -> None:
    shown = console()
    shown.print(
        f"{report.decisions} decisions made again and {report.signatures} signatures checked in {report.events} events "
        f"up to block {report.head.number}: {len(report.findings)} findings",
        markup=False,
    )
    if report.unreleased is not None:
        shown.print(f"{report.unreleased} permitted accesses whose key was never fetched", markup=False)
    if report.findings:
        table = Table("kind", "about", "message", "expected", "got")
        for f in report.findings:
            table.add_row(f.kind, f.about[:18], f.message, f.expected[:40], f.got[:40])
        shown.print(table)
    for limit in report.limits:
        shown.print(f"not checked: {limit}", markup=False)
