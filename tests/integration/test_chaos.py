"""Processes of the story are killed; nothing acknowledged is lost, nothing is decided twice or released wrongly."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from consentry.demo.chaos import play
from consentry.demo.data import material

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SEED = int(os.environ.get("CONSENTRY_CHAOS_SEED", "7"))


async def test_story_under_kills_ends_with_every_promise_kept(tmp_path: Path) -> None:
    said: list[str] = []

    outcome = await play(tmp_path / "round", material(tmp_path / "cache"), SEED, 2, said.append)

    sys.stdout.write("\n".join([*said, str(outcome)]))
    assert outcome.clean, outcome
    assert outcome.attempts > 1
    assert outcome.decisions >= 3
