"""The clock of a process of ours, moved while it runs.

Only what Python code reads with ``time.time`` is moved, which is all that this product reads; monotonic clocks stay
right, as they do when a machine's clock is set. (libfaketime cannot do that: unless it moves monotonic clocks too,
Python's sleep fails under it.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.faults.real.processes import PLANTED

DAY: Final = 86_400
HOUR: Final = 3_600


class MovableClock:
    """A clock that every process started under `given` has."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.move(0)

    def move(self, seconds: int) -> None:
        """Sets how far it is off from now on, in seconds."""
        # In one step: whoever reads it meanwhile sees the old or the new one, never an empty file.
        made = self._file.with_suffix(".new")
        made.write_text(str(seconds))
        made.replace(self._file)

    @contextmanager
    def given(self) -> Iterator[None]:
        """Gives this clock to each process that is started in the block."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(PLANTED), prepend=os.pathsep)
            patch.setenv("TEST_CLOCK", str(self._file))
            yield
