// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Quarters of the calendar
/// @notice Counts are kept by quarter: coarse enough to name nobody, fine enough to see a habit.
library Calendar {
    /// @dev Days from 1 March of the year 0 to 1 January 1970, in the proleptic Gregorian calendar.
    uint256 private constant _DAYS_BEFORE_EPOCH = 719_468;
    /// @dev Days of 400 years, 100 years, 4 years.
    uint256 private constant _DAYS_OF_ERA = 146_097;
    uint256 private constant _DAYS_OF_CENTURY = 36_524;
    uint256 private constant _DAYS_OF_FOUR_YEARS = 1_460;

    /// @notice Gives the quarter a moment lies in, by UTC.
    /// @dev Years begin in March here, so that the leap day comes last: months then have 153 days in every five.
    /// @param time seconds since the epoch.
    /// @return quarter counted from the first of 1970, which is 0.
    function quarterOf(uint64 time) internal pure returns (uint32 quarter) {
        uint256 day = uint256(time) / 1 days + _DAYS_BEFORE_EPOCH;
        uint256 inEra = day % _DAYS_OF_ERA;
        uint256 year = inEra - inEra / _DAYS_OF_FOUR_YEARS + inEra / _DAYS_OF_CENTURY - inEra / (_DAYS_OF_ERA - 1);
        year /= 365;
        uint256 inYear = inEra - (365 * year + year / 4 - year / 100);
        year += (day / _DAYS_OF_ERA) * 400;
        // Months from March, 0 to 11; January and February belong to the next year.
        uint256 month = (5 * inYear + 2) / 153;
        return uint32((year * 12 + month + 2 - 1_970 * 12) / 3);
    }
}
