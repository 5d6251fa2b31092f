"""The tree keeps its rules."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.rules import RULES

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
    ("module", "line", "broken"),
    [
        ("core/planted.py", "import consentry.gateway", "Rooms point downwards"),
        ("utils.py", "", "Rooms point downwards"),
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
