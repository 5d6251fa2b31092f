"""A gateway that cannot be served says so in one line, and serves nothing."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from consentry.ledger.claims import FolderLock, open_door
from consentry.wiring.gateways import LOCK_NAME
from tests.unit.cli.conftest import Ended, Run

CUSTODIAN = "0x" + "1a" * 20
HOLDER = """
import sys
from pathlib import Path
from consentry.ledger.claims import FolderLock
lock = FolderLock(Path(sys.argv[1]), "served")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of a gateway that could be tried to serve."""
    monkeypatch.setenv("CONSENTRY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CONSENTRY_CUSTODIAN", CUSTODIAN)
    monkeypatch.setenv("CONSENTRY_PORT", "0")
    return tmp_path / "state"


def assert_refused(ended: Ended, saying: str) -> None:
    """Checks for status 3, one line for people and one document for programs."""
    assert ended.status == 3
    assert len(ended.err.splitlines()) == 1, ended.err
    assert saying in ended.err
    assert json.loads(ended.out).keys() == {"error", "detail"}


@pytest.mark.usefixtures("state")
def test_serve_without_custodian_is_refused_in_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSENTRY_CUSTODIAN")

    assert_refused(run("serve", "--json"), "custodian is not set (expected 0x and 40 lower-case hexadecimal digits)")


def test_serve_on_a_port_in_use_is_refused_in_one_line(run: Run, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("CONSENTRY_PORT", str(port))

        assert_refused(run("serve", "--json"), f"port {port} on 127.0.0.1 cannot be used (address already in use)")
    assert not state.exists()


@pytest.mark.usefixtures("state")
def test_serve_without_manifest_is_refused_in_one_line(run: Run) -> None:
    assert_refused(run("serve", "--json"), "manifest")


def test_serve_of_a_folder_that_is_served_is_refused_until_that_process_is_gone(run: Run, state: Path) -> None:
    state.mkdir(mode=0o700)
    file = state / LOCK_NAME
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"

        assert_refused(run("serve", "--json"), f"state folder {state} is served by process {holder.pid} already")

        holder.kill()
    FolderLock(file, "served").release()


def test_door_turns_callers_away_until_somebody_listens() -> None:
    with open_door("127.0.0.1", 0) as door:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(door.getsockname(), timeout=5)
        door.listen()
        socket.create_connection(door.getsockname(), timeout=5).close()
