"""Behaviour of `Governance` and the founding of a deployment: roles, their separation, delays, the first officers."""

from __future__ import annotations

import json
import re
from itertools import combinations, permutations

import pytest
from eth_hash.auto import keccak

from consentry.core.codes import bits
from consentry.core.offices import CALLS, FOUNDING_OFFICES, OFFICES, Role
from consentry.core.terms import ZERO_32
from tests.contracts.officer_acts import NEWCOMER, PROFILE, REASON, SIGNER, ZERO, is_held, read, refusal
from tests.support.contract_suite import (
    GOVERNANCE,
    ROOT,
    SYSTEM_DELAY,
    ContractSuite,
    Value,
    artifact,
    by_two,
    founding,
    selectors_of,
    signature_of,
)
from tests.support.contract_world import BEIJING, World

NAME = keccak(b"stroke centres")
FORBIDDEN = {frozenset(pair) for pair in combinations((Role.SYSTEM, Role.SECURITY, Role.AUDIT), 2)} | {
    frozenset({Role.AUDIT, Role.NATIONAL}),
    frozenset({Role.AUDIT, Role.AUTHORITY}),
}
GOVERNED: list[tuple[str, tuple[Value, ...]]] = [
    ("admitAuthority", (NEWCOMER, BEIJING, PROFILE)),
    ("suspendAuthority", (NEWCOMER, REASON)),
    ("reinstateAuthority", (NEWCOMER, REASON)),
    ("appointOfficer", (NEWCOMER, NEWCOMER, 4)),
    ("dismissOfficer", (NEWCOMER,)),
    ("admitInstitution", (NEWCOMER, BEIJING, SIGNER, b"key", PROFILE)),
    ("suspendInstitution", (NEWCOMER, REASON)),
    ("suspendInEmergency", (NEWCOMER, REASON)),
    ("reinstateInstitution", (NEWCOMER, REASON)),
    ("resetInstitutionKeys", (NEWCOMER, SIGNER, b"key")),
    ("limitInstitution", (NEWCOMER, 1, 1)),
    ("admitRelay", (NEWCOMER, NEWCOMER)),
    ("removeRelay", (NEWCOMER,)),
    ("changeGroupMembership", (NAME, NEWCOMER, True)),
    ("admitVerifier", (NEWCOMER,)),
    ("nameDeployment", (NAME, NEWCOMER, 1)),
]


def table() -> list[dict[str, Value]]:
    """Gives the table of roles."""
    roles: list[dict[str, Value]] = json.loads(GOVERNANCE.read_text())["roles"]
    return roles


# Wiring


def test_governance_names_every_function_that_officers_call() -> None:
    named = [function for role in table() for function in role["functions"]]
    changing = {
        signature_of(entry)
        for entry in artifact("Participants")["abi"]
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }

    assert len(named) == len(set(named))
    # `setAuthority` checks for itself that the manager calls it, `rotateInstitutionKeys` takes signatures; `begin`
    # stays with the admin, as every function that no role was given.
    free = {"setAuthority", "rotateInstitutionKeys", "begin"}
    assert changing - set(named) == {one for one in changing if one.split("(")[0] in free}
    assert {name for name, _ in GOVERNED} == {function.split("(")[0] for function in named}


def test_core_knows_the_same_roles_and_functions() -> None:
    core = {f"{name}({','.join(types)})": int(role) for name, (role, types) in CALLS.items()}
    source = (ROOT / "contracts" / "types" / "Roles.sol").read_text()
    numbers = {name: int(number) for name, number in re.findall(r"ROLE_(\w+) = (\d+);", source)}

    assert core == {function: role["id"] for role in table() for function in role["functions"]}
    assert numbers == {role["name"]: role["id"] for role in table()}
    assert numbers == {role.name: int(role) for role in Role if role != Role.ADMIN}


def test_governance_matches_the_roles_on_chain(suite: ContractSuite) -> None:
    target = suite["Participants"].address

    for role in table():
        assert suite.read("Governance", "getRoleAdmin", role["id"]) == role["adminRole"]
        assert suite.read("Governance", "getRoleGuardian", role["id"]) == role["guardianRole"]
        for selector in selectors_of(role["functions"]):
            assert suite.read("Governance", "getTargetFunctionRole", target, selector) == role["id"]


