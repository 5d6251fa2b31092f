"""Acts that take two officers: what one call does, who may confirm, and what ends a proposal."""

from __future__ import annotations

import pytest

from consentry.core.codes import bits
from consentry.core.offices import FIRST_OFFICES, Role
from tests.contracts.officer_acts import (
    NEWCOMER,
    PROFILE,
    REASON,
    SIGNER,
    WEEK,
    ZERO,
    act_of,
    checksummed,
    read,
    refusal,
    send,
    two,
)
from tests.support.contract_suite import Event, Value, by_two
from tests.support.contract_world import BEIJING, World

ADMISSION: tuple[Value, ...] = ("admitInstitution", NEWCOMER, BEIJING, SIGNER, b"key", PROFILE)


def by_two_only(world: World) -> list[tuple[Value, ...]]:
    """Gives an act of every kind that takes two officers and that officers of Beijing or the country may do now."""
    hospital, deputy = checksummed(world.hospital.address), world.deputies[world.guangdong]
    return [
        ("admitAuthority", NEWCOMER, BEIJING, PROFILE),
        ("suspendAuthority", world.beijing, REASON),
        ("appointOfficer", world.beijing, NEWCOMER, FIRST_OFFICES),
        ("dismissOfficer", deputy),
        ADMISSION,
        ("admitRelay", NEWCOMER, hospital),
        ("suspendInstitution", hospital, REASON),
        ("resetInstitutionKeys", hospital, SIGNER, b"key"),
    ]


@pytest.mark.parametrize("number", range(8))
def test_first_call_changes_nothing_but_the_proposal(world: World, number: int) -> None:
    officer, act = world.suite.national, by_two_only(world)[number]
    call, digest = act_of(world, *act)

    events = send(world, officer, *act)

    lapses_at = world.suite.w3.eth.get_block("latest")["timestamp"] + WEEK
    args = {"act": digest, "selector": call[:4], "proposer": officer, "lapsesAt": lapses_at, "call": call}
    assert events == [Event("ActProposed", args)]
    assert read(world, "proposalOf", digest) == [officer, lapses_at]


@pytest.mark.parametrize("number", range(8))
def test_second_call_by_another_officer_does_the_act_once(world: World, number: int) -> None:
    act = by_two_only(world)[number]
    _, digest = act_of(world, *act)

    receipt = by_two(world.suite, (world.suite.national, world.suite.second), *act)

    confirmed, *done = world.suite.events(receipt, "Participants")
    assert confirmed == Event("ActConfirmed", {"act": digest, "officer": world.suite.second})
    assert done
    assert read(world, "proposalOf", digest) == [ZERO, 0]


@pytest.mark.parametrize("number", range(8))
def test_second_call_by_the_same_officer_is_refused(world: World, number: int) -> None:
    officer, act = world.suite.national, by_two_only(world)[number]
    send(world, officer, *act)

    refused = refusal(world, officer, *act)

    assert refused == ("ParticipantsSecondOfficerRequired", (act_of(world, *act)[1], officer))


def test_reinstatement_takes_two_officers(world: World) -> None:
    hospital = world.hospital.address
    world.suspend(world.hospital)

    send(world, world.beijing, "reinstateInstitution", hospital, REASON)
    still = read(world, "institutionStanding", hospital)
    send(world, world.deputies[world.beijing], "reinstateInstitution", hospital, REASON)

    assert (still, read(world, "institutionStanding", hospital)) == (2, 1)


def test_reinstatement_of_an_authority_takes_two_officers(world: World) -> None:
    two(world, world.suite.national, "suspendAuthority", world.beijing, REASON)

    send(world, world.suite.national, "reinstateAuthority", world.beijing, REASON)
    still = read(world, "authorityStanding", world.beijing)
    send(world, world.suite.second, "reinstateAuthority", world.beijing, REASON)

    assert (still, read(world, "authorityStanding", world.beijing)) == ([2, BEIJING], [1, BEIJING])


def test_limits_take_two_officers(world: World) -> None:
    first, second = world.administrators(Role.AUDIT)

    send(world, first, "limitInstitution", world.hospital.address, 7, 3)
    before = read(world, "institutionForDecision", world.hospital.address)[3:]
    refused, _ = refusal(world, first, "limitInstitution", world.hospital.address, 7, 3)
    send(world, second, "limitInstitution", world.hospital.address, 7, 3)

    assert (before, refused) == ([100_000, 50], "ParticipantsSecondOfficerRequired")
    assert read(world, "institutionForDecision", world.hospital.address)[3:] == [7, 3]


@pytest.mark.parametrize(
    "act", [("admitVerifier", NEWCOMER), ("nameDeployment", b"\x01" * 32, NEWCOMER, 2)], ids=lambda act: str(act[0])
)
def test_act_of_the_system_takes_two_officers(world: World, act: tuple[Value, ...]) -> None:
    system = world.administrators(Role.SYSTEM)

    receipt = world.after_delay(system, *act)

    confirmed, done = world.suite.events(receipt, "Participants")
    assert confirmed == Event("ActConfirmed", {"act": act_of(world, *act)[1], "officer": system[1]})
    assert done.name in {"VerifierAdmitted", "DeploymentNamed"}


