"""Behaviour of `Participants`: authorities and their officers, whom two officers of the country admit and appoint."""

from __future__ import annotations

import pytest

from consentry.core.codes import bits
from consentry.core.offices import COUNTRYWIDE, FIRST_OFFICES, OFFICES, Role
from tests.contracts.officer_acts import NEWCOMER, PROFILE, REASON, ZERO, is_held, read, refusal, two
from tests.support.contract_suite import Event, Value
from tests.support.contract_world import BEIJING, World

COUNTRYWIDE_ACTS: dict[str, tuple[Value, ...]] = {
    "admitAuthority": (NEWCOMER, BEIJING, PROFILE),
    "suspendAuthority": (NEWCOMER, REASON),
    "appointOfficer": (NEWCOMER, NEWCOMER, 4),
    "dismissOfficer": (NEWCOMER,),
}


def test_admit_authority_makes_it_active_in_its_region(world: World) -> None:
    events = two(world, world.suite.national, "admitAuthority", NEWCOMER, 310_000, PROFILE)

    assert events == [
        Event("AuthorityAdmitted", {"authority": NEWCOMER, "region": 310_000, "profileHash": PROFILE}),
        Event("OfficerAppointed", {"authority": NEWCOMER, "officer": NEWCOMER, "roles": FIRST_OFFICES}),
    ]
    assert read(world, "authorityStanding", NEWCOMER) == [1, 310_000]
    assert read(world, "authorityOf", NEWCOMER) == NEWCOMER
    assert [is_held(world, role, NEWCOMER) for role in OFFICES] == [False, True, False, True, False]


def test_unknown_authority_has_no_standing(world: World) -> None:
    assert read(world, "authorityStanding", NEWCOMER) == [0, 0]
    assert read(world, "authorityOf", NEWCOMER) == ZERO


def test_admit_authority_twice_is_refused(world: World) -> None:
    refused = refusal(world, world.suite.national, "admitAuthority", world.beijing, BEIJING, PROFILE)

    assert refused == ("ParticipantsAlreadyAdmitted", (world.beijing,))


def test_admit_officer_of_another_authority_as_authority_is_refused(world: World) -> None:
    deputy = world.deputies[world.beijing]

    refused = refusal(world, world.suite.national, "admitAuthority", deputy, BEIJING, PROFILE)

    assert refused == ("ParticipantsAlreadyAdmitted", (deputy,))


def test_admit_authority_of_zero_is_refused(world: World) -> None:
    refused = refusal(world, world.suite.national, "admitAuthority", ZERO, BEIJING, PROFILE)

    assert refused == ("ParticipantsZeroValue", ())


@pytest.mark.parametrize("region", [1, 9_999, 99_999, 1_000_000])
def test_admit_authority_for_a_region_without_six_digits_is_refused(world: World, region: int) -> None:
    refused = refusal(world, world.suite.national, "admitAuthority", NEWCOMER, region, PROFILE)

    assert refused == ("ParticipantsRegionInvalid", (region,))


@pytest.mark.parametrize("region", [0, 100_000, 999_999])
def test_admit_authority_for_an_outermost_region_succeeds(world: World, region: int) -> None:
    two(world, world.suite.national, "admitAuthority", NEWCOMER, region, PROFILE)

    assert read(world, "authorityStanding", NEWCOMER) == [1, region]


def test_suspend_authority_stops_it_until_it_is_reinstated(world: World) -> None:
    national, hospital = world.suite.national, world.hospital.address
    suspended = two(world, national, "suspendAuthority", world.beijing, REASON)
    stopped = refusal(world, world.beijing, "suspendInstitution", hospital, REASON)
    standing = read(world, "authorityStanding", world.beijing)
    reinstated = two(world, national, "reinstateAuthority", world.beijing, REASON)

    args = {"authority": world.beijing, "reasonHash": REASON}
    assert suspended == [Event("AuthorityStandingChanged", {**args, "standing": 2})]
    assert stopped == ("ParticipantsRegionForbidden", (world.beijing, BEIJING))
    assert standing == [2, BEIJING]
    assert reinstated == [Event("AuthorityStandingChanged", {**args, "standing": 1})]
    two(world, world.beijing, "suspendInstitution", hospital, REASON)


@pytest.mark.parametrize("function", ["suspendAuthority", "reinstateAuthority"])
def test_change_of_an_unknown_authority_is_refused(world: World, function: str) -> None:
    assert refusal(world, world.suite.national, function, NEWCOMER, REASON) == ("ParticipantsUnknown", (NEWCOMER,))


@pytest.mark.parametrize("function", ["suspendAuthority", "reinstateAuthority"])
def test_change_of_the_own_authority_is_refused(world: World, function: str) -> None:
    national = world.suite.national

    assert refusal(world, world.suite.second, function, national, REASON) == ("ParticipantsOwnStanding", (national,))


