// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Quarters} from "../libraries/Quarters.sol";

/// @title Quarters against a calendar that counts month by month
/// @notice The library divides; the calendar here walks, so that the two can hardly be wrong in the same way.
contract QuartersTest {
    uint256 private constant _FIRST_YEAR = 1970;
    uint256 private constant _YEARS = 450; // more than four centuries, after which leap years repeat

    /// @notice Every month of four centuries: a quarter begins with each third, and with no other second nearby.
    function test_isFirstSecond_holdsForTheFirstSecondOfQuartersAlone() external pure {
        uint64 moment = 0;
        for (uint256 month = 0; month < _YEARS * 12; ++month) {
            require(Quarters.isFirstSecond(moment) == (month % 3 == 0), "a month is taken for what it is not");
            require(!Quarters.isFirstSecond(moment + 1), "the second after");
            require(!Quarters.isFirstSecond(moment + 1 days - 1), "the last second of the first day");
            require(!Quarters.isFirstSecond(moment + 1 days), "the day after");
            moment += _daysOf(_FIRST_YEAR + month / 12, month % 12) * 1 days;
            require(!Quarters.isFirstSecond(moment - 1 days), "the day before");
            require(!Quarters.isFirstSecond(moment - 1), "the second before");
        }
    }

    /// @notice Four centuries later the calendar is the same, however far that is.
    /// @param moment any second.
    function testFuzz_isFirstSecond_repeatsAfterFourCenturies(uint64 moment) external pure {
        uint64 era = 146_097 days;
        if (moment > type(uint64).max - era) moment -= era;
        require(Quarters.isFirstSecond(moment) == Quarters.isFirstSecond(moment + era), "another calendar");
    }

    function _daysOf(uint256 year, uint256 month) private pure returns (uint64 length) {
        if (month == 1) {
            bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            return leap ? 29 : 28;
        }
        return month == 3 || month == 5 || month == 8 || month == 10 ? 30 : 31;
    }
}
