"""The demonstration itself: the whole story on real parts and real data, then again on the same state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.note import SignedNote

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TYPICAL_BYTES = 25_000
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
        found = json.loads(done.stdout)
        assert found["permitted"] is True
        assert found["vouched"].startswith("2 of 2 witnesses vouch for it in a log of ")
    assert (folder / "evidence.json").stat().st_size <= TYPICAL_BYTES


def without_a_network(*command: str) -> subprocess.CompletedProcess[str]:
    """Runs a command where there is no network: in a namespace without interfaces, or else with sockets refused."""
    apart = ("unshare", "--map-root-user", "--net")
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode == 0:
        seen = subprocess.run([*apart, "cat", "/proc/net/dev"], capture_output=True, text=True, check=True).stdout
        assert [line.split(":")[0].strip() for line in seen.splitlines()[2:]] == ["lo"]
        # Nothing is up, the loopback neither.
        probe = "import socket; socket.create_connection(('127.0.0.1', 1), 5)"
        refused = subprocess.run(
            [*apart, sys.executable, "-c", probe], capture_output=True, text=True, check=False, timeout=60
        )
        assert "Network is unreachable" in refused.stderr
        started: tuple[str, ...] = (*apart, sys.executable, "-m", "consentry")
    else:
        blocked = (
            "import runpy, socket; socket.socket.connect = None; runpy.run_module('consentry', run_name='__main__')"
        )
        started = (sys.executable, "-c", blocked)
    return subprocess.run([*started, *command], capture_output=True, text=True, check=False, timeout=120)


def test_evidence_of_the_story_verifies_with_the_cable_out(told: tuple[Path, str], tmp_path: Path) -> None:
    folder = told[0] / "demo"
    files = [folder / "evidence.json", folder / "trust-root.json"]
    for file in files:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    evidence, trust = (str(tmp_path / file.name) for file in files)

    done = without_a_network("verify", evidence, "--trust-root", trust, "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["vouched"].startswith("2 of 2 witnesses vouch for it")
    forged = tmp_path / "forged.json"
    forged.write_bytes(files[0].read_bytes().replace(b'"leafIndex":', b'"leafIndex":1', 1))
    assert without_a_network("verify", str(forged), "--trust-root", trust).returncode == 5


def test_changed_evidence_is_refused_with_exit_code_5(told: tuple[Path, str], tmp_path: Path) -> None:
    folder = told[0] / "demo"
    forged = tmp_path / "forged.json"
    forged.write_bytes((folder / "evidence.json").read_bytes().replace(b'"reason":0', b'"reason":1'))

    done = run(told[0], "verify", str(forged), "--trust-root", str(folder / "trust-root.json"))

    assert done.returncode == 5
    assert len(done.stderr.strip().splitlines()) == 1


def test_second_start_goes_on_with_all_data(told: tuple[Path, str]) -> None:
    state, first = told

    done = run(state, "demo")
    try:
        log, rebuilt = _log_and_rebuilt(state)
    finally:
        run(state, "demo", "--stop")

    assert done.returncode == 0, done.stderr
    assert rebuilt["log"] == {"size": log.size, "differs": False, "replaced": False}
    assert rebuilt["differing"] == 0
    assert "kept from an earlier run" not in first
    assert done.stdout.count("(kept from an earlier run)") == 12
    transactions = [line for line in first.splitlines() if "transaction 0x" in line]
    assert [line for line in done.stdout.splitlines() if "transaction 0x" in line] == transactions


def _log_and_rebuilt(state: Path) -> tuple[Checkpoint, dict[str, Any]]:
    """Gives the published head of the running log, and what making it anew beside it finds."""
    folder = state / "demo" / "hospital-a"
    port = json.loads((folder / "endpoint.json").read_text())["port"]
    note = SignedNote.from_bytes(httpx.get(f"http://127.0.0.1:{port}/log/checkpoint").content)
    assert len(note.signatures) == 3
    node = json.loads(run(state, "chain", "status", "--state", str(state / "demo" / "chain"), "--json").stdout)
    where = {"node_url": node["url"], "manifest": str(state / "demo" / "deployment.json"), "log_origin": "rebuilt"}
    settings = "".join(f"{name} = {json.dumps(value)}\n" for name, value in where.items())
    (state / "settings.toml").write_text(f"state_dir = {json.dumps(str(folder))}\n{settings}")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CONSENTRY_")}
    command = [sys.executable, "-m", "consentry", "rebuild", "--settings", str(state / "settings.toml"), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return Checkpoint.parse(note.text), json.loads(done.stdout)


def test_keys_of_the_story_are_for_their_owner_alone(told: tuple[Path, str]) -> None:
    keys = [path for path in (told[0] / "demo").rglob("keys/*") if path.is_file()]

    assert len(keys) > 10
    assert [path for path in keys if path.stat().st_mode & 0o077] == []
