"""Behaviour of `Participants`: who may admit, suspend and remove whom, and what follows from it."""

from __future__ import annotations

import hashlib
import json

import pytest
from eth_hash.auto import keccak
from web3 import Web3

from consentry.core.codes import Standing
from consentry.core.terms import ZERO_32, ZERO_ADDRESS
from tests.support.contract_suite import GOVERNANCE, ContractSuite, Event, Value, artifact, selectors_of, signature_of
from tests.support.contract_world import BEIJING, SHENZHEN, World, group_of

NAME = keccak(b"stroke centres")
ENTER, LEAVE = True, False
REASON = keccak(b"reason")
PROFILE = keccak(b"profile")
SIGNER = bytes(range(1, 21))
NEWCOMER = Web3.to_checksum_address(bytes.fromhex("11" * 20))
ZERO = Web3.to_checksum_address(ZERO_ADDRESS)


def checksummed(address: bytes) -> str:
    return Web3.to_checksum_address(address)


def refusal(world: World, sender: str, function: str, *arguments: Value) -> tuple[str, tuple[Value, ...]]:
    return world.suite.refusal("Participants", function, *arguments, sender=sender)


def send(world: World, sender: str, function: str, *arguments: Value) -> list[Event]:
    return world.suite.events(world.suite.send("Participants", function, *arguments, sender=sender))


def read(world: World, function: str, *arguments: Value) -> Value:
    return world.suite.read("Participants", function, *arguments)


GOVERNED: list[tuple[str, tuple[Value, ...]]] = [
    ("admitAuthority", (NEWCOMER, BEIJING, PROFILE)),
    ("suspendAuthority", (NEWCOMER, REASON)),
    ("reinstateAuthority", (NEWCOMER, REASON)),
    ("admitInstitution", (NEWCOMER, BEIJING, SIGNER, b"key", PROFILE)),
    ("suspendInstitution", (NEWCOMER, REASON)),
    ("reinstateInstitution", (NEWCOMER, REASON)),
    ("admitRelay", (NEWCOMER, NEWCOMER)),
    ("removeRelay", (NEWCOMER,)),
    ("changeGroupMembership", (NAME, NEWCOMER, True)),
    ("admitVerifier", (NEWCOMER,)),
    ("nameDeployment", (NAME, NEWCOMER, 1)),
]


def test_governance_names_every_function_that_changes_something() -> None:
    table = json.loads(GOVERNANCE.read_text())
    named = [function for role in table["roles"] for function in role["functions"]]
    changing = {
        signature_of(entry)
        for entry in artifact("Participants")["abi"]
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }

    assert len(named) == len(set(named))
    # `setAuthority` checks for itself that the manager calls it.
    assert changing == {*named, "setAuthority(address)"}
    assert {name for name, _ in GOVERNED} == {function.split("(")[0] for function in named}


def test_governance_matches_the_roles_on_chain(suite: ContractSuite) -> None:
    target = suite["Participants"].address

    for role in json.loads(GOVERNANCE.read_text())["roles"]:
        assert suite.read("AccessManager", "getRoleAdmin", role["id"]) == role["adminRole"]
        for selector in selectors_of(role["functions"]):
            assert suite.read("AccessManager", "getTargetFunctionRole", target, selector) == role["id"]


@pytest.mark.parametrize(("function", "arguments"), GOVERNED, ids=[name for name, _ in GOVERNED])
def test_change_by_an_account_without_the_role_is_refused(
    world: World, function: str, arguments: tuple[Value, ...]
) -> None:
    assert refusal(world, world.stranger, function, *arguments) == ("AccessManagedUnauthorized", (world.stranger,))


@pytest.mark.parametrize("function", ["admitAuthority", "admitVerifier", "nameDeployment"])
def test_national_act_by_a_province_is_refused(world: World, function: str) -> None:
    arguments = dict(GOVERNED)[function]

    assert refusal(world, world.beijing, function, *arguments) == ("AccessManagedUnauthorized", (world.beijing,))


def test_manager_is_the_one_given_at_deployment(suite: ContractSuite) -> None:
    assert suite.read("Participants", "authority") == suite["AccessManager"].address
    assert suite.read("Participants", "isConsumingScheduledOp") == bytes(4)


def test_set_authority_by_anyone_but_the_manager_is_refused(world: World) -> None:
    refused = refusal(world, world.suite.national, "setAuthority", NEWCOMER)

    assert refused == ("AccessManagedUnauthorized", (world.suite.national,))


