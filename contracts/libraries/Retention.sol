// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RETENTION_OUTPATIENT} from "../types/Codes.sol";

/// @title How long a record must be kept
/// @notice Years from the end of the month of the content: 15 for outpatients, 30 for inpatients. Months are counted
/// from January 1970 and end at midnight UTC.
library Retention {
    uint256 private constant _MONTHS_A_YEAR = 12;
    uint256 private constant _OUTPATIENT_YEARS = 15;
    uint256 private constant _INPATIENT_YEARS = 30;
    uint256 private constant _EPOCH_YEAR = 1970;

    /// @notice Gives the first second at which a record need not be kept any more.
    /// @param dataMonth month of the content, counted from January 1970.
    /// @param retention class of the record; one that is not known is kept for the longer time.
    /// @return time seconds since the epoch.
    function endOf(uint16 dataMonth, uint8 retention) internal pure returns (uint256 time) {
        uint256 kept = retention == RETENTION_OUTPATIENT ? _OUTPATIENT_YEARS : _INPATIENT_YEARS;
        return startOfMonth(uint256(dataMonth) + 1 + kept * _MONTHS_A_YEAR);
    }

    /// @notice Gives the first second of a month of the Gregorian calendar.
    /// @dev Years are taken to begin in March, so that a leap day is the last of its year: the days before a month are
    /// then (153 m + 2) / 5, and those before a year 365 y + y / 4 - y / 100 + y / 400.
    /// @param month counted from January 1970.
    /// @return time seconds since the epoch.
    function startOfMonth(uint256 month) internal pure returns (uint256 time) {
        uint256 fromMarch = (month + 10) % _MONTHS_A_YEAR;
        uint256 year = _EPOCH_YEAR - 1 + (month + 10) / _MONTHS_A_YEAR;
        uint256 elapsed = 365 * year + year / 4 - year / 100 + year / 400 + (153 * fromMarch + 2) / 5;
        // Days from March of the year 0 to January 1970.
        return (elapsed - 719_468) * 1 days;
    }
}
