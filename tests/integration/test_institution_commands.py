"""An authority at its own command line: a chain, a deployment, an institution admitted, suspended and reinstated."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from consentry.config import load_settings
from consentry.core.codes import Standing
from consentry.core.events import InstitutionAdmitted, InstitutionStandingChanged
from consentry.crypto.keywrap import PUBLIC_KEY_SIZE
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader
from consentry.wiring.adapters import connect

pytestmark = pytest.mark.slow
INSTITUTION = "0x" + "1a" * 20
RELAY = "0x" + "2b" * 20
REGION = "440300"
DELAY = 2
"""Seconds that system administrators wait."""


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

    def two(self, keys: Sequence[Path], *arguments: str) -> Any:  # noqa: ANN401 - JSON
        """Runs a command with the keys of two officers; gives the second answer."""
        assert self.must(*arguments, "--key", str(keys[0]))["state"] == "waits for a second officer"
        return self.must(*arguments, "--key", str(keys[1]))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("desk"))
    try:
        made.environment["CONSENTRY_NODE_URL"] = made.must("chain", "up", "--port", "0")["url"]
        made.must("deploy", "--system-delay", str(DELAY))
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


def test_first_officer_waits_and_second_one_does_it(desk: Desk) -> None:
    first, second = (desk.state / "keys" / name for name in ("national", "national-2"))

    waits = desk.must(*admission(desk, first))
    pending = desk.must("authority", "pending")["items"]
    again = desk.run(*admission(desk, first))
    done = desk.must(*admission(desk, second))

    assert waits["state"] == "waits for a second officer"
    assert [(item["act"], item["function"], item["lapsesAt"]) for item in pending] == [
        (waits["act"], "admitInstitution", waits["lapsesAt"])
    ]
    assert pending[0]["arguments"]["institution"] == INSTITUTION
    assert (again.returncode, "ParticipantsSecondOfficerRequired" in again.stderr) == (1, True)
    assert done["state"] == "done"
    assert desk.must("authority", "pending")["items"] == []


def test_officers_suspend_and_reinstate(desk: Desk) -> None:
    keys = [desk.state / "keys" / name for name in ("national", "national-2")]
    for command in ("suspend", "reinstate"):
        desk.two(keys, "institution", command, INSTITUTION)
    desk.two(keys, "institution", "admit-relay", RELAY, INSTITUTION)
    desk.must("institution", "remove-relay", RELAY, "--key", str(keys[0]))
    emergency = desk.must("institution", "suspend", INSTITUTION, "--emergency", "--key", str(keys[0]))
    desk.must("institution", "suspend", INSTITUTION, "--key", str(keys[1]))
    desk.two(keys, "institution", "reinstate", INSTITUTION)

    assert emergency["state"] == "waits for a second officer"
    suspended = [Standing.SUSPENDED, Standing.ACTIVE]
    assert standings(desk) == [Standing.ACTIVE, *suspended, *suspended]


def test_national_officers_admit_an_authority_which_acts_in_its_region(desk: Desk, tmp_path: Path) -> None:
    national = [desk.state / "keys" / name for name in ("national", "national-2")]
    own = [tmp_path / "province", tmp_path / "deputy"]
    address, deputy = (desk.must("key", "new", str(file))["signer"] for file in own)

    desk.two(national, "authority", "admit", address, "--region", "330000")
    desk.two(national, "authority", "appoint", address, deputy, "--role", "AUTHORITY", "--role", "SECURITY")
    member = ("institution", "admit", "0x" + "3c" * 20, "--release-key", "ab" * PUBLIC_KEY_SIZE)
    desk.two(own, *member, "--region", "330100")
    group = address + "00" * 12
    desk.must("institution", "join", group, "0x" + "3c" * 20, "--key", str(own[1]))
    desk.must("institution", "leave", group, "0x" + "3c" * 20, "--key", str(own[0]))
    key = ("--key", str(own[0]))
    foreign = desk.run(*member[:2], "0x" + "4d" * 20, *member[3:], "--region", "440300", *key)
    desk.two(national, "authority", "suspend", address)
    suspended = desk.run(*member[:2], "0x" + "5e" * 20, *member[3:], "--region", "330100", *key)
    desk.two(national, "authority", "reinstate", address)
    desk.two(national, "authority", "dismiss", deputy)

    assert (foreign.returncode, suspended.returncode) == (1, 1)
    assert "ParticipantsRegionForbidden" in foreign.stderr
    assert "ParticipantsRegionForbidden" in suspended.stderr


def test_system_officers_announce_and_audit_officers_limit(desk: Desk, tmp_path: Path) -> None:
    national = [desk.state / "keys" / name for name in ("national", "national-2")]
    files = [tmp_path / name for name in ("system-1", "system-2", "audit-1", "audit-2")]
    own = desk.must("key", "show", str(national[0]))["signer"]
    for file in files:
        role = file.name.partition("-")[0].upper()
        desk.two(national, "authority", "appoint", own, desk.must("key", "new", str(file))["signer"], "--role", role)
    combined = ("authority", "appoint", own, desk.must("key", "show", str(files[0]))["signer"], "--role", "AUDIT")
    desk.must(*combined, "--key", str(national[0]))
    refused = desk.run(*combined, "--key", str(national[1]))

    name = ("authority", "name-deployment", "Consents", "0x" + "6f" * 20, "2")
    announced = desk.must(*name, "--key", str(files[0]))
    time.sleep(DELAY + 1)
    desk.must("institution", "join", own + "00" * 12, INSTITUTION, "--key", str(national[0]))  # a block, for its time
    waits = desk.must(*name, "--key", str(files[0]))
    desk.must("authority", "admit-verifier", "0x" + "7a" * 20, "--key", str(files[1]))
    limited = desk.two(files[2:], "institution", "limit", INSTITUTION, "--daily", "500")

    assert (refused.returncode, "GovernanceRolesCombined" in refused.stderr) == (1, True)
    assert announced["state"].startswith("announced")
    assert waits["state"] == "waits for a second officer"
    assert limited["state"] == "done"


def test_institution_rotates_its_keys_and_officers_reset_them(desk: Desk, tmp_path: Path) -> None:
    national = [desk.state / "keys" / name for name in ("national", "national-2")]
    first, second = (desk.must("key", "new", str(tmp_path / name))["signer"] for name in ("first", "second"))
    relay = desk.must("key", "new", str(desk.state / "keys" / "relay"))["signer"]
    release = ("--release-key", "ab" * PUBLIC_KEY_SIZE)
    desk.two(national, "institution", "admit", first, "--region", REGION, *release)
    desk.two(national, "institution", "admit-relay", relay, first)

    keys = ("--key", str(tmp_path / "first"), "--new-key", str(tmp_path / "second"))
    rotated = desk.must("institution", "rotate", first, *keys, "--release-key", "cd" * PUBLIC_KEY_SIZE)
    stale = desk.run("institution", "rotate", first, *keys, *release)
    reset = desk.two(national, "institution", "reset-keys", first, "--signer", first, *release)

    assert second != first
    assert (rotated["state"], reset["state"]) == ("done", "done")
    assert (stale.returncode, "ParticipantsSignatureInvalid" in stale.stderr) == (1, True)


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
