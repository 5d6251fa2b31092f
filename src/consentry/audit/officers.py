"""Checks of what officers did: that two of them agreed, who could, and that everything they agreed on is in the log.

The first transaction of the log is the founding: what a deployer says alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_hash.auto import keccak

from consentry.core import admissions, authorities, events
from consentry.core.codes import Standing
from consentry.core.events import LedgerEvent
from consentry.core.offices import FIRST_OFFICES, FOUNDING_OFFICES, FUNCTIONS, call_of, check_separate
from consentry.core.participants import COUNTRY
from consentry.core.refusals import refusal
from consentry.core.state import NO_INSTITUTION, LedgerState, Proposal
from consentry.core.terms import ZERO_ADDRESS, Address, InstitutionKeys
from consentry.core.two_persons import (
    PROPOSAL_SECONDS,
    authority_of,
    check_confirmation,
    check_officer_over,
    check_role,
)

Governed = (
    events.ActProposed
    | events.ActConfirmed
    | events.AuthorityAdmitted
    | events.AuthorityStandingChanged
    | events.OfficerAppointed
    | events.OfficerDismissed
    | events.InstitutionAdmitted
    | events.InstitutionStandingChanged
    | events.InstitutionSuspendedInEmergency
    | events.InstitutionKeysRotated
    | events.InstitutionLimited
    | events.RelayAdmitted
    | events.VerifierAdmitted
    | events.DeploymentNamed
)
"""Events that officers cause; those that one officer causes without being named are checked elsewhere."""


@dataclass
class OfficerChecks:
    """Checks each event of officers against the state before it; the caller folds it afterwards.

    Every check raises `LedgerRejectedError` naming what the contract would have refused with.
    """

    state: LedgerState
    _founding: bytes | None = None
    _confirmed: tuple[events.ActConfirmed, Proposal] | None = None
    _last: LedgerEvent | None = None

    def unfulfilled(self, event: LedgerEvent | None) -> events.ActConfirmed | None:
        """Gives the confirmation that nothing followed, once ``event`` of another transaction comes, or the end."""
        if self._confirmed is None:
            return None
        [confirmed, _] = self._confirmed
        if event is not None and event.place.transaction_hash == confirmed.place.transaction_hash:
            return None
        self._confirmed = None
        return confirmed

    def check(self, event: LedgerEvent) -> None:
        """Checks an event, if officers cause its kind."""
        if self._founding is None:
            self._founding = event.place.transaction_hash
        before, self._last = self._last, event
        if event.place.transaction_hash == self._founding:
            self._check_founding(event)
            return
        match event:
            case events.ActProposed():
                self._check_proposal(event, before)
            case events.ActConfirmed():
                self._check_confirmation(event)
            case events.InstitutionSuspendedInEmergency():
                self._check_emergency(event)
            case events.AuthorityAdmitted() | events.AuthorityStandingChanged():
                self._check_authority(event)
            case events.OfficerAppointed() | events.OfficerDismissed():
                self._check_office(event, before)
            case events.VerifierAdmitted():
                admissions.check_admit_verifier(self.state, event.verifier)
                self._require_two("admitVerifier", (event.verifier,), COUNTRY)
            case events.DeploymentNamed():
                self._require_two("nameDeployment", (event.name, event.deployment, event.version), COUNTRY)
            case _:
                self._check_institution(event)

    def _check_founding(self, event: LedgerEvent) -> None:
        match event:
            case events.AuthorityAdmitted():
                authorities.check_admit_authority(self.state, event.authority, event.region)
                if event.region != COUNTRY:
                    raise refusal("ParticipantsRegionInvalid", event.region)
            case events.OfficerAppointed():
                authorities.check_appointment(self.state, event.authority, event.officer, event.roles)
                if event.roles != FOUNDING_OFFICES:
                    raise refusal("ParticipantsRolesInvalid", event.roles)
            case events.VerifierAdmitted():
                admissions.check_admit_verifier(self.state, event.verifier)
            case events.DeploymentNamed():
                pass
            case _:
                raise refusal("ParticipantsFoundingInvalid")

    def _check_proposal(self, event: events.ActProposed, before: LedgerEvent | None) -> None:
        function = FUNCTIONS.get(event.selector, "")
        if keccak(event.call) != event.act or event.call[:4] != event.selector or not function:
            raise refusal("ParticipantsSecondOfficerRequired", event.act, event.proposer)
        check_role(self.state, event.proposer, function)
        lapses_at = event.place.block.time + PROPOSAL_SECONDS
        if isinstance(before, events.InstitutionSuspendedInEmergency) and before.place.block == event.place.block:
            lapses_at = before.until
        if event.lapses_at != lapses_at:
            raise refusal("ParticipantsSecondOfficerRequired", event.act, event.proposer)

    def _check_confirmation(self, event: events.ActConfirmed) -> None:
        check_confirmation(self.state, event.act, event.officer, event.place.block.time)
        self._confirmed = event, self.state.proposals[event.act]

    def _check_emergency(self, event: events.InstitutionSuspendedInEmergency) -> None:
        now = event.place.block.time
        check_role(self.state, event.officer, "suspendInEmergency")
        admissions.check_standing_at(self.state, event.institution, Standing.ACTIVE, now)
        region = self.state.institutions[event.institution].region
        check_officer_over(self.state, event.officer, region)
        admissions.check_emergency(self.state, event.institution, event.officer)
        if event.until != now + admissions.EMERGENCY_SECONDS:
            raise refusal("ParticipantsStandingMismatch", event.institution, Standing.SUSPENDED, Standing.ACTIVE)
        self._require_own(event.authority, event.officer, region)

    def _check_authority(self, event: events.AuthorityAdmitted | events.AuthorityStandingChanged) -> None:
        if isinstance(event, events.AuthorityAdmitted):
            authorities.check_admit_authority(self.state, event.authority, event.region)
            self._require_two("admitAuthority", (event.authority, event.region, event.profile_hash), COUNTRY)
            return
        authorities.check_change_authority(self.state, event.authority, event.standing)
        function = "suspendAuthority" if event.standing == Standing.SUSPENDED else "reinstateAuthority"
        officer = self._require_two(function, (event.authority, event.reason_hash), COUNTRY)
        if authority_of(self.state, officer) == event.authority:
            raise refusal("ParticipantsOwnStanding", event.authority)

    def _check_office(
        self, event: events.OfficerAppointed | events.OfficerDismissed, before: LedgerEvent | None
    ) -> None:
        if isinstance(event, events.OfficerDismissed):
            if authority_of(self.state, event.officer) != event.authority:
                raise refusal("ParticipantsUnknown", event.officer)
            self._require_two("dismissOfficer", (event.officer,), COUNTRY)
            return
        authorities.check_appointment(self.state, event.authority, event.officer, event.roles)
        check_separate(event.officer, self.state.roles.get(event.officer, 0), event.roles)
        own = (event.authority, event.authority, FIRST_OFFICES)
        if (
            isinstance(before, events.AuthorityAdmitted)
            and before.place.transaction_hash == event.place.transaction_hash
            and (before.authority, event.officer, event.roles) == own
        ):
            return
        self._require_two("appointOfficer", (event.authority, event.officer, event.roles), COUNTRY)

    def _check_institution(self, event: LedgerEvent) -> None:
        state = self.state
        match event:
            case events.InstitutionAdmitted(institution=institution, region=region):
                keys = event.signer, event.release_key
                admissions.check_admit_institution(state, institution, region, *keys)
                self._over(event, region, "admitInstitution", (institution, region, *keys, event.profile_hash))
            case events.InstitutionStandingChanged(institution=institution):
                self._check_standing(event)
            case events.InstitutionKeysRotated(institution=institution, authority=authority) if any(authority):
                keys = event.signer, event.release_key
                region = admissions.known_institution(state, institution).region
                admissions.check_keys(state, institution, *keys)
                self._over(event, region, "resetInstitutionKeys", (institution, *keys))
            case events.InstitutionKeysRotated():
                made = InstitutionKeys(event.institution, event.signer, event.release_key, event.sign_before)
                admissions.check_rotation(state, made, event.place.block.time)
            case events.InstitutionLimited(institution=institution):
                limits = event.daily_limit, event.emergency_limit
                region = admissions.known_institution(state, institution).region
                self._over(event, region, "limitInstitution", (institution, *limits))
            case events.RelayAdmitted():
                admissions.check_admit_relay(state, event.relay, event.member)
                region = admissions.region_of_member(state, event.member)
                self._require_two("admitRelay", (event.relay, event.member), region)

    def _check_standing(self, event: events.InstitutionStandingChanged) -> None:
        if event.standing == Standing.SUSPENDED:
            admissions.check_suspension(self.state, event.institution)
            function = "suspendInstitution"
        else:
            now = event.place.block.time
            admissions.check_standing_at(self.state, event.institution, Standing.SUSPENDED, now)
            function = "reinstateInstitution"
        region = self.state.institutions.get(event.institution, NO_INSTITUTION).region
        self._over(event, region, function, (event.institution, event.reason_hash))

    def _over(
        self,
        event: events.InstitutionAdmitted
        | events.InstitutionStandingChanged
        | events.InstitutionKeysRotated
        | events.InstitutionLimited,
        region: int,
        function: str,
        values: tuple[object, ...],
    ) -> None:
        officer = self._require_two(function, values, region)
        self._require_own(event.authority, officer, region)

    def _require_own(self, authority: Address, officer: Address, region: int) -> None:
        if authority_of(self.state, officer) != authority:
            raise refusal("ParticipantsRegionForbidden", officer, region)

    def _require_two(self, function: str, values: tuple[object, ...], region: int) -> Address:
        """Checks that two officers agreed on exactly this act a moment ago; gives the second one."""
        act = keccak(call_of(function, *values))
        if self._confirmed is None or self._confirmed[0].act != act:
            raise refusal("ParticipantsSecondOfficerRequired", act, ZERO_ADDRESS)
        [confirmed, proposal] = self._confirmed
        self._confirmed = None
        for officer in (confirmed.officer, proposal.proposer):
            check_role(self.state, officer, function)
            check_officer_over(self.state, officer, region)
        return confirmed.officer
