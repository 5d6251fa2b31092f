"""Suspension in emergency: at once by one officer, for good only with a second one."""

from __future__ import annotations

from tests.contracts.officer_acts import (
    NEWCOMER,
    REASON,
    ZERO,
    act_of,
    checksummed,
    read,
    refusal,
    send,
    two,
)
from tests.support.contract_suite import Event
from tests.support.contract_world import BEIJING, World

HOURS_72 = 72 * 3_600
ACTIVE, SUSPENDED = 1, 2


def suspend_at_once(world: World, officer: str) -> int:
    """Suspends the hospital in emergency and gives when that ends."""
    send(world, officer, "suspendInEmergency", world.hospital.address, REASON)
    until: int = read(world, "emergencyOf", world.hospital.address)[1]
    return until


def standing(world: World) -> int:
    """Reads the standing of the hospital."""
    found: int = read(world, "institutionStanding", world.hospital.address)
    return found


def test_suspension_in_emergency_works_at_once_and_proposes_to_last(world: World) -> None:
    institution = checksummed(world.hospital.address)
    call, act = act_of(world, "suspendInstitution", institution, REASON)

    events = send(world, world.beijing, "suspendInEmergency", institution, REASON)

    until = world.suite.w3.eth.get_block("latest")["timestamp"] + HOURS_72
    who = {"institution": institution, "authority": world.beijing, "officer": world.beijing}
    waits = {"act": act, "selector": call[:4], "proposer": world.beijing, "lapsesAt": until, "call": call}
    assert events == [
        Event("InstitutionSuspendedInEmergency", {**who, "until": until, "reasonHash": REASON}),
        Event("ActProposed", waits),
    ]
    assert read(world, "emergencyOf", institution) == [world.beijing, until]
    assert read(world, "institutionForDecision", institution)[0] == SUSPENDED
    assert not read(world, "isActiveRelay", world.hospital.relay)


def test_suspension_in_emergency_ends_by_itself(world: World) -> None:
    until = suspend_at_once(world, world.beijing)

    world.suite.travel(until - 1)
    before = standing(world)
    world.suite.travel(until)

    assert (before, standing(world)) == (SUSPENDED, ACTIVE)
    assert read(world, "institutionForDecision", world.hospital.address)[0] == ACTIVE
    assert read(world, "isActiveRelay", world.hospital.relay)


def test_confirmed_suspension_in_emergency_lasts(world: World) -> None:
    until = suspend_at_once(world, world.beijing)

    [_, event] = send(world, world.deputies[world.beijing], "suspendInstitution", world.hospital.address, REASON)
    world.suite.travel(until + 1)

    assert event.name == "InstitutionStandingChanged"
    assert (event.args["authority"], event.args["standing"]) == (world.beijing, SUSPENDED)
    assert standing(world) == SUSPENDED
    assert read(world, "emergencyOf", world.hospital.address) == [ZERO, 0]


def test_confirmation_in_emergency_by_the_same_officer_is_refused(world: World) -> None:
    suspend_at_once(world, world.beijing)
    _, act = act_of(world, "suspendInstitution", world.hospital.address, REASON)

    refused = refusal(world, world.beijing, "suspendInstitution", world.hospital.address, REASON)

    assert refused == ("ParticipantsSecondOfficerRequired", (act, world.beijing))


def test_confirmation_after_the_emergency_is_a_new_proposal(world: World) -> None:
    until = suspend_at_once(world, world.beijing)
    world.suite.travel(until)

    [event] = send(world, world.deputies[world.beijing], "suspendInstitution", world.hospital.address, REASON)

    assert event.name == "ActProposed"
    assert standing(world) == ACTIVE


def test_two_officers_end_an_emergency_early(world: World) -> None:
    suspend_at_once(world, world.beijing)

    [event] = two(world, world.beijing, "reinstateInstitution", world.hospital.address, REASON)

    assert event.args["standing"] == ACTIVE
    assert standing(world) == ACTIVE
    assert read(world, "emergencyOf", world.hospital.address) == [ZERO, 0]


def test_one_officer_cannot_suspend_again_and_again(world: World) -> None:
    institution = checksummed(world.hospital.address)
    world.suite.travel(suspend_at_once(world, world.beijing))

    refused = refusal(world, world.beijing, "suspendInEmergency", institution, REASON)

    assert refused == ("ParticipantsEmergencyRepeated", (institution, world.beijing))
    # Another one can.
    suspend_at_once(world, world.deputies[world.beijing])
    assert standing(world) == SUSPENDED


def test_officer_may_suspend_in_emergency_again_after_two_have_acted(world: World) -> None:
    suspend_at_once(world, world.beijing)
    two(world, world.beijing, "reinstateInstitution", world.hospital.address, REASON)

    suspend_at_once(world, world.beijing)

    assert standing(world) == SUSPENDED


def test_suspension_in_emergency_of_a_suspended_institution_is_refused(world: World) -> None:
    institution = checksummed(world.hospital.address)
    suspend_at_once(world, world.beijing)

    refused = refusal(world, world.deputies[world.beijing], "suspendInEmergency", institution, REASON)

    assert refused == ("ParticipantsStandingMismatch", (institution, SUSPENDED, ACTIVE))


def test_suspension_in_emergency_of_an_unknown_institution_is_refused(world: World) -> None:
    assert refusal(world, world.beijing, "suspendInEmergency", NEWCOMER, REASON) == (
        "ParticipantsUnknown",
        (NEWCOMER,),
    )


def test_suspension_in_emergency_in_another_province_is_refused(world: World) -> None:
    refused = refusal(world, world.guangdong, "suspendInEmergency", world.hospital.address, REASON)

    assert refused == ("ParticipantsRegionForbidden", (world.guangdong, BEIJING))


def test_institution_without_emergency_has_none(world: World) -> None:
    assert read(world, "emergencyOf", world.hospital.address) == [ZERO, 0]
