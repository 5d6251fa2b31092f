"""How commands answer: lines or a table for people, one JSON document for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from consentry.evidence.notation import Json
from consentry.evidence.notice import moment_text

_MOMENTS: Final = frozenset({"blockTime", "since", "until", "deletedAt", "decidedAt", "signedAt"})
"""Members that programs get in seconds, and people as a date."""
AsJson = Annotated[bool, typer.Option("--json", help="answer with one JSON document")]


def console(*, quiet: bool = False) -> Console:
    """Gives the console for people; ``NO_COLOR`` is respected. A quiet one shows nothing."""
    return Console(no_color="NO_COLOR" in os.environ, highlight=False, soft_wrap=True, quiet=quiet)


def answer(values: dict[str, Any], *, as_json: bool) -> None:
    """Answers with some named values; for people, those inside another stand indented below its name."""
    if as_json:
        typer.echo(json.dumps(values))
        return
    shown = console()
    for line in _lines(values):
        shown.print(line, markup=False)


def _lines(values: dict[str, Any], indent: str = "") -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{name}: {_shown(name, value)}"


def _shown(name: str, value: object) -> object:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (name in _MOMENTS and value == 0):
        return "-"
    return moment_text(value) if name in _MOMENTS and isinstance(value, int) else value


def plain(text: str) -> str:
    """Gives a text as one line that cannot steer a terminal: what a gateway says is shown, not obeyed."""
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))


def receipt_of(receipt: Json) -> Json:
    """Picks what a person needs to find an act or a decision on chain again."""
    return {name: receipt[name] for name in ("transactionHash", "blockNumber", "blockTime") if name in receipt}


def listing(items: Sequence[Json], columns: Sequence[str], rows: Sequence[Sequence[object]], *, as_json: bool) -> None:
    """Answers with a list.

    Args:
        items: what programs get, whole, under ``items``.
        columns: headings of the table for people.
        rows: its lines; ids are not cut, however narrow the terminal.
        as_json: which of the two.
    """
    if as_json:
        typer.echo(json.dumps({"items": list(items)}))
        return
    lines = [[plain(str(value)) for value in row] for row in (columns, *rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        typer.echo("  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip())
