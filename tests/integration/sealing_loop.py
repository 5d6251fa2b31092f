"""Seals records without end and prints each object id once it is acknowledged; a test kills it at random moments."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from consentry.core.terms import SubjectId
from consentry.core.typed_data import record_id
from consentry.vault.database import Database
from consentry.vault.keyring import LocalKeyring
from consentry.vault.keyring_files import Cost
from consentry.vault.objects import open_object_store
from consentry.vault.schema import upgrade
from consentry.vault.store import RecordVault
from tests.support import samples

PASSPHRASE = "killed at random"


async def content() -> AsyncIterator[bytes]:
    """Give between nothing and two megabytes."""
    for _ in range(secrets.randbelow(8)):
        yield os.urandom(250_000)


async def seal_for_ever(folder: Path) -> None:
    """Seal one new subject's record after the other."""
    url = f"sqlite+aiosqlite:///{folder}/vault.db"
    await upgrade(url)
    place = folder / "keyring"
    cost = Cost(passes=1, memory_kib=64, lanes=1)
    keyring = LocalKeyring.open(place, PASSPHRASE) if place.exists() else LocalKeyring.create(place, PASSPHRASE, cost)
    objects = open_object_store(f"file://{folder}/objects")
    vault = RecordVault(Database(url), objects, keyring)
    print("ready", flush=True)  # noqa: T201 - the test reads it
    while True:
        subject = SubjectId(secrets.token_bytes(32))
        await vault.create_subject(subject)
        sealed = await vault.seal(content(), subject_id=subject, media_type="application/octet-stream")
        await vault.attach(sealed.object_id, record_id(samples.leaf_of(sealed)))
        print(sealed.object_id.hex(), flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    asyncio.run(seal_for_ever(Path(sys.argv[1])))
