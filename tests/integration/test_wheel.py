"""The wheel is complete: built from the checkout as a release would be, without a network."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.tree import tracked

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Builds the wheel with the locked build tool."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    package = ROOT / "src" / "consentry"
    wanted = {f"consentry/{path.relative_to(package)}" for path in tracked(ROOT) if path.is_relative_to(package)}

    assert "consentry/py.typed" in wanted
    assert "consentry/ledger/artifacts/AccessLedger.json" in wanted
    assert wanted - set(wheel.namelist()) == set()


def test_wheel_holds_the_engines_and_nothing_installed(wheel: zipfile.ZipFile) -> None:
    engines = ROOT / "hardhat-free-node"
    wanted = {
        f"consentry/ledger/engines/{path.relative_to(engines)}"
        for path in tracked(ROOT)
        if path.is_relative_to(engines)
    }

    assert "consentry/ledger/engines/embedded/package-lock.json" in wanted
    assert wanted - set(wheel.namelist()) == set()
    assert [name for name in wheel.namelist() if "node_modules" in name or name.endswith(".pyc")] == []


def test_wheel_gives_the_command(wheel: zipfile.ZipFile) -> None:
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))

    assert "consentry = consentry.cli:main" in wheel.read(entry_points).decode()


def test_wheel_adds_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"consentry"}
