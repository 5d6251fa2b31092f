"""How long service was away, as it is counted from what clients and the watch saw."""

from __future__ import annotations

from consentry.demo.chaos_book import Book
from consentry.demo.chaos_check import Facts
from consentry.demo.chaos_course import Course, Kill, Seconds, Witnessed, course_of

NOTHING = Facts({}, set(), [], [], [], [])


def course(moments: list[float], *, spans: list[tuple[float, float]], whole: list[float]) -> Course:
    """The course of kills at some moments."""
    kills = [Kill("chain", moment) for moment in moments]
    return course_of(Book(spans=spans), NOTHING, Witnessed(kills, whole, 60.0, {"chain": 1}))


def test_answer_to_what_was_asked_before_a_kill_ends_no_outage() -> None:
    measured = course([10.0], spans=[(9.0, 10.5), (11.0, 14.0), (12.0, 13.0)], whole=[])

    assert measured.decided_again == Seconds(3.0, 3.0)


def test_outage_that_another_kill_prolongs_counts_for_nobody() -> None:
    measured = course([10.0, 12.0, 20.0], spans=[], whole=[9.0, 15.0, 22.0])

    assert measured.alone == 2
    assert measured.whole_again == Seconds(2.5, 3.0)


def test_kills_are_counted_by_victim() -> None:
    kills = [Kill(victim, 1.0) for victim in ("chain", "database", "chain")]

    counted = course_of(Book(), NOTHING, Witnessed(kills, [], 60.0, {}))

    assert counted.kills == {"chain": 2, "database": 1}
