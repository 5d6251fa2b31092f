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

from consentry.audit.audit import Span
from consentry.audit.keccak_rows import load_compiled as load_hashing
from consentry.audit.swift import load_compiled as load_deciding
from consentry.config import load_settings
from consentry.ledger.bulk_layouts import load_compiled as load_logs
from consentry.wiring.audits import AuditOrder, run_audit


def main() -> int:
    """Audits; returns 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("node")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--to", type=int, help="last block; up to head if not given")
    asked = parser.parse_args()
    load_hashing()
    load_deciding()
    load_logs()
    gc.freeze()
    settings = load_settings(None, node_url=asked.node, manifest=asked.manifest)
    order = AuditOrder(Span(last=asked.to), in_bulk=True)
    begun, used = time.perf_counter(), _cpu_seconds()
    report = asyncio.run(run_audit(settings, chain_only=True, order=order))
    told = {"seconds": time.perf_counter() - begun, "cpu": _cpu_seconds() - used}
    print(json.dumps({**told, "events": report.events, "decisions": report.decisions}))
    return 0 if report.clean else 1


def _cpu_seconds() -> float:
    """Gives the processor time of this process, and of those it started that have ended."""
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


if __name__ == "__main__":
    sys.exit(main())
