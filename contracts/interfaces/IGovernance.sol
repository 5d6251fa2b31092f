// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Which account may make which kind of act
/// @notice OpenZeppelin's `AccessManager` with three rules more.
///
/// Separation. No account ever holds two of the roles SYSTEM, SECURITY and AUDIT (MLPS 2.0, level 3), and none that
/// admits (NATIONAL, AUTHORITY) is also one that reviews (AUDIT). The rule stands where roles are granted, so it holds
/// against everybody, the admin included.
///
/// Delay. Whoever holds SYSTEM makes each act only after it was announced (`schedule`) for `systemDelay`; meanwhile a
/// holder of SECURITY, the guardian of the role, may cancel it (`cancel`).
///
/// Standing of roles. A role is given and taken by two officers through `Participants`, never given up by one: so the
/// events of `Participants` tell all roles, and nobody can freeze the country by walking out.
///
/// WARNING: The admin can change which function needs which role. The deployer renounces that role at the end of a
/// deployment; nobody holds it from then on, and the wiring is final.
interface IGovernance {
    /// @notice The account holds a role that excludes the one to be granted.
    /// @param account whose roles they are.
    /// @param roleId the role to be granted.
    /// @param held the lowest role it holds that excludes it.
    error GovernanceRolesCombined(address account, uint64 roleId, uint64 held);
    /// @notice Only the role of the admin can be renounced; every other one is taken by two officers.
    /// @param account the caller.
    /// @param roleId the role it wants to give up.
    error GovernanceRenounceRefused(address account, uint64 roleId);

    /// @notice Gives the least time between the announcement and the act of a system administrator.
    /// @return delay seconds.
    function systemDelay() external view returns (uint32 delay);
}
