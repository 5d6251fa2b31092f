"""Quarters of the calendar: `contracts/libraries/Calendar.sol`."""

from __future__ import annotations

from typing import Final

_DAY: Final = 86_400
_DAYS_BEFORE_EPOCH: Final = 719_468
"""Days from 1 March of the year 0 to 1 January 1970, in the proleptic Gregorian calendar."""
_DAYS_OF_ERA: Final = 146_097
_DAYS_OF_CENTURY: Final = 36_524
_DAYS_OF_FOUR_YEARS: Final = 1_460
_EPOCH_MONTHS: Final = 1_970 * 12


def quarter_of(time: int) -> int:
    """Gives the quarter, counted from the first of 1970, that a moment lies in by UTC; ``time`` in seconds.

    Years begin in March here, so that the leap day comes last: months then have 153 days in every five. Unlike
    ``datetime`` it knows every moment the contract does.
    """
    day = time // _DAY + _DAYS_BEFORE_EPOCH
    era, in_era = divmod(day, _DAYS_OF_ERA)
    leap_days = in_era // _DAYS_OF_FOUR_YEARS - in_era // _DAYS_OF_CENTURY + in_era // (_DAYS_OF_ERA - 1)
    year = (in_era - leap_days) // 365
    in_year = in_era - (365 * year + year // 4 - year // 100)
    month = (5 * in_year + 2) // 153
    return ((year + era * 400) * 12 + month + 2 - _EPOCH_MONTHS) // 3