# Authorities


def test_admit_authority_makes_it_active_in_its_region(world: World) -> None:
    events = send(world, world.suite.national, "admitAuthority", NEWCOMER, 310_000, PROFILE)

    assert events == [
        Event("AuthorityAdmitted", {"authority": NEWCOMER, "region": 310_000, "profileHash": PROFILE}),
    ]
    assert read(world, "authorityStanding", NEWCOMER) == [Standing.ACTIVE, 310_000]


def test_unknown_authority_has_no_standing(world: World) -> None:
    assert read(world, "authorityStanding", NEWCOMER) == [Standing.NONE, 0]


def test_admit_authority_twice_is_refused(world: World) -> None:
    refused = refusal(world, world.suite.national, "admitAuthority", world.beijing, BEIJING, PROFILE)

    assert refused == ("ParticipantsAlreadyAdmitted", (world.beijing,))


def test_admit_authority_of_zero_is_refused(world: World) -> None:
    assert refusal(world, world.suite.national, "admitAuthority", ZERO, BEIJING, PROFILE) == (
        "ParticipantsZeroValue",
        (),
    )


@pytest.mark.parametrize("region", [1, 9_999, 99_999, 1_000_000])
def test_admit_authority_for_a_region_without_six_digits_is_refused(world: World, region: int) -> None:
    refused = refusal(world, world.suite.national, "admitAuthority", NEWCOMER, region, PROFILE)

    assert refused == ("ParticipantsRegionInvalid", (region,))


@pytest.mark.parametrize("region", [0, 100_000, 999_999])
def test_admit_authority_for_an_outermost_region_succeeds(world: World, region: int) -> None:
    send(world, world.suite.national, "admitAuthority", NEWCOMER, region, PROFILE)

    assert read(world, "authorityStanding", NEWCOMER) == [Standing.ACTIVE, region]


def test_suspend_authority_stops_it_until_it_is_reinstated(world: World) -> None:
    suspended = send(world, world.suite.national, "suspendAuthority", world.beijing, REASON)
    stopped = refusal(world, world.beijing, "suspendInstitution", world.hospital.address, REASON)
    standing = read(world, "authorityStanding", world.beijing)
    reinstated = send(world, world.suite.national, "reinstateAuthority", world.beijing, REASON)

    args = {"authority": world.beijing, "reasonHash": REASON}
    assert suspended == [Event("AuthorityStandingChanged", {**args, "standing": Standing.SUSPENDED})]
    assert stopped == ("ParticipantsRegionForbidden", (world.beijing, BEIJING))
    assert standing == [Standing.SUSPENDED, BEIJING]
    assert reinstated == [Event("AuthorityStandingChanged", {**args, "standing": Standing.ACTIVE})]
    send(world, world.beijing, "suspendInstitution", world.hospital.address, REASON)


@pytest.mark.parametrize("function", ["suspendAuthority", "reinstateAuthority"])
def test_change_of_an_unknown_authority_is_refused(world: World, function: str) -> None:
    assert refusal(world, world.suite.national, function, NEWCOMER, REASON) == ("ParticipantsUnknown", (NEWCOMER,))


def test_reinstate_an_active_authority_is_refused(world: World) -> None:
    refused = refusal(world, world.suite.national, "reinstateAuthority", world.beijing, REASON)

    assert refused == ("ParticipantsStandingMismatch", (world.beijing, Standing.ACTIVE, Standing.SUSPENDED))


def test_suspend_a_suspended_authority_is_refused(world: World) -> None:
    send(world, world.suite.national, "suspendAuthority", world.beijing, REASON)

    refused = refusal(world, world.suite.national, "suspendAuthority", world.beijing, REASON)

    assert refused == ("ParticipantsStandingMismatch", (world.beijing, Standing.SUSPENDED, Standing.ACTIVE))


# Institutions


def test_admit_institution_keeps_what_a_decision_needs(world: World) -> None:
    events = send(world, world.guangdong, "admitInstitution", NEWCOMER, SHENZHEN, SIGNER, b"release key", PROFILE)

    assert events == [
        Event(
            "InstitutionAdmitted",
            {
                "institution": NEWCOMER,
                "authority": world.guangdong,
                "region": SHENZHEN,
                "signer": SIGNER,
                "releaseKey": b"release key",
                "profileHash": PROFILE,
            },
        )
    ]
    assert read(world, "institutionStanding", NEWCOMER) == Standing.ACTIVE
    assert read(world, "institutionRegion", NEWCOMER) == SHENZHEN
    assert read(world, "institutionSigner", NEWCOMER) == SIGNER
    facts = read(world, "institutionForDecision", NEWCOMER)
    assert facts == [Standing.ACTIVE, hashlib.sha256(b"release key").digest(), SIGNER]


