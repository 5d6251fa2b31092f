"""How fast an audit decides accesses again, against the documented loop of web3.py over events of the same node.

The chain is the embedded one, filled as `pace` fills it, with real digests and signatures. The loop is
``eth.get_logs`` and ``process_log`` of each log, which decodes events and decides nothing. The audit is the product's,
from its start to its report: logs and calldata read, everything decoded and decided again, every signature, batch and
head checked; up to head also the state compared with the contracts. It is the command, with what it takes to start.

The two take turns over all accesses; what is given is the median of the rounds. Elapsed time is what counts. The same
ratio is given by processor time of all processes concerned, the node's too, which other work on the machine hardly
touches. The exponent is that of the audit alone, from a hundredth of the accesses on. To start takes as long as some
ten thousand events, so a short run says little.
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
from typing import Final

from web3 import Web3

from benchmarks.pace import Size, filled
from benchmarks.stage import CUSTODIAN, Stage, open_stage
from benchmarks.usage import cpu_seconds, slope

QUICK: Final = Size(patients=4, accesses=40_000, portion=10)
FULL: Final = Size(patients=100, accesses=100_000, portion=25)
ROUNDS: Final = 5
LOOPED_BLOCKS: Final = 10
"""Blocks whose events the loop decodes in a round."""
KIB: Final = 1024
_TOLD: Final = 400


@dataclass(frozen=True, slots=True)
class Spent:
    """What something took: events, seconds of the clock and of all processors, most memory of a process in bytes."""

    events: int
    seconds: float
    cpu: float
    memory: int = 0


Round = tuple[Spent, Spent]
"""What the loop and the audit took in one turn each."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How many accesses stand on the chain up to a block."""

    accesses: int
    block: int


def run(*, quick: bool) -> dict[str, float]:
    """Measures.

    Returns:
        ``audit_over_web3py`` and what the module's docstring names.

    Raises:
        RuntimeError: an access was not permitted, or the audit found something or decided fewer than there are.
    """
    return asyncio.run(measure(QUICK if quick else FULL))


async def measure(size: Size) -> dict[str, float]:
    """Measures with a size of one's own."""
    async with open_stage(size.patients) as stage:
        reached = await filled(stage, size)
        wanted = size.accesses // 100, size.accesses // 10, size.accesses
        marks = [Mark(one.accesses, one.block) for one in reached if one.accesses in wanted]
        return await asyncio.to_thread(_measured, stage, marks)


def _measured(stage: Stage, marks: Sequence[Mark]) -> dict[str, float]:
    """Measures up to each mark once, and up to the last, which is head, in rounds."""
    *earlier, head = marks
    spent = [_audited(stage, mark) for mark in earlier]
    rounds = [(_looped(stage, head.block), _audited(stage, head, whole=True)) for _ in range(ROUNDS)]
    return figures([*spent, sorted((audit for _, audit in rounds), key=lambda one: one.seconds)[ROUNDS // 2]], rounds)


def _engine(stage: Stage) -> int:
    pid: int = json.loads((stage.network.chain_folder / "endpoint.json").read_text())["engine_pid"]
    return pid


def _url(stage: Stage) -> str:
    return stage.network.settings(CUSTODIAN).node_url


def _looped(stage: Stage, last: int) -> Spent:
    """Decodes the events of some blocks as the documentation of web3.py does."""
    web3 = Web3(Web3.HTTPProvider(_url(stage), request_kwargs={"timeout": 60}))
    address = Web3.to_checksum_address("0x" + stage.manifest.address("AccessLedger").hex())
    abi = json.loads((resources.files("consentry.ledger") / "artifacts" / "AccessLedger.json").read_text())["abi"]
    decided = web3.eth.contract(address=address, abi=abi).events.AccessDecided()
    engine = _engine(stage)
    used, begun = time.process_time() + cpu_seconds(engine), time.perf_counter()
    logs = web3.eth.get_logs({"address": address, "fromBlock": last - LOOPED_BLOCKS + 1, "toBlock": last})
    count = sum(len(decided.process_log(log)["args"]) > 0 for log in logs if len(log["topics"]) == _TOPICS)
    seconds, cpu = time.perf_counter() - begun, time.process_time() + cpu_seconds(engine) - used
    if not count:
        raise RuntimeError("the loop found no event")
    return Spent(count, seconds, cpu)


_TOPICS: Final = 4


def _audited(stage: Stage, mark: Mark, *, whole: bool = False) -> Spent:
    """Audits the chain as a regulator does, at the command line; a whole audit goes up to head."""
    command = [sys.executable, "-m", "consentry", "audit", "run", "--json", "--node", _url(stage)]
    command += [] if whole else ["--to", str(mark.block)]
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
    if report["decisions"] < mark.accesses:
        raise RuntimeError(f"the audit decided {report['decisions']} of {mark.accesses} accesses")
    cpu = used.ru_utime + used.ru_stime + cpu_seconds(engine) - before
    return Spent(report["events"], seconds, cpu, used.ru_maxrss * KIB)


def figures(marks: Sequence[Spent], rounds: Sequence[Round]) -> dict[str, float]:
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
