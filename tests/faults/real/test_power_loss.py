"""Power is lost: whatever was acknowledged is there, on a disk that keeps nothing that was not synced.

The power is cut after each acknowledgement and after each sync between two, sixty times in all. Two planted faults, a
file and a folder that are never synced, are found. Blind spot: bytes that a disk writes in part.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from consentry.errors import ConsentryError
from consentry.ledger.embedded.blocklog import BlockLog
from consentry.vault.database import Database
from consentry.vault.keyring import LocalKeyring
from consentry.vault.objects import open_object_store
from consentry.vault.store import RecordVault
from tests.faults.real.figures import tell
from tests.faults.real.forgetful import CUT, ROOT, forgetful, why_not
from tests.faults.real.processes import SealerEndedError, environment, sealer
from tests.faults.real.sealing import PASSPHRASE
from tests.integration.test_vault_kill import opens
from tests.support.embedded_chain import client_of, deploy_notes, sender_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.skipif(bool(why_not()), reason=why_not())]
BLOCKS = 6
RECORDS = 4


def outcomes_in_order(outcomes: Path) -> list[tuple[int, Path]]:
    """Gives every outcome with how many cuts were made before it, the acknowledgements that must be in it."""
    found = []
    for path in outcomes.iterdir():
        number, _, sync = path.name.partition(".")
        # A cut is made after its acknowledgement: it holds that one too.
        found.append((int(number) + (not sync), int(sync or 10**6), path))
    return [(acknowledged, path) for acknowledged, _, path in sorted(found, key=lambda one: (one[0], one[1]))]


def write_blocks(mount: Path, engine: Path, output: Path, leaves_out: str) -> list[str]:
    """Has a sealer write blocks on the disk; gives the hash of each block that was acknowledged."""
    with sealer(mount / "chain", engine, output, leaves_out=leaves_out) as (_, status):
        client, sender = client_of(status), sender_of(status)
        notes = deploy_notes(client, sender)
        hashes = client.hashes()
        (mount / f"{CUT}0").mkdir()
        for number in range(1, BLOCKS):
            raw = sender.sign(notes, number.to_bytes(32, "big"))
            hashes.append(client.call("eth_sendRawTransactionSync", raw)["blockHash"])
            (mount / f"{CUT}{number}").mkdir()
    return hashes


def blocks_lost(outcomes: Path, hashes: Sequence[str]) -> tuple[int, int]:
    """Gives how many outcomes there are, and how many of them lost a block that was acknowledged."""
    lost, found = 0, outcomes_in_order(outcomes)
    for acknowledged, path in found:
        expected = hashes[: acknowledged + 1] if acknowledged else []
        log = next(path.rglob("blocks.log"), None)
        try:
            opened = BlockLog.open(log) if log else None
        except ConsentryError:
            # Before the first acknowledgement a new log may be in the making; after it never.
            lost += bool(expected)
            continue
        held = ["0x" + opened.hash_of(n).hex() for n in range(opened.height + 1)] if opened else []
        if opened:
            opened.close()
        lost += held[: len(expected)] != expected
    return len(found), lost


@pytest.mark.parametrize("leaves_out", ["", "file", "folder"])
def test_chain_keeps_every_acknowledged_block(tmp_path: Path, engine: Path, leaves_out: str) -> None:
    with forgetful(tmp_path) as (mount, outcomes):
        try:
            hashes = write_blocks(mount, engine, tmp_path / "sealer.log", leaves_out)
        except SealerEndedError:
            assert leaves_out
            return
    cuts, lost = blocks_lost(outcomes, hashes)
    tell("power lost, chain", leaves_out=leaves_out or "nothing", cuts=cuts, cuts_that_lost_a_block=lost)
    if leaves_out:
        assert lost
        return
    assert (lost, cuts > BLOCKS) == (0, True)
    last = tmp_path / "restarted"
    shutil.copytree(outcomes / f"{BLOCKS - 1}" / "chain", last)
    last.chmod(0o700)
    with sealer(last, engine, tmp_path / "again.log") as (_, status):
        assert client_of(status).hashes() == hashes


def seal_records(mount: Path, database: Path, leaves_out: str) -> subprocess.CompletedProcess[str]:
    """Has a process seal records on the disk."""
    command = [sys.executable, "-m", "tests.faults.real.sealing", str(mount), str(database), str(RECORDS), "cuts"]
    return subprocess.run(
        command, env=environment(leaves_out), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("leaves_out", ["", "file", "folder"])
async def test_vault_keeps_every_acknowledged_record(tmp_path: Path, leaves_out: str) -> None:
    (tmp_path / "database").mkdir()
    with forgetful(tmp_path) as (mount, outcomes):
        ran = seal_records(mount, tmp_path / "database", leaves_out)
    acknowledged = [bytes.fromhex(line) for line in ran.stdout.split()]
    assert len(acknowledged) == RECORDS, ran.stderr
    lost, cuts = 0, outcomes_in_order(outcomes)
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/database/vault.db")
    for count, disk in cuts:
        lost += not await holds(database, disk, acknowledged[:count])
    await database.close()
    tell("power lost, vault", leaves_out=leaves_out or "nothing", cuts=len(cuts), cuts_that_lost_a_record=lost)
    assert bool(lost) == bool(leaves_out)
    assert leaves_out or len(cuts) > 4 * RECORDS


async def holds(database: Database, disk: Path, acknowledged: Sequence[bytes]) -> bool:
    """Tells whether a disk holds records and their keys, so that each opens."""
    if not acknowledged:
        return True
    try:
        vault = RecordVault(
            database, open_object_store(f"file://{disk}/objects"), LocalKeyring.open(disk / "keyring", PASSPHRASE)
        )
        return all([await opens(vault, object_id) for object_id in acknowledged])
    except (ConsentryError, OSError):
        return False
