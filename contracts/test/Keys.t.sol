// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Suite} from "./Suite.sol";
import {KeyHandler} from "./handlers/KeyHandler.sol";

/// @title Promise P1 while keys change
/// @notice Nobody comes by the signer of a subject but with the key it has, or in public, after a delay in which nobody
/// objected.
contract KeysTest {
    KeyHandler private _handler;

    /// @notice Runs before each history.
    function setUp() external {
        Suite suite = new Suite();
        _handler = new KeyHandler(suite);
        suite.addRelay(address(_handler));
        _handler.appointGuardians();
    }

    /// @notice P1: whatever was accepted, somebody stood behind it who may.
    function invariant_noKeyIsStolen() external view {
        require(_handler.thefts() == 0, "an act was accepted that nobody signed who may");
    }

    /// @notice The subjects have the signers that accepted acts gave them, and no others.
    function invariant_signersFollowTheActs() external view {
        require(_handler.isAsKept(), "a signer or a card is not the one that was put in place");
    }

    /// @notice Shows that the histories above are not empty: keys are rotated, lost and recovered.
    function test_handler_reachesRecoveries() external {
        _handler.rotate(0, 0, 1);
        _handler.register(0, 1, 1);
        _handler.grantByCard(0, 1);
        _handler.propose(0, 2, 1);
        _handler.object(0, 2, 1);
        _handler.propose(0, 3, 1);
        _handler.complete(0, 1);
        require(_handler.outcomes(4) == 0, "a recovery was completed before its delay was over");
        _handler.wait(4 days + 1);
        _handler.wait(4 days + 1);
        _handler.complete(0, 1);
        for (uint256 i = 0; i < 6; ++i) require(_handler.outcomes(i) != 0, "something was never reached");
        require(_handler.thefts() == 0 && _handler.isAsKept(), "the account is wrong");
    }

    /// @notice Names the contract whose functions make up the histories.
    /// @return targets the handler alone.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }
}
