// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Roles of the `Governance` that governs `Participants`
/// @notice Which function needs which role stands in `contracts/governance.json`, from which a deployment is wired.
/// @dev A role says *what kind* of act an officer may make. *Where* follows from the region of the officer's
/// authority in `Participants`, which is checked besides. A set of roles is a bit mask with bit `1 << role`.

/// @dev Admits, suspends and reinstates authorities, appoints and dismisses officers.
uint64 constant ROLE_NATIONAL = 1;

/// @dev Admits institutions and relays, changes group membership.
uint64 constant ROLE_AUTHORITY = 2;

/// @dev System administrators: admit signature verifiers and name deployments, each act after a delay.
uint64 constant ROLE_SYSTEM = 3;

/// @dev Security administrators: suspend and reinstate institutions, remove relays, reset lost keys.
uint64 constant ROLE_SECURITY = 4;

/// @dev Audit administrators: set limits and review; they never admit.
uint64 constant ROLE_AUDIT = 5;

/// @dev Grants and revokes the roles above. Held by `Participants` alone, which does so for two officers.
uint64 constant ROLE_REGISTER = 6;

/// @dev Highest role an officer can hold.
uint64 constant HIGHEST_OFFICE = ROLE_AUDIT;

/// @dev Roles an officer can hold, and those of them that reach beyond any region.
uint8 constant OFFICES = 0x3e;
uint8 constant COUNTRYWIDE_OFFICES = uint8((1 << ROLE_NATIONAL) | (1 << ROLE_SYSTEM));

/// @dev Roles of the first officer of an authority, and of the first two of the country.
uint8 constant FIRST_OFFICES = uint8((1 << ROLE_AUTHORITY) | (1 << ROLE_SECURITY));
uint8 constant FOUNDING_OFFICES = FIRST_OFFICES | uint8(1 << ROLE_NATIONAL);
