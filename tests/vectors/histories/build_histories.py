"""Writes the histories: run ``PYTHONPATH=src:. python tests/vectors/histories/build_histories.py``.

What each step must answer stands in the modules beside this one, written by hand; tests compare the core, and the
contracts, with the files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from consentry.evidence.notation import Json
from tests.vectors.histories import authorisations, decisions, emergencies, exclusions, grants, persons
from tests.vectors.histories.story import Story
from tests.vectors.histories.text import DEFAULTS, written

FOLDER: Final = Path(__file__).parent
TOPICS: Final[dict[str, Callable[[], Iterator[Story]]]] = {
    "authorisations": authorisations.histories,
    "decisions": decisions.histories,
    "emergencies": emergencies.histories,
    "exclusions": exclusions.histories,
    "grants": grants.histories,
    "persons": persons.histories,
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
    for topic, histories in build().items():
        (FOLDER / f"{topic}.json").write_text(text_of(histories), encoding="utf-8")
