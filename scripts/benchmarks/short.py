"""The short run of what needs a country to measure in: one after the other on one stage, which takes long to set up."""

from __future__ import annotations

import asyncio
from typing import Final

from benchmarks import crowd, decide, live, pace
from benchmarks.failing import PartFailedError
from benchmarks.stage import open_stage

PATIENTS: Final = 4


def run(*, quick: bool) -> dict[str, float]:
    """Measures live authorisation, decisions, a crowd of consents and writing; there is no long run.

    Returns:
        What the short run of each gives.

    Raises:
        PartFailedError: one of them could not be run; it has the figures of those before.
        ValueError: a long run was asked for.
    """
    if not quick:
        raise ValueError("there is no long run of the parts on one stage")
    return asyncio.run(_run())


async def _run() -> dict[str, float]:
    results = dict[str, float]()
    async with open_stage(PATIENTS) as stage:
        try:
            results |= await live.on_stage(stage, live.QUICK_ROUNDS)
            results |= await decide.on_stage(stage, decide.QUICK)
            results |= await crowd.on_stage(stage, crowd.QUICK)
            # Last, since no gateway is left running by it.
            results |= pace.figures(await pace.filled(stage, pace.QUICK))
        except RuntimeError as error:
            raise PartFailedError(results, str(error)) from error
    return results
