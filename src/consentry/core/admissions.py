"""Acts of authorities on the state: the functions of ``contracts/Participants.sol``.

Which account may call what is decided by the AccessManager and is no concern of the core.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from consentry.core import events
from consentry.core.chain import EventPlace
from consentry.core.codes import Standing
from consentry.core.participants import (
    check_code,
    check_group_keeper,
    check_region,
    check_standing,
    is_acceptable_signer,
)
from consentry.core.refusals import refusal
from consentry.core.state import NO_AUTHORITY, LedgerState
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address


def _require_nonzero(value: bytes) -> None:
    if not any(value):
        raise refusal("ParticipantsZeroValue")


def _require_new(participant: bytes, known: Container[bytes]) -> None:
    if participant in known:
        raise refusal("ParticipantsAlreadyAdmitted", participant)


def _require_authority_over(state: LedgerState, authority: Address, region: int) -> None:
    known = state.authorities.get(authority, NO_AUTHORITY)
    check_region(authority, known.standing, known.region, region)


def _region_of_institution(state: LedgerState, institution: Address) -> int:
    known = state.institutions.get(institution)
    if known is None:
        raise refusal("ParticipantsUnknown", institution)
    return known.region


def region_of_member(state: LedgerState, member: Address) -> int:
    """Gives the region of a member, who may have relays: an institution or an authority.

    Raises:
        LedgerRejectedError: nobody of that address was admitted.
    """
    authority = state.authorities.get(member)
    if authority is not None and member not in state.institutions:
        return authority.region
    return _region_of_institution(state, member)


def check_admit_authority(state: LedgerState, authority: Address, region: int) -> None:
    """Checks the admission of an authority."""
    _require_nonzero(authority)
    check_code(region)
    _require_new(authority, state.authorities)


def check_change_authority(state: LedgerState, authority: Address, standing: Standing) -> None:
    """Checks the suspension or reinstatement of an authority."""
    check_standing(authority, state.authorities.get(authority, NO_AUTHORITY).standing, _opposite(standing))


def check_admit_institution(
    state: LedgerState, institution: Address, region: int, signer: bytes, release_key: bytes, authority: Address
) -> None:
    """Checks the admission of an institution by an authority."""
    _require_nonzero(institution)
    check_code(region)
    _require_authority_over(state, authority, region)
    _require_new(institution, state.institutions)
    if not is_acceptable_signer(signer, state.verifiers):
        raise refusal("ParticipantsSignerInvalid", signer)
    if not release_key:
        raise refusal("ParticipantsReleaseKeyInvalid", institution)


def check_change_institution(state: LedgerState, institution: Address, standing: Standing, authority: Address) -> None:
    """Checks the suspension or reinstatement of an institution by an authority."""
    known = state.institutions.get(institution)
    check_standing(institution, known.standing if known else Standing.NONE, _opposite(standing))
    _require_authority_over(state, authority, known.region if known else 0)


def check_admit_relay(state: LedgerState, relay: Address, member: Address) -> None:
    """Checks the admission of a relay, but for the region of who admits it: no event tells who does."""
    _require_nonzero(relay)
    region_of_member(state, member)
    _require_new(relay, state.relays)


def check_membership(state: LedgerState, group: bytes, institution: Address, authority: Address) -> None:
    """Checks that an authority may enter an institution into a group, or take it out."""
    _require_nonzero(group)
    check_group_keeper(group, authority)
    _require_authority_over(state, authority, _region_of_institution(state, institution))


def check_admit_verifier(state: LedgerState, verifier: Address) -> None:
    """Checks the admission of an ERC-7913 verifier."""
    _require_nonzero(verifier)
    _require_new(verifier, state.verifiers)


@dataclass(slots=True)
class Admissions:
    """Checks each act, folds its event into ``state`` and gives the event back.

    Every method raises `LedgerRejectedError` naming the Solidity error when the contract would refuse.
    ``place`` is where the act is mined.
    """

    state: LedgerState

    def admit_authority(self, authority: Address, region: int, place: EventPlace) -> events.AuthorityAdmitted:
        """Lets an authority act for a region; zero is the whole country."""
        check_admit_authority(self.state, authority, region)
        event = events.AuthorityAdmitted(place, authority, region, ZERO_32)
        self.state.fold(event)
        return event

    def change_authority(
        self, authority: Address, standing: Standing, place: EventPlace
    ) -> events.AuthorityStandingChanged:
        """Suspends or reinstates an authority."""
        check_change_authority(self.state, authority, standing)
        event = events.AuthorityStandingChanged(place, authority, standing, ZERO_32)
        self.state.fold(event)
        return event

    def admit_institution(
        self,
        institution: Address,
        region: int,
        signer: bytes,
        release_key: bytes,
        *,
        authority: Address,
        place: EventPlace,
    ) -> events.InstitutionAdmitted:
        """Admits an institution."""
        check_admit_institution(self.state, institution, region, signer, release_key, authority)
        event = events.InstitutionAdmitted(place, institution, authority, region, signer, release_key, ZERO_32)
        self.state.fold(event)
        return event

    def change_institution(
        self, institution: Address, standing: Standing, *, authority: Address, place: EventPlace
    ) -> events.InstitutionStandingChanged:
        """Suspends or reinstates an institution."""
        check_change_institution(self.state, institution, standing, authority)
        event = events.InstitutionStandingChanged(place, institution, authority, standing, ZERO_32)
        self.state.fold(event)
        return event

    def admit_relay(
        self, relay: Address, member: Address, *, authority: Address, place: EventPlace
    ) -> events.RelayAdmitted:
        """Lets an account submit signed acts for a member."""
        _require_nonzero(relay)
        _require_authority_over(self.state, authority, region_of_member(self.state, member))
        check_admit_relay(self.state, relay, member)
        event = events.RelayAdmitted(place, relay, member)
        self.state.fold(event)
        return event

    def remove_relay(self, relay: Address, *, authority: Address, place: EventPlace) -> events.RelayRemoved:
        """Stops an account from submitting signed acts."""
        member = self.state.relays.get(relay, ZERO_ADDRESS)
        if member == ZERO_ADDRESS:
            raise refusal("ParticipantsUnknown", relay)
        _require_authority_over(self.state, authority, region_of_member(self.state, member))
        event = events.RelayRemoved(place, relay, member)
        self.state.fold(event)
        return event

    def change_membership(
        self, group: bytes, institution: Address, *, member: bool, authority: Address, place: EventPlace
    ) -> events.GroupMembershipChanged | None:
        """Enters an institution into a group or takes it out; nothing happens when it is so already."""
        check_membership(self.state, group, institution, authority)
        if ((group, institution) in self.state.members) == member:
            return None
        event = events.GroupMembershipChanged(place, group, institution, member)
        self.state.fold(event)
        return event

    def admit_verifier(self, verifier: Address, place: EventPlace) -> events.VerifierAdmitted:
        """Lets signers name an ERC-7913 verifier."""
        check_admit_verifier(self.state, verifier)
        event = events.VerifierAdmitted(place, verifier)
        self.state.fold(event)
        return event


def _opposite(standing: Standing) -> Standing:
    return Standing.ACTIVE if standing == Standing.SUSPENDED else Standing.SUSPENDED
