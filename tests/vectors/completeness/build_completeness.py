"""Writes the true statements and their trust root: ``python -m tests.vectors.completeness.build_completeness``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.vectors.completeness.world import HOSPITALS, NOBODY, SUBJECTS, build_world

FOLDER: Final = Path(__file__).parent


def build() -> dict[str, bytes]:
    """Gives the content of each file, by its path in this folder."""
    world = build_world()
    hospital = world.statement("institution", HOSPITALS[0])
    made = {
        "subject": world.statement("subject", SUBJECTS[0]),
        "subject-without-accesses": world.statement("subject", NOBODY),
        "institution": hospital,
        "institution-withheld": hospital.withholding(),
    }
    files = {f"true/{name}.json": statement.to_json() for name, statement in made.items()}
    return {**files, "trust-root.json": world.trust.to_json()}


if __name__ == "__main__":
    for name, content in build().items():
        (FOLDER / name).write_bytes(content)
