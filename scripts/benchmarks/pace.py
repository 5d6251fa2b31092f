"""Whether writing slows down, and what grows, while a ledger fills up with accesses.

Batches under one signature of their institution, with real digests and signatures made before the clock, go through the
ledger room as a gateway sends them: decided on the embedded durable chain, final, receipts decoded, and followed into
the projection by a follower in the background. The clock stops when the last block of a portion stands in the tables.
This process is the gateway here, without HTTP and without a vault: what it asks, holds and writes is the product's.

Measured at a hundredth, a tenth and all of the accesses (10^4, 10^5 and 10^6 in a full run): seconds so far, and
resident memory of this process, of the sealer and of its engine. Exponents are the slopes of the logarithms. The same
ratio is given by processor time of the three, which other work on the machine hardly touches.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import func
from sqlmodel import col, select

from benchmarks.signing import BATCH, Batch, Signing, signing
from benchmarks.stage import CUSTODIAN, Stage, open_stage
from benchmarks.usage import cpu_seconds, resident_bytes, slope
from consentry.core.receipts import FinalReceipt
from consentry.database.engine import Database
from consentry.directory.mirror import Mirror
from consentry.directory.projection import Follower
from consentry.directory.schema import SCHEMA
from consentry.directory.tables import EventRow
from consentry.gateway.background import Background, Deed
from consentry.ledger.chain import ChainLedger

UNDER_WAY: Final = 4
"""Batches sent at a time, as by as many callers."""
PARTS: Final = 10
WARM_UP: Final = 5
"""Batches before the first that counts: code is loaded, connections are open, every patient is known to the ledger."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured; a portion is what is signed before the clock runs, in batches."""

    patients: int
    accesses: int
    portion: int


QUICK: Final = Size(patients=4, accesses=40_000, portion=10)
FULL: Final = Size(patients=100, accesses=1_000_000, portion=25)


@dataclass(frozen=True, slots=True)
class Reached:
    """What was reached at one moment: seconds of the clock and of the processors, memory of each process, and block."""

    accesses: int
    seconds: float
    cpu: float
    bytes: Mapping[str, int]
    block: int = 0


@dataclass(slots=True)
class Room:
    """The ledger room and what follows it."""

    stage: Stage
    ledger: ChainLedger
    follower: Follower
    directory: Mirror
    database: Database
    pids: Mapping[str, int]


def run(*, quick: bool) -> dict[str, float]:
    """Measures.

    Returns:
        ``write_last_over_first_tenth`` and what the module's docstring names; ``write_accesses`` says of how many.

    Raises:
        RuntimeError: an access was not permitted, or the projection does not have each of them.
    """
    return asyncio.run(measure(QUICK if quick else FULL))


async def measure(size: Size) -> dict[str, float]:
    """Measures with a size of one's own."""
    async with open_stage(size.patients) as stage:
        return figures(await filled(stage, size))


async def filled(stage: Stage, size: Size) -> list[Reached]:
    """Writes all accesses, and tells what was reached after each portion.

    Raises:
        RuntimeError: an access was not permitted, or the projection does not have each of them.
    """
    with signing(stage) as signer:
        async with _open_room(stage) as room:
            return await _fill(room, signer, size)


