"""Programs that the tests run as servers and that a machine may lack."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def needed(program: Path | None, name: str) -> Path:
    """Gives a program; where there is none the test is skipped, and fails if ``CONSENTRY_SERVERS`` is ``required``."""
    if program is not None:
        return program
    reason = f"no {name} on this machine: ./scripts/servers installs it from Debian's packages"
    if os.environ.get("CONSENTRY_SERVERS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)
