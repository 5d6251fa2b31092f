"""Every listed mutant can still be planted: its text stands once in its file, and what should kill it exists."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

import mutate_rules

MUTANTS: list[tuple[str, dict[str, str]]] = [
    (suite, mutant)
    for suite, path in mutate_rules.LISTS.items()
    for mutant in tomllib.loads(path.read_text())["mutant"]
]


def _named(value: Any) -> str | None:  # noqa: ANN401 - whatever pytest names
    return value["name"] if isinstance(value, dict) else None


@pytest.mark.parametrize(("suite", "mutant"), MUTANTS, ids=_named)
def test_mutant_can_be_planted(suite: str, mutant: dict[str, str]) -> None:
    source = (mutate_rules.ROOT / mutant["file"]).read_text()

    assert source.count(mutant["find"]) == 1, f"{suite}: the text of {mutant['name']} does not stand once"
    assert mutant["find"] != mutant["replace"]


def test_mutants_have_names_of_their_own() -> None:
    names = [(suite, mutant["name"]) for suite, mutant in MUTANTS]

    assert len(set(names)) == len(names) > 0
