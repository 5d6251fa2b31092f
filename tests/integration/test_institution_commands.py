"""An authority at its own command line: a chain, a deployment, an institution admitted, suspended and reinstated."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consentry.config import load_settings
from consentry.core.codes import Standing
from consentry.core.events import InstitutionAdmitted, InstitutionStandingChanged
from consentry.crypto.keywrap import PUBLIC_KEY_SIZE
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader
from consentry.wiring import connect

pytestmark = pytest.mark.slow
INSTITUTION = "0x" + "1a" * 20
RELAY = "0x" + "2b" * 20
REGION = "440300"


class Desk:
    """A command line with a state folder of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.environment = {**os.environ, "CONSENTRY_STATE_DIR": str(state), "NO_COLOR": "1"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one command."""
        command = [sys.executable, "-m", "consentry", *arguments, "--json"]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=120)

    def must(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        """Runs a command that has to succeed; gives its answer."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("desk"))
    try:
        made.environment["CONSENTRY_NODE_URL"] = made.must("chain", "up", "--port", "0")["url"]
        made.must("deploy")
        yield made
    finally:
        made.must("chain", "down")


def admission(desk: Desk, key: Path) -> tuple[str, ...]:
    secret, public = desk.state / "hospital.release", desk.state / "hospital.release.pub"
    if not secret.exists():
        desk.must("key", "new", "--kind", "release", str(secret))
    public.write_text(json.dumps(desk.must("key", "show", "--release", str(secret))))
    release = ("--release-key-file", str(public))
    return ("institution", "admit", INSTITUTION, "--region", REGION, *release, "--key", str(key))


def standings(desk: Desk) -> list[Standing]:
    """Gives what the chain says of the institution, from its admission on."""

    async def read() -> list[Standing]:
        settings = load_settings(state_dir=desk.state, node_url=desk.environment["CONSENTRY_NODE_URL"])
        reader = ChainReader(connect(settings), Manifest.read(settings.manifest_path))
        try:
            events = await reader.events(0, (await reader.head()).number)
        finally:
            await reader.close()
        return [
            Standing.ACTIVE if isinstance(event, InstitutionAdmitted) else event.standing
            for event in events
            if isinstance(event, InstitutionAdmitted | InstitutionStandingChanged)
            and event.institution == bytes.fromhex(INSTITUTION[2:])
        ]

    return asyncio.run(read())


def test_authority_admits_suspends_and_reinstates(desk: Desk) -> None:
    key = desk.state / "keys" / "national"

    desk.must(*admission(desk, key))
    desk.must("institution", "suspend", INSTITUTION, "--key", str(key))
    desk.must("institution", "reinstate", INSTITUTION, "--key", str(key))
    desk.must("institution", "admit-relay", RELAY, INSTITUTION, "--key", str(key))
    desk.must("institution", "remove-relay", RELAY, "--key", str(key))

    assert standings(desk) == [Standing.ACTIVE, Standing.SUSPENDED, Standing.ACTIVE]


def test_national_authority_admits_a_provincial_one_which_acts_in_its_region(desk: Desk, tmp_path: Path) -> None:
    national, own = desk.state / "keys" / "national", tmp_path / "province"
    address = desk.must("key", "new", str(own))["signer"]

    desk.must("authority", "admit", address, "--region", "330000", "--key", str(national))
    member = ("institution", "admit", "0x" + "3c" * 20, "--release-key", "ab" * PUBLIC_KEY_SIZE, "--key", str(own))
    desk.must(*member, "--region", "330100")
    group = address + "00" * 12
    desk.must("institution", "join", group, "0x" + "3c" * 20, "--key", str(own))
    desk.must("institution", "leave", group, "0x" + "3c" * 20, "--key", str(own))
    foreign = desk.run(*member[:2], "0x" + "4d" * 20, *member[3:], "--region", "440300")
    desk.must("authority", "suspend", address, "--key", str(national))
    suspended = desk.run(*member[:2], "0x" + "5e" * 20, *member[3:], "--region", "330100")
    desk.must("authority", "reinstate", address, "--key", str(national))

    assert (foreign.returncode, suspended.returncode) == (1, 1)
    assert "ParticipantsRegionForbidden" in foreign.stderr
    assert "ParticipantsRegionForbidden" in suspended.stderr


def test_account_without_the_role_is_refused_in_one_line(desk: Desk) -> None:
    stranger = desk.state / "keys" / "deployer"

    done = desk.run("institution", "suspend", INSTITUTION, "--key", str(stranger))

    assert done.returncode == 1, done
    assert len(done.stderr.strip().splitlines()) == 1
    assert "AccessManagedUnauthorized" in done.stderr


def test_key_file_others_may_read_is_refused(desk: Desk, tmp_path: Path) -> None:
    key = tmp_path / "open"
    key.write_text("11" * 32)
    key.chmod(0o644)

    done = desk.run(*admission(desk, key))

    assert done.returncode == 3
    assert "mode of key file open" in done.stderr


def test_gateway_says_when_it_is_ready_and_is_the_only_one_of_its_folder(desk: Desk) -> None:
    environment = {**desk.environment, "CONSENTRY_CUSTODIAN": INSTITUTION, "CONSENTRY_PORT": "0"}
    command = [sys.executable, "-m", "consentry", "serve", "--json"]
    for _ in range(2):
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as gateway:
            assert gateway.stdout is not None
            assert gateway.stderr is not None
            ready = json.loads(gateway.stdout.readline())
            assert ready["state"] == "ready"
            port = int(ready["gateway"].rpartition(":")[2])
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answered:
                assert answered.status == 200

            second = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
            assert second.returncode == 3
            said = f"state folder {desk.state} is served by process {gateway.pid} already"
            assert json.loads(second.stdout) == {"error": "configuration", "detail": said}
            assert second.stderr == f"consentry: {said}\n"

            gateway.send_signal(signal.SIGTERM)
            assert gateway.wait(30) == -signal.SIGTERM
            assert b"Traceback" not in gateway.stderr.read()