@pytest.mark.parametrize(("function", "arguments"), GOVERNED, ids=[name for name, _ in GOVERNED])
def test_change_by_an_account_without_the_role_is_refused(
    world: World, function: str, arguments: tuple[Value, ...]
) -> None:
    assert refusal(world, world.stranger, function, *arguments) == ("AccessManagedUnauthorized", (world.stranger,))


@pytest.mark.parametrize("function", ["admitAuthority", "appointOfficer", "admitVerifier", "nameDeployment"])
def test_act_for_the_country_by_a_province_is_refused(world: World, function: str) -> None:
    arguments = dict(GOVERNED)[function]

    assert refusal(world, world.beijing, function, *arguments) == ("AccessManagedUnauthorized", (world.beijing,))


def test_manager_is_the_one_given_at_deployment(suite: ContractSuite) -> None:
    assert suite.read("Participants", "authority") == suite["Governance"].address
    assert suite.read("Participants", "isConsumingScheduledOp") == bytes(4)
    assert suite.read("Governance", "systemDelay") == SYSTEM_DELAY


def test_set_authority_by_anyone_but_the_manager_is_refused(world: World) -> None:
    refused = refusal(world, world.suite.national, "setAuthority", NEWCOMER)

    assert refused == ("AccessManagedUnauthorized", (world.suite.national,))


# Nobody stays above


@pytest.mark.parametrize("role", list(Role))
def test_deployer_holds_no_role_after_the_deployment(world: World, role: Role) -> None:
    assert not is_held(world, role, world.suite.admin)


def test_nobody_can_change_the_wiring_after_the_deployment(world: World) -> None:
    target, selectors = world.suite["Participants"].address, selectors_of(["admitRelay(address,address)"])

    for sender in (world.suite.admin, world.suite.national, world.suite.second):
        for call in (("setTargetFunctionRole", target, selectors, Role.AUDIT), ("grantRole", 0, sender, 0)):
            refused = world.suite.refusal("Governance", *call, sender=sender)
            assert refused == ("AccessManagerUnauthorizedAccount", (sender, Role.ADMIN))


@pytest.mark.parametrize("role", OFFICES)
def test_no_officer_grants_or_revokes_a_role_alone(world: World, role: Role) -> None:
    for call in (("grantRole", role, NEWCOMER, 0), ("revokeRole", role, world.suite.second)):
        refused = world.suite.refusal("Governance", *call, sender=world.suite.national)
        assert refused == ("AccessManagerUnauthorizedAccount", (world.suite.national, Role.REGISTER))


def test_renounce_of_an_office_is_refused(world: World) -> None:
    officer = world.suite.national

    refused = world.suite.refusal("Governance", "renounceRole", Role.NATIONAL, officer, sender=officer)

    assert refused == ("GovernanceRenounceRefused", (officer, Role.NATIONAL))


# Separation


@pytest.fixture
def bare(suite: ContractSuite) -> ContractSuite:
    """Gives a `Governance` whose admin has not renounced."""
    suite.contracts = {**suite.contracts, "Governance": suite.deploy("Governance", suite.admin, SYSTEM_DELAY)}
    return suite


@pytest.mark.parametrize(("held", "role"), list(permutations(OFFICES, 2)), ids=lambda role: role.name)
def test_admin_grants_no_two_roles_that_exclude_each_other(bare: ContractSuite, held: Role, role: Role) -> None:
    bare.send("Governance", "grantRole", held, NEWCOMER, 0, sender=bare.admin)

    if frozenset({held, role}) in FORBIDDEN:
        refused = bare.refusal("Governance", "grantRole", role, NEWCOMER, 0, sender=bare.admin)
        assert refused == ("GovernanceRolesCombined", (NEWCOMER, role, held))
    else:
        bare.send("Governance", "grantRole", role, NEWCOMER, 0, sender=bare.admin)
        assert bare.read("Governance", "hasRole", role, NEWCOMER)[0]


def test_role_that_is_not_yet_in_effect_excludes_as_well(bare: ContractSuite) -> None:
    bare.send("Governance", "setGrantDelay", Role.SECURITY, 86_400, sender=bare.admin)
    bare.travel(bare.now() + 6 * 86_400)
    bare.send("Governance", "grantRole", Role.SECURITY, NEWCOMER, 0, sender=bare.admin)

    refused = bare.refusal("Governance", "grantRole", Role.AUDIT, NEWCOMER, 0, sender=bare.admin)

    assert not bare.read("Governance", "hasRole", Role.SECURITY, NEWCOMER)[0]
    assert refused == ("GovernanceRolesCombined", (NEWCOMER, Role.AUDIT, Role.SECURITY))


