"""``consentry audit``: every access decided again; ``run`` with tables and checkpoints, ``sql`` over the tables."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import duckdb
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from consentry.audit.audit import Progress, Span
from consentry.audit.findings import Report
from consentry.audit.parts import PartWriter
from consentry.audit.rows import Rows
from consentry.audit.sql import VIEWS, ask, open_tables
from consentry.audit.tables import TABLES
from consentry.cli import values
from consentry.cli.audit_reports import COMMANDS
from consentry.cli.output import AsJson, console
from consentry.config import Settings, load_settings
from consentry.errors import InvalidInputError
from consentry.wiring.audits import AuditOrder, open_checkpoints, run_audit

_SHOWN: Final = 40
_MOST_SHOWN: Final = 1_000
"""Rows of an answer that people are shown."""
app = typer.Typer(
    help="Decides every access again from the chain alone: run, sql; and what people read of it: report, disclosures, "
    "institution, incident, fhir."
)
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="TOML file with settings")]
ChainOnly = Annotated[bool, typer.Option("--chain-only", help="leave database, objects and releases aside")]


@app.callback(invoke_without_command=True)
def audit(
    context: typer.Context, settings: SettingsFile = None, chain_only: ChainOnly = False, as_json: AsJson = False
) -> None:
    """Decides every access again from the chain alone; compares database and objects too. Exit code 1: findings.

    Without a command of its own it is a run up to head, with what the settings' custodian keeps.
    """
    if context.invoked_subcommand is None:
        _finish(asyncio.run(run_audit(load_settings(settings), chain_only=chain_only)), as_json=as_json)
    elif settings is not None or chain_only or as_json:
        raise InvalidInputError(f"options do not match (got them before {context.invoked_subcommand}, expected behind)")


@dataclass(frozen=True, slots=True)
class _Asked:
    settings: Settings
    order: AuditOrder
    chain_only: bool
    quiet: bool

    def report(self) -> Report:
        with _bar(quiet=self.quiet) as progress:
            return asyncio.run(
                run_audit(self.settings, chain_only=self.chain_only, order=self.order, progress=progress)
            )


@app.command()
def run(
    *,
    node: Annotated[str, typer.Option("--node", help="address of the own node; setting node_url if not given")] = "",
    manifest: Annotated[Path | None, typer.Option("--manifest", help="deployment manifest")] = None,
    engine: Annotated[str, typer.Option("--engine", help="engine of the node; setting engine if not given")] = "",
    first: Annotated[
        int | None, typer.Option("--from", help="number of the first block that is reported", min=0)
    ] = None,
    last: Annotated[int | None, typer.Option("--to", help="number of the last block; head if not given", min=0)] = None,
    out: Annotated[Path | None, typer.Option("--out", help="folder for tables and checkpoint")] = None,
    settings: SettingsFile = None,
    chain_only: ChainOnly = False,
    as_json: AsJson = False,
) -> None:
    """Audits a span of blocks and writes tables; started again it goes on where it was. Exit code 1: findings.

    Blocks before --from are read and decided again as well, for the state they lead to.
    """
    # The collector would walk what is loaded again and again, a tenth of a second each time.
    gc.freeze()
    if node:
        values.origin(node)
    given = {"node_url": node, "manifest": manifest, "engine": engine}
    chosen = load_settings(settings, **{name: value for name, value in given.items() if value})
    order = AuditOrder(Span(first, last), in_bulk=True)
    if out is not None:
        order = replace(order, checkpoints=open_checkpoints(chosen, out), rows=Rows(PartWriter(out)))
    quiet = as_json or not sys.stderr.isatty()
    # A node alone says nothing of a custodian's tables: whoever names one audits the chain.
    asked = _Asked(chosen, order, chain_only or bool(node), quiet)
    _finish(asked.report(), as_json=as_json)


@app.command()
def sql(
    folder: Annotated[Path, typer.Argument(help="folder of an audit that is over")],
    query: Annotated[str, typer.Argument(help="one SELECT; - reads it from standard input")] = "",
    as_json: AsJson = False,
) -> None:
    """Asks the tables of an audit in SQL (DuckDB), which reaches nothing else; without a query, lists them."""
    connection = open_tables(folder)
    try:
        if query:
            columns, rows = ask(connection, sys.stdin.read() if query == "-" else query)
        else:
            columns, rows = ("table", "rows", "what it holds"), _listed(connection)
    finally:
        connection.close()
    shown = [[_plain(value) for value in row] for row in rows]
    if as_json:
        typer.echo(json.dumps({"items": [dict(zip(columns, row, strict=True)) for row in shown]}))
    else:
        _show_rows(columns, shown)


def _listed(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int, str]]:
    """Gives every table and view, how many rows it has and what it holds."""
    found = []
    for each in (*TABLES, *VIEWS):
        _, [(count,)] = ask(connection, f"SELECT count(*) FROM {each.name}")  # noqa: S608 - a name of ours
        found.append((each.name, count, each.says))
    return found


def _show_rows(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table()
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows[:_MOST_SHOWN]:
        table.add_row(*("" if value is None else str(value) for value in row))
    console().print(table)
    if len(rows) > _MOST_SHOWN:
        console().print(f"{len(rows) - _MOST_SHOWN} more rows; --json gives all", markup=False)


def _plain(value: object) -> Any:  # noqa: ANN401 - JSON
    """Gives a value of an answer as JSON has it: bytes as hexadecimal, what else JSON does not know as text."""
    if isinstance(value, bytes | bytearray | memoryview):
        return "0x" + bytes(value).hex()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


for _name, _command in COMMANDS:
    app.command(_name)(_command)


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """Shows how far an audit has come, on the error stream; its thread starts with the first that is told."""
    columns = (TextColumn("block"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.fields[told]}"))
    bar = Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), disable=quiet)
    task = bar.add_task("audit", told="")

    def tell(told: Progress) -> None:
        bar.start()
        said = f"{told.decisions} decisions, {told.findings} findings"
        bar.update(task, completed=told.block, total=told.head, told=said)

    try:
        yield tell
    finally:
        bar.stop()


def _finish(report: Report, *, as_json: bool) -> None:
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
            table.add_row(f.kind, f.about[:18], f.message, f.expected[:_SHOWN], f.got[:_SHOWN])
        shown.print(table)
    for limit in report.limits:
        shown.print(f"not checked: {limit}", markup=False)
