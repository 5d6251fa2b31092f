"""The kills under load: what is missing is told in one line, and one fault is enough for exit code 1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consentry.cli import chaos
from consentry.demo import postgresql
from consentry.demo.chaos_book import Book
from consentry.demo.chaos_check import Facts
from consentry.demo.chaos_course import Kill, Witnessed, course_of
from consentry.demo.chaos_kills import Outcome
from tests.unit.cli.conftest import Run

COURSE = course_of(Book(), Facts({}, set(), [], [], [], []), Witnessed([Kill("chain", 1.0)], [2.0], 3.0, {"chain": 2}))


def test_missing_server_is_told_before_anything_starts(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgresql, "find_program", lambda _: None)

    ended = run("chaos", "--load", "--state", str(tmp_path))

    assert ended.status == 3
    assert "PostgreSQL is not installed: ./scripts/servers installs it" in ended.err
    assert len(ended.err.splitlines()) == 1
    assert list((tmp_path / "load").iterdir()) == []


@pytest.mark.parametrize(("lost", "status"), [(0, 0), (1, 1)])
def test_one_fault_ends_with_exit_code_1_and_keeps_what_is_there(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lost: int, status: int
) -> None:
    asked: list[tuple[int, int]] = []

    async def play_load(state: Path, seed: int, kills: int, *_: object) -> Outcome:
        asked.append((seed, kills))
        (state / "left").touch()
        return Outcome(COURSE, {"lost": lost, "decided_twice": 0}, [])

    monkeypatch.setattr(chaos, "play_load", play_load)

    ended = run("chaos", "--load", "--seed", "5", "--json", "--state", str(tmp_path))

    assert (ended.status, asked) == (status, [(5, 200)])
    told = json.loads(ended.out)
    assert (told["kills"], told["found"]["lost"], told["clean"]) == ({"chain": 1}, lost, not lost)
    assert told["whole_again"] == {"median": 1.0, "longest": 1.0}
    assert (tmp_path / "load" / "left").exists() == bool(lost)
