"""Behaviour of `Participants`: who may admit, suspend and remove whom, and what follows from it."""

from __future__ import annotations

import hashlib

import pytest
from eth_hash.auto import keccak

from consentry.core.codes import Standing
from consentry.core.terms import ZERO_32
from tests.contracts.officer_acts import (
    NEWCOMER,
    PROFILE,
    REASON,
    SIGNER,
    ZERO,
    checksummed,
    read,
    refusal,
    send,
    two,
)
from tests.support.contract_suite import Event, Value, by_two
from tests.support.contract_world import BEIJING, SHENZHEN, World, group_of

ENTER, LEAVE = True, False
NAME = keccak(b"stroke centres")
SYSTEM, AUDIT = 3, 5
# Institutions


def test_admit_institution_keeps_what_a_decision_needs(world: World) -> None:
    events = two(world, world.guangdong, "admitInstitution", NEWCOMER, SHENZHEN, SIGNER, b"release key", PROFILE)

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
    assert facts == [Standing.ACTIVE, hashlib.sha256(b"release key").digest(), SIGNER, 100_000, 50]


def test_unknown_institution_has_no_standing(world: World) -> None:
    assert read(world, "institutionForDecision", NEWCOMER) == [Standing.NONE, ZERO_32, b"", 100_000, 50]
    assert read(world, "institutionStanding", NEWCOMER) == Standing.NONE
    assert read(world, "institutionRegion", NEWCOMER) == 0
    assert read(world, "institutionSigner", NEWCOMER) == b""


def test_admit_institution_of_another_province_is_refused(world: World) -> None:
    refused = refusal(world, world.guangdong, "admitInstitution", NEWCOMER, BEIJING, SIGNER, b"key", PROFILE)

    assert refused == ("ParticipantsRegionForbidden", (world.guangdong, BEIJING))


def test_admit_institution_by_the_nation_reaches_every_region(world: World) -> None:
    two(world, world.suite.national, "admitInstitution", NEWCOMER, SHENZHEN, SIGNER, b"key", PROFILE)

    assert read(world, "institutionStanding", NEWCOMER) == Standing.ACTIVE


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
    suspended = two(world, world.beijing, "suspendInstitution", institution, REASON)
    silenced = read(world, "isActiveRelay", relay)
    standing = read(world, "institutionStanding", institution)
    reinstated = two(world, world.beijing, "reinstateInstitution", institution, REASON)

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

    events = two(world, world.beijing, "admitRelay", NEWCOMER, address)

    assert events == [Event("RelayAdmitted", {"relay": NEWCOMER, "member": address})]
    assert read(world, "isActiveRelay", NEWCOMER)


def test_unknown_account_is_no_relay(world: World) -> None:
    assert not read(world, "isActiveRelay", NEWCOMER)
    assert not read(world, "isActiveRelay", ZERO)


def test_suspended_authority_has_no_active_relay(world: World) -> None:
    two(world, world.beijing, "admitRelay", NEWCOMER, world.beijing)

    two(world, world.suite.national, "suspendAuthority", world.beijing, REASON)

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
    two(world, world.beijing, "admitRelay", relay, member)
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
def test_change_group_membership_by_an_authority_that_does_not_keep_it_is_refused(world: World, change: bool) -> None:  # noqa: FBT001 - a parameter of the test
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

    receipt = world.after_delay(world.administrators(SYSTEM), "admitVerifier", NEWCOMER)

    [confirmed, admitted] = world.suite.events(receipt, "Participants")
    assert confirmed.name == "ActConfirmed"
    assert admitted == Event("VerifierAdmitted", {"verifier": NEWCOMER})
    assert (before, read(world, "isAcceptableSigner", signer)) == (False, True)
    assert read(world, "isVerifier", NEWCOMER)


def test_unknown_verifier_is_none(world: World) -> None:
    assert not read(world, "isVerifier", NEWCOMER)


def test_verifiers_of_the_deployment_are_admitted_from_the_start(world: World) -> None:
    assert read(world, "isVerifier", world.suite["ERC7913P256Verifier"].address)
    assert read(world, "isVerifier", world.suite["ERC7913WebAuthnVerifier"].address)


