"""What `scripts/lint` looks at is clean: ruff, mypy, import-linter, solhint and slither find nothing unexplained."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_static_checks_find_nothing() -> None:
    done = subprocess.run([ROOT / "scripts" / "lint"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("lint: clean")