def test_unknown_institution_has_no_standing(world: World) -> None:
    assert read(world, "institutionForDecision", NEWCOMER) == [Standing.NONE, ZERO_32, b""]
    assert read(world, "institutionStanding", NEWCOMER) == Standing.NONE
    assert read(world, "institutionRegion", NEWCOMER) == 0
    assert read(world, "institutionSigner", NEWCOMER) == b""


def test_admit_institution_of_another_province_is_refused(world: World) -> None:
    refused = refusal(world, world.guangdong, "admitInstitution", NEWCOMER, BEIJING, SIGNER, b"key", PROFILE)

    assert refused == ("ParticipantsRegionForbidden", (world.guangdong, BEIJING))


def test_admit_institution_by_the_nation_reaches_every_region(world: World) -> None:
    send(world, world.suite.national, "admitInstitution", NEWCOMER, SHENZHEN, SIGNER, b"key", PROFILE)

    assert read(world, "institutionStanding", NEWCOMER) == Standing.ACTIVE


def test_admit_institution_by_a_holder_of_the_role_who_is_no_authority_is_refused(world: World) -> None:
    world.suite.send("AccessManager", "grantRole", 2, world.stranger, 0, sender=world.suite.national)

    refused = refusal(world, world.stranger, "admitInstitution", NEWCOMER, BEIJING, SIGNER, b"key", PROFILE)

    assert refused == ("ParticipantsRegionForbidden", (world.stranger, BEIJING))


def test_admit_institution_twice_is_refused(world: World) -> None:
    address = checksummed(world.hospital.address)

    refused = refusal(world, world.beijing, "admitInstitution", address, BEIJING, SIGNER, b"key", PROFILE)

    assert refused == ("ParticipantsAlreadyAdmitted", (address,))


def test_admit_institution_of_zero_is_refused(world: World) -> None:
    refused = refusal(world, world.beijing, "admitInstitution", ZERO, BEIJING, SIGNER, b"key", PROFILE)

    assert refused == ("ParticipantsZeroValue", ())


def test_admit_institution_in_a_region_without_six_digits_is_refused(world: World) -> None:
    refused = refusal(world, world.suite.national, "admitInstitution", NEWCOMER, 44, SIGNER, b"key", PROFILE)

    assert refused == ("ParticipantsRegionInvalid", (44,))


@pytest.mark.parametrize("signer", [b"", bytes(19), bytes(20), SIGNER + b"key of an unknown verifier"])
def test_admit_institution_with_an_unfit_signer_is_refused(world: World, signer: bytes) -> None:
    refused = refusal(world, world.beijing, "admitInstitution", NEWCOMER, BEIJING, signer, b"key", PROFILE)

    assert refused == ("ParticipantsSignerInvalid", (signer,))


def test_admit_institution_without_release_key_is_refused(world: World) -> None:
    refused = refusal(world, world.beijing, "admitInstitution", NEWCOMER, BEIJING, SIGNER, b"", PROFILE)

    assert refused == ("ParticipantsReleaseKeyInvalid", (NEWCOMER,))


def test_suspend_institution_silences_its_relay_until_it_is_reinstated(world: World) -> None:
    institution, relay = checksummed(world.hospital.address), world.hospital.relay
    suspended = send(world, world.beijing, "suspendInstitution", institution, REASON)
    silenced = read(world, "isActiveRelay", relay)
    standing = read(world, "institutionStanding", institution)
    reinstated = send(world, world.beijing, "reinstateInstitution", institution, REASON)

    args = {"institution": institution, "authority": world.beijing, "reasonHash": REASON}
    assert suspended == [Event("InstitutionStandingChanged", {**args, "standing": Standing.SUSPENDED})]
    assert (silenced, standing) == (False, Standing.SUSPENDED)
    assert reinstated == [Event("InstitutionStandingChanged", {**args, "standing": Standing.ACTIVE})]
    assert read(world, "isActiveRelay", relay)


