"""Acts of authorities on the state: the functions of ``contracts/Participants.sol``.

Which account may call what is decided by the AccessManager and is no concern of the core.
"""

from __future__ import annotations

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


@dataclass(slots=True)
class Admissions:
    """Checks each act, folds its event into ``state`` and gives the event back.

    Every method raises `LedgerRejectedError` naming the Solidity error when the contract would refuse.
    ``place`` is where the act is mined.
    """

    state: LedgerState

    def admit_authority(self, authority: Address, region: int, place: EventPlace) -> events.AuthorityAdmitted:
        """Lets an authority act for a region; zero is the whole country."""
        _require_nonzero(authority)
        check_code(region)
        if authority in self.state.authorities:
            raise refusal("ParticipantsAlreadyAdmitted", authority)
        event = events.AuthorityAdmitted(place, authority, region, ZERO_32)
        self.state.fold(event)
        return event

    def change_authority(
        self, authority: Address, standing: Standing, place: EventPlace
    ) -> events.AuthorityStandingChanged:
        """Suspends or reinstates an authority."""
        known = self.state.authorities.get(authority, NO_AUTHORITY)
        check_standing(authority, known.standing, _opposite(standing))
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
        _require_nonzero(institution)
        check_code(region)
        self._require_authority_over(authority, region)
        if institution in self.state.institutions:
            raise refusal("ParticipantsAlreadyAdmitted", institution)
        if not is_acceptable_signer(signer, self.state.verifiers):
            raise refusal("ParticipantsSignerInvalid", signer)
        if not release_key:
            raise refusal("ParticipantsReleaseKeyInvalid", institution)
        event = events.InstitutionAdmitted(place, institution, authority, region, signer, release_key, ZERO_32)
        self.state.fold(event)
        return event

    def change_institution(
        self, institution: Address, standing: Standing, *, authority: Address, place: EventPlace
    ) -> events.InstitutionStandingChanged:
        """Suspends or reinstates an institution."""
        known = self.state.institutions.get(institution)
        check_standing(institution, known.standing if known else Standing.NONE, _opposite(standing))
        self._require_authority_over(authority, known.region if known else 0)
        event = events.InstitutionStandingChanged(place, institution, authority, standing, ZERO_32)
        self.state.fold(event)
        return event

    def admit_relay(
        self, relay: Address, member: Address, *, authority: Address, place: EventPlace
    ) -> events.RelayAdmitted:
        """Lets an account submit signed acts for a member."""
        _require_nonzero(relay)
        self._require_authority_over(authority, self._region_of_member(member))
        if relay in self.state.relays:
            raise refusal("ParticipantsAlreadyAdmitted", relay)
        event = events.RelayAdmitted(place, relay, member)
        self.state.fold(event)
        return event

    def remove_relay(self, relay: Address, *, authority: Address, place: EventPlace) -> events.RelayRemoved:
        """Stops an account from submitting signed acts."""
        member = self.state.relays.get(relay, ZERO_ADDRESS)
        if member == ZERO_ADDRESS:
            raise refusal("ParticipantsUnknown", relay)
        self._require_authority_over(authority, self._region_of_member(member))
        event = events.RelayRemoved(place, relay, member)
        self.state.fold(event)
        return event

    def change_membership(
        self, group: bytes, institution: Address, *, member: bool, authority: Address, place: EventPlace
    ) -> events.GroupMembershipChanged | None:
        """Enters an institution into a group or takes it out; nothing happens when it is so already."""
        _require_nonzero(group)
        check_group_keeper(group, authority)
        known = self.state.institutions.get(institution)
        if known is None:
            raise refusal("ParticipantsUnknown", institution)
        self._require_authority_over(authority, known.region)
        if ((group, institution) in self.state.members) == member:
            return None
        event = events.GroupMembershipChanged(place, group, institution, member)
        self.state.fold(event)
        return event

    def admit_verifier(self, verifier: Address, place: EventPlace) -> events.VerifierAdmitted:
        """Lets signers name an ERC-7913 verifier."""
        _require_nonzero(verifier)
        if verifier in self.state.verifiers:
            raise refusal("ParticipantsAlreadyAdmitted", verifier)
        event = events.VerifierAdmitted(place, verifier)
        self.state.fold(event)
        return event

    def _require_authority_over(self, authority: Address, region: int) -> None:
        known = self.state.authorities.get(authority, NO_AUTHORITY)
        check_region(authority, known.standing, known.region, region)

    def _region_of_member(self, member: Address) -> int:
        institution = self.state.institutions.get(member)
        if institution:
            return institution.region
        authority = self.state.authorities.get(member)
        if authority is None:
            raise refusal("ParticipantsUnknown", member)
        return authority.region


def _opposite(standing: Standing) -> Standing:
    return Standing.ACTIVE if standing == Standing.SUSPENDED else Standing.SUSPENDED
