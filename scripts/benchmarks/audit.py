"""How fast an audit decides accesses again, against the documented loop of web3.py over events of the same node.

The chain is the embedded one with the million accesses of `pace`, which writes and measures them first: a full run has
the figures of both. The loop is ``eth.get_logs`` and ``process_log`` of each log, which decodes events and decides
nothing. The audit is the product's: logs and calldata read, everything decoded and decided again, every signature,
batch and head checked; up to head also the state compared with the contracts. Each is a process of its own.

Both are looked at from the moment their code is loaded to their result: of the audit that includes its processes, their
connections and the report. The loop has an open connection and has decoded a log. How long the process took from its
start is given beside it (``_command``). The two take turns, five rounds or as many as there is time for, but two at
least (``audit_rounds``); what is given is their median, at a tenth of the accesses and at all of them, which is
``audit_over_web3py``. Elapsed time is what counts; the same ratio is given by processor time of the processes that
read, decide and answer, which other work on the machine hardly touches. The exponent is that of the audit alone, from a
hundredth of the accesses on, which are audited once.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from benchmarks import pace
from benchmarks.failing import PartFailedError
from benchmarks.signing import BATCH
from benchmarks.stage import CUSTODIAN, Stage, open_stage
from benchmarks.usage import slope
from consentry.ledger.embedded.recovery import SNAPSHOTS_NAME
from consentry.ledger.embedded.snapshot import DUE_BLOCKS, QUIET_SECONDS

ROUNDS: Final = 5
LEAST_ROUNDS: Final = 2
ENOUGH_SECONDS: Final = 480.0
"""After so many of the whole, writing and all, no round begins beyond the least."""
LOOPED_BLOCKS: Final = 8
"""Blocks whose events the loop decodes in a round."""
SAVE_SECONDS: Final = 180.0
KIB: Final = 1024
_TOLD: Final = 400


SECONDS, CPU, COMMAND = map(attrgetter, ("seconds", "cpu", "command"))


@dataclass(frozen=True, slots=True)
class Spent:
    """What something took.

    Attributes:
        events: how many were taken.
        seconds: of the clock, once everything was loaded.
        cpu: seconds of all processors, of those who ask and of the engine of the node, once everything was loaded.
        memory: most memory of the process, in bytes.
        command: seconds of the clock from the start of the process.
    """

    events: int
    seconds: float
    cpu: float
    memory: int = 0
    command: float = 0.0


@dataclass(frozen=True, slots=True)
class Mark:
    """How many accesses stand on the chain up to a block, and what loop and audit took there in their turns."""

    accesses: int
    block: int
    loops: Sequence[Spent] = ()
    audits: Sequence[Spent] = ()


def run(*, quick: bool) -> dict[str, float]:
    """Measures; there is no short run, in which the start would outweigh the rest.

    Returns:
        ``audit_over_web3py``, what the module's docstring names, and the figures of `pace`.

    Raises:
        RuntimeError: the accesses could not be written.
        PartFailedError: the audit found something, or decided fewer than there are; it has the figures of `pace`.
        ValueError: a short run was asked for.
    """
    if quick:
        raise ValueError("there is no short run of the audit")
    return asyncio.run(measure(pace.FULL))


async def measure(size: pace.Size) -> dict[str, float]:
    """Measures with a size of one's own."""
    enough = time.monotonic() + ENOUGH_SECONDS
    async with open_stage(size.patients) as stage:
        reached = await pace.filled(stage, size)
        wanted = size.accesses // 100, size.accesses // 10, size.accesses
        # A minute after the last block the chain writes down its state; what takes longer is measured after that.
        undisturbed = time.monotonic() + QUIET_SECONDS / 2
        hundredth, tenth, whole = (Mark(one.accesses, one.block) for one in reached if one.accesses in wanted)
        written = pace.figures(reached)
        try:
            found = [await asyncio.to_thread(_audited_once, stage, hundredth)]
            found.append(await asyncio.to_thread(in_turns, stage, tenth, min(enough, undisturbed)))
            await _saved(stage, whole.block)
            found.append(await asyncio.to_thread(in_turns, stage, whole, enough, whole=True))
            return written | figures(found)
        except (RuntimeError, ValueError, LookupError, OSError) as error:
            raise PartFailedError(written, str(error)) from error


async def _saved(stage: Stage, head: int) -> None:
    """Waits until the chain has written down its state: it answers nobody meanwhile, for ten seconds of a million."""
    until, folder = time.monotonic() + SAVE_SECONDS, stage.network.chain_folder / SNAPSHOTS_NAME
    while head - max((int(path.stem) for path in folder.glob("*.snapshot")), default=0) >= DUE_BLOCKS:
        if time.monotonic() > until:
            raise RuntimeError("the chain does not write down its state")
        await asyncio.sleep(1)


