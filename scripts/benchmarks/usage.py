"""What a process uses, as the system counts it, and how that grows with what it is given."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

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


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Gives the slope of the straight line that fits the logarithms best: 1 is in proportion."""
    across, up = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    return statistics.linear_regression(across, up).slope
