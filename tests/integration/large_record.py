"""Takes one large record through the vault and back; run as a program, so that its memory is its own.

By hand, for five gigabytes::

    python -m tests.integration.large_record 5120 FOLDER
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from consentry.core.receipts import LEDGER_SEAL, FinalReceipt
from consentry.core.terms import AccessEntry, SubjectId
from consentry.core.typed_data import record_id
from consentry.crypto.commitment import verify_commitment
from consentry.crypto.sealing import Opener, sealing_context
from consentry.gateway.ports import SealedRecord
from consentry.vault.database import Database
from consentry.vault.keyring import LocalKeyring
from consentry.vault.objects import open_object_store
from consentry.vault.schema import upgrade
from consentry.vault.store import RecordVault
from tests.support import samples
from tests.support.memory_vault import in_force

MIB = 1024 * 1024
SUBJECT = SubjectId(b"\x51" * 32)


@dataclass
class Figures:
    """What was seen; speeds in bytes of plaintext a second, memory in bytes."""

    size: int
    sealed_per_second: float
    opened_per_second: float
    ticks_while_sealing: int
    longest_wait: float
    peak_memory: int


async def content(mebibytes: int) -> AsyncIterator[bytes]:
    """Give content that repeats nowhere, in the 64 KiB pieces in which a server receives a body."""
    block = os.urandom(MIB - 8)
    for number in range(mebibytes):
        piece = number.to_bytes(8, "big") + block
        for start in range(0, MIB, 65536):
            yield piece[start : start + 65536]


class Pulse:
    """Counts how often the event loop came round, and the longest it did not (seconds)."""

    def __init__(self) -> None:
        self.ticks = 0
        self.longest = 0.0

    async def beat(self) -> None:
        """Tick every millisecond until cancelled."""
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            self.ticks, self.longest, last = self.ticks + 1, max(self.longest, now - last), now


async def open_and_check(vault: RecordVault, sealed: SealedRecord) -> None:
    """Read the record as a client would: open it as a stream and compare it with its commitment."""
    leaf = samples.leaf_of(sealed)
    record = record_id(leaf)
    request = samples.request(record, bytes(32), bytes(32))
    entry = AccessEntry(request, SUBJECT, 0, samples.NOW, 1, 1)
    keys, _ = await vault.open_keys(FinalReceipt(entry, samples.place(), "measurement", LEDGER_SEAL), leaf, in_force)
    opener = Opener(keys.data_key, sealing_context(sealed.object_id, sealed.version))
    async for piece in vault.read(record, 0, sealed.ciphertext_size):
        await asyncio.to_thread(opener.update, piece)
    opener.finalize()
    verify_commitment(
        sealed.commitment,
        keys.blinding,
        object_id=sealed.object_id,
        version=sealed.version,
        size=sealed.plaintext_size,
        plaintext_sha256=opener.digests.plaintext_sha256,
    )
    for start in range(0, sealed.ciphertext_size, sealed.ciphertext_size // 5):
        end = min(start + 3 * MIB, sealed.ciphertext_size)
        got = [len(piece) async for piece in vault.read(record, start, end)]
        if sum(got) != end - start:
            raise AssertionError(f"range does not match (got {sum(got)}, expected {end - start})")


def peak_memory() -> int:
    """Highest resident size of this program in bytes.

    Linux carries ``ru_maxrss`` over from the process that started this one, through fork and exec; ``VmHWM`` is of this
    program alone.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def measure(mebibytes: int, folder: Path) -> Figures:
    """Seal a record of that size in ``folder``, read it back, and say what it took."""
    url = f"sqlite+aiosqlite:///{folder}/vault.db"
    await upgrade(url)
    database = Database(url)
    keyring = LocalKeyring.create(folder / "keyring", "measurement only")
    objects = open_object_store(f"file://{folder}/objects")
    with ThreadPoolExecutor(2) as pool:
        vault = RecordVault(database, objects, keyring, hash_pool=pool)
        await vault.create_subject(SUBJECT)
        pulse = Pulse()
        beating = asyncio.create_task(pulse.beat())
        begun = time.perf_counter()
        sealed = await vault.seal(content(mebibytes), subject_id=SUBJECT, media_type="application/octet-stream")
        between = time.perf_counter()
        beating.cancel()
        await vault.attach(sealed.object_id, record_id(samples.leaf_of(sealed)))
        await open_and_check(vault, sealed)
        ended = time.perf_counter()
    await database.close()
    size = mebibytes * MIB
    return Figures(size, size / (between - begun), size / (ended - between), pulse.ticks, pulse.longest, peak_memory())


def main() -> None:
    """Measure and print one JSON object."""
    figures = asyncio.run(measure(int(sys.argv[1]), Path(sys.argv[2])))
    print(json.dumps(vars(figures)))  # noqa: T201 - the caller reads it


if __name__ == "__main__":
    main()
