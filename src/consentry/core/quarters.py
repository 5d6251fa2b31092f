"""Quarters of the calendar: `contracts/libraries/Quarters.sol`.

A minor's end of minority stands on chain as the first second of a quarter, so that no birthday does.
"""

from __future__ import annotations

from typing import Final

DAY: Final = 86_400
_EPOCH: Final = 719_468
"""Days from 1 March of the year 0 to 1 January 1970. Years that begin with March have their leap day last."""
_DAYS_OF_FOUR_CENTURIES: Final = 146_097
_DAYS_OF_CENTURY: Final = 36_524
_DAYS_OF_FOUR_YEARS: Final = 1_460
_DAYS_OF_YEAR: Final = 365
_DAYS_OF_FIVE_MONTHS: Final = 153
_MONTHS: Final = 12
_QUARTER: Final = 3


def is_first_second(moment: int) -> bool:
    """Tells whether a quarter begins at a moment in seconds since the epoch: 1 January, April, July, October, in UTC.

    Source: the civil calendar counted from March, as in the contract; it has no end, as Python's own calendar has.
    """
    if moment % DAY:
        return False
    day_of_era = (moment // DAY + _EPOCH) % _DAYS_OF_FOUR_CENTURIES
    leap_days = day_of_era // _DAYS_OF_FOUR_YEARS - day_of_era // _DAYS_OF_CENTURY
    leap_days += day_of_era // (_DAYS_OF_FOUR_CENTURIES - 1)
    year_of_era = (day_of_era - leap_days) // _DAYS_OF_YEAR
    day_of_year = day_of_era - (_DAYS_OF_YEAR * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * day_of_year + 2) // _DAYS_OF_FIVE_MONTHS  # from March, which is 0
    first_of_month = day_of_year == (_DAYS_OF_FIVE_MONTHS * month + 2) // 5
    return first_of_month and month % _QUARTER == 1  # April, July, October, January


def end_of_minority(year: int, month: int, day: int, age: int) -> int:
    """Gives the first second of the quarter in which who was born on a day has come of age in any case.

    Rounded up: a guardian stands some weeks too long, but nobody below the age signs alone. Who is born on a leap day
    comes of age on the first of March where there is none; both lie in one quarter.

    Args:
        year: of birth, in the Gregorian calendar.
        month: of birth, from 1.
        day: of birth, from 1.
        age: in years, at which the minority ends.

    Returns:
        Seconds since the epoch.
    """
    begins_with = month % _QUARTER == 1 and day == 1
    months = (year + age) * _MONTHS + (month - 1) // _QUARTER * _QUARTER + (0 if begins_with else _QUARTER)
    return _days_to(months // _MONTHS, months % _MONTHS + 1) * DAY


def _days_to(year: int, month: int) -> int:
    """Gives the days from the epoch to the first of a month."""
    of_march = year if month >= _QUARTER else year - 1
    from_march = (month - _QUARTER) % _MONTHS
    days = _DAYS_OF_YEAR * of_march + of_march // 4 - of_march // 100 + of_march // 400
    return days + (_DAYS_OF_FIVE_MONTHS * from_march + 2) // 5 - _EPOCH
