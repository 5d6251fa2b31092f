"""Quarters against Python's own calendar, and the end of minorities on every kind of birthday."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from consentry.core.access import needs_reconsent
from consentry.core.calendar import begins_quarter, end_of_minority
from consentry.core.codes import DAY
from consentry.core.guardianship import LONGEST_MINORITY
from tests.support import samples

EPOCH = date(1970, 1, 1)
GUARDIAN = samples.word(0x6A)


def moment(day: date) -> int:
    return (day - EPOCH).days * DAY


def is_first_of_quarter(day: date) -> bool:
    return day.day == 1 and day.month in (1, 4, 7, 10)


def test_every_day_of_nine_hundred_years_is_told_as_by_the_calendar() -> None:
    days = (EPOCH + timedelta(days=count) for count in range((date(2870, 1, 1) - EPOCH).days))
    assert all(begins_quarter(moment(day)) == is_first_of_quarter(day) for day in days)


@given(st.integers(0, moment(date(9999, 12, 31))))
def test_any_second_is_told_as_by_the_calendar(second: int) -> None:
    found = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    midnight = (found.hour, found.minute, found.second) == (0, 0, 0)
    assert begins_quarter(second) == (midnight and is_first_of_quarter(found.date()))


@given(st.integers(1970, 2400), st.sampled_from([1, 4, 7, 10]), st.sampled_from([-DAY, -1, 1, DAY]))
def test_seconds_and_days_beside_a_quarter_begin_none(year: int, month: int, beside: int) -> None:
    first = moment(date(year, month, 1))
    assert begins_quarter(first)
    assert first + beside < 0 or not begins_quarter(first + beside)


def birthday(born: date, age: int) -> date:
    """The day on which somebody has lived so many years; a leap day moves to the first of March."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)


@given(st.dates(date(1970, 1, 1), date(2199, 12, 31)), st.integers(1, 18))
def test_minority_ends_with_the_first_quarter_that_begins_on_the_birthday_or_after(born: date, age: int) -> None:
    end = end_of_minority(born.year, born.month, born.day, age)
    due = birthday(born, age)
    assert begins_quarter(end)
    assert moment(due) <= end < moment(due) + 93 * DAY
    between = (due + timedelta(days=count) for count in range(end // DAY - moment(due) // DAY))
    assert not any(is_first_of_quarter(day) for day in between)


def test_minority_of_a_leap_day_and_of_the_edges_of_quarters() -> None:
    ends = {
        (2012, 2, 29): date(2026, 4, 1),
        (2012, 3, 31): date(2026, 4, 1),
        (2012, 4, 1): date(2026, 4, 1),
        (2012, 4, 2): date(2026, 7, 1),
        (2012, 10, 2): date(2027, 1, 1),
        (2012, 12, 31): date(2027, 1, 1),
        (2012, 1, 1): date(2026, 1, 1),
    }
    assert {born: end_of_minority(*born, 14) for born in ends} == {born: moment(end) for born, end in ends.items()}


@given(st.dates(date(1970, 1, 1), date(2199, 12, 31)))
def test_longest_minority_holds_eighteen_years_from_birth(born: date) -> None:
    """A child is noted on the day of its birth at the earliest."""
    assert end_of_minority(born.year, born.month, born.day, 18) - moment(born) <= LONGEST_MINORITY


AGES = (
    # guardian, granted before the end, the end, now after the end: anew
    (samples.terms().guardian, 99, 100, 200, False),
    (GUARDIAN, 99, 100, 99, False),
    (GUARDIAN, 99, 100, 100, True),
    (GUARDIAN, 99, 100, 200, True),
    (GUARDIAN, 100, 100, 200, False),
    (GUARDIAN, 0, 0, 200, False),
    (GUARDIAN, 99, 0, 200, False),
)
"""The same cases stand in ``contracts/test/Rules.t.sol``."""


def test_consent_anew_is_needed_for_what_a_guardian_granted_in_the_minority_alone() -> None:
    for guardian, granted_at, minor_until, now, anew in AGES:
        terms = replace(samples.terms(), guardian=guardian)
        assert needs_reconsent(terms, granted_at, minor_until, now) == anew
