"""What a process uses, as the system counts it."""

from __future__ import annotations

import psutil


def resident_bytes(pid: int) -> int:
    """Gives the resident memory of a process.

    Raises:
        RuntimeError: it is gone.
    """
    return int(_process(pid).memory_info().rss)


def cpu_seconds(pid: int) -> float:
    """Gives the processor time that a process has used, of its own code and in the system.

    Raises:
        RuntimeError: it is gone.
    """
    times = _process(pid).cpu_times()
    return float(times.user + times.system)


def _process(pid: int) -> psutil.Process:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess as error:
        raise RuntimeError(f"process {pid} is gone") from error
