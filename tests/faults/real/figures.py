"""What a fault did, as a line: printed, and kept where ``CONSENTRY_FAULT_FIGURES`` names a file."""

from __future__ import annotations

import json
import os
from pathlib import Path


def tell(fault: str, **figures: object) -> None:
    """Tells the figures of one fault."""
    line = json.dumps({"fault": fault, **figures})
    print(line)  # noqa: T201 - `pytest -s` and a failure show it
    kept = os.environ.get("CONSENTRY_FAULT_FIGURES")
    if kept:
        with Path(kept).open("a") as file:
            file.write(line + "\n")