@pytest.mark.parametrize("function", ["suspendInstitution", "reinstateInstitution"])
def test_change_of_an_unknown_institution_is_refused(world: World, function: str) -> None:
    assert refusal(world, world.beijing, function, NEWCOMER, REASON) == ("ParticipantsUnknown", (NEWCOMER,))


def test_change_of_an_institution_of_another_province_is_refused(world: World) -> None:
    forbidden = ("ParticipantsRegionForbidden", (world.guangdong, BEIJING))

    assert refusal(world, world.guangdong, "suspendInstitution", world.hospital.address, REASON) == forbidden
    world.suspend(world.hospital)
    assert refusal(world, world.guangdong, "reinstateInstitution", world.hospital.address, REASON) == forbidden


def test_suspend_a_suspended_institution_is_refused(world: World) -> None:
    world.suspend(world.hospital)
    institution = checksummed(world.hospital.address)

    refused = refusal(world, world.beijing, "suspendInstitution", institution, REASON)

    assert refused == ("ParticipantsStandingMismatch", (institution, Standing.SUSPENDED, Standing.ACTIVE))


def test_reinstate_an_active_institution_is_refused(world: World) -> None:
    institution = checksummed(world.hospital.address)

    refused = refusal(world, world.beijing, "reinstateInstitution", institution, REASON)

    assert refused == ("ParticipantsStandingMismatch", (institution, Standing.ACTIVE, Standing.SUSPENDED))


# Relays


@pytest.mark.parametrize("member", ["institution", "authority"])
def test_admit_relay_of_an_active_member_counts(world: World, member: str) -> None:
    address = checksummed(world.hospital.address) if member == "institution" else world.beijing

    events = send(world, world.beijing, "admitRelay", NEWCOMER, address)

    assert events == [Event("RelayAdmitted", {"relay": NEWCOMER, "member": address})]
    assert read(world, "isActiveRelay", NEWCOMER)


def test_unknown_account_is_no_relay(world: World) -> None:
    assert not read(world, "isActiveRelay", NEWCOMER)
    assert not read(world, "isActiveRelay", ZERO)


def test_suspended_authority_has_no_active_relay(world: World) -> None:
    send(world, world.beijing, "admitRelay", NEWCOMER, world.beijing)

    send(world, world.suite.national, "suspendAuthority", world.beijing, REASON)

    assert not read(world, "isActiveRelay", NEWCOMER)


def test_admit_relay_of_another_province_is_refused(world: World) -> None:
    forbidden = ("ParticipantsRegionForbidden", (world.guangdong, BEIJING))

    assert refusal(world, world.guangdong, "admitRelay", NEWCOMER, world.hospital.address) == forbidden
    assert refusal(world, world.guangdong, "admitRelay", NEWCOMER, world.beijing) == forbidden


def test_admit_relay_of_an_unknown_member_is_refused(world: World) -> None:
    assert refusal(world, world.beijing, "admitRelay", NEWCOMER, NEWCOMER) == ("ParticipantsUnknown", (NEWCOMER,))


def test_admit_relay_twice_is_refused(world: World) -> None:
    relay = world.hospital.relay

    refused = refusal(world, world.beijing, "admitRelay", relay, world.hospital.address)

    assert refused == ("ParticipantsAlreadyAdmitted", (relay,))


def test_admit_relay_of_zero_is_refused(world: World) -> None:
    refused = refusal(world, world.beijing, "admitRelay", ZERO, world.hospital.address)

    assert refused == ("ParticipantsZeroValue", ())


def test_removed_relay_counts_no_more_and_may_be_admitted_again(world: World) -> None:
    relay, member = world.hospital.relay, checksummed(world.hospital.address)

    events = send(world, world.beijing, "removeRelay", relay)

    assert events == [Event("RelayRemoved", {"relay": relay, "member": member})]
    assert not read(world, "isActiveRelay", relay)
    send(world, world.beijing, "admitRelay", relay, member)
    assert read(world, "isActiveRelay", relay)


def test_remove_an_unknown_relay_is_refused(world: World) -> None:
    assert refusal(world, world.beijing, "removeRelay", NEWCOMER) == ("ParticipantsUnknown", (NEWCOMER,))


def test_remove_relay_of_another_province_is_refused(world: World) -> None:
    refused = refusal(world, world.guangdong, "removeRelay", world.hospital.relay)

    assert refused == ("ParticipantsRegionForbidden", (world.guangdong, BEIJING))


