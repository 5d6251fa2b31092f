"""How long a record must be kept: `contracts/libraries/Retention.sol`."""

from __future__ import annotations

from typing import Final

from consentry.core.calendar import start_of_month
from consentry.core.codes import Retention

_MONTHS_A_YEAR: Final = 12
_OUTPATIENT_YEARS: Final = 15
_INPATIENT_YEARS: Final = 30


def retention_end(data_month: int, retention: int) -> int:
    """Gives the first second at which a record need not be kept any more; months end at midnight UTC.

    Args:
        data_month: month of the content, counted from January 1970.
        retention: class of the record; one that is not known is kept for the longer time.
    """
    kept = _OUTPATIENT_YEARS if retention == Retention.OUTPATIENT else _INPATIENT_YEARS
    return start_of_month(data_month + 1 + kept * _MONTHS_A_YEAR)