def test_other_arguments_are_another_act(world: World) -> None:
    send(world, world.beijing, *ADMISSION)

    [event] = send(world, world.deputies[world.beijing], *ADMISSION[:-1], REASON)

    assert event.name == "ActProposed"
    assert read(world, "institutionStanding", NEWCOMER) == 0


def test_act_that_was_done_must_be_proposed_again(world: World) -> None:
    hospital = world.hospital.address
    two(world, world.beijing, "suspendInstitution", hospital, REASON)
    two(world, world.beijing, "reinstateInstitution", hospital, REASON)

    [event] = send(world, world.deputies[world.beijing], "suspendInstitution", hospital, REASON)

    assert event.name == "ActProposed"
    assert read(world, "institutionStanding", hospital) == 1


def test_officers_of_two_authorities_over_the_region_agree(world: World) -> None:
    send(world, world.suite.national, *ADMISSION)

    [_, admitted] = send(world, world.beijing, *ADMISSION)

    assert (admitted.name, admitted.args["authority"]) == ("InstitutionAdmitted", world.beijing)


def test_confirmation_by_an_officer_of_another_province_is_refused(world: World) -> None:
    send(world, world.beijing, *ADMISSION)

    assert refusal(world, world.guangdong, *ADMISSION) == ("ParticipantsRegionForbidden", (world.guangdong, BEIJING))


def test_confirmation_by_an_officer_without_the_role_is_refused(world: World) -> None:
    auditor = world.suite.accounts[4]
    two(world, world.suite.national, "appointOfficer", world.beijing, auditor, bits(Role.AUDIT))
    send(world, world.beijing, *ADMISSION)

    assert refusal(world, auditor, *ADMISSION) == ("AccessManagedUnauthorized", (auditor,))


def test_proposal_can_be_confirmed_until_it_lapses(world: World) -> None:
    deputy = world.deputies[world.beijing]
    send(world, world.beijing, *ADMISSION)
    _, lapses_at = read(world, "proposalOf", act_of(world, *ADMISSION)[1])

    world.suite.travel(lapses_at - 1)
    [confirmed, _] = send(world, deputy, *ADMISSION)

    assert confirmed.name == "ActConfirmed"


def test_lapsed_proposal_is_none(world: World) -> None:
    deputy = world.deputies[world.beijing]
    send(world, world.beijing, *ADMISSION)
    _, lapses_at = read(world, "proposalOf", act_of(world, *ADMISSION)[1])

    world.suite.travel(lapses_at)
    [proposed] = send(world, deputy, *ADMISSION)

    assert (proposed.name, proposed.args["proposer"]) == ("ActProposed", deputy)
    assert read(world, "institutionStanding", NEWCOMER) == 0


def test_lapsed_proposal_can_be_made_again_by_the_same_officer(world: World) -> None:
    send(world, world.beijing, *ADMISSION)
    world.suite.travel(world.suite.now() + WEEK)

    [proposed] = send(world, world.beijing, *ADMISSION)

    assert proposed.args["proposer"] == world.beijing


def test_proposal_of_a_dismissed_officer_is_void(world: World) -> None:
    deputy = world.deputies[world.beijing]
    send(world, deputy, *ADMISSION)
    two(world, world.suite.national, "dismissOfficer", deputy)

    [proposed] = send(world, world.beijing, *ADMISSION)

    assert (proposed.name, proposed.args["proposer"]) == ("ActProposed", world.beijing)


def test_proposal_of_an_officer_who_lost_the_role_is_void(world: World) -> None:
    national, deputy = world.suite.national, world.deputies[world.beijing]
    send(world, deputy, *ADMISSION)
    two(world, national, "dismissOfficer", deputy)
    two(world, national, "appointOfficer", world.beijing, deputy, bits(Role.SECURITY))

    [proposed] = send(world, world.beijing, *ADMISSION)

    assert proposed.name == "ActProposed"


def test_proposal_of_an_officer_who_moved_to_another_province_is_void(world: World) -> None:
    national, deputy = world.suite.national, world.deputies[world.beijing]
    send(world, deputy, *ADMISSION)
    two(world, national, "dismissOfficer", deputy)
    two(world, national, "appointOfficer", world.guangdong, deputy, FIRST_OFFICES)

    [proposed] = send(world, world.beijing, *ADMISSION)

    assert proposed.name == "ActProposed"


def test_proposal_of_an_officer_of_a_suspended_authority_is_void(world: World) -> None:
    send(world, world.beijing, *ADMISSION)
    two(world, world.suite.national, "suspendAuthority", world.beijing, REASON)

    [proposed] = send(world, world.suite.national, *ADMISSION)

    assert proposed.name == "ActProposed"


def test_confirmation_checks_everything_again(world: World) -> None:
    deputy = world.deputies[world.beijing]
    send(world, world.beijing, *ADMISSION)
    two(world, world.beijing, "admitInstitution", NEWCOMER, BEIJING, SIGNER, b"other key", PROFILE)

    assert refusal(world, deputy, *ADMISSION) == ("ParticipantsAlreadyAdmitted", (NEWCOMER,))


def test_unknown_act_waits_for_nobody(world: World) -> None:
    assert read(world, "proposalOf", REASON) == [ZERO, 0]
