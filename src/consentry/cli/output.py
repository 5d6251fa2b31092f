"""How commands answer: a line or a table for people, one JSON document for programs."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

import typer
from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="answer with one JSON document")]


def console() -> Console:
    """Gives the console for people; ``NO_COLOR`` is respected."""
    return Console(no_color="NO_COLOR" in os.environ, highlight=False, soft_wrap=True)


def answer(values: dict[str, Any], *, as_json: bool) -> None:
    """Answers with some named values."""
    if as_json:
        typer.echo(json.dumps(values))
        return
    shown = console()
    for name, value in values.items():
        shown.print(f"{name}: {value}", markup=False)
