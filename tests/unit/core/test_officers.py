"""Officers in the core: two persons an act, separated roles, emergencies that end, keys that rotate."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pytest

from consentry.core import events
from consentry.core.admissions import EMERGENCY_SECONDS, Admissions
from consentry.core.authorities import Authorities, found
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import Standing, bits
from consentry.core.events import LedgerEvent
from consentry.core.offices import FIRST_OFFICES, OFFICES, Role
from consentry.core.state import DAILY_LIMIT, EMERGENCY_LIMIT, LedgerState
from consentry.core.terms import ZERO_32, Address, InstitutionKeys
from consentry.core.two_persons import PROPOSAL_SECONDS
from consentry.errors import LedgerRejectedError
from tests.support.samples import AUTHORITY, HOSPITAL, NOW, RELAY, address

NATIONAL, SECOND, DEPUTY, OTHER = address(0x61), address(0x62), address(0x63), address(0x64)
NEWCOMER, SIGNER = address(0x71), address(0x72)
COUNTRY, PROVINCE = (NATIONAL, SECOND), (AUTHORITY, DEPUTY)
SEPARATED = {
    *(frozenset(pair) for pair in combinations((Role.SYSTEM, Role.SECURITY, Role.AUDIT), 2)),
    frozenset({Role.AUDIT, Role.NATIONAL}),
    frozenset({Role.AUDIT, Role.AUTHORITY}),
}


@dataclass
class Country:
    """A country with one province and one hospital; ``now`` is block time in seconds."""

    now: int = NOW
    state: LedgerState = field(default_factory=LedgerState)

    def __post_init__(self) -> None:
        found(self.state, NATIONAL, SECOND, [], self.place())
        self.two(COUNTRY, "admit_authority", AUTHORITY, 440000)
        self.two(COUNTRY, "appoint_officer", AUTHORITY, DEPUTY, FIRST_OFFICES)
        self.two(PROVINCE, "admit_institution", HOSPITAL, 440300, HOSPITAL, b"key")
        self.two(PROVINCE, "admit_relay", RELAY, HOSPITAL)

    def place(self) -> EventPlace:
        """Gives a place at this time."""
        return EventPlace(BlockReference(0, ZERO_32, self.now), ZERO_32, 0)

    def call(self, officer: Address, act: str, *values: Any) -> Sequence[LedgerEvent]:  # noqa: ANN401 - whatever the function takes
        """Has an officer make a call."""
        desk: Any = Authorities(self.state) if hasattr(Authorities, act) else Admissions(self.state)
        made = getattr(desk, act)(*values, officer=officer, place=self.place())
        return made if isinstance(made, list) else [made]

    def two(self, officers: Sequence[Address], act: str, *values: Any) -> Sequence[LedgerEvent]:  # noqa: ANN401 - whatever the function takes
        """Has two officers make the same call, and gives what the second one did."""
        [proposed] = self.call(officers[0], act, *values)
        assert isinstance(proposed, events.ActProposed)
        confirmed, *done = self.call(officers[1], act, *values)
        assert isinstance(confirmed, events.ActConfirmed)
        return done

    def refused(self, officer: Address, act: str, *values: Any) -> str:  # noqa: ANN401 - whatever the function takes
        """Gives the error a call is refused with."""
        return _error(lambda: self.call(officer, act, *values))

    def standing(self) -> Standing:
        """Gives the standing of the hospital now."""
        return self.state.institution_standing(HOSPITAL, self.now)

    def rotate(self, keys: InstitutionKeys, *, old: bool = True, new: bool = True, relay: Address = RELAY) -> None:
        """Has the hospital rotate its keys."""
        signed = {"signature_valid": old, "new_signature_valid": new}
        Admissions(self.state).rotate_keys(keys, **signed, relay=relay, place=self.place())


def _error(act: Callable[[], object]) -> str:
    with pytest.raises(LedgerRejectedError) as caught:
        act()
    return str(caught.value.details["solidity"])


@pytest.fixture
def country() -> Country:
    """A country to be governed."""
    return Country()


ADMISSION = ("admit_institution", NEWCOMER, 440100, NEWCOMER, b"key")


def test_first_officer_proposes_and_second_one_does_it(country: Country) -> None:
    [proposed] = country.call(AUTHORITY, *ADMISSION)
    before = NEWCOMER in country.state.institutions
    country.call(DEPUTY, *ADMISSION)

    assert isinstance(proposed, events.ActProposed)
    assert proposed.lapses_at == NOW + PROPOSAL_SECONDS
    assert (before, NEWCOMER in country.state.institutions) == (False, True)
    assert not country.state.proposals


def test_same_officer_does_not_confirm(country: Country) -> None:
    country.call(AUTHORITY, *ADMISSION)

    assert country.refused(AUTHORITY, *ADMISSION) == "ParticipantsSecondOfficerRequired"


@pytest.mark.parametrize(
    ("after", "kind"), [(PROPOSAL_SECONDS - 1, events.ActConfirmed), (PROPOSAL_SECONDS, events.ActProposed)]
)
def test_proposal_lapses(country: Country, after: int, kind: type[LedgerEvent]) -> None:
    country.call(AUTHORITY, *ADMISSION)
    country.now += after

    assert isinstance(country.call(DEPUTY, *ADMISSION)[0], kind)


def test_proposal_of_a_dismissed_officer_is_void(country: Country) -> None:
    country.call(DEPUTY, *ADMISSION)
    country.two(COUNTRY, "dismiss_officer", DEPUTY)

    assert isinstance(country.call(AUTHORITY, *ADMISSION)[0], events.ActProposed)


def test_proposal_of_an_officer_without_the_role_any_more_is_void(country: Country) -> None:
    country.call(DEPUTY, *ADMISSION)
    country.two(COUNTRY, "dismiss_officer", DEPUTY)
    country.two(COUNTRY, "appoint_officer", AUTHORITY, DEPUTY, bits(Role.SECURITY))

    assert isinstance(country.call(AUTHORITY, *ADMISSION)[0], events.ActProposed)


def test_proposal_of_an_officer_of_a_suspended_authority_is_void(country: Country) -> None:
    country.call(AUTHORITY, *ADMISSION)
    country.two(COUNTRY, "change_authority", AUTHORITY, Standing.SUSPENDED)

    assert isinstance(country.call(NATIONAL, *ADMISSION)[0], events.ActProposed)


def test_call_needs_role_and_region(country: Country) -> None:
    country.two(COUNTRY, "admit_authority", OTHER, 110000)

    assert country.refused(NEWCOMER, *ADMISSION) == "AccessManagedUnauthorized"
    assert country.refused(OTHER, *ADMISSION) == "ParticipantsRegionForbidden"
    assert country.refused(AUTHORITY, "admit_authority", NEWCOMER, 440000) == "AccessManagedUnauthorized"


@pytest.mark.parametrize("pair", list(combinations(OFFICES, 2)))
def test_roles_that_exclude_each_other_are_not_combined(country: Country, pair: tuple[Role, Role]) -> None:
    if frozenset(pair) in SEPARATED:
        country.call(NATIONAL, "appoint_officer", NATIONAL, NEWCOMER, bits(*pair))
        assert country.refused(SECOND, "appoint_officer", NATIONAL, NEWCOMER, bits(*pair)) == "GovernanceRolesCombined"
    else:
        country.two(COUNTRY, "appoint_officer", NATIONAL, NEWCOMER, bits(*pair))
        assert country.state.officer(NEWCOMER).roles == bits(*pair)


def test_role_is_not_added_to_one_that_excludes_it(country: Country) -> None:
    act = ("appoint_officer", AUTHORITY, DEPUTY, bits(Role.AUDIT))
    country.call(NATIONAL, *act)

    assert country.refused(SECOND, *act) == "GovernanceRolesCombined"
    assert country.state.officer(DEPUTY).roles == FIRST_OFFICES


@pytest.mark.parametrize("roles", [0, bits(Role.ADMIN), bits(Role.REGISTER), bits(Role.NATIONAL), bits(Role.SYSTEM)])
def test_officer_of_a_province_cannot_have_these_roles(country: Country, roles: int) -> None:
    refused = country.refused(NATIONAL, "appoint_officer", AUTHORITY, NEWCOMER, roles)

    assert refused == "ParticipantsRolesInvalid"


def test_officer_of_another_authority_is_not_appointed(country: Country) -> None:
    refused = country.refused(NATIONAL, "appoint_officer", NATIONAL, DEPUTY, FIRST_OFFICES)

    assert refused == "ParticipantsAlreadyAdmitted"


def test_dismissed_officer_may_do_nothing(country: Country) -> None:
    country.two(COUNTRY, "dismiss_officer", DEPUTY)

    assert country.refused(DEPUTY, *ADMISSION) == "AccessManagedUnauthorized"


def test_authority_does_not_change_its_own_standing(country: Country) -> None:
    refused = country.refused(NATIONAL, "change_authority", NATIONAL, Standing.SUSPENDED)

    assert refused == "ParticipantsOwnStanding"


def test_emergency_works_at_once_and_ends_by_itself(country: Country) -> None:
    country.call(AUTHORITY, "suspend_in_emergency", HOSPITAL)
    standings = [country.standing()]
    for seconds in (EMERGENCY_SECONDS - 1, 1):
        country.now += seconds
        standings.append(country.standing())

    assert standings == [Standing.SUSPENDED, Standing.SUSPENDED, Standing.ACTIVE]


def test_emergency_silences_relays_while_it_lasts(country: Country) -> None:
    country.call(AUTHORITY, "suspend_in_emergency", HOSPITAL)

    assert not country.state.is_active_relay(RELAY, country.now)
    assert country.state.is_active_relay(RELAY, country.now + EMERGENCY_SECONDS)


def test_confirmed_emergency_lasts(country: Country) -> None:
    country.call(AUTHORITY, "suspend_in_emergency", HOSPITAL)
    country.call(DEPUTY, "change_institution", HOSPITAL, Standing.SUSPENDED)
    country.now += 2 * EMERGENCY_SECONDS

    assert country.standing() == Standing.SUSPENDED


def test_emergency_is_not_confirmed_after_its_time(country: Country) -> None:
    country.call(AUTHORITY, "suspend_in_emergency", HOSPITAL)
    country.now += EMERGENCY_SECONDS

    [event] = country.call(DEPUTY, "change_institution", HOSPITAL, Standing.SUSPENDED)

    assert isinstance(event, events.ActProposed)


def test_one_officer_does_not_suspend_again_and_again(country: Country) -> None:
    country.call(AUTHORITY, "suspend_in_emergency", HOSPITAL)
    country.now += EMERGENCY_SECONDS
    refused = country.refused(AUTHORITY, "suspend_in_emergency", HOSPITAL)
    country.call(DEPUTY, "suspend_in_emergency", HOSPITAL)
    country.two(PROVINCE, "change_institution", HOSPITAL, Standing.ACTIVE)
    country.call(DEPUTY, "suspend_in_emergency", HOSPITAL)

    assert refused == "ParticipantsEmergencyRepeated"
    assert country.standing() == Standing.SUSPENDED


def test_limits_of_zero_stand_for_the_default(country: Country) -> None:
    auditors = (address(0x81), address(0x82))
    for officer in auditors:
        country.two(COUNTRY, "appoint_officer", AUTHORITY, officer, bits(Role.AUDIT))
    seen = country.state.institutions[HOSPITAL].seen_at(country.now)
    country.two(auditors, "limit_institution", HOSPITAL, 7, 3)
    limited = country.state.institutions[HOSPITAL].seen_at(country.now)

    assert (seen.daily_limit, seen.emergency_limit) == (DAILY_LIMIT, EMERGENCY_LIMIT)
    assert (limited.daily_limit, limited.emergency_limit) == (7, 3)


def keys(country: Country, **changes: Any) -> InstitutionKeys:  # noqa: ANN401 - any member
    """Gives new keys of the hospital, good for a minute."""
    plain = {"institution": HOSPITAL, "signer": SIGNER, "release_key": b"new", "sign_before": country.now + 60}
    return InstitutionKeys(**{**plain, **changes})


def test_rotation_changes_both_keys_once(country: Country) -> None:
    country.rotate(keys(country))
    known = country.state.institutions[HOSPITAL]

    assert (known.signer, known.release_key_hash) == (SIGNER, hashlib.sha256(b"new").digest())
    assert _error(lambda: country.rotate(keys(country))) == "ParticipantsKeysUsed"


def test_reset_does_not_use_up_a_rotation(country: Country) -> None:
    country.two(PROVINCE, "reset_keys", HOSPITAL, SIGNER, b"new")

    assert not country.state.used_keys
    country.rotate(keys(country))


def test_rotation_that_is_wrong_is_refused(country: Country) -> None:
    assert _error(lambda: country.rotate(keys(country), relay=NEWCOMER)) == "ParticipantsRelayRequired"
    assert _error(lambda: country.rotate(keys(country, institution=NEWCOMER))) == "ParticipantsUnknown"
    assert _error(lambda: country.rotate(keys(country, signer=b""))) == "ParticipantsSignerInvalid"
    assert _error(lambda: country.rotate(keys(country, release_key=b""))) == "ParticipantsReleaseKeyInvalid"
    assert _error(lambda: country.rotate(keys(country, sign_before=country.now))) == "ParticipantsKeysExpired"
    assert _error(lambda: country.rotate(keys(country), old=False)) == "ParticipantsSignatureInvalid"
    assert _error(lambda: country.rotate(keys(country), new=False)) == "ParticipantsNewSignatureInvalid"


def test_suspended_institution_does_not_rotate(country: Country) -> None:
    country.two(COUNTRY, "admit_relay", OTHER, AUTHORITY)
    country.call(AUTHORITY, "suspend_in_emergency", HOSPITAL)

    assert _error(lambda: country.rotate(keys(country), relay=OTHER)) == "ParticipantsStandingMismatch"
