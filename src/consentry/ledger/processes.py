"""Telling a process from a later one that was given the same number."""

from __future__ import annotations

import subprocess
from pathlib import Path

# Field 22 of /proc/PID/stat, counted behind the command name in brackets (proc_pid_stat(5)).
_START_FIELD = 19


def process_started(pid: int) -> str | None:
    """A mark of when a process began, the same as long as it lives; nothing if there is no such process."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        if Path("/proc/self/stat").exists():
            fields = stat.read_text().rpartition(")")[2].split()
            return None if fields[0] == "Z" else fields[_START_FIELD]
        shown = subprocess.run(  # noqa: S603 - fixed arguments
            ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, IndexError):
        return None
    return shown.stdout.strip() or None