def test_admit_verifier_twice_is_refused(world: World) -> None:
    verifier = world.suite["ERC7913P256Verifier"].address

    refused = world.refusal_after_delay(world.administrators(SYSTEM)[0], "admitVerifier", verifier)

    assert refused == ("ParticipantsAlreadyAdmitted", (verifier,))


def test_admit_verifier_of_zero_is_refused(world: World) -> None:
    refused = world.refusal_after_delay(world.administrators(SYSTEM)[0], "admitVerifier", ZERO)

    assert refused == ("ParticipantsZeroValue", ())


def test_name_deployment_gives_the_latest(world: World) -> None:
    name, system = keccak(b"Consents"), world.administrators(SYSTEM)
    first, unnamed = read(world, "deploymentOf", name), read(world, "deploymentOf", keccak(b"Nothing"))

    receipt = world.after_delay(system, "nameDeployment", name, NEWCOMER, 2)

    assert (first, unnamed) == ([world.suite["Consents"].address, 1], [ZERO, 0])
    assert world.suite.events(receipt, "Participants")[1:] == [
        Event("DeploymentNamed", {"name": name, "deployment": NEWCOMER, "version": 2})
    ]
    assert read(world, "deploymentOf", name) == [NEWCOMER, 2]


@pytest.mark.parametrize("arguments", [(ZERO_32, NEWCOMER, 1), (NAME, ZERO, 1), (NAME, NEWCOMER, 0)])
def test_name_deployment_with_a_zero_value_is_refused(world: World, arguments: tuple[Value, ...]) -> None:
    refused = world.refusal_after_delay(world.administrators(SYSTEM)[0], "nameDeployment", *arguments)

    assert refused == ("ParticipantsZeroValue", ())


@pytest.mark.parametrize(
    ("function", "arguments"), [("admitVerifier", (NEWCOMER,)), ("nameDeployment", (NAME, NEWCOMER, 1))]
)
def test_act_of_the_system_by_an_officer_of_a_suspended_authority_is_refused(
    world: World, function: str, arguments: tuple[Value, ...]
) -> None:
    officer = world.second_country()

    refused = world.refusal_after_delay(officer, function, *arguments)

    assert refused == ("ParticipantsRegionForbidden", (officer, 0))


# Limits


def test_limit_institution_is_what_decisions_know(world: World) -> None:
    institution, auditors = checksummed(world.hospital.address), world.administrators(AUDIT)

    receipt = by_two(world.suite, auditors, "limitInstitution", institution, 7, 3)

    args = {"institution": institution, "authority": world.suite.national, "dailyLimit": 7, "emergencyLimit": 3}
    assert world.suite.events(receipt)[1:] == [Event("InstitutionLimited", args)]
    assert read(world, "institutionForDecision", institution)[3:] == [7, 3]


@pytest.mark.parametrize(("given", "limits"), [((0, 3), [100_000, 3]), ((7, 0), [7, 50])])
def test_limit_of_zero_stands_for_the_default(world: World, given: tuple[int, int], limits: list[int]) -> None:
    by_two(world.suite, world.administrators(AUDIT), "limitInstitution", world.hospital.address, *given)

    assert read(world, "institutionForDecision", world.hospital.address)[3:] == limits


def test_limit_an_unknown_institution_is_refused(world: World) -> None:
    [officer, _] = world.administrators(AUDIT)

    assert refusal(world, officer, "limitInstitution", NEWCOMER, 7, 3) == ("ParticipantsUnknown", (NEWCOMER,))


def test_limit_an_institution_of_another_province_is_refused(world: World) -> None:
    officer = world.suite.accounts[4]
    world.by_two(world.suite.national, "appointOfficer", world.guangdong, officer, 1 << AUDIT)

    refused = refusal(world, officer, "limitInstitution", world.hospital.address, 7, 3)

    assert refused == ("ParticipantsRegionForbidden", (officer, BEIJING))
