"""Runs every benchmark and writes ``build/bench.json``: ``{"results": {name: value}}``; names say the unit or ratio."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path

from benchmarks import decide, live, seal, transfer, verify

BENCHMARKS = (seal, verify, transfer, live, decide)
OUTPUT = Path(__file__).resolve().parents[2] / "build" / "bench.json"


def main() -> int:
    """Runs the command; returns 1 if a benchmark could not be run."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter rounds; figures are rougher")
    quick: bool = parser.parse_args().quick
    results: dict[str, float] = {}
    failed = False
    for benchmark in BENCHMARKS:
        try:
            results |= benchmark.run(quick=quick)
        except RuntimeError as error:
            print(f"bench: {benchmark.__name__}: {error}", file=sys.stderr)
            failed = True
    OUTPUT.parent.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    OUTPUT.write_text(json.dumps({"results": results, "machine": machine, "quick": quick}, indent=2) + "\n")
    for name, value in results.items():
        print(f"{name}: {value:.3f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
