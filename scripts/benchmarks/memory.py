"""How much memory a process has, as the system counts it."""

from __future__ import annotations

import subprocess


def resident_bytes(pid: int) -> int:
    """Gives the resident memory of a process.

    Raises:
        RuntimeError: the process is gone, or there is no ``ps`` to ask.
    """
    try:
        said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(f"memory of process {pid} cannot be read ({type(error).__name__})") from error
    return int(said) * 1024
