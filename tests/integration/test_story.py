"""The demonstration itself: the whole story on real parts and real data, then again on the same state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TITLES = (
    "hospital B reads the image",
    "denied: RECORD_NOT_IN_SCOPE",
    "denied: CONSENT_REVOKED",
    "1955 pixels",
    "nothing found",
    "projection.row-differs, vault.object-differs",
    "refused: vault.object-corrupt",
)


def run(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of the package with its state in a folder of the test."""
    environment = {**os.environ, "CONSENTRY_STATE_DIR": str(state), "NO_COLOR": "1", "COLUMNS": "200"}
    command = [sys.executable, "-m", "consentry", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=500)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    state = tmp_path_factory.mktemp("story")
    done = run(state, "demo", "--exit")
    try:
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        yield state, done.stdout
    finally:
        run(state, "demo", "--stop")


def test_story_tells_every_step(told: tuple[Path, str]) -> None:
    state, output = told

    assert [title for title in TITLES if title not in output] == []
    assert f"opened as {state / 'demo' / 'opened-by-hospital-b.dcm'}" in output


def test_evidence_of_the_story_verifies_from_the_command_line(told: tuple[Path, str]) -> None:
    folder = told[0] / "demo"

    for name in ("evidence.json", "evidence.pdf"):
        done = run(told[0], "verify", str(folder / name), "--trust-root", str(folder / "trust-root.json"), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["permitted"] is True


def test_changed_evidence_is_refused_with_exit_code_5(told: tuple[Path, str], tmp_path: Path) -> None:
    folder = told[0] / "demo"
    forged = tmp_path / "forged.json"
    forged.write_bytes((folder / "evidence.json").read_bytes().replace(b'"reason":0', b'"reason":1'))

    done = run(told[0], "verify", str(forged), "--trust-root", str(folder / "trust-root.json"))

    assert done.returncode == 5
    assert len(done.stderr.strip().splitlines()) == 1


def test_second_start_goes_on_with_all_data(told: tuple[Path, str]) -> None:
    state, first = told

    done = run(state, "demo", "--exit")

    assert done.returncode == 0, done.stderr
    assert "kept from an earlier run" not in first
    assert done.stdout.count("(kept from an earlier run)") == 12
    transactions = [line for line in first.splitlines() if "transaction 0x" in line]
    assert [line for line in done.stdout.splitlines() if "transaction 0x" in line] == transactions


def test_keys_of_the_story_are_for_their_owner_alone(told: tuple[Path, str]) -> None:
    keys = [path for path in (told[0] / "demo").rglob("keys/*") if path.is_file()]

    assert len(keys) > 10
    assert [path for path in keys if path.stat().st_mode & 0o077] == []
