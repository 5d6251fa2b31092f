"""Plants a fault into a Python process that has this folder on its path: one kind of sync does nothing.

``CONSENTRY_TEST_LEAVES_OUT`` says which: ``file`` or ``folder``.
"""

from __future__ import annotations

import os
import stat

_LEFT_OUT = os.environ.get("CONSENTRY_TEST_LEAVES_OUT", "")
_fsync = os.fsync


def _forgetful(descriptor: int) -> None:
    is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
    if ("folder" if is_folder else "file") != _LEFT_OUT:
        _fsync(descriptor)


if _LEFT_OUT:
    os.fsync = _forgetful  # type: ignore[assignment]  # the fault
