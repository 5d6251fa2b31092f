"""A vault on a temporary database of each kind, an object store in a folder, and a key service in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from consentry.core.terms import SubjectId
from consentry.gateway.ports import Vault
from consentry.vault.database import Database
from consentry.vault.objects import ObjectStore, open_object_store
from consentry.vault.schema import upgrade
from consentry.vault.store import RecordVault
from consentry.vault.upkeep import VaultUpkeep
from tests.support.memory_kms import MemoryKms

SUBJECT = SubjectId(b"\x51" * 32)


@dataclass
class Bench:
    """The vault and what it stands on."""

    vault: RecordVault
    upkeep: VaultUpkeep
    database: Database
    objects: ObjectStore
    kms: MemoryKms
    folder: Path
    url: str

    def file_of(self, object_id: bytes) -> Path:
        return self.folder / object_id.hex()[:2] / object_id.hex()


@pytest.fixture
async def bench(tmp_path: Path, database_url: str) -> AsyncIterator[Bench]:
    await upgrade(database_url)
    database = Database(database_url)
    folder = tmp_path / "objects"
    objects = open_object_store(f"file://{folder}")
    kms = MemoryKms()
    vault = RecordVault(database, objects, kms, clock=lambda: 1_800_000_000)
    _port: Vault = vault  # the type checker compares the adapter with the port
    await vault.create_subject(SUBJECT)
    yield Bench(vault, VaultUpkeep(database, objects, kms), database, objects, kms, folder, database_url)
    await database.close()
