// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Calendar} from "../libraries/Calendar.sol";
import {Suite} from "./Suite.sol";
import {ConsentLifeHandler} from "./handlers/ConsentLifeHandler.sol";

/// @title What holds around a consent whatever happens
/// @notice Exclusions stand until the subject lifts them, a denial keeps the same ask away, staff complete nothing, and
/// a revoked consent stays revoked.
contract ConsentLifeTest {
    Suite private _suite;
    ConsentLifeHandler private _handler;

    /// @notice Runs before each history.
    function setUp() external {
        _suite = new Suite();
        _handler = new ConsentLifeHandler(_suite);
        _suite.addRelay(address(_handler));
    }

    /// @notice An excluded target is excluded until the subject lifts the exclusion.
    function invariant_exclusionsStandUntilLifted() external view {
        for (uint256 i = 0; i < 4; ++i) {
            bytes32 target = bytes32(uint256(uint160(_suite.hospitals(i % 2))));
            bytes32 subjectId = _suite.subjectIds(i / 2);
            bool stands = _suite.consents().isTargetExcluded(subjectId, 1, target);
            require(stands == _handler.excluded(i / 2, i % 2), "an exclusion is not as its subject left it");
            stands = _suite.consents().isExcluded(subjectId, _suite.hospitals(i % 2), keccak256("anybody"), 3);
            require(stands == _handler.excluded(i / 2, i % 2), "a decision would not see it");
        }
    }

    /// @notice Nobody but the subject excludes, lifts, denies, or completes what staff prepared.
    function invariant_nobodyActsForTheSubject() external view {
        require(_handler.forgeries() == 0, "an act was taken that the subject did not sign");
    }

    /// @notice After a denial the same is not asked until the cool-down is over.
    function invariant_denialsKeepAsksAway() external view {
        require(_handler.asksTooSoon() == 0, "an ask was taken within a cool-down");
    }

    /// @notice An answer lies within an ask that is open.
    function invariant_answersLieWithinAsks() external view {
        require(_handler.widerAnswers() == 0, "an answer is wider than what was asked, or came too late");
    }

    /// @notice P4: nothing that follows a revocation makes the consent active again.
    function invariant_revokedConsentsStayRevoked() external view {
        for (uint256 i = 0; i < _handler.revokedCount(); ++i) {
            require(_handler.stayedRevoked(i), "a revoked consent came back");
        }
    }

    /// @notice Quarters never go back, and one is at most 92 days long.
    /// @param time any moment of the next 3,000 years.
    function testFuzz_quartersFollowEachOther(uint64 time) external pure {
        time %= 100_000_000_000;
        uint32 quarter = Calendar.quarterOf(time);
        uint32 next = Calendar.quarterOf(time + 92 days);
        require(next == quarter + 1 || next == quarter + 2, "a quarter is longer than 92 days");
        require(Calendar.quarterOf(time + 90 days - 1) <= quarter + 1, "a quarter is shorter than 90 days");
    }

    /// @notice Shows that the histories above are not empty: everything can come about.
    function test_handler_bringsEverythingAbout() external {
        _handler.exclude(0, 0, 1);
        _handler.exclude(1, 1, 0); // forged: refused
        _handler.lift(0, 0, 0); // forged: refused
        _handler.lift(0, 0, 1);
        _handler.ask(0, 1, 1 days);
        _handler.deny(0, 1, 1);
        _handler.ask(0, 1, 1 days); // too soon: refused
        _handler.ask(1, 1, 1 days);
        _handler.reply(1, 1, 3); // wider: refused
        _handler.reply(1, 1, 0);
        _handler.prepare(0, 1);
        _handler.complete(0, 0); // by staff: refused
        _handler.complete(0, 1);
        _handler.undo(0);
        uint256[8] memory seen = [uint256(1), 1, 2, 1, 1, 1, 1, 1];
        for (uint256 i = 0; i < seen.length; ++i) {
            require(_handler.outcomes(i) == seen[i], "something did not come about, or too often");
        }
        require(_handler.forgeries() == 0 && _handler.revokedCount() == 1, "an act was forged");
    }

    /// @notice Names the contract whose functions make up the histories.
    /// @return targets the handler alone.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }
}
