"""A process that seals records: says each object's id once it is acknowledged, and has the power cut after each.

Arguments: the folder for keys and objects, that of the database, how many, and whether cuts are made.
"""

from __future__ import annotations

import asyncio
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
from tests.faults.real.forgetful import CUT
from tests.support import samples

PASSPHRASE = "lost with the power"
SIZE = 200_000


async def content() -> AsyncIterator[bytes]:
    """Gives a record in two pieces."""
    for _ in range(2):
        yield secrets.token_bytes(SIZE // 2)


async def seal(disk: Path, database: Path, how_many: int, *, cuts: bool) -> None:
    """Seals records, each of a new subject."""
    url = f"sqlite+aiosqlite:///{database}/vault.db"
    await upgrade(url)
    place = disk / "keyring"
    cost = Cost(passes=1, memory_kib=64, lanes=1)
    keyring = LocalKeyring.open(place, PASSPHRASE) if place.exists() else LocalKeyring.create(place, PASSPHRASE, cost)
    base = Database(url)
    vault = RecordVault(base, open_object_store(f"file://{disk}/objects"), keyring)
    for number in range(how_many):
        subject = SubjectId(secrets.token_bytes(32))
        await vault.create_subject(subject)
        sealed = await vault.seal(content(), subject_id=subject, media_type="application/octet-stream")
        await vault.attach(sealed.object_id, record_id(samples.leaf_of(sealed)))
        print(sealed.object_id.hex(), flush=True)  # noqa: T201 - the test reads it
        if cuts:
            (disk / f"{CUT}{number}").mkdir()
    await base.close()


if __name__ == "__main__":
    asyncio.run(seal(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), cuts=sys.argv[4] == "cuts"))
