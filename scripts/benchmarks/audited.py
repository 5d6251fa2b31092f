"""One audit in a process of its own, as ``consentry audit run`` runs it; it says how long it took once loaded.

Loaded is also compiled code, which the command loads once it has begun: half a second, which is in how long the process
took and not in what it says.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import sys
import time
from pathlib import Path

from benchmarks.usage import cpu_seconds
from consentry.audit.audit import Span
from consentry.config import load_settings
from consentry.ledger.bulk import load_compiled
from consentry.wiring.audits import AuditOrder, run_audit


def main() -> int:
    """Audits; returns 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("node")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--to", type=int, help="last block; up to head if not given")
    parser.add_argument("--engine", type=int, required=True, help="process of the node's engine")
    asked = parser.parse_args()
    load_compiled()
    gc.freeze()
    settings = load_settings(None, node_url=asked.node, manifest=asked.manifest)
    order = AuditOrder(Span(last=asked.to), in_bulk=True)
    begun, used = time.perf_counter(), _cpu_seconds() + cpu_seconds(asked.engine)
    report = asyncio.run(run_audit(settings, chain_only=True, order=order))
    told = {"seconds": time.perf_counter() - begun, "cpu": _cpu_seconds() + cpu_seconds(asked.engine) - used}
    print(json.dumps({**told, "events": report.events, "decisions": report.decisions}))
    return 0 if report.clean else 1


def _cpu_seconds() -> float:
    """Gives the processor time of this process, and of those it started that have ended."""
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


if __name__ == "__main__":
    sys.exit(main())
