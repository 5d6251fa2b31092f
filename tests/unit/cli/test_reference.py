"""The reference of commands names what there is."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from consentry.cli import app

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "commands.md"


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - private type
    """Gives every command that is not hidden, with its full name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        elif not command.hidden:
            yield " ".join((*path, name)), command


FOUND = dict(commands(typer.main.get_command(app)))


def test_reference_names_every_command_and_no_other() -> None:
    listed = re.findall(
        r"^\| `([^`]+)` \| .+ \| .+ \| [^|]*\|$", REFERENCE.read_text().partition("## Keys")[0], re.MULTILINE
    )

    assert sorted(listed) == sorted(FOUND)


def test_every_command_answers_with_json_if_asked() -> None:
    assert [name for name, command in FOUND.items() if not any("--json" in p.opts for p in command.params)] == []


def test_reference_names_every_exit_code() -> None:
    codes = {
        value for name, value in vars(importlib.import_module("consentry.cli.app")).items() if name.startswith("EXIT_")
    }

    assert {int(code) for code in re.findall(r"^\| (\d) \|", REFERENCE.read_text(), re.MULTILINE)} == codes | {0}