def test_reinstate_an_active_authority_is_refused(world: World) -> None:
    refused = refusal(world, world.suite.national, "reinstateAuthority", world.beijing, REASON)

    assert refused == ("ParticipantsStandingMismatch", (world.beijing, 1, 2))


def test_suspend_a_suspended_authority_is_refused(world: World) -> None:
    two(world, world.suite.national, "suspendAuthority", world.beijing, REASON)

    refused = refusal(world, world.suite.national, "suspendAuthority", world.beijing, REASON)

    assert refused == ("ParticipantsStandingMismatch", (world.beijing, 2, 1))


# Officers


def test_appoint_officer_gives_roles_and_adds_more(world: World) -> None:
    first = two(world, world.suite.national, "appointOfficer", world.beijing, NEWCOMER, bits(Role.AUTHORITY))
    two(world, world.suite.national, "appointOfficer", world.beijing, NEWCOMER, bits(Role.SECURITY))

    args = {"authority": world.beijing, "officer": NEWCOMER, "roles": bits(Role.AUTHORITY)}
    assert first == [Event("OfficerAppointed", args)]
    assert read(world, "authorityOf", NEWCOMER) == world.beijing
    assert [is_held(world, role, NEWCOMER) for role in OFFICES] == [False, True, False, True, False]


def test_dismissed_officer_has_no_role_and_may_be_appointed_elsewhere(world: World) -> None:
    national, deputy = world.suite.national, world.deputies[world.beijing]

    events = two(world, national, "dismissOfficer", deputy)

    assert events == [Event("OfficerDismissed", {"authority": world.beijing, "officer": deputy})]
    assert read(world, "authorityOf", deputy) == ZERO
    assert not any(is_held(world, role, deputy) for role in OFFICES)
    two(world, national, "appointOfficer", world.guangdong, deputy, bits(Role.AUDIT))
    assert is_held(world, Role.AUDIT, deputy)


def test_dismiss_who_is_no_officer_is_refused(world: World) -> None:
    refused = refusal(world, world.suite.national, "dismissOfficer", world.stranger)

    assert refused == ("ParticipantsUnknown", (world.stranger,))


def test_appoint_for_an_unknown_authority_is_refused(world: World) -> None:
    refused = refusal(world, world.suite.national, "appointOfficer", NEWCOMER, world.stranger, 4)

    assert refused == ("ParticipantsUnknown", (NEWCOMER,))


def test_appoint_an_officer_of_another_authority_is_refused(world: World) -> None:
    refused = refusal(world, world.suite.national, "appointOfficer", world.guangdong, world.beijing, 4)

    assert refused == ("ParticipantsAlreadyAdmitted", (world.beijing,))


def test_appoint_zero_or_the_governance_is_refused(world: World) -> None:
    national, governance = world.suite.national, world.suite["Governance"].address

    assert refusal(world, national, "appointOfficer", world.beijing, ZERO, 4) == ("ParticipantsZeroValue", ())
    refused = refusal(world, national, "appointOfficer", world.beijing, governance, 4)
    assert refused == ("ParticipantsOfficerInvalid", (governance,))


@pytest.mark.parametrize("roles", [0, 1, 1 << 6, 1 << 7, bits(Role.AUTHORITY) | 1, COUNTRYWIDE])
def test_appoint_with_roles_no_officer_can_have_is_refused(world: World, roles: int) -> None:
    refused = refusal(world, world.suite.national, "appointOfficer", world.beijing, NEWCOMER, roles)

    assert refused == ("ParticipantsRolesInvalid", (roles,))


@pytest.mark.parametrize("role", [Role.NATIONAL, Role.SYSTEM])
def test_appoint_for_the_country_takes_an_authority_of_the_country(world: World, role: Role) -> None:
    national = world.suite.national

    refused = refusal(world, national, "appointOfficer", world.beijing, NEWCOMER, bits(role))
    two(world, national, "appointOfficer", national, NEWCOMER, bits(role))

    assert refused == ("ParticipantsRolesInvalid", (bits(role),))
    assert is_held(world, role, NEWCOMER)


def test_act_for_the_country_by_officers_of_a_suspended_authority_is_refused(world: World) -> None:
    national, other = world.suite.national, world.stranger
    two(world, national, "admitAuthority", other, 0, PROFILE)
    two(world, national, "appointOfficer", other, other, bits(Role.NATIONAL))
    two(world, national, "suspendAuthority", other, REASON)

    for function, arguments in COUNTRYWIDE_ACTS.items():
        refused = refusal(world, other, function, *arguments)
        assert refused == ("ParticipantsRegionForbidden", (other, 0))
