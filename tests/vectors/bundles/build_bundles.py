"""Writes the true bundles and their trust root; with ``--forged FOLDER`` also every forgery, with its trust root.

Run ``PYTHONPATH=src:. python tests/vectors/bundles/build_bundles.py``. True bundles are kept for ever: a later verifier
must still accept them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from tests.vectors.bundles.forgeries import forgeries
from tests.vectors.bundles.real import build_real

FOLDER: Final = Path(__file__).parent
TRUE: Final = FOLDER / "true"
TRUST_ROOT: Final = FOLDER / "trust-root.json"


def write_true() -> None:
    """Writes what must be accepted."""
    real = build_real()
    TRUE.mkdir(exist_ok=True)
    TRUST_ROOT.write_bytes(real.trust.to_json())
    for name, bundle in real.bundles.items():
        (TRUE / f"{name}.json").write_bytes(bundle.to_json())


def write_forged(folder: Path) -> None:
    """Writes what must be refused, and `steps.json` with the step of each."""
    folder.mkdir(parents=True, exist_ok=True)
    steps = {}
    for forgery in forgeries(build_real()):
        (folder / f"{forgery.name}.json").write_bytes(forgery.content)
        (folder / f"{forgery.name}.trust-root").write_bytes(forgery.trust.to_json())
        steps[forgery.name] = forgery.step
    (folder / "steps.json").write_text(json.dumps(steps, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--forged", type=Path)
    chosen = parser.parse_args()
    if chosen.forged:
        write_forged(chosen.forged)
    else:
        write_true()
