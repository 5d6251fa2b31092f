// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    HIGHEST_OFFICE,
    ROLE_AUDIT,
    ROLE_AUTHORITY,
    ROLE_NATIONAL,
    ROLE_SECURITY,
    ROLE_SYSTEM
} from "../types/Roles.sol";
import {Suite} from "./Suite.sol";
import {OfficerHandler} from "./handlers/OfficerHandler.sol";

/// @title What holds of officers whatever they do
contract OfficersTest {
    /// @dev Who calls: the first officer, the second, both, or somebody who is none.
    uint256 private constant _FIRST = 1;
    uint256 private constant _SECOND = 257;
    uint256 private constant _BOTH = 2;
    uint256 private constant _STRANGER = 5 + (7 << 8);

    Suite private _suite;
    OfficerHandler private _handler;

    /// @notice Runs before each history.
    function setUp() external {
        _suite = new Suite();
        _suite.renounce();
        _handler = new OfficerHandler(_suite);
    }

    /// @notice No account holds two of the roles SYSTEM, SECURITY and AUDIT, and none that reviews also admits.
    function invariant_noAccountCombinesRoles() external view {
        for (uint256 i = 0; i < 8; ++i) {
            bool system = _handler.holds(i, ROLE_SYSTEM);
            bool security = _handler.holds(i, ROLE_SECURITY);
            bool audit = _handler.holds(i, ROLE_AUDIT);
            require(!(system && security), "one account is system and security administrator");
            require(!(system && audit), "one account is system and audit administrator");
            require(!(security && audit), "one account is security and audit administrator");
            bool admits = _handler.holds(i, ROLE_NATIONAL) || _handler.holds(i, ROLE_AUTHORITY);
            require(!(admits && audit), "one account admits and reviews");
        }
    }

    /// @notice Nothing that takes two persons was done by one, or by one without the role.
    function invariant_nothingIsDoneByOne() external view {
        require(_handler.alones() == 0, "one person did what takes two");
    }

    /// @notice One officer suspends an institution for 72 hours at most; two of them, until two reinstate it.
    function invariant_oneOfficerStopsNobodyForGood() external view {
        require(_handler.repeats() == 0, "one officer suspended the same institution again and again");
        for (uint256 i = 0; i < 2; ++i) require(_handler.standsRight(i), "a standing is not what officers decided");
    }

    /// @notice Shows that the histories above are not empty.
    function test_officers_reachEveryOutcome() external {
        _handler.admit(_FIRST, 1, 0);
        _handler.admit(_FIRST, 1, 0); // the same officer: refused
        _handler.admit(_STRANGER, 1, 0); // refused
        require(_handler.outcomes(0) == 1 && _handler.outcomes(1) == 0, "one person was enough");
        _handler.admit(_SECOND, 1, 0);
        require(_handler.outcomes(1) == 1, "two persons were not enough");
        _handler.change(_FIRST, 1, 0);
        require(_handler.outcomes(2) == 1, "no emergency");
        _handler.appoint(_BOTH, 0, 2);
        require(_handler.holds(2, ROLE_SYSTEM), "nobody was appointed");
        require(HIGHEST_OFFICE == ROLE_AUDIT, "a role is not looked at");
    }

    /// @notice Names the contract whose functions make up the histories.
    /// @return targets the handler alone.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }
}
