// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RETENTION_OUTPATIENT} from "../types/Codes.sol";
import {Calendar} from "./Calendar.sol";

/// @title How long a record must be kept
/// @notice Years from the end of the month of the content: 15 for outpatients, 30 for inpatients. Months are counted
/// from January 1970 and end at midnight UTC.
library Retention {
    uint256 private constant _MONTHS_A_YEAR = 12;
    uint256 private constant _OUTPATIENT_YEARS = 15;
    uint256 private constant _INPATIENT_YEARS = 30;

    /// @notice Gives the first second at which a record need not be kept any more.
    /// @param dataMonth month of the content, counted from January 1970.
    /// @param retention class of the record; one that is not known is kept for the longer time.
    /// @return time seconds since the epoch.
    function endOf(uint16 dataMonth, uint8 retention) internal pure returns (uint256 time) {
        uint256 kept = retention == RETENTION_OUTPATIENT ? _OUTPATIENT_YEARS : _INPATIENT_YEARS;
        return Calendar.startOfMonth(uint256(dataMonth) + 1 + kept * _MONTHS_A_YEAR);
    }
}
