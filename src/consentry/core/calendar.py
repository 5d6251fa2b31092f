"""Months and quarters of the Gregorian calendar, in UTC: `contracts/libraries/Calendar.sol`.

Years are taken to begin in March, so that the leap day comes last and months have 153 days in every five. Unlike
``datetime`` all this knows every moment the contracts do.
"""

from __future__ import annotations

from typing import Final

from consentry.core.codes import DAY

_DAYS_BEFORE_EPOCH: Final = 719_468
"""Days from 1 March of the year 0 to 1 January 1970."""
_DAYS_OF_ERA: Final = 146_097
_DAYS_OF_CENTURY: Final = 36_524
_DAYS_OF_FOUR_YEARS: Final = 1_460
_YEARS_OF_ERA: Final = 400
_MONTHS: Final = 12
_QUARTER: Final = 3
_EPOCH_YEAR: Final = 1_970


def month_of(time: int) -> int:
    """Gives the month, counted from January 1970, that a moment lies in; ``time`` in seconds since the epoch."""
    era, in_era = divmod(time // DAY + _DAYS_BEFORE_EPOCH, _DAYS_OF_ERA)
    leap_days = in_era // _DAYS_OF_FOUR_YEARS - in_era // _DAYS_OF_CENTURY + in_era // (_DAYS_OF_ERA - 1)
    year = (in_era - leap_days) // 365
    in_year = in_era - (365 * year + year // 4 - year // 100)
    from_march = (5 * in_year + 2) // 153
    return (year + era * _YEARS_OF_ERA - _EPOCH_YEAR) * _MONTHS + from_march + 2


def start_of_month(month: int) -> int:
    """Gives the first second of a month that is counted from January 1970."""
    years, from_march = divmod(month + 10, _MONTHS)
    year = _EPOCH_YEAR - 1 + years
    elapsed = 365 * year + year // 4 - year // 100 + year // 400 + (153 * from_march + 2) // 5
    return (elapsed - _DAYS_BEFORE_EPOCH) * DAY


def quarter_of(time: int) -> int:
    """Gives the quarter, counted from the first of 1970, that a moment lies in; ``time`` in seconds since the epoch."""
    return month_of(time) // _QUARTER


def begins_quarter(moment: int) -> bool:
    """Tells whether a moment is the first second of January, April, July or October."""
    month = month_of(moment)
    return month % _QUARTER == 0 and moment == start_of_month(month)


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
    quarter, in_quarter = divmod(month - 1, _QUARTER)
    if (in_quarter, day) != (0, 1):
        quarter += 1
    return start_of_month((year + age - _EPOCH_YEAR) * _MONTHS + quarter * _QUARTER)
