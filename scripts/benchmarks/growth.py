"""How the embedded chain grows with accesses: its log, its snapshot, the time of a replay.

Single calls of many callers share transactions of a few accesses, bulk calls are one of four hundred: the two bound
what an access takes. The figures without them, of the contracts and the patients, are taken off. What they take of the
engine's memory stands in `pace`: over a few thousand accesses most of it is what an engine takes up once in its life.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.decide import FULL, QUICK, Size, bulk_rate, single_rate
from benchmarks.stage import Stage, open_stage
from consentry.core.terms import AccessRequest
from consentry.ledger import node

THOUSAND: Final = 1000


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a chain is on the disk, in bytes."""

    log: int
    snapshot: int


def run(*, quick: bool) -> dict[str, float]:
    """Measures; names say what grows by a thousand accesses of which kind.

    Raises:
        RuntimeError: an access failed.
    """
    return asyncio.run(_run(QUICK if quick else FULL))


async def _run(size: Size) -> dict[str, float]:
    results: dict[str, float] = {}
    async with open_stage(size.patients) as stage:
        before = await _extent(stage)
        for name, load in {"single": single_rate, "bulk": bulk_rate}.items():
            sent: list[AccessRequest] = []
            await load(stage, size, sent)
            after = await _extent(stage)
            count = len(sent) / THOUSAND
            results |= {
                f"growth_{name}_log_bytes_per_1000": (after.log - before.log) / count,
                f"growth_{name}_snapshot_bytes_per_1000": (after.snapshot - before.snapshot) / count,
            }
            before = after
        results["growth_start_from_snapshot_s"] = await _start_seconds(stage, lambda _: None)
        results["growth_start_from_log_s"] = await _start_seconds(stage, Path.unlink)
        results["growth_blocks"] = float(node.status(stage.network.chain_folder).block_number or 0)
    return results


async def _extent(stage: Stage) -> Extent:
    """Measures a chain, its snapshot by stopping it and starting it again."""
    folder = stage.network.chain_folder
    await asyncio.to_thread(node.down, folder)
    newest = max((folder / "snapshots").iterdir())
    found = Extent((folder / "blocks.log").stat().st_size, newest.stat().st_size)
    await asyncio.to_thread(stage.network.start_chain)
    return found


async def _start_seconds(stage: Stage, treat: Callable[[Path], None]) -> float:
    folder = stage.network.chain_folder
    await asyncio.to_thread(node.down, folder)
    for path in list((folder / "snapshots").iterdir()):
        treat(path)
    begun = time.perf_counter()
    await asyncio.to_thread(stage.network.start_chain)
    return time.perf_counter() - begun
