"""What it costs a gateway to keep the ledger log, and how far the log is behind.

Two gateways, each with a chain and patients of its own, are asked in turns: one keeps no log, the other does, which
reads every block once more, proves its receipts, writes tiles and signs. Witnesses are left out: they run elsewhere.
The other chain is idle meanwhile. Bulk calls fill blocks fastest, so the log is furthest behind after them: until its
checkpoint covers what they wrote is counted from their last answer.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from typing import Any, Final

import httpx

from benchmarks.decide import FULL, QUICK, Size, bulk_rate, single_rate
from benchmarks.stage import CUSTODIAN, Stage, open_stage
from consentry.core.terms import AccessRequest
from consentry.witness.gateway_log import followed_log

ORIGIN: Final = "bench.example/log"
BEHIND_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.05


def run(*, quick: bool) -> dict[str, float]:
    """Measures.

    Returns:
        ``single_with_log_over_without`` and ``bulk_with_log_over_without``, medians of the rounds' ratios; the rates
        with the log; ``log_behind_s``, seconds from the last answer of bulk calls to a checkpoint of them;
        ``log_leaves_per_s``, leaves of those calls a second from the first one to that checkpoint.

    Raises:
        RuntimeError: an access failed, or the log does not come along.
    """
    return asyncio.run(_run(QUICK if quick else FULL))


async def _run(size: Size) -> dict[str, float]:
    figures: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        figures.setdefault(name, []).append(value)

    async with AsyncExitStack() as stack:
        without = await stack.enter_async_context(open_stage(size.patients))
        kept = await stack.enter_async_context(open_stage(size.patients, log_origin=ORIGIN))
        sent: list[AccessRequest] = []
        # The first calls find code that was not loaded yet.
        for stage in (without, kept):
            await single_rate(stage, size, sent)
            await bulk_rate(stage, size, sent)
        for _ in range(size.rounds):
            await _caught_up(kept)
            for name, rate in (("single", single_rate), ("bulk", bulk_rate)):
                bare, begun, before = await rate(without, size, sent), time.perf_counter(), await _leaves(kept)
                with_log, answered = await rate(kept, size, sent), time.perf_counter()
                after = await _caught_up(kept)
                note(f"{name}_with_log_per_s", with_log)
                note(f"{name}_with_log_over_without", with_log / bare)
            # Those of the bulk calls, which came last.
            note("log_behind_s", time.perf_counter() - answered)
            note("log_leaves_per_s", (after - before) / (time.perf_counter() - begun))
    return {name: statistics.median(values) for name, values in figures.items()}


async def _caught_up(stage: Stage) -> int:
    """Waits until a checkpoint covers all of a chain; gives its size."""
    until, leaves = time.monotonic() + BEHIND_SECONDS, await _leaves(stage)
    async with httpx.AsyncClient() as client:
        while time.monotonic() < until:
            answer = await client.get(f"{stage.url}/log/checkpoint")
            if answer.is_success and int(answer.text.split("\n")[1]) == leaves:
                return leaves
            await asyncio.sleep(_POLL_SECONDS)
    raise RuntimeError(f"the log of {CUSTODIAN} does not come to {leaves} leaves")


async def _leaves(stage: Stage) -> int:
    """Counts what a chain has that goes into its log."""
    connection = stage.network.connection()
    addresses = ["0x" + address.hex() for address in followed_log(stage.manifest).contracts]
    try:
        found: Any = await connection.raw("eth_getLogs", {"address": addresses, "fromBlock": "0x0"})
    finally:
        await connection.close()
    return len(found)
