// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Quarters of the calendar
/// @notice A minor's end of minority stands on chain as the first second of a quarter, so that no birthday does.
/// `consentry.core.quarters` has the same rule in Python.
library Quarters {
    /// @dev Days from 1 March of the year 0 to 1 January 1970. Years that begin with March have their leap day last.
    uint256 private constant _EPOCH = 719_468;
    uint256 private constant _DAYS_OF_FOUR_CENTURIES = 146_097;
    uint256 private constant _DAYS_OF_CENTURY = 36_524;
    uint256 private constant _DAYS_OF_FOUR_YEARS = 1_460;
    uint256 private constant _DAYS_OF_YEAR = 365;
    /// @dev Days of the five months from March to July, after which the lengths of months repeat.
    uint256 private constant _DAYS_OF_FIVE_MONTHS = 153;

    /// @notice Whether a quarter begins at a moment, in UTC: on the first of January, April, July or October.
    /// @param moment seconds since the epoch.
    /// @return first true for the first second of a quarter.
    function isFirstSecond(uint64 moment) internal pure returns (bool first) {
        if (moment % 1 days != 0) return false;
        uint256 dayOfEra = (moment / 1 days + _EPOCH) % _DAYS_OF_FOUR_CENTURIES;
        uint256 yearOfEra = (dayOfEra -
            dayOfEra / _DAYS_OF_FOUR_YEARS +
            dayOfEra / _DAYS_OF_CENTURY -
            dayOfEra / (_DAYS_OF_FOUR_CENTURIES - 1)) / _DAYS_OF_YEAR;
        uint256 dayOfYear = dayOfEra - (_DAYS_OF_YEAR * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
        uint256 month = (5 * dayOfYear + 2) / _DAYS_OF_FIVE_MONTHS; // from March, which is 0
        bool firstOfMonth = dayOfYear == (_DAYS_OF_FIVE_MONTHS * month + 2) / 5;
        return firstOfMonth && month % 3 == 1; // April, July, October, January
    }
}
