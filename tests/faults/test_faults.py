"""What the promises say holds in every story, whatever fails; and what breaks them on purpose is found."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.mutants import FOLLOWING, MUTANTS
from tests.faults.plan import RATES
from tests.faults.promises import BrokenPromiseError
from tests.faults.seeds import (
    AT_HAND,
    FIRST,
    SEEDS,
    WITH_TABLES,
    chase_player,
    finds,
    mutant_player,
    play_seeds,
    story_player,
)
from tests.faults.tables import make_template
from tests.faults.virtual import without_threads

PARTS = max(10, SEEDS // 100)
"""The seeds are dealt out, so that several processors may play them, each part in its time."""
CHASES = max(1, SEEDS // WITH_TABLES)
CHASE_PARTS = max(1, PARTS // 10)
MOST_FOR_A_MUTANT = 150
MOST_CHASES_FOR_A_MUTANT = 60
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own below


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """An empty database, where possible in memory: no test here is about the disk."""
    usable = _IN_MEMORY.is_dir() and os.access(_IN_MEMORY, os.W_OK)
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY if usable else None) as folder:
        yield make_template(Path(folder))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_promises_hold_in_all_stories(part: int, template: Path) -> None:
    met = play_seeds(range(FIRST + part, FIRST + SEEDS, PARTS), story_player(template), "stories")
    print(f"stories {FIRST + part}, {FIRST + part + PARTS}, … below {FIRST + SEEDS}: {dict(met)}")  # noqa: T201 - the log


@pytest.mark.slow
@pytest.mark.parametrize("part", range(CHASE_PARTS))
def test_projection_is_what_a_rebuild_makes_in_all_chases(part: int, template: Path) -> None:
    met = play_seeds(range(FIRST + part, FIRST + CHASES, CHASE_PARTS), chase_player(template), "chases")
    print(f"chases {FIRST + part}, … below {FIRST + CHASES}: {dict(met)}")  # noqa: T201 - the log


def test_every_kind_of_fault_is_met(template: Path) -> None:
    met = play_seeds(range(25), story_player(template), "stories")
    met += play_seeds(range(5), chase_player(template), "chases")
    assert not RATES.keys() - met.keys()


def test_seed_tells_the_same_story_again(template: Path) -> None:
    for play_one in (story_player(template), chase_player(template)):
        with without_threads():
            plans = [play_one(seed) for seed in (0, 7, 0, 7)]
        assert [plan.draw.random() for plan in plans[:2]] == [plan.draw.random() for plan in plans[2:]]
        assert [plan.met for plan in plans[:2]] == [plan.met for plan in plans[2:]]


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_planted_bug_is_found(name: str) -> None:
    seed = finds(mutant_player(MUTANTS[name]), MUTANTS[name].promise, MOST_FOR_A_MUTANT)
    assert seed is not None, f"none of {MOST_FOR_A_MUTANT} stories finds {name}"
    print(f"{name}: found by story {seed}")  # noqa: T201 - the log


@pytest.mark.slow
@pytest.mark.parametrize("name", FOLLOWING)
def test_planted_bug_of_a_follower_is_found(name: str, template: Path) -> None:
    seed = finds(chase_player(template, *FOLLOWING[name]), "P7", MOST_CHASES_FOR_A_MUTANT)
    assert seed is not None, f"none of {MOST_CHASES_FOR_A_MUTANT} chases finds {name}"
    print(f"{name}: found by chase {seed}")  # noqa: T201 - the log


def test_broken_promise_names_the_seed_and_how_to_play_it_again() -> None:
    wrong = mutant_player(MUTANTS["StumblesOverTheUnknown"])
    with pytest.raises(BrokenPromiseError, match=r"seed \d+: P12: .*\nplay it again: CONSENTRY_FAULT_SEED=\d+ "):
        play_seeds(range(AT_HAND), wrong, "stories")