def _audited_once(stage: Stage, mark: Mark) -> Mark:
    """Measures the audit alone, which is what the exponent needs."""
    return replace(mark, audits=[_audited(stage, mark, whole=False)])


def in_turns(stage: Stage, mark: Mark, enough: float, *, whole: bool = False) -> Mark:
    """Measures up to a mark, in rounds."""
    turns = [
        (_looped(stage, mark.block), _audited(stage, mark, whole=whole))
        for number in range(ROUNDS)
        if number < LEAST_ROUNDS or time.monotonic() < enough
    ]
    return replace(mark, loops=[loop for loop, _ in turns], audits=[audit for _, audit in turns])


def _engine(stage: Stage) -> int:
    pid: int = json.loads((stage.network.chain_folder / "endpoint.json").read_text())["engine_pid"]
    return pid


def _url(stage: Stage) -> str:
    return stage.network.settings(CUSTODIAN).node_url


def _looped(stage: Stage, last: int) -> Spent:
    """Decodes the events of some blocks as the documentation of web3.py does."""
    address = "0x" + stage.manifest.address("AccessLedger").hex()
    return _spent(stage, "looped", _url(stage), address, str(last - LOOPED_BLOCKS + 1), str(last))[0]


def _audited(stage: Stage, mark: Mark, *, whole: bool) -> Spent:
    """Audits the chain as a regulator does; a whole audit goes up to head."""
    until = [] if whole else ["--to", str(mark.block)]
    spent, told = _spent(stage, "audited", _url(stage), str(stage.network.manifest_path), *until)
    expected = mark.accesses + pace.WARM_UP * BATCH
    if told["decisions"] != expected:
        raise RuntimeError(f"the audit decided {told['decisions']} of {expected} accesses")
    return spent


def _spent(stage: Stage, module: str, *arguments: str) -> tuple[Spent, Mapping[str, Any]]:
    """Runs a module of this package in a process of its own; gives what it took, and what it told."""
    here, begun = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}, time.perf_counter()
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments, "--engine", str(_engine(stage))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=here) as process:
        written = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    taken = time.perf_counter() - begun
    if process.returncode:
        raise RuntimeError(f"{module} ended with {process.returncode}: {written[:_TOLD].decode(errors='replace')}")
    told = json.loads(written)
    return Spent(told["events"], told["seconds"], told["cpu"], used.ru_maxrss * KIB, taken), told


def figures(marks: Sequence[Mark]) -> dict[str, float]:
    """Gives the figures of what loop and audit took at a hundredth, a tenth and all of the accesses."""
    first, last = marks[0], marks[-1]
    found, memory = dict[str, float](), statistics.median(spent.memory for spent in last.audits)
    for mark in marks[1:]:
        found |= {f"{name}_at_{mark.accesses}": value for name, value in _at(mark).items()}
    spent = {of: [(mark.audits[0].events, _middle(mark.audits, of)) for mark in marks] for of in (SECONDS, CPU)}
    more = memory - statistics.median(spent.memory for spent in first.audits)
    return found | {
        "audit_over_web3py": found[f"audit_over_web3py_at_{last.accesses}"],
        "audit_scaling_exponent": slope(spent[SECONDS]),
        "audit_scaling_exponent_by_cpu": slope(spent[CPU]),
        "audit_memory_mb": memory / 1e6,
        "audit_memory_bytes_per_event": more / (last.audits[0].events - first.audits[0].events),
    }


def _at(mark: Mark) -> dict[str, float]:
    def ratio(of_loop: Callable[[Spent], float], of_audit: Callable[[Spent], float]) -> float:
        pairs = zip(mark.loops, mark.audits, strict=True)
        return statistics.median(
            (of_loop(loop) / loop.events) / (of_audit(audit) / audit.events) for loop, audit in pairs
        )

    return {
        "audit_over_web3py": ratio(SECONDS, SECONDS),
        "audit_command_over_web3py": ratio(SECONDS, COMMAND),
        "audit_over_web3py_by_cpu": ratio(CPU, CPU),
        "audit_seconds": _middle(mark.audits, SECONDS),
        "audit_command_seconds": _middle(mark.audits, COMMAND),
        "audit_events_per_s": mark.audits[0].events / _middle(mark.audits, SECONDS),
        "audit_web3py_events_per_s": mark.loops[0].events / _middle(mark.loops, SECONDS),
        "audit_cpu_us_per_event": _middle(mark.audits, CPU) / mark.audits[0].events * 1e6,
        "audit_events": float(mark.audits[0].events),
        "audit_rounds": float(len(mark.audits)),
    }


def _middle(spent: Sequence[Spent], of: Callable[[Spent], float]) -> float:
    return statistics.median(map(of, spent))
