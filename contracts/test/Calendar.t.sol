// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Calendar} from "../libraries/Calendar.sol";
import {Retention} from "../libraries/Retention.sol";

/// @title Quarters and terms of retention, month by month
/// @notice `Calendar` goes from a time to its quarter, `Retention` from a month to its time: each checks the other. After
/// 400 years the calendar repeats, so those are all months there are.
contract CalendarTest {
    uint256 private constant _MONTHS = 400 * 12;
    uint64 private constant _ERA = 146_097 days;

    /// @notice The first and the last second of each month lie in its quarter.
    function test_quarterOf_holdsFromTheFirstToTheLastSecondOfAMonth() external pure {
        uint256 start = 0;
        for (uint256 month = 0; month < _MONTHS; ++month) {
            require(Calendar.quarterOf(uint64(start)) == month / 3, "another quarter");
            start = Retention.startOfMonth(month + 1);
            require(Calendar.quarterOf(uint64(start - 1)) == month / 3, "another quarter at its end");
        }
        require(start == _ERA, "an era has other days");
    }

    /// @notice Every era is as the first, up to the last one whose quarters fit 32 bits.
    function test_quarterOf_repeatsAfterAnEra() external pure {
        uint64 last = type(uint32).max / 1600 - 1;
        for (uint64 era = 1; era <= last; era *= 16) {
            for (uint64 month = 0; month < _MONTHS; month += 7) {
                uint64 start = uint64(Retention.startOfMonth(month));
                uint256 quarter = uint256(era) * 1600 + month / 3;
                require(Calendar.quarterOf(era * _ERA + start) == quarter, "not as in the first era");
            }
        }
    }

    /// @notice Whatever the month, a record is kept for its years; one of a class that is not known for the longer time.
    function test_retention_lastsForItsYearsWhateverTheMonth() external pure {
        uint256 start = Retention.startOfMonth(1);
        for (uint256 month = 0; month < _MONTHS; ++month) {
            uint256 short = Retention.endOf(uint16(month), 1);
            uint256 long = Retention.endOf(uint16(month), 2);
            require(short >= start + (15 * 365 + 2) * 1 days, "fifteen years are not over");
            require(long >= start + (30 * 365 + 6) * 1 days, "thirty years are not over");
            require(long <= start + (30 * 365 + 8) * 1 days && long <= type(uint64).max, "kept for longer");
            require(Retention.endOf(uint16(month), 3) == long, "a class that is not known is kept for less");
            start = Retention.startOfMonth(month + 2);
        }
    }
}
