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


def two(world: World, authority: str, function: str, *arguments: Value) -> list[Event]:
    """Has two officers do an act and gives the events of the act itself."""
    receipt = world.by_two(authority, function, *arguments)
    confirmed, *events = world.suite.events(receipt, "Participants")
    assert (confirmed.name, confirmed.args["officer"]) == ("ActConfirmed", world.deputies[authority])
    return events


def read(world: World, function: str, *arguments: Value) -> Value:
    return world.suite.read("Participants", function, *arguments)


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
    two(world, world.suite.national, "admitInstitution", NEWCOMER, SHENZHEN, SIGNER, b"key", PROFILE)

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
def test_change_group_membership_by_an_authority_that_does_not_keep_it_is_refused(world: World, change: bool) -> None:  # noqa: FBT001
    kept = group_of(world.guangdong)

    refused = refusal(world, world.beijing, "changeGroupMembership", kept, world.hospital.address, change)

    assert refused == ("ParticipantsGroupForbidden", (world.beijing, kept))


def test_change_group_membership_of_group_zero_is_refused(world: World) -> None:
    refused = refusal(world, world.beijing, "changeGroupMembership", ZERO_32, world.hospital.address, ENTER)

    assert refused == ("ParticipantsZeroValue", ())
