"""``strace``: tells which calls change files, and ends a process just before the one that is asked for.

Before one call is after the one before it: so a sweep over all of them has ended the process at every place between two
changes. Calls are counted by thread; ended is whoever comes to that number first.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.support.programs import needed

CALLS = (
    *("write", "pwrite64", "writev", "ftruncate", "fsync", "fdatasync", "rename", "renameat", "renameat2"),
    *("link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat"),
)
POINTS = os.environ.get("CONSENTRY_SYSCALL_POINTS", "6")


def _tracing(output: Path, *expressions: str) -> list[str]:
    found = shutil.which("strace")
    program = needed(Path(found) if found else None, "strace")
    chosen = (f"trace={','.join(CALLS)}", "signal=none", *expressions)
    given = [part for expression in chosen for part in ("-e", expression)]
    return [str(program), "-f", "-qq", "-o", str(output), *given]


def counting(log: Path) -> list[str]:
    """Gives the command that runs a process and writes down its calls."""
    return [*_tracing(log), "--seccomp-bpf"]


def ending(number: int) -> list[str]:
    """Gives the command that runs a process and kills it before its call of that number."""
    # Stopping at each call is slow, but a signal injected where a filter stopped the process is lost.
    return _tracing(Path(os.devnull), f"inject={','.join(CALLS)}:signal=KILL:when={number}")


def points_of(log: Path) -> Sequence[int]:
    """Gives the numbers to end a process at: some, evenly, or each if ``CONSENTRY_SYSCALL_POINTS`` is ``all``."""
    lines = re.findall(r"^(\d+) +\w+\(", log.read_text(errors="replace"), re.MULTILINE)
    most = max(Counter(lines).values())
    step = 1 if POINTS == "all" else max(1, most // int(POINTS))
    return range(1, most + 1, step)
