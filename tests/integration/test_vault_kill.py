"""``kill -9`` at random moments: what was acknowledged is there and opens; what was not leaves nothing half-done.

Blind spot: the kernel survives, so a missing sync does not show here; ``tests/unit/vault/test_durability.py`` looks at
those.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlmodel import col, select

from consentry.core.receipts import LEDGER_SEAL, FinalReceipt
from consentry.core.terms import AccessEntry
from consentry.core.typed_data import record_id
from consentry.crypto.sealing import Opener, sealing_context
from consentry.vault.database import Database
from consentry.vault.keyring import LocalKeyring
from consentry.vault.objects import open_object_store
from consentry.vault.store import RecordVault
from consentry.vault.tables import StoredObject
from consentry.vault.upkeep import VaultUpkeep
from tests.integration.sealing_loop import PASSPHRASE
from tests.support import samples
from tests.support.memory_vault import in_force

ROOT = Path(__file__).parents[2]
KILLS = 5


def seal_until_killed(folder: Path, after: float) -> list[bytes]:
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "tests.integration.sealing_loop", str(folder)]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after)
        process.kill()
        lines = [line.strip() for line in process.stdout if line.endswith("\n")]
    return [bytes.fromhex(line) for line in lines]


async def opens(vault: RecordVault, object_id: bytes) -> bool:
    leaf = samples.leaf_of(await vault.sealed(object_id))
    record = record_id(leaf)
    entry = AccessEntry(samples.request(record, bytes(32), bytes(32)), leaf.subject_id, 0, samples.NOW, 1, 1)
    keys, row = await vault.open_keys(FinalReceipt(entry, samples.place(), "test", LEDGER_SEAL), leaf, in_force)
    opener = Opener(keys.data_key, sealing_context(row.object_id, row.version))
    async for piece in vault.read(record, 0, row.ciphertext_size):
        opener.update(piece)
    opener.finalize()
    return opener.digests.plaintext_size == row.plaintext_size


@pytest.mark.slow
async def test_kill_at_random_moments_loses_nothing_acknowledged(tmp_path: Path) -> None:
    seeded = random.Random(20260701)
    acknowledged = [kept for _ in range(KILLS) for kept in seal_until_killed(tmp_path, seeded.uniform(0.02, 0.4))]
    assert acknowledged
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/vault.db")
    objects = open_object_store(f"file://{tmp_path}/objects")
    keyring = LocalKeyring.open(tmp_path / "keyring", PASSPHRASE)
    vault = RecordVault(database, objects, keyring)
    for object_id in acknowledged:
        assert await opens(vault, object_id)
    async with database.reading() as session:
        waiting = col(StoredObject.record_id).is_(None)
        unanchored = (await session.exec(select(StoredObject.object_id).where(waiting))).all()
    # A kill may leave one object without a row, or one row that is not anchored yet; it damages nothing.
    strays = [finding async for finding in VaultUpkeep(database, objects, keyring).findings()]
    assert all("got no live row" in finding.error.message for finding in strays)
    assert len(strays) + len(unanchored) <= KILLS
    await database.close()
