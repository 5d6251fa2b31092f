"""Acts of officers on institutions, relays, groups, verifiers and deployments: ``contracts/Participants.sol``.

The execution delay of system administrators is the ``Governance``'s alone and no concern of the core.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from consentry.core import events
from consentry.core.authorities import opposite
from consentry.core.chain import EventPlace
from consentry.core.codes import Standing
from consentry.core.events import LedgerEvent
from consentry.core.offices import call_of
from consentry.core.participants import (
    COUNTRY,
    check_code,
    check_group_keeper,
    check_region,
    check_standing,
    is_acceptable_signer,
)
from consentry.core.refusals import refusal
from consentry.core.state import NO_AUTHORITY, NO_INSTITUTION, InstitutionState, LedgerState
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address, InstitutionKeys
from consentry.core.two_persons import Done, authority_of, by_two, check_officer_over, check_role, propose
from consentry.core.typed_data import struct_hash

EMERGENCY_SECONDS: Final = 72 * 3_600
"""How long one officer alone can suspend an institution."""


def _require_nonzero(value: bytes) -> None:
    if not any(value):
        raise refusal("ParticipantsZeroValue")


def _require_new(participant: bytes, known: Container[bytes]) -> None:
    if participant in known:
        raise refusal("ParticipantsAlreadyAdmitted", participant)


def known_institution(state: LedgerState, institution: Address) -> InstitutionState:
    """Gives an institution that was admitted.

    Raises:
        LedgerRejectedError: it never was.
    """
    known = state.institutions.get(institution)
    if known is None:
        raise refusal("ParticipantsUnknown", institution)
    return known


def region_of_member(state: LedgerState, member: Address) -> int:
    """Gives the region of a member, who may have relays: an institution or an authority.

    Raises:
        LedgerRejectedError: nobody of that address was admitted.
    """
    authority = state.authorities.get(member)
    if authority is not None and member not in state.institutions:
        return authority.region
    return known_institution(state, member).region


def check_keys(state: LedgerState, institution: Address, signer: bytes, release_key: bytes) -> None:
    """Checks the form of an institution's keys."""
    if not is_acceptable_signer(signer, state.verifiers):
        raise refusal("ParticipantsSignerInvalid", signer)
    if not release_key:
        raise refusal("ParticipantsReleaseKeyInvalid", institution)


def check_suspension(state: LedgerState, institution: Address) -> None:
    """Checks that an institution can be suspended by two officers: one alone may have done so already."""
    known = state.institutions.get(institution, NO_INSTITUTION)
    check_standing(institution, known.standing, Standing.ACTIVE)


def check_standing_at(state: LedgerState, institution: Address, needed: Standing, now: int) -> None:
    """Checks the standing of an institution at a block time."""
    check_standing(institution, state.institution_standing(institution, now), needed)


def check_emergency(state: LedgerState, institution: Address, officer: Address) -> None:
    """Checks that an officer does not suspend the same institution alone again and again."""
    if state.emergency_officers.get(institution) == officer:
        raise refusal("ParticipantsEmergencyRepeated", institution, officer)


def check_rotation(state: LedgerState, keys: InstitutionKeys, now: int) -> None:
    """Checks the rotation of an institution's keys, but for signatures and relay."""
    check_standing_at(state, keys.institution, Standing.ACTIVE, now)
    check_keys(state, keys.institution, keys.signer, keys.release_key)
    if now >= keys.sign_before:
        raise refusal("ParticipantsKeysExpired", keys.sign_before, now)
    if struct_hash(keys) in state.used_keys:
        raise refusal("ParticipantsKeysUsed", struct_hash(keys))


def check_admit_relay(state: LedgerState, relay: Address, member: Address) -> None:
    """Checks the admission of a relay, but for the region of who admits it."""
    _require_nonzero(relay)
    region_of_member(state, member)
    _require_new(relay, state.relays)


def check_membership(state: LedgerState, group: bytes, institution: Address, authority: Address) -> None:
    """Checks that an authority may enter an institution into a group, or take it out; its officers act for it."""
    _require_nonzero(group)
    check_group_keeper(group, authority)
    own, region = state.authorities.get(authority, NO_AUTHORITY), known_institution(state, institution).region
    check_region(authority, own.standing, own.region, region)


def check_admit_verifier(state: LedgerState, verifier: Address) -> None:
    """Checks the admission of an ERC-7913 verifier."""
    _require_nonzero(verifier)
    _require_new(verifier, state.verifiers)