def test_role_is_free_again_once_the_other_was_revoked(bare: ContractSuite) -> None:
    bare.send("Governance", "grantRole", Role.SECURITY, NEWCOMER, 0, sender=bare.admin)
    bare.send("Governance", "revokeRole", Role.SECURITY, NEWCOMER, sender=bare.admin)

    bare.send("Governance", "grantRole", Role.AUDIT, NEWCOMER, 0, sender=bare.admin)

    assert bare.read("Governance", "hasRole", Role.AUDIT, NEWCOMER)[0]


@pytest.mark.parametrize("pair", sorted(sorted(pair) for pair in FORBIDDEN))
def test_two_officers_combine_no_roles_that_exclude_each_other(world: World, pair: list[Role]) -> None:
    national = world.suite.national
    call = ("appointOfficer", national, NEWCOMER, bits(*pair))
    world.suite.send("Participants", *call, sender=national)

    refused = refusal(world, world.suite.second, *call)

    assert refused == ("GovernanceRolesCombined", (NEWCOMER, pair[1], pair[0]))


def test_appoint_with_a_role_that_those_held_exclude_is_refused(world: World) -> None:
    national = world.suite.national
    call = ("appointOfficer", world.beijing, world.beijing, bits(Role.AUDIT))
    world.suite.send("Participants", *call, sender=national)

    refused = refusal(world, world.suite.second, *call)

    assert refused == ("GovernanceRolesCombined", (world.beijing, Role.AUDIT, Role.AUTHORITY))


# Delay


@pytest.mark.parametrize("given", [0, SYSTEM_DELAY, 2 * SYSTEM_DELAY])
def test_system_administrator_waits_at_least_the_delay(bare: ContractSuite, given: int) -> None:
    bare.send("Governance", "grantRole", Role.SYSTEM, NEWCOMER, given, sender=bare.admin)

    assert bare.read("Governance", "hasRole", Role.SYSTEM, NEWCOMER) == [True, max(given, SYSTEM_DELAY)]


def test_other_administrators_wait_for_nothing(bare: ContractSuite) -> None:
    bare.send("Governance", "grantRole", Role.SECURITY, NEWCOMER, 0, sender=bare.admin)

    assert bare.read("Governance", "hasRole", Role.SECURITY, NEWCOMER) == [True, 0]


def test_delay_of_a_system_administrator_cannot_be_cut(bare: ContractSuite) -> None:
    for _ in range(2):
        bare.send("Governance", "grantRole", Role.SYSTEM, NEWCOMER, 0, sender=bare.admin)

    assert bare.read("Governance", "hasRole", Role.SYSTEM, NEWCOMER) == [True, SYSTEM_DELAY]


def _operation(world: World, officer: str) -> tuple[bytes, str]:
    """Gives the id of an announced act, and its call."""
    target = world.suite["Participants"]
    call = target.encode_abi("admitVerifier", args=[NEWCOMER])
    operation: bytes = world.suite.read("Governance", "hashOperation", officer, target.address, call)
    return operation, call


def test_act_of_the_system_without_announcement_is_refused(world: World) -> None:
    [officer, _] = world.administrators(Role.SYSTEM)

    refused = refusal(world, officer, "admitVerifier", NEWCOMER)

    assert refused == ("AccessManagerNotScheduled", (_operation(world, officer)[0],))


def test_act_of_the_system_before_the_delay_is_refused(world: World) -> None:
    [officer, _] = world.administrators(Role.SYSTEM)
    operation, call = _operation(world, officer)
    target = world.suite["Participants"].address
    world.suite.send("Governance", "schedule", target, call, 0, sender=officer)
    world.suite.travel(world.suite.now() + SYSTEM_DELAY - 60)

    assert refusal(world, officer, "admitVerifier", NEWCOMER) == ("AccessManagerNotReady", (operation,))