async def _fill(room: Room, signer: Signing, size: Size) -> list[Reached]:
    await _write(room, await asyncio.to_thread(signer.batches, WARM_UP))
    before = await _decisions(room.database)
    reached = [Reached(0, 0.0, 0.0, _memory(room.pids))]
    for count in portions(size.accesses // BATCH, size.portion):
        batches = await asyncio.to_thread(signer.batches, count)
        used = _cpu(room.pids)
        seconds, block = await _write(room, batches)
        last, used = reached[-1], _cpu(room.pids) - used
        known = last.accesses + BATCH * count, last.seconds + seconds, last.cpu + used
        reached.append(Reached(*known, _memory(room.pids), block))
    kept = await _decisions(room.database) - before
    if kept != reached[-1].accesses:
        raise RuntimeError(f"projection has {kept} of {reached[-1].accesses} accesses")
    return reached


def portions(batches: int, most: int) -> list[int]:
    """Gives the batches of each portion: every tenth alike, its first portion a hundredth of all."""
    tenth, hundredth = batches // PARTS, batches // PARTS**2
    rest = [min(most, tenth - begun) for begun in range(hundredth, tenth, most)]
    return [hundredth, *rest] * PARTS


@asynccontextmanager
async def _open_room(stage: Stage) -> AsyncIterator[Room]:
    """Opens the ledger and a projection of its own, beside no gateway, and has it followed as a gateway does."""
    stage.network.stop_gateway(CUSTODIAN)
    ledger = await ChainLedger.connect(stage.network.connection(), stage.manifest, stage.relay_key)
    try:
        with tempfile.TemporaryDirectory(prefix="consentry-pace-") as folder:
            url = f"sqlite+aiosqlite:///{folder}/projection.db"
            await SCHEMA.upgrade(url)
            database = Database(url)
            follower = Follower(database, ledger, await ledger.identity())
            background = Background(lambda what, why: print(f"pace: {what}: {why}", file=sys.stderr))
            background.deeds.append(Deed("following the chain", 1, follower.catch_up))
            following = background.start()
            try:
                directory = Mirror(database, follower)
                yield Room(stage, ledger, follower, directory, database, _processes(stage.network.chain_folder))
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
                await database.close()
    finally:
        await ledger.close()


def _processes(chain: Path) -> dict[str, int]:
    told = json.loads((chain / "endpoint.json").read_text())
    return {"gateway": os.getpid(), "sealer": told["pid"], "engine": told["engine_pid"]}


def _memory(pids: Mapping[str, int]) -> dict[str, int]:
    return {name: resident_bytes(pid) for name, pid in pids.items()}


def _cpu(pids: Mapping[str, int]) -> float:
    return sum(cpu_seconds(pid) for pid in pids.values())


async def _write(room: Room, batches: Sequence[Batch]) -> tuple[float, int]:
    """Has batches decided and followed; gives the seconds it took, and the last block."""
    left, last = iter(batches), 0

    async def caller() -> None:
        nonlocal last
        for pairs, signature in left:
            told = await room.ledger.decide_batch(pairs, signature)
            # Each of them is there, permitted, and the one that was asked for.
            for (request, _), receipt in zip(pairs, told, strict=True):
                if not isinstance(receipt, FinalReceipt) or not receipt.permitted or receipt.entry.request != request:
                    raise RuntimeError(f"an access was not permitted ({receipt})")
                last = max(last, receipt.place.block.number)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(UNDER_WAY):
            group.create_task(caller())
    await room.directory.wait_for(last)
    return time.perf_counter() - begun, last


async def _decisions(database: Database) -> int:
    query = select(func.count()).select_from(EventRow).where(col(EventRow.kind) == "AccessDecided")
    async with database.reading() as session:
        return (await session.exec(query)).one()


def figures(reached: Sequence[Reached]) -> dict[str, float]:
    """Gives the figures of what was reached, from nothing (the first) to all (the last)."""
    total = reached[-1].accesses
    by_count = {one.accesses: one for one in reached}
    at = {part: by_count[total // PARTS * part] for part in (0, 1, PARTS - 1, PARTS)}
    first, last = at[1].seconds - at[0].seconds, at[PARTS].seconds - at[PARTS - 1].seconds
    first_cpu, last_cpu = at[1].cpu - at[0].cpu, at[PARTS].cpu - at[PARTS - 1].cpu
    results = {
        "write_accesses": float(total),
        "write_per_s": total / reached[-1].seconds,
        "write_first_tenth_per_s": total / PARTS / first,
        "write_last_tenth_per_s": total / PARTS / last,
        "write_last_over_first_tenth": first / last,
        "write_cpu_us_per_access": at[PARTS].cpu / total * 1e6,
        "write_last_over_first_tenth_by_cpu": first_cpu / last_cpu,
    }
    marks = {"hundredth": by_count[total // PARTS**2], "tenth": at[1], "end": at[PARTS]}
    results["write_scaling_exponent"] = slope([(mark.accesses, mark.seconds) for mark in marks.values()])
    results |= {f"write_seconds_at_{name}": mark.seconds for name, mark in marks.items()}
    for process in reached[0].bytes:
        held = [(mark.accesses, mark.bytes[process]) for mark in marks.values()]
        results |= {f"{process}_mb_at_{name}": mark.bytes[process] / 1e6 for name, mark in marks.items()}
        results[f"{process}_memory_scaling_exponent"] = slope(held)
        results[f"{process}_bytes_per_access"] = (reached[-1].bytes[process] - reached[0].bytes[process]) / total
    return results
