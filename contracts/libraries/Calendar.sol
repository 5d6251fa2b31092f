// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Months and quarters of the Gregorian calendar, in UTC
/// @notice Counts are kept by quarter: coarse enough to name nobody, fine enough to see a habit. A minor's end of
/// minority is the first second of a quarter, so that no birthday stands on chain. `consentry.core.calendar` is the
/// same in Python.
/// @dev Years are taken to begin in March, so that the leap day comes last and months have 153 days in every five: the
/// days before a month are then (153 m + 2) / 5, and those before a year 365 y + y / 4 - y / 100 + y / 400.
library Calendar {
    /// @dev Days from 1 March of the year 0 to 1 January 1970.
    uint256 private constant _DAYS_BEFORE_EPOCH = 719_468;
    /// @dev Days of 400 years, 100 years, 4 years.
    uint256 private constant _DAYS_OF_ERA = 146_097;
    uint256 private constant _DAYS_OF_CENTURY = 36_524;
    uint256 private constant _DAYS_OF_FOUR_YEARS = 1_460;
    uint256 private constant _EPOCH_YEAR = 1_970;

    /// @notice Gives the month a moment lies in.
    /// @param time seconds since the epoch.
    /// @return month counted from January 1970.
    function monthOf(uint64 time) internal pure returns (uint256 month) {
        uint256 day = uint256(time) / 1 days + _DAYS_BEFORE_EPOCH;
        uint256 inEra = day % _DAYS_OF_ERA;
        uint256 year = inEra - inEra / _DAYS_OF_FOUR_YEARS + inEra / _DAYS_OF_CENTURY - inEra / (_DAYS_OF_ERA - 1);
        year /= 365;
        uint256 inYear = inEra - (365 * year + year / 4 - year / 100);
        year += (day / _DAYS_OF_ERA) * 400;
        return year * 12 + (5 * inYear + 2) / 153 + 2 - _EPOCH_YEAR * 12;
    }

    /// @notice Gives the first second of a month.
    /// @param month counted from January 1970.
    /// @return time seconds since the epoch.
    function startOfMonth(uint256 month) internal pure returns (uint256 time) {
        uint256 fromMarch = (month + 10) % 12;
        uint256 year = _EPOCH_YEAR - 1 + (month + 10) / 12;
        uint256 elapsed = 365 * year + year / 4 - year / 100 + year / 400 + (153 * fromMarch + 2) / 5;
        return (elapsed - _DAYS_BEFORE_EPOCH) * 1 days;
    }

    /// @notice Gives the quarter a moment lies in.
    /// @param time seconds since the epoch.
    /// @return quarter counted from the first of 1970, which is 0.
    function quarterOf(uint64 time) internal pure returns (uint32 quarter) {
        return uint32(monthOf(time) / 3);
    }

    /// @notice Whether a moment is the first second of January, April, July or October.
    /// @param moment seconds since the epoch.
    /// @return begins true for that second alone.
    function beginsQuarter(uint64 moment) internal pure returns (bool begins) {
        uint256 month = monthOf(moment);
        return month % 3 == 0 && startOfMonth(month) == moment;
    }
}