def test_security_officer_cancels_what_the_system_announced(world: World) -> None:
    [officer, _] = world.administrators(Role.SYSTEM)
    operation, call = _operation(world, officer)
    target = world.suite["Participants"].address
    world.suite.send("Governance", "schedule", target, call, 0, sender=officer)

    world.suite.send("Governance", "cancel", officer, target, call, sender=world.beijing)
    world.suite.travel(world.suite.now() + SYSTEM_DELAY)

    assert refusal(world, officer, "admitVerifier", NEWCOMER) == ("AccessManagerNotScheduled", (operation,))


def test_one_system_administrator_is_not_two_by_a_call_through_the_governance(world: World) -> None:
    [officer, other] = world.administrators(Role.SYSTEM)
    suite, target = world.suite, world.suite["Participants"].address
    _, call = _operation(world, officer)
    suite.send("Governance", "schedule", target, call, 0, sender=officer)
    suite.travel(suite.now() + SYSTEM_DELAY)
    suite.send("Participants", "admitVerifier", NEWCOMER, sender=officer)
    suite.send("Governance", "schedule", target, call, 0, sender=officer)
    suite.travel(suite.now() + SYSTEM_DELAY)

    refused = suite.refusal("Governance", "execute", target, call, sender=officer)

    assert refused == ("ParticipantsRegionForbidden", (suite["Governance"].address, 0))
    assert not read(world, "isVerifier", NEWCOMER)
    assert other not in {officer, suite["Governance"].address}


# Founding


def test_founders_can_act_at_once(suite: ContractSuite) -> None:
    for officer in (suite.national, suite.second):
        held = bits(*(role for role in OFFICES if suite.read("Governance", "hasRole", role, officer)[0]))
        assert held == FOUNDING_OFFICES
        assert suite.read("Participants", "authorityOf", officer) == suite.national
    by_two(suite, (suite.national, suite.second), "admitAuthority", NEWCOMER, BEIJING, PROFILE)


def test_begin_twice_is_refused_even_to_the_admin(bare: ContractSuite) -> None:
    fresh = _fresh(bare)
    bare.send("Participants", "begin", founding(bare), sender=bare.admin)

    refused = bare.refusal("Participants", "begin", founding(bare, authority=NEWCOMER), sender=bare.admin)

    assert refused == ("ParticipantsFoundingInvalid", ())
    assert fresh != bare["Governance"].address


def test_begin_by_anyone_but_the_admin_is_refused(bare: ContractSuite) -> None:
    _fresh(bare)

    refused = bare.refusal("Participants", "begin", founding(bare), sender=bare.national)

    assert refused == ("AccessManagedUnauthorized", (bare.national,))


def _fresh(bare: ContractSuite) -> str:
    """Deploys a `Participants` below the bare `Governance`, which lets it grant roles."""
    made = bare.deploy("Participants", bare["Governance"].address)
    bare.contracts = {**bare.contracts, "Participants": made}
    for role in table():
        if role["adminRole"]:
            bare.send("Governance", "setRoleAdmin", role["id"], role["adminRole"], sender=bare.admin)
    bare.send("Governance", "grantRole", Role.REGISTER, made.address, 0, sender=bare.admin)
    return str(made.address)


WRONG_BEGINNINGS: list[tuple[dict[str, Value], str]] = [
    ({"names": [NAME]}, "ParticipantsFoundingInvalid"),
    ({"authority": ZERO}, "ParticipantsZeroValue"),
    ({"second": ZERO}, "ParticipantsZeroValue"),
    ({"verifiers": [ZERO]}, "ParticipantsZeroValue"),
    ({"verifiers": [NEWCOMER, NEWCOMER]}, "ParticipantsAlreadyAdmitted"),
    ({"names": [ZERO_32], "deployments": [NEWCOMER]}, "ParticipantsZeroValue"),
]


@pytest.mark.parametrize(("changes", "error"), WRONG_BEGINNINGS)
def test_begin_with_wrong_facts_is_refused(bare: ContractSuite, changes: dict[str, Value], error: str) -> None:
    _fresh(bare)

    name, _ = bare.refusal("Participants", "begin", founding(bare, **changes), sender=bare.admin)

    assert name == error


def test_begin_with_one_officer_twice_is_refused(bare: ContractSuite) -> None:
    _fresh(bare)

    for second in (bare.national, bare["Governance"].address):
        refused = bare.refusal("Participants", "begin", founding(bare, second=second), sender=bare.admin)
        assert refused == ("ParticipantsOfficerInvalid", (second,))