def check_admit_institution(
    state: LedgerState, institution: Address, region: int, signer: bytes, release_key: bytes
) -> None:
    """Checks the admission of an institution, but for the region of who admits it."""
    _require_nonzero(institution)
    check_code(region)
    _require_new(institution, state.institutions)
    check_keys(state, institution, signer, release_key)


@dataclass(slots=True)
class Admissions:
    """Checks each act of an officer, folds its events into ``state`` and gives them back.

    Acts of two officers take two calls, the first of which gives an `ActProposed` alone. Every method raises
    `LedgerRejectedError` naming the Solidity error when the contract would refuse. ``place`` is where it is mined.
    """

    state: LedgerState

    def admit_institution(
        self,
        institution: Address,
        region: int,
        signer: bytes,
        release_key: bytes,
        *,
        officer: Address,
        place: EventPlace,
    ) -> list[LedgerEvent]:
        """Admits an institution; two officers."""
        check_role(self.state, officer, "admitInstitution")
        _require_nonzero(institution)
        check_code(region)
        check_officer_over(self.state, officer, region)
        check_admit_institution(self.state, institution, region, signer, release_key)

        def done() -> list[LedgerEvent]:
            by = authority_of(self.state, officer)
            return [events.InstitutionAdmitted(place, institution, by, region, signer, release_key, ZERO_32)]

        values = (institution, region, signer, release_key, ZERO_32)
        return by_two(self.state, ("admitInstitution", values), officer, region, place, done)

    def change_institution(
        self, institution: Address, standing: Standing, *, officer: Address, place: EventPlace
    ) -> list[LedgerEvent]:
        """Suspends or reinstates an institution; two officers."""
        function = "suspendInstitution" if standing == Standing.SUSPENDED else "reinstateInstitution"
        check_role(self.state, officer, function)
        if standing == Standing.SUSPENDED:
            check_suspension(self.state, institution)
        else:
            check_standing_at(self.state, institution, opposite(standing), place.block.time)

        def done() -> list[LedgerEvent]:
            by = authority_of(self.state, officer)
            return [events.InstitutionStandingChanged(place, institution, by, standing, ZERO_32)]

        return self._over(institution, (function, (institution, ZERO_32)), officer, place, done)

    def suspend_in_emergency(self, institution: Address, *, officer: Address, place: EventPlace) -> list[LedgerEvent]:
        """Suspends an institution at once, and proposes to let it last; one officer."""
        check_role(self.state, officer, "suspendInEmergency")
        check_standing_at(self.state, institution, Standing.ACTIVE, place.block.time)
        check_officer_over(self.state, officer, self.state.institutions[institution].region)
        check_emergency(self.state, institution, officer)
        until, by = place.block.time + EMERGENCY_SECONDS, authority_of(self.state, officer)
        event = events.InstitutionSuspendedInEmergency(place, institution, by, officer, until, ZERO_32)
        self.state.fold(event)
        call = call_of("suspendInstitution", institution, ZERO_32)
        return [event, propose(self.state, call, officer, until, place)]

    def reset_keys(
        self, institution: Address, signer: bytes, release_key: bytes, *, officer: Address, place: EventPlace
    ) -> list[LedgerEvent]:
        """Gives an institution other keys, when its own are lost; two officers."""
        check_role(self.state, officer, "resetInstitutionKeys")
        check_officer_over(self.state, officer, known_institution(self.state, institution).region)
        check_keys(self.state, institution, signer, release_key)

        def done() -> list[LedgerEvent]:
            by = authority_of(self.state, officer)
            return [events.InstitutionKeysRotated(place, institution, by, signer, release_key, 0)]

        call = "resetInstitutionKeys", (institution, signer, release_key)
        return self._over(institution, call, officer, place, done)

    def limit_institution(
        self, institution: Address, daily_limit: int, emergency_limit: int, *, officer: Address, place: EventPlace
    ) -> list[LedgerEvent]:
        """Sets what an institution may do in a day; two officers."""
        check_role(self.state, officer, "limitInstitution")
        known_institution(self.state, institution)

        def done() -> list[LedgerEvent]:
            by = authority_of(self.state, officer)
            return [events.InstitutionLimited(place, institution, by, daily_limit, emergency_limit)]

        call = "limitInstitution", (institution, daily_limit, emergency_limit)
        return self._over(institution, call, officer, place, done)

    def rotate_keys(
        self,
        keys: InstitutionKeys,
        *,
        signature_valid: bool,
        new_signature_valid: bool,
        relay: Address,
        place: EventPlace,
    ) -> events.InstitutionKeysRotated:
        """Gives an institution the keys that it chose itself; any relay may pass this on."""
        if not self.state.is_active_relay(relay, place.block.time):
            raise refusal("ParticipantsRelayRequired", relay)
        check_rotation(self.state, keys, place.block.time)
        if not signature_valid:
            raise refusal("ParticipantsSignatureInvalid", keys.institution)
        if not new_signature_valid:
            raise refusal("ParticipantsNewSignatureInvalid", keys.institution)
        event = events.InstitutionKeysRotated(
            place, keys.institution, ZERO_ADDRESS, keys.signer, keys.release_key, keys.sign_before
        )
        self.state.fold(event)
        return event

    def admit_relay(self, relay: Address, member: Address, *, officer: Address, place: EventPlace) -> list[LedgerEvent]:
        """Lets an account submit signed acts for a member; two officers."""
        check_role(self.state, officer, "admitRelay")
        _require_nonzero(relay)
        region = region_of_member(self.state, member)
        check_officer_over(self.state, officer, region)
        check_admit_relay(self.state, relay, member)

        def done() -> list[LedgerEvent]:
            return [events.RelayAdmitted(place, relay, member)]

        return by_two(self.state, ("admitRelay", (relay, member)), officer, region, place, done)

    def remove_relay(self, relay: Address, *, officer: Address, place: EventPlace) -> events.RelayRemoved:
        """Stops an account from submitting signed acts; one officer."""
        check_role(self.state, officer, "removeRelay")
        member = self.state.relays.get(relay, ZERO_ADDRESS)
        if member == ZERO_ADDRESS:
            raise refusal("ParticipantsUnknown", relay)
        check_officer_over(self.state, officer, region_of_member(self.state, member))
        event = events.RelayRemoved(place, relay, member)
        self.state.fold(event)
        return event

    def change_membership(
        self, group: bytes, institution: Address, *, member: bool, officer: Address, place: EventPlace
    ) -> events.GroupMembershipChanged | None:
        """Enters an institution into a group or takes it out; one officer. Nothing happens when it is so already."""
        check_role(self.state, officer, "changeGroupMembership")
        _require_nonzero(group)
        own = authority_of(self.state, officer)
        if group[: len(own)] != own:
            raise refusal("ParticipantsGroupForbidden", officer, group)
        check_officer_over(self.state, officer, known_institution(self.state, institution).region)
        if ((group, institution) in self.state.members) == member:
            return None
        event = events.GroupMembershipChanged(place, group, institution, member)
        self.state.fold(event)
        return event

    def admit_verifier(self, verifier: Address, *, officer: Address, place: EventPlace) -> list[LedgerEvent]:
        """Lets signers name an ERC-7913 verifier; two officers."""
        check_role(self.state, officer, "admitVerifier")
        check_officer_over(self.state, officer, COUNTRY)
        check_admit_verifier(self.state, verifier)

        def done() -> list[LedgerEvent]:
            return [events.VerifierAdmitted(place, verifier)]

        return by_two(self.state, ("admitVerifier", (verifier,)), officer, COUNTRY, place, done)

    def name_deployment(
        self, name: bytes, deployment: Address, version: int, *, officer: Address, place: EventPlace
    ) -> list[LedgerEvent]:
        """Names a contract of the suite; two officers."""
        check_role(self.state, officer, "nameDeployment")
        check_officer_over(self.state, officer, COUNTRY)
        _require_nonzero(deployment)
        if not any(name) or version == 0:
            raise refusal("ParticipantsZeroValue")

        def done() -> list[LedgerEvent]:
            return [events.DeploymentNamed(place, name, deployment, version)]

        return by_two(self.state, ("nameDeployment", (name, deployment, version)), officer, COUNTRY, place, done)

    def _over(
        self,
        institution: Address,
        call: tuple[str, tuple[object, ...]],
        officer: Address,
        place: EventPlace,
        done: Done,
    ) -> list[LedgerEvent]:
        """Has two officers over an institution do an act."""
        region = self.state.institutions[institution].region
        check_officer_over(self.state, officer, region)
        return by_two(self.state, call, officer, region, place, done)
