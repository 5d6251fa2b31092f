"""Killed just before each call that changes a file: what was acknowledged is there, and the next start needs no hand.

Blind spot: the kernel lives on, so a missing sync does not show; ``test_power_loss.py`` sees those.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from consentry.vault.database import Database
from consentry.vault.keyring import LocalKeyring
from consentry.vault.objects import open_object_store
from consentry.vault.store import RecordVault
from tests.faults.real.figures import tell
from tests.faults.real.processes import ROOT, SealerEndedError, environment, sealer
from tests.faults.real.sealing import PASSPHRASE, seal
from tests.faults.real.tracer import counting, ending, points_of
from tests.integration.test_vault_kill import opens
from tests.support.embedded_chain import Client, RpcError, Sender, client_of, deploy_notes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]
BLOCKS = 3
RECORDS = 2


def write_until_killed(state: Path, engine: Path, around: list[str]) -> dict[int, str]:
    """Has a chain made and written until it is killed, or to its good end; gives each acknowledged block."""
    promised: dict[int, str] = {}
    try:
        with sealer(state, engine, state.with_suffix(".log"), around=around) as (process, status):
            with suppress(OSError, HTTPException, RpcError):
                write(client_of(status), Sender(status.chain_id or 0), promised)
            assert status.pid is not None
            with suppress(ProcessLookupError):
                os.kill(status.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
    except SealerEndedError:
        pass
    return promised


def write(client: Client, sender: Sender, promised: dict[int, str]) -> None:
    """Writes some blocks, and notes each that was acknowledged."""
    notes = deploy_notes(client, sender)
    for number in range(BLOCKS):
        receipt = client.call("eth_sendRawTransactionSync", sender.sign(notes, number.to_bytes(32, "big")))
        promised[int(receipt["blockNumber"], 16)] = receipt["blockHash"]


def test_sealer_killed_before_each_change_of_a_file_loses_no_acknowledged_block(tmp_path: Path, engine: Path) -> None:
    log = tmp_path / "calls"
    assert len(write_until_killed(tmp_path / "whole", engine, counting(log))) == BLOCKS
    points, acknowledged = points_of(log), 0
    for number in points:
        state = tmp_path / f"killed-{number}"
        promised = write_until_killed(state, engine, ending(number))
        acknowledged += len(promised)
        with sealer(state, engine, tmp_path / "again.log") as (_, status):
            hashes = client_of(status).hashes()
            assert {number: hashes[number] for number in promised} == promised
            write(client_of(status), Sender(status.chain_id or 0), {})
        shutil.rmtree(state)
    tell("killed before a call, sealer", points=len(points), acknowledged=acknowledged)
    assert 0 < acknowledged < len(points) * BLOCKS


def seal_until_killed(folder: Path, around: list[str]) -> list[bytes]:
    """Has records sealed until the process is killed; gives the acknowledged ones."""
    arguments = [str(folder), str(folder), str(RECORDS), "none"]
    command = [*around, sys.executable, "-m", "tests.faults.real.sealing", *arguments]
    ran = subprocess.run(
        command, env=environment(), cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return [bytes.fromhex(line) for line in ran.stdout.splitlines(keepends=True) if line.endswith("\n")]


async def test_vault_killed_before_each_change_of_a_file_loses_no_acknowledged_record(tmp_path: Path) -> None:
    log, whole = tmp_path / "calls", tmp_path / "whole"
    whole.mkdir()
    assert len(seal_until_killed(whole, counting(log))) == RECORDS
    points, acknowledged = points_of(log), 0
    for number in points:
        folder = tmp_path / f"killed-{number}"
        folder.mkdir()
        kept = seal_until_killed(folder, ending(number))
        acknowledged += len(kept)
        # The next one goes on where that one ended.
        await seal(folder, folder, 1, cuts=False)
        await check_all_open(folder, kept)
        shutil.rmtree(folder)
    tell("killed before a call, vault", points=len(points), acknowledged=acknowledged)
    assert acknowledged < len(points) * RECORDS


async def check_all_open(folder: Path, kept: list[bytes]) -> None:
    """Checks that each record is there and opens."""
    database = Database(f"sqlite+aiosqlite:///{folder}/vault.db")
    keyring = LocalKeyring.open(folder / "keyring", PASSPHRASE)
    vault = RecordVault(database, open_object_store(f"file://{folder}/objects"), keyring)
    for object_id in kept:
        assert await opens(vault, object_id)
    await database.close()
