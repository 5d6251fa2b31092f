"""The tree keeps its rules."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.rules import RULES
from tests.architecture.tree import layers

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_tree_keeps_the_rule(rule: Callable[[Path], list[str]]) -> None:
    assert rule(ROOT) == []


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Runs import-linter on the sources below ``root``."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    environment = {"PYTHONPATH": str(root / "src"), "PATH": ""}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_imports_point_downwards() -> None:
    done = lint_imports(ROOT)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "speak"),
    [
        ("Only the ledger speaks to the chain", {"ledger"}),
        ("Only vault, directory and database speak SQL", {"vault", "directory", "database"}),
    ],
)
def test_rule_about_who_speaks_covers_every_other_room(name: str, speak: set[str]) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    silent = next(contract["source_modules"] for contract in contracts if contract["name"] == name)
    rooms = {room for line in layers(ROOT) for room in line}

    assert {module.removeprefix("consentry.") for module in silent} == rooms - speak


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("core/planted.py", "import consentry.gateway", "Rooms point downwards"),
        ("utils.py", "", "Rooms point downwards"),
        ("client/planted.py", "import web3", "Only the ledger speaks to the chain"),
        ("vault/planted.py", "from web3 import AsyncWeb3", "Only the ledger speaks to the chain"),
        ("audit/planted.py", "import sqlmodel", "Only vault, directory and database speak SQL"),
        ("demo/planted.py", "import sqlite3", "Only vault, directory and database speak SQL"),
        ("gateway/planted.py", "import consentry.config", "Settings are read by wiring and above"),
    ],
)
def test_planted_import_is_found(tmp_path: Path, module: str, line: str, broken: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for source in (ROOT / "src").rglob("*.py"):
        copy = tmp_path / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    (tmp_path / "src" / "consentry" / module).write_text(f'"""Planted."""\n{line}\n')

    done = lint_imports(tmp_path)

    assert done.returncode == 1
    assert f"{broken} BROKEN" in done.stdout
