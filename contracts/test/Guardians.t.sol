// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Suite} from "./Suite.sol";
import {GuardianHandler} from "./handlers/GuardianHandler.sol";

/// @title Promise P1 with guardians
/// @notice No consent changes without the signature of the subject, or of a guardian in force, over exactly that act.
contract GuardiansTest {
    GuardianHandler private _handler;

    /// @notice Runs before each history.
    function setUp() external {
        Suite suite = new Suite();
        _handler = new GuardianHandler(suite);
        suite.addRelay(address(_handler));
    }

    /// @notice P1: whatever was accepted, somebody stood behind it who may.
    function invariant_noGuardianIsForged() external view {
        require(_handler.forgeries() == 0, "an act was accepted that nobody in force signed");
    }

    /// @notice Shows that the histories above are not empty: guardians are appointed, grant, and take back.
    function test_handler_reachesGuardians() external {
        _handler.note(0, 3, false, 1);
        _handler.appoint(0, 0, 1, 0x3e, 100 days, 1);
        _handler.grant(0, 1, 1); // under the first appointment
        require(_handler.grants() == 1, "no guardian granted");
        _handler.revoke(0, 1, 1);
        require(_handler.revocations() == 1, "no guardian took back");
        _handler.appoint(1, 1, 3, 0x3e, 100 days, 1);
        require(_handler.appointments() == 2, "no delegate was appointed");
        _handler.remove(0, 1, 1);
        _handler.grant(0, 4, 4);
        require(_handler.grants() == 1 && _handler.forgeries() == 0, "a removed guardian granted");
    }

    /// @notice Names the contract whose functions make up the histories.
    /// @return targets the handler alone.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }
}
