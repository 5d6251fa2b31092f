"""Processes are killed, in the story and under load: nothing acknowledged is lost, decided twice, wrongly released."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from consentry.demo.chaos import play
from consentry.demo.chaos_kills import play_load
from consentry.demo.data import material
from consentry.demo.postgresql import find_program
from tests.support.programs import needed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
KILLS = 6
SEED = int(os.environ.get("CONSENTRY_CHAOS_SEED", "7"))


async def test_story_under_kills_ends_with_every_promise_kept(tmp_path: Path) -> None:
    said: list[str] = []

    outcome = await play(tmp_path / "round", material(tmp_path / "cache"), SEED, 2, said.append)

    sys.stdout.write("\n".join([*said, str(outcome)]))
    assert outcome.clean, outcome
    assert outcome.attempts > 1
    assert outcome.decisions >= 3


async def test_load_under_kills_ends_with_every_promise_kept(tmp_path: Path, engine: Path) -> None:  # noqa: ARG001 - installed first
    needed(find_program("initdb"), "initdb")
    said: list[str] = []

    outcome = await play_load(tmp_path, SEED, KILLS, said.append, mean_gap=1.5)

    sys.stdout.write("\n".join([*said, str(outcome.describe())]))
    assert outcome.clean, outcome
    assert sum(outcome.course.kills.values()) == KILLS
    assert outcome.course.decisions >= KILLS