# Groups


def test_change_group_membership_enters_and_takes_out(world: World) -> None:
    institution = checksummed(world.hospital.address)
    entered = send(world, world.beijing, "changeGroupMembership", group_of(world.beijing), institution, ENTER)
    member = read(world, "isGroupMember", group_of(world.beijing), institution)
    left = send(world, world.beijing, "changeGroupMembership", group_of(world.beijing), institution, LEAVE)

    args = {"group": group_of(world.beijing), "institution": institution}
    assert entered == [Event("GroupMembershipChanged", {**args, "member": True})]
    assert member
    assert left == [Event("GroupMembershipChanged", {**args, "member": False})]
    assert not read(world, "isGroupMember", group_of(world.beijing), institution)


def test_change_group_membership_to_what_it_is_logs_nothing(world: World) -> None:
    assert (
        send(world, world.beijing, "changeGroupMembership", group_of(world.beijing), world.hospital.address, LEAVE)
        == []
    )


def test_change_group_membership_of_an_unknown_institution_is_refused(world: World) -> None:
    refused = refusal(world, world.beijing, "changeGroupMembership", group_of(world.beijing), NEWCOMER, ENTER)

    assert refused == ("ParticipantsUnknown", (NEWCOMER,))


def test_change_group_membership_in_another_province_is_refused(world: World) -> None:
    own = group_of(world.guangdong)
    refused = refusal(world, world.guangdong, "changeGroupMembership", own, world.hospital.address, ENTER)

    assert refused == ("ParticipantsRegionForbidden", (world.guangdong, BEIJING))


@pytest.mark.parametrize("change", [ENTER, LEAVE])
def test_change_group_membership_by_an_authority_that_does_not_keep_it_is_refused(world: World, change: bool) -> None:  # noqa: FBT001
    kept = group_of(world.guangdong)

    refused = refusal(world, world.beijing, "changeGroupMembership", kept, world.hospital.address, change)

    assert refused == ("ParticipantsGroupForbidden", (world.beijing, kept))


def test_change_group_membership_of_group_zero_is_refused(world: World) -> None:
    refused = refusal(world, world.beijing, "changeGroupMembership", ZERO_32, world.hospital.address, ENTER)

    assert refused == ("ParticipantsZeroValue", ())


# Verifiers and deployments


def test_admit_verifier_makes_its_keys_acceptable(world: World) -> None:
    signer = bytes.fromhex(NEWCOMER[2:]) + b"key"
    before = read(world, "isAcceptableSigner", signer)

    events = send(world, world.suite.national, "admitVerifier", NEWCOMER)

    assert events == [Event("VerifierAdmitted", {"verifier": NEWCOMER})]
    assert (before, read(world, "isAcceptableSigner", signer)) == (False, True)
    assert read(world, "isVerifier", NEWCOMER)


def test_unknown_verifier_is_none(world: World) -> None:
    assert not read(world, "isVerifier", NEWCOMER)


def test_admit_verifier_twice_is_refused(world: World) -> None:
    verifier = world.suite["ERC7913P256Verifier"].address

    refused = refusal(world, world.suite.national, "admitVerifier", verifier)

    assert refused == ("ParticipantsAlreadyAdmitted", (verifier,))


def test_admit_verifier_of_zero_is_refused(world: World) -> None:
    assert refusal(world, world.suite.national, "admitVerifier", ZERO) == ("ParticipantsZeroValue", ())


def test_name_deployment_gives_the_latest(world: World) -> None:
    name = keccak(b"Consents")
    unnamed = read(world, "deploymentOf", name)
    events = send(world, world.suite.national, "nameDeployment", name, NEWCOMER, 1)
    send(world, world.suite.national, "nameDeployment", name, world.stranger, 2)

    assert unnamed == [ZERO, 0]
    assert events == [Event("DeploymentNamed", {"name": name, "deployment": NEWCOMER, "version": 1})]
    assert read(world, "deploymentOf", name) == [world.stranger, 2]


@pytest.mark.parametrize("arguments", [(ZERO_32, NEWCOMER, 1), (NAME, ZERO, 1), (NAME, NEWCOMER, 0)])
def test_name_deployment_with_a_zero_value_is_refused(world: World, arguments: tuple[Value, ...]) -> None:
    assert refusal(world, world.suite.national, "nameDeployment", *arguments) == ("ParticipantsZeroValue", ())
