// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Roles of the `AccessManager` that governs `Participants`
/// @notice Which function needs which role stands in `contracts/governance.json`, from which a deployment is wired.
/// @dev A role says *what kind* of act an account may make. *Where* it may act follows from the region of the authority
/// in `Participants`, which is checked besides.

/// @dev Admits, suspends and reinstates authorities, admits signature verifiers, names deployments.
uint64 constant ROLE_NATIONAL = 1;

/// @dev Admits, suspends and reinstates institutions, admits and removes relays, changes group membership.
uint64 constant ROLE_AUTHORITY = 2;
