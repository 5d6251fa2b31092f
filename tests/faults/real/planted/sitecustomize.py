"""Plants a fault into a Python process that has this folder on its path.

One kind of sync does nothing: ``CONSENTRY_TEST_LEAVES_OUT`` says which, ``file`` or ``folder``. The clock is off: the
file named by ``TEST_CLOCK`` says by how many seconds, and may be changed at any time.
"""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

_LEFT_OUT = os.environ.get("CONSENTRY_TEST_LEAVES_OUT", "")
_fsync = os.fsync
_CLOCK = os.environ.get("TEST_CLOCK", "")
_time = time.time


def _forgetful(descriptor: int) -> None:
    is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
    if ("folder" if is_folder else "file") != _LEFT_OUT:
        _fsync(descriptor)


if _LEFT_OUT:
    os.fsync = _forgetful  # type: ignore[assignment]  # the fault


def _moved() -> float:
    return _time() + float(Path(_CLOCK).read_text())


if _CLOCK:
    time.time = _moved
