"""How fast an audit decides accesses again, against the documented loop of web3.py over events of the same node.

The chain is the embedded one, filled in bulk with real digests and signatures. The loop is ``eth.get_logs`` and
``process_log`` of each log, which decodes events and decides nothing. The audit is the product's, from its start to its
report: logs and calldata read, everything decoded and decided again, every signature, batch and head checked, the state
compared with the contracts. It is the command, with what it takes to start.

The two take turns; what is given is the median of the rounds. Elapsed time is what counts. The same ratio is given by
processor time of all processes concerned, the node's too, which other work on the machine hardly touches. To start
takes as long as some hundred thousand events, so a short run says little.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from web3 import Web3

from benchmarks.pace import BATCH, UNDER_WAY, signed, slope
from benchmarks.stage import CUSTODIAN, Stage, open_stage
from benchmarks.usage import cpu_seconds
from consentry.core.receipts import FinalReceipt
from consentry.ledger.chain import ChainLedger

PORTION: Final = 25
KIB: Final = 1024
_TOLD: Final = 400


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: accesses at each mark, rounds at the last, and events the loop decodes in a round."""

    patients: int
    marks: tuple[int, ...]
    rounds: int
    looped: int


QUICK: Final = Size(patients=2, marks=(2_000, 8_000), rounds=2, looped=400)
FULL: Final = Size(patients=100, marks=(10_000, 100_000, 1_000_000), rounds=5, looped=4_000)


@dataclass(frozen=True, slots=True)
class Spent:
    """What something took: events, seconds of the clock and of all processors, most memory of a process in bytes."""

    events: int
    seconds: float
    cpu: float
    memory: int = 0


def run(*, quick: bool) -> dict[str, float]:
    """Measures.

    Returns:
        ``audit_over_web3py`` and what the module's docstring names.

    Raises:
        RuntimeError: an access was not permitted, or the audit found something.
    """
    return asyncio.run(measure(QUICK if quick else FULL))


async def measure(size: Size) -> dict[str, float]:
    """Measures with a size of one's own."""
    async with open_stage(size.patients) as stage:
        stage.network.stop_gateway(CUSTODIAN)
        connection = stage.network.connection()
        ledger = await ChainLedger.connect(connection, stage.manifest, stage.relay_key)
        try:
            marks, filled = list[Spent](), 0
            for mark in size.marks:
                await _fill(stage, ledger, mark - filled)
                filled = mark
                marks.append(await asyncio.to_thread(_audited, stage, mark))
            head = (await ledger.head()).number
        finally:
            await ledger.close()
        rounds = [await asyncio.to_thread(_round, stage, size, head) for _ in range(size.rounds)]
    return figures(marks, rounds)


async def _fill(stage: Stage, ledger: ChainLedger, accesses: int) -> None:
    left = -(-accesses // BATCH)
    while left > 0:
        batches = await asyncio.to_thread(signed, stage, min(PORTION, left))
        left -= len(batches)
        waiting = iter(batches)

        async def caller(waiting: Any = waiting) -> None:  # noqa: ANN401 - an iterator over batches
            for pairs, signature in waiting:
                told = await ledger.decide_batch(pairs, signature)
                if not all(isinstance(receipt, FinalReceipt) and receipt.permitted for receipt in told):
                    raise RuntimeError("an access was not permitted")

        async with asyncio.TaskGroup() as group:
            for _ in range(UNDER_WAY):
                group.create_task(caller())


def _round(stage: Stage, size: Size, head: int) -> tuple[Spent, Spent]:
    """Has the two take turns once: the loop, then the audit."""
    return _looped(stage, head, size.looped), _audited(stage, size.marks[-1])


def _engine(stage: Stage) -> int:
    pid: int = json.loads((stage.network.chain_folder / "endpoint.json").read_text())["engine_pid"]
    return pid


def _url(stage: Stage) -> str:
    return stage.network.settings(CUSTODIAN).node_url


def _looped(stage: Stage, head: int, events: int) -> Spent:
    """Decodes the newest events as the documentation of web3.py does."""
    web3 = Web3(Web3.HTTPProvider(_url(stage), request_kwargs={"timeout": 60}))
    address = Web3.to_checksum_address("0x" + stage.manifest.address("AccessLedger").hex())
    abi = json.loads((resources.files("consentry.ledger") / "artifacts" / "AccessLedger.json").read_text())["abi"]
    decided = web3.eth.contract(address=address, abi=abi).events.AccessDecided()
    first = head - -(-events // BATCH) + 1
    engine = _engine(stage)
    used, begun = time.process_time() + cpu_seconds(engine), time.perf_counter()
    logs = web3.eth.get_logs({"address": address, "fromBlock": first, "toBlock": head})
    count = sum(len(decided.process_log(log)["args"]) > 0 for log in logs if len(log["topics"]) == _TOPICS)
    seconds, cpu = time.perf_counter() - begun, time.process_time() + cpu_seconds(engine) - used
    if count < events:
        raise RuntimeError(f"the loop decoded {count} of {events} events")
    return Spent(count, seconds, cpu)


_TOPICS: Final = 4


def _audited(stage: Stage, accesses: int) -> Spent:
    """Audits the chain as a regulator does, at the command line."""
    command = [sys.executable, "-m", "consentry", "audit", "run", "--json", "--node", _url(stage)]
    engine = _engine(stage)
    before, begun = cpu_seconds(engine), time.perf_counter()
    with subprocess.Popen([*command, "--manifest", stage.network.manifest_path], stdout=subprocess.PIPE) as process:
        told = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"the audit ended with {process.returncode}: {told[:_TOLD].decode()}")
    report = json.loads(told)
    if report["decisions"] < accesses:
        raise RuntimeError(f"the audit decided {report['decisions']} of {accesses} accesses")
    cpu = used.ru_utime + used.ru_stime + cpu_seconds(engine) - before
    return Spent(report["events"], seconds, cpu, used.ru_maxrss * KIB)


def figures(marks: Sequence[Spent], rounds: Sequence[tuple[Spent, Spent]]) -> dict[str, float]:
    """Gives the figures of what the audit took at each mark, and of the rounds at the last."""

    def ratio(of: Callable[[Spent], float]) -> float:
        pairs = [(of(loop) / loop.events, of(audit) / audit.events) for loop, audit in rounds]
        return statistics.median(loop / audit for loop, audit in pairs)

    first, last = marks[0], marks[-1]
    return {
        "audit_over_web3py": ratio(lambda spent: spent.seconds),
        "audit_over_web3py_by_cpu": ratio(lambda spent: spent.cpu),
        "audit_events_per_s": statistics.median(audit.events / audit.seconds for _, audit in rounds),
        "audit_web3py_events_per_s": statistics.median(loop.events / loop.seconds for loop, _ in rounds),
        "audit_cpu_us_per_event": statistics.median(audit.cpu / audit.events * 1e6 for _, audit in rounds),
        "audit_scaling_exponent": slope([(spent.events, spent.seconds) for spent in marks]),
        "audit_scaling_exponent_by_cpu": slope([(spent.events, spent.cpu) for spent in marks]),
        "audit_events": float(last.events),
        "audit_memory_mb": last.memory / 1e6,
        "audit_memory_bytes_per_event": (last.memory - first.memory) / (last.events - first.events),
    }
