"""Runs every benchmark and writes ``build/bench.json``: ``{"results": {name: value}}``; names say the unit or ratio.

Each one runs in a process of its own, so that the memory of one is no burden to the next, and what it found is written
as soon as it is done. In a short run those that need a country to measure in share one, and a process.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import platform
import sys
import time
from pathlib import Path
from types import ModuleType

from benchmarks import audit, crowd, decide, growth, live, logged, pace, seal, short, transfer, verify, verify_bundles
from benchmarks.failing import PartFailedError

BENCHMARKS = (seal, verify, verify_bundles, transfer, live, decide, pace, audit, crowd, growth, logged)
IN_SHORT = (seal, verify, short)
"""What a short run is made of; the last has the others in it, but for bundles, transfers, audits and growth."""
IN_LONG = tuple(benchmark for benchmark in BENCHMARKS if benchmark not in {pace, logged})
"""What a long run is made of: `audit` has the figures of `pace`, and for `logged` there is no time."""
_COPY = multiprocessing.get_context("fork")
OUTPUT = Path(__file__).resolve().parents[2] / "build" / "bench.json"


def main() -> int:
    """Runs the command; returns 1 if a benchmark could not be run."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter rounds; figures are rougher")
    names = [_name(benchmark) for benchmark in BENCHMARKS]
    parser.add_argument("--only", choices=names, help="this one alone, in this process; nothing is written to the file")
    asked = parser.parse_args()
    if asked.quick and asked.only == _name(audit):
        parser.error("there is no short run of the audit")
    if asked.only:
        return _run(BENCHMARKS[names.index(asked.only)], quick=asked.quick)
    results: dict[str, float] = {}
    wanted = IN_SHORT if asked.quick else IN_LONG
    failed = [benchmark for benchmark in wanted if not _gather(benchmark, results, quick=asked.quick)]
    return 1 if failed else 0


def _name(benchmark: ModuleType) -> str:
    return benchmark.__name__.rpartition(".")[2]


def _run(benchmark: ModuleType, *, quick: bool) -> int:
    found, is_whole = _figures(benchmark, quick=quick)
    for name, value in found.items():
        print(f"{name}: {value}")
    return 0 if is_whole else 1


def _figures(benchmark: ModuleType, *, quick: bool) -> tuple[dict[str, float], bool]:
    """Gives what was found, and whether that is everything."""
    try:
        found: dict[str, float] = benchmark.run(quick=quick)
        return found, bool(found)
    except RuntimeError as error:
        print(f"bench: {benchmark.__name__}: {error}", file=sys.stderr)
        return error.figures if isinstance(error, PartFailedError) else {}, False


def _gather(benchmark: ModuleType, results: dict[str, float], *, quick: bool) -> bool:
    """Runs one benchmark, adds its figures to the others and writes them all; false if one could not be found."""
    begun = time.perf_counter()
    found, is_whole = _figures_apart(benchmark, quick=quick)
    results |= found
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps({"results": results, "machine": machine, "quick": quick}, indent=2) + "\n")
    for figure, value in found.items():
        print(f"{figure}: {value:.3f}")
    print(f"({_name(benchmark)}: {time.perf_counter() - begun:.0f} s)", flush=True)
    return is_whole


def _figures_apart(benchmark: ModuleType, *, quick: bool) -> tuple[dict[str, float], bool]:
    """Runs one in a process of its own: a copy of this one, which has loaded the code and nothing else.

    What is loaded is kept out of the collector's way, as a gateway keeps it once it has started.
    """
    gc.collect()
    gc.freeze()
    theirs, ours = _COPY.Pipe(duplex=False)
    process = _COPY.Process(target=lambda: ours.send(_figures(benchmark, quick=quick)))
    process.start()
    ours.close()
    try:
        found: tuple[dict[str, float], bool] = theirs.recv()
    except EOFError:  # it ended with an error, and showed it
        found = {}, False
    process.join()
    return found


if __name__ == "__main__":
    sys.exit(main())
