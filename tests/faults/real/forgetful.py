"""A disk that keeps only what was synced: mounts the file system of ``power_loss.py``, which runs as a process."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import needed

CUT = ".cut-"
WAIT_SECONDS = 20.0
ROOT = Path(__file__).parents[3]
MOUNTING = 21
"""The capability of a process that may mount."""


def why_not() -> str:
    """Says why no such file system can be had on this machine; empty if it can."""
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse cannot be used ({os.strerror(error.errno or 0).lower()})"
    able = re.search(r"^CapEff:\t(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    return "" if able and int(able[1], 16) >> MOUNTING & 1 else "mounting is not permitted"


@contextmanager
def forgetful(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Mounts one until the end of the block; gives where, and the folder of outcomes."""
    program = shutil.which("fusermount3")
    needed(Path(program) if program else None, "fuse3")
    mount, outcomes = folder / "disk", folder / "outcomes"
    mount.mkdir(parents=True)
    outcomes.mkdir()
    command = [sys.executable, "-m", "tests.faults.real.power_loss", str(mount), str(outcomes)]
    with (folder / "file-system.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not mount.is_mount():
            assert process.poll() is None, (folder / "file-system.log").read_text()
            assert time.monotonic() < deadline, "file system is not mounted"
            time.sleep(0.01)
        yield mount, outcomes
    finally:
        subprocess.run(["/bin/umount", "--lazy", mount], check=False)
        process.wait(WAIT_SECONDS)
