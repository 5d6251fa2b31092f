"""Roles of officers and what they may call, as in ``contracts/types/Roles.sol`` and ``contracts/governance.json``.

A role says what kind of act an officer may make; where follows from the region of the officer's authority. A set of
roles is a bit mask with bit ``1 << role``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

from consentry.core.codes import bits
from consentry.core.refusals import refusal
from consentry.core.terms import Address


class Role(IntEnum):
    """Roles of the ``Governance``; ``ADMIN`` is its own, ``REGISTER`` that of ``Participants``."""

    ADMIN = 0
    NATIONAL = 1
    AUTHORITY = 2
    SYSTEM = 3
    SECURITY = 4
    AUDIT = 5
    REGISTER = 6


OFFICES: Final = (Role.NATIONAL, Role.AUTHORITY, Role.SYSTEM, Role.SECURITY, Role.AUDIT)
"""Roles an officer can hold."""
COUNTRYWIDE: Final = bits(Role.NATIONAL, Role.SYSTEM)
"""Roles that only officers of an authority for the whole country can hold."""
FIRST_OFFICES: Final = bits(Role.AUTHORITY, Role.SECURITY)
"""Roles of the first officer of an authority: its own account."""
FOUNDING_OFFICES: Final = FIRST_OFFICES | bits(Role.NATIONAL)
"""Roles of the two officers that a deployment begins with."""

_EXCLUDED: Final[Mapping[Role, int]] = {
    Role.NATIONAL: bits(Role.AUDIT),
    Role.AUTHORITY: bits(Role.AUDIT),
    Role.SYSTEM: bits(Role.SECURITY, Role.AUDIT),
    Role.SECURITY: bits(Role.SYSTEM, Role.AUDIT),
    Role.AUDIT: bits(Role.NATIONAL, Role.AUTHORITY, Role.SYSTEM, Role.SECURITY),
}
"""Roles that no account may hold beside one."""

CALLS: Final[Mapping[str, tuple[Role, tuple[str, ...]]]] = {
    "admitAuthority": (Role.NATIONAL, ("address", "uint32", "bytes32")),
    "suspendAuthority": (Role.NATIONAL, ("address", "bytes32")),
    "reinstateAuthority": (Role.NATIONAL, ("address", "bytes32")),
    "appointOfficer": (Role.NATIONAL, ("address", "address", "uint8")),
    "dismissOfficer": (Role.NATIONAL, ("address",)),
    "admitInstitution": (Role.AUTHORITY, ("address", "uint32", "bytes", "bytes", "bytes32")),
    "admitRelay": (Role.AUTHORITY, ("address", "address")),
    "changeGroupMembership": (Role.AUTHORITY, ("bytes32", "address", "bool")),
    "admitVerifier": (Role.SYSTEM, ("address",)),
    "nameDeployment": (Role.SYSTEM, ("bytes32", "address", "uint32")),
    "suspendInstitution": (Role.SECURITY, ("address", "bytes32")),
    "suspendInEmergency": (Role.SECURITY, ("address", "bytes32")),
    "reinstateInstitution": (Role.SECURITY, ("address", "bytes32")),
    "resetInstitutionKeys": (Role.SECURITY, ("address", "bytes", "bytes")),
    "removeRelay": (Role.SECURITY, ("address",)),
    "limitInstitution": (Role.AUDIT, ("address", "uint32", "uint16")),
}
"""Role and argument types of every function that officers call."""


def selector_of(function: str) -> bytes:
    """Gives the first four bytes of a call."""
    return keccak(f"{function}({','.join(CALLS[function][1])})".encode())[:4]


FUNCTIONS: Final[Mapping[bytes, str]] = {selector_of(function): function for function in CALLS}
"""Functions by selector."""


def call_of(function: str, *values: object) -> bytes:
    """Gives the call of a function: selector and arguments as the ABI codes them."""
    return selector_of(function) + encode(CALLS[function][1], values)


def holds(roles: int, role: Role) -> bool:
    """Tells whether a set has a role."""
    return bool(roles >> role & 1)


def is_valid(roles: int, *, countrywide: bool) -> bool:
    """Tells whether an officer can be given these roles."""
    known = roles != 0 and roles & ~bits(*OFFICES) == 0
    return known and (countrywide or roles & COUNTRYWIDE == 0)


def check_separate(officer: Address, held: int, roles: int) -> None:
    """Checks that no two of an officer's roles exclude each other, as ``Governance`` does when it grants them.

    Raises:
        LedgerRejectedError: two do.
    """
    for role in OFFICES:
        if not holds(roles, role):
            continue
        for other in OFFICES:
            if holds(_EXCLUDED[role] & held, other):
                raise refusal("GovernanceRolesCombined", officer, role, other)
        held |= bits(role)
