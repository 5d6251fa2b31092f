"""Writes the histories: run ``PYTHONPATH=src:. python tests/vectors/histories/build_histories.py``.

What each step must answer stands in the modules beside this one, written by hand; tests compare the core, and the
contracts, with the files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from consentry.evidence.notation import Json
from tests.vectors.histories import (
    asks,
    assisted,
    authorisations,
    batches,
    circumstances,
    decisions,
    emergencies,
    enrolments,
    erasures,
    exclusions,
    governance,
    grants,
    guardians,
    institutions,
    keys,
    persons,
    recognitions,
    records,
    revocations,
)
from tests.vectors.histories.story import Story
from tests.vectors.histories.text import DEFAULTS, written

FOLDER: Final = Path(__file__).parent
TOPICS: Final[dict[str, Callable[[], Iterator[Story]]]] = {
    "asks": asks.histories,
    "assisted": assisted.histories,
    "authorisations": authorisations.histories,
    "batches": batches.histories,
    "circumstances": circumstances.histories,
    "decisions": decisions.histories,
    "emergencies": emergencies.histories,
    "enrolments": enrolments.histories,
    "erasures": erasures.histories,
    "exclusions": exclusions.histories,
    "governance": governance.histories,
    "grants": grants.histories,
    "guardians": guardians.histories,
    "institutions": institutions.histories,
    "keys": keys.histories,
    "persons": persons.histories,
    "precedence": decisions.precedence,
    "recognitions": recognitions.histories,
    "records": records.histories,
    "revocations": revocations.histories,
}


def build() -> dict[str, list[Json]]:
    """Gives the histories of every topic; those that begin alike stand together."""
    return {topic: sorted(map(written, stories()), key=_beginning) for topic, stories in TOPICS.items()}


def _beginning(history: Json) -> str:
    return json.dumps(history["steps"])


def text_of(histories: list[Json]) -> str:
    """Gives a file: the usual members, then one history a line."""
    lines = ",\n".join(json.dumps(history, separators=(",", ":")) for history in histories)
    return f'{{"defaults":{json.dumps(DEFAULTS, separators=(",", ":"))},\n"histories":[\n{lines}\n]}}\n'


if __name__ == "__main__":
    made = build()
    for topic, histories in made.items():
        (FOLDER / f"{topic}.json").write_text(text_of(histories), encoding="utf-8")
        sys.stdout.write(f"{topic}: {len(histories)}\n")
    sys.stdout.write(f"all: {sum(map(len, made.values()))}\n")
