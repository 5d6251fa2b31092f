// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governance} from "../Governance.sol";
import {IGovernance} from "../interfaces/IGovernance.sol";
import {ROLE_AUDIT, ROLE_AUTHORITY, ROLE_NATIONAL, ROLE_SECURITY, ROLE_SYSTEM} from "../types/Roles.sol";
import {VM} from "./Vm.sol";

/// @title Roles that no account combines, and delays nobody shortens
contract GovernanceTest {
    address private constant _OFFICER = address(0xC000);

    Governance private _governance;

    /// @notice Runs before each test.
    function setUp() external {
        _governance = new Governance(address(this), 2 days);
    }

    /// @notice Each pair of roles that exclude each other is refused from both sides.
    function test_grantRole_revertsForRolesThatExcludeEachOther() external {
        uint64[2][5] memory pairs = [
            [ROLE_SYSTEM, ROLE_SECURITY],
            [ROLE_SYSTEM, ROLE_AUDIT],
            [ROLE_SECURITY, ROLE_AUDIT],
            [ROLE_NATIONAL, ROLE_AUDIT],
            [ROLE_AUTHORITY, ROLE_AUDIT]
        ];
        for (uint256 i = 0; i < pairs.length; ++i) {
            _refuseSecond(pairs[i][0], pairs[i][1]);
            _refuseSecond(pairs[i][1], pairs[i][0]);
        }
        _governance.grantRole(ROLE_NATIONAL, _OFFICER, 0);
        _governance.grantRole(ROLE_AUTHORITY, _OFFICER, 0);
        (bool member, ) = _governance.hasRole(ROLE_AUTHORITY, _OFFICER);
        require(member, "roles that go together are refused");
    }

    /// @notice A system administrator waits, whatever delay was given.
    function test_grantRole_makesASystemAdministratorWait() external {
        _governance.grantRole(ROLE_SYSTEM, _OFFICER, 1);
        (, uint32 delay) = _governance.hasRole(ROLE_SYSTEM, _OFFICER);
        require(delay == 2 days, "a shorter delay");
    }

    /// @notice Nobody but the admin gives up a role alone.
    function test_renounceRole_isTheAdminsAlone() external {
        bytes4 selector = IGovernance.GovernanceRenounceRefused.selector;
        VM.expectRevert(abi.encodeWithSelector(selector, address(this), ROLE_AUDIT));
        _governance.renounceRole(ROLE_AUDIT, address(this));
        _governance.renounceRole(0, address(this));
        (bool member, ) = _governance.hasRole(0, address(this));
        require(!member, "still admin");
    }

    function _refuseSecond(uint64 held, uint64 wanted) private {
        _governance.grantRole(held, _OFFICER, 0);
        bytes4 selector = IGovernance.GovernanceRolesCombined.selector;
        VM.expectRevert(abi.encodeWithSelector(selector, _OFFICER, wanted, held));
        _governance.grantRole(wanted, _OFFICER, 0);
        _governance.revokeRole(held, _OFFICER);
    }
}
