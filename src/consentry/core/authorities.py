"""Acts of the national authority: authorities and their officers, as in ``contracts/governance/Authorities.sol``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consentry.core import events
from consentry.core.chain import EventPlace
from consentry.core.codes import Standing
from consentry.core.events import LedgerEvent
from consentry.core.offices import FIRST_OFFICES, FOUNDING_OFFICES, check_separate, is_valid
from consentry.core.participants import COUNTRY, check_code, check_standing
from consentry.core.refusals import refusal
from consentry.core.state import NO_AUTHORITY, LedgerState
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address
from consentry.core.two_persons import Done, authority_of, by_two, check_officer_over, check_role


def _check_appointable(state: LedgerState, authority: Address, officer: Address) -> None:
    if officer == ZERO_ADDRESS:
        raise refusal("ParticipantsZeroValue")
    if authority_of(state, officer) not in {ZERO_ADDRESS, authority}:
        raise refusal("ParticipantsAlreadyAdmitted", officer)


def check_admit_authority(state: LedgerState, authority: Address, region: int) -> None:
    """Checks the admission of an authority."""
    if authority == ZERO_ADDRESS:
        raise refusal("ParticipantsZeroValue")
    check_code(region)
    if authority in state.authorities:
        raise refusal("ParticipantsAlreadyAdmitted", authority)
    _check_appointable(state, authority, authority)


def check_change_authority(state: LedgerState, authority: Address, standing: Standing) -> None:
    """Checks the suspension or reinstatement of an authority."""
    check_standing(authority, state.authorities.get(authority, NO_AUTHORITY).standing, opposite(standing))


def check_appointment(state: LedgerState, authority: Address, officer: Address, roles: int) -> None:
    """Checks the appointment of an officer, but for the separation of roles."""
    known = state.authorities.get(authority)
    if known is None:
        raise refusal("ParticipantsUnknown", authority)
    _check_appointable(state, authority, officer)
    if not is_valid(roles, countrywide=known.region == COUNTRY):
        raise refusal("ParticipantsRolesInvalid", roles)


def opposite(standing: Standing) -> Standing:
    """Gives the standing that a change to the given one starts from."""
    return Standing.ACTIVE if standing == Standing.SUSPENDED else Standing.SUSPENDED


def found(
    state: LedgerState, authority: Address, second_officer: Address, verifiers: Sequence[Address], place: EventPlace
) -> list[LedgerEvent]:
    """Begins: the authority for the whole country with two officers, and verifiers; a deployer says so alone."""
    made: list[LedgerEvent] = [
        events.AuthorityAdmitted(place, authority, COUNTRY, ZERO_32),
        events.OfficerAppointed(place, authority, authority, FOUNDING_OFFICES),
        events.OfficerAppointed(place, authority, second_officer, FOUNDING_OFFICES),
        *(events.VerifierAdmitted(place, verifier) for verifier in verifiers),
    ]
    for event in made:
        state.fold(event)
    return made


@dataclass(slots=True)
class Authorities:
    """Checks each act of an officer, folds its events into ``state`` and gives them back.

    Every method takes two calls by different officers, the first of which gives an `ActProposed` alone; each raises
    `LedgerRejectedError` naming the Solidity error when the contract would refuse. ``place`` is where it is mined.
    """

    state: LedgerState

    def admit_authority(
        self, authority: Address, region: int, *, officer: Address, place: EventPlace
    ) -> list[LedgerEvent]:
        """Lets an authority act for a region; zero is the whole country."""
        self._check_officer(officer, "admitAuthority")
        check_admit_authority(self.state, authority, region)

        def done() -> list[LedgerEvent]:
            return [
                events.AuthorityAdmitted(place, authority, region, ZERO_32),
                events.OfficerAppointed(place, authority, authority, FIRST_OFFICES),
            ]

        return self._by_two("admitAuthority", (authority, region, ZERO_32), officer, place, done)

    def change_authority(
        self, authority: Address, standing: Standing, *, officer: Address, place: EventPlace
    ) -> list[LedgerEvent]:
        """Suspends or reinstates an authority; its own officers cannot."""
        function = "suspendAuthority" if standing == Standing.SUSPENDED else "reinstateAuthority"
        self._check_officer(officer, function)
        if authority == authority_of(self.state, officer):
            raise refusal("ParticipantsOwnStanding", authority)
        check_change_authority(self.state, authority, standing)

        def done() -> list[LedgerEvent]:
            return [events.AuthorityStandingChanged(place, authority, standing, ZERO_32)]

        return self._by_two(function, (authority, ZERO_32), officer, place, done)

    def appoint_officer(
        self, authority: Address, appointed: Address, roles: int, *, officer: Address, place: EventPlace
    ) -> list[LedgerEvent]:
        """Makes an account an officer of an authority, or adds roles."""
        self._check_officer(officer, "appointOfficer")
        check_appointment(self.state, authority, appointed, roles)

        def done() -> list[LedgerEvent]:
            check_separate(appointed, self.state.roles.get(appointed, 0), roles)
            return [events.OfficerAppointed(place, authority, appointed, roles)]

        return self._by_two("appointOfficer", (authority, appointed, roles), officer, place, done)

    def dismiss_officer(self, dismissed: Address, *, officer: Address, place: EventPlace) -> list[LedgerEvent]:
        """Ends the office of an account and takes all its roles."""
        self._check_officer(officer, "dismissOfficer")
        authority = authority_of(self.state, dismissed)
        if authority == ZERO_ADDRESS:
            raise refusal("ParticipantsUnknown", dismissed)

        def done() -> list[LedgerEvent]:
            return [events.OfficerDismissed(place, authority, dismissed)]

        return self._by_two("dismissOfficer", (dismissed,), officer, place, done)

    def _check_officer(self, officer: Address, function: str) -> None:
        check_role(self.state, officer, function)
        check_officer_over(self.state, officer, COUNTRY)

    def _by_two(
        self, function: str, values: tuple[object, ...], officer: Address, place: EventPlace, done: Done
    ) -> list[LedgerEvent]:
        return by_two(self.state, (function, values), officer, COUNTRY, place, done)
