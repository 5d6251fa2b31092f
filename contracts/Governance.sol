// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

import {IGovernance} from "./interfaces/IGovernance.sol";
import {
    HIGHEST_OFFICE,
    ROLE_AUDIT,
    ROLE_AUTHORITY,
    ROLE_NATIONAL,
    ROLE_SECURITY,
    ROLE_SYSTEM
} from "./types/Roles.sol";

/// @title Which account may make which kind of act
/// @notice See `IGovernance`.
/// @dev Both overrides stand below OpenZeppelin's functions, so there is no way around them.
contract Governance is AccessManager, IGovernance {
    /// @inheritdoc IGovernance
    uint32 public immutable systemDelay; // seconds

    /// @param initialAdmin the deployer, who wires the suite and renounces.
    /// @param systemDelay_ seconds that a system administrator waits before each act.
    constructor(address initialAdmin, uint32 systemDelay_) AccessManager(initialAdmin) {
        systemDelay = systemDelay_;
    }

    /// @inheritdoc AccessManager
    function renounceRole(uint64 roleId, address callerConfirmation) public override {
        if (roleId != ADMIN_ROLE) revert GovernanceRenounceRefused(_msgSender(), roleId);
        super.renounceRole(roleId, callerConfirmation);
    }

    /// @inheritdoc AccessManager
    function _grantRole(
        uint64 roleId,
        address account,
        uint32 grantDelay,
        uint32 executionDelay
    ) internal override returns (bool newMember) {
        _requireSeparate(roleId, account);
        if (roleId == ROLE_SYSTEM && executionDelay < systemDelay) executionDelay = systemDelay;
        return super._grantRole(roleId, account, grantDelay, executionDelay);
    }

    /// @dev A role that is granted but not yet in effect counts as held.
    function _requireSeparate(uint64 roleId, address account) private view {
        uint256 excluded = _excludedBy(roleId);
        for (uint64 held = ROLE_NATIONAL; held <= HIGHEST_OFFICE; ++held) {
            if ((excluded >> held) & 1 == 0) continue;
            (uint48 since, , , ) = getAccess(held, account);
            if (since != 0) revert GovernanceRolesCombined(account, roleId, held);
        }
    }

    /// @dev Bit `1 << role` for each role that no account may hold beside this one.
    function _excludedBy(uint64 roleId) private pure returns (uint256 excluded) {
        if (roleId == ROLE_SYSTEM) return (1 << ROLE_SECURITY) | (1 << ROLE_AUDIT);
        if (roleId == ROLE_SECURITY) return (1 << ROLE_SYSTEM) | (1 << ROLE_AUDIT);
        if (roleId == ROLE_NATIONAL || roleId == ROLE_AUTHORITY) return 1 << ROLE_AUDIT;
        if (roleId != ROLE_AUDIT) return 0;
        return (1 << ROLE_NATIONAL) | (1 << ROLE_AUTHORITY) | (1 << ROLE_SYSTEM) | (1 << ROLE_SECURITY);
    }
}
