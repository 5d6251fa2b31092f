// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Calendar} from "../libraries/Calendar.sol";
import {Retention} from "../libraries/Retention.sol";

/// @title Months, quarters and terms of retention, against a calendar that walks
/// @notice The library divides; the calendar here counts month by month, so that the two can hardly be wrong in the same
/// way. After 400 years the calendar repeats, so those are all months there are.
contract CalendarTest {
    uint256 private constant _MONTHS = 400 * 12;
    uint64 private constant _ERA = 146_097 days;

    /// @notice Each month begins when those before it are over; its first and last second lie in its quarter.
    function test_quarterOf_holdsFromTheFirstToTheLastSecondOfAMonth() external pure {
        uint64 start = 0;
        for (uint256 month = 0; month < _MONTHS; ++month) {
            require(Calendar.startOfMonth(month) == start, "another start");
            require(Calendar.quarterOf(start) == month / 3, "another quarter");
            start += _daysOf(1970 + month / 12, month % 12) * 1 days;
            require(Calendar.quarterOf(start - 1) == month / 3, "another quarter at its end");
        }
        require(start == _ERA, "an era has other days");
    }

    /// @notice A quarter begins with each third month, and with no other second nearby.
    function test_beginsQuarter_holdsForTheFirstSecondOfQuartersAlone() external pure {
        uint64 moment = 0;
        for (uint256 month = 0; month < _MONTHS; ++month) {
            require(Calendar.beginsQuarter(moment) == (month % 3 == 0), "a month is taken for what it is not");
            require(!Calendar.beginsQuarter(moment + 1), "the second after");
            require(!Calendar.beginsQuarter(moment + 1 days - 1), "the last second of the first day");
            require(!Calendar.beginsQuarter(moment + 1 days), "the day after");
            moment += _daysOf(1970 + month / 12, month % 12) * 1 days;
            require(!Calendar.beginsQuarter(moment - 1 days), "the day before");
            require(!Calendar.beginsQuarter(moment - 1), "the second before");
        }
    }

    /// @notice Four centuries later the calendar is the same, however far that is.
    /// @param moment any second.
    function testFuzz_beginsQuarter_repeatsAfterFourCenturies(uint64 moment) external pure {
        if (moment > type(uint64).max - _ERA) moment -= _ERA;
        require(Calendar.beginsQuarter(moment) == Calendar.beginsQuarter(moment + _ERA), "another calendar");
    }

    /// @notice Every era is as the first, up to the last one whose quarters fit 32 bits.
    function test_quarterOf_repeatsAfterAnEra() external pure {
        uint64 last = type(uint32).max / 1600 - 1;
        for (uint64 era = 1; era <= last; era *= 16) {
            for (uint64 month = 0; month < _MONTHS; month += 7) {
                uint64 start = uint64(Calendar.startOfMonth(month));
                uint256 quarter = uint256(era) * 1600 + month / 3;
                require(Calendar.quarterOf(era * _ERA + start) == quarter, "not as in the first era");
            }
        }
    }

    /// @notice Whatever the month, a record is kept for its years; one of a class that is not known for the longer time.
    function test_retention_lastsForItsYearsWhateverTheMonth() external pure {
        uint256 start = Calendar.startOfMonth(1);
        for (uint256 month = 0; month < _MONTHS; ++month) {
            uint256 short = Retention.endOf(uint16(month), 1);
            uint256 long = Retention.endOf(uint16(month), 2);
            require(short >= start + (15 * 365 + 2) * 1 days, "fifteen years are not over");
            require(long >= start + (30 * 365 + 6) * 1 days, "thirty years are not over");
            require(long <= start + (30 * 365 + 8) * 1 days && long <= type(uint64).max, "kept for longer");
            require(Retention.endOf(uint16(month), 3) == long, "a class that is not known is kept for less");
            start = Calendar.startOfMonth(month + 2);
        }
    }

    function _daysOf(uint256 year, uint256 month) private pure returns (uint64 length) {
        if (month == 1) {
            bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            return leap ? 29 : 28;
        }
        return month == 3 || month == 5 || month == 8 || month == 10 ? 30 : 31;
    }
}
