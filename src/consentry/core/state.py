"""The state of the ledger as facts, changed by its events alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import singledispatchmethod
from typing import Final

from consentry.core import events, heads
from consentry.core.access import ConsentFacts, Facts, InstitutionFacts, RecordFacts
from consentry.core.codes import ConsentStatus, Reason, RecordStatus, Standing
from consentry.core.exclusions import ExclusionFacts
from consentry.core.subject_facts import GuardianFacts, KeyFacts
from consentry.core.terms import (
    ZERO_32,
    ZERO_ADDRESS,
    AccessEntry,
    AccessRequest,
    Address,
    ConsentId,
    ConsentTerms,
    RecordId,
    RecordLeaf,
    SubjectId,
)


@dataclass(frozen=True, slots=True)
class AuthorityState:
    """Standing of an authority and the region it acts for."""

    standing: Standing
    region: int


@dataclass(frozen=True, slots=True)
class InstitutionState:
    """What decisions need to know of an institution."""

    standing: Standing
    region: int
    signer: bytes
    release_key_hash: bytes


@dataclass(frozen=True, slots=True)
class SubjectState:
    """Who enrolled a subject, and its ERC-7913 signer."""

    custodian: Address
    signer: bytes


@dataclass(frozen=True, slots=True)
class RecordState:
    """Status of a record version and its leaf; ``anchored_at`` is block time in seconds."""

    status: RecordStatus
    anchored_at: int
    leaf: RecordLeaf


@dataclass(frozen=True, slots=True)
class ConsentState:
    """The one slot of a consent; times in seconds, terms unknown when it was refused before it was granted."""

    status: ConsentStatus
    uses: int = 0
    granted_at: int = 0
    revoked_at: int = 0
    terms: ConsentTerms | None = None


NO_AUTHORITY: Final = AuthorityState(Standing.NONE, 0)
NO_INSTITUTION: Final = InstitutionState(Standing.NONE, 0, b"", ZERO_32)
NO_CONSENT: Final = ConsentState(ConsentStatus.NONE)


@dataclass(slots=True)
class LedgerState:
    """Facts of the chain at one place of its log; ``fold`` moves it past one event."""

    authorities: dict[Address, AuthorityState] = field(default_factory=dict)
    institutions: dict[Address, InstitutionState] = field(default_factory=dict)
    relays: dict[Address, Address] = field(default_factory=dict)
    members: set[tuple[bytes, Address]] = field(default_factory=set)
    verifiers: set[bytes] = field(default_factory=set)
    subjects: dict[SubjectId, SubjectState] = field(default_factory=dict)
    records: dict[RecordId, RecordState] = field(default_factory=dict)
    consents: dict[ConsentId, ConsentState] = field(default_factory=dict)
    decided: set[tuple[Address, int]] = field(default_factory=set)
    subject_heads: dict[SubjectId, bytes] = field(default_factory=dict)
    institution_heads: dict[Address, bytes] = field(default_factory=dict)
    performed: set[bytes] = field(default_factory=set)
    exclusions: ExclusionFacts = field(default_factory=ExclusionFacts)
    guardians: GuardianFacts = field(default_factory=GuardianFacts)
    keys: KeyFacts = field(default_factory=KeyFacts)

    def institution_standing(self, institution: Address) -> Standing:
        """Gives the standing of an institution; ``NONE`` when it was never admitted."""
        known = self.institutions.get(institution)
        return known.standing if known else Standing.NONE

    def custodian_of(self, subject_id: SubjectId) -> Address:
        """Gives who enrolled a subject; zero when it is unknown."""
        known = self.subjects.get(subject_id)
        return known.custodian if known else ZERO_ADDRESS

    def record_status(self, record_id: RecordId) -> RecordStatus:
        """Gives the status of a record version; ``NONE`` when it was never anchored."""
        known = self.records.get(record_id)
        return known.status if known else RecordStatus.NONE

    def consent(self, consent_id: ConsentId) -> ConsentState:
        """Gives the state of a consent; status ``NONE`` when the chain never heard of it."""
        return self.consents.get(consent_id, NO_CONSENT)

    def subject_head(self, subject_id: SubjectId) -> bytes:
        """Gives the head of a subject's log; zero when it is empty."""
        return self.subject_heads.get(subject_id, ZERO_32)

    def institution_head(self, institution: Address) -> bytes:
        """Gives the head of an institution's log; zero when it is empty."""
        return self.institution_heads.get(institution, ZERO_32)

    def is_active_relay(self, relay: Address) -> bool:
        """Tells whether an account is a relay of a member whose standing is active."""
        member = self.relays.get(relay, ZERO_ADDRESS)
        authority = self.authorities.get(member)
        if authority and authority.standing == Standing.ACTIVE:
            return True
        return self.institution_standing(member) == Standing.ACTIVE

    def facts_for(self, request: AccessRequest, group: bytes, *, signature_valid: bool) -> Facts:
        """Collects what a decision on the request depends on; ``group`` is the one its terms name, or zero."""
        institution = self.institutions.get(request.institution)
        record, consent = self.records.get(request.record_id), self.consent(request.consent_id)
        return Facts(
            institution=InstitutionFacts(institution.standing, institution.release_key_hash)
            if institution
            else InstitutionFacts(),
            record=RecordFacts(record.status, record.leaf) if record else RecordFacts(),
            consent=ConsentFacts(consent.status, consent.uses),
            signature_valid=signature_valid,
            request_used=(request.institution, request.request_id) in self.decided,
            group_member=(group, request.institution) in self.members,
        )

    def entry_for(self, request: AccessRequest, reason: Reason, now: int) -> AccessEntry:
        """Gives the next line of the log for a decision; no subject is concerned when the record is unknown."""
        record = self.records.get(request.record_id)
        subject = record.leaf.subject_id if record else SubjectId(ZERO_32)
        return AccessEntry(
            request=request,
            subject_id=subject,
            reason=reason,
            decided_at=now,
            subject_sequence=heads.sequence_of(self.subject_head(subject)) + 1 if record else 0,
            institution_sequence=heads.sequence_of(self.institution_head(request.institution)) + 1,
        )

    @singledispatchmethod
    def fold(self, event: events.LedgerEvent) -> None:
        """Moves the state past one event, unchecked.

        Raises:
            TypeError: the event is of no known kind.
        """
        raise TypeError(f"kind of event does not match (got {type(event).__name__}, expected one of core.events)")

    @fold.register
    def _(self, event: events.AuthorityAdmitted) -> None:
        self.authorities[event.authority] = AuthorityState(Standing.ACTIVE, event.region)

    @fold.register
    def _(self, event: events.AuthorityStandingChanged) -> None:
        known = self.authorities.get(event.authority, NO_AUTHORITY)
        self.authorities[event.authority] = replace(known, standing=event.standing)

    @fold.register
    def _(self, event: events.InstitutionAdmitted) -> None:
        self.institutions[event.institution] = InstitutionState(
            Standing.ACTIVE, event.region, event.signer, hashlib.sha256(event.release_key).digest()
        )

    @fold.register
    def _(self, event: events.InstitutionStandingChanged) -> None:
        known = self.institutions.get(event.institution, NO_INSTITUTION)
        self.institutions[event.institution] = replace(known, standing=event.standing)

    @fold.register
    def _(self, event: events.RelayAdmitted) -> None:
        self.relays[event.relay] = event.member

    @fold.register
    def _(self, event: events.RelayRemoved) -> None:
        self.relays.pop(event.relay, None)

    @fold.register
    def _(self, event: events.GroupMembershipChanged) -> None:
        change = self.members.add if event.member else self.members.discard
        change((event.group, event.institution))

    @fold.register
    def _(self, event: events.VerifierAdmitted) -> None:
        self.verifiers.add(event.verifier)

    @fold.register
    def _(self, event: events.DeploymentNamed) -> None:
        """Names no fact a decision depends on."""

    @fold.register
    def _(self, event: events.RecoveryDelaySet) -> None:
        self.keys.delay = event.delay

    @fold.register
    def _(self, event: events.SubjectEnrolled) -> None:
        self.subjects[event.subject_id] = SubjectState(event.custodian, event.signer)

    @fold.register
    def _(self, event: events.RecordAnchored) -> None:
        self.records[event.record_id] = RecordState(RecordStatus.CURRENT, event.place.block.time, event.leaf)

    @fold.register
    def _(self, event: events.RecordSuperseded) -> None:
        known = self.records.get(event.record_id)
        if known:
            self.records[event.record_id] = replace(known, status=RecordStatus.SUPERSEDED)

    @fold.register
    def _(self, event: events.ConsentGranted) -> None:
        self.consents[event.consent_id] = ConsentState(
            ConsentStatus.ACTIVE, granted_at=event.place.block.time, terms=event.terms
        )

    @fold.register
    def _(self, event: events.ConsentRevoked) -> None:
        known = self.consent(event.consent_id)
        self.consents[event.consent_id] = replace(
            known, status=ConsentStatus.REVOKED, revoked_at=event.place.block.time
        )

    @fold.register
    def _(self, event: events.BatchSubmitted) -> None:
        """Says who signed; what was decided follows."""

    @fold.register
    def _(self, event: events.AccessDecided) -> None:
        entry, request = event.entry, event.entry.request
        self.decided.add((request.institution, request.request_id))
        digest = heads.hash_of(entry)
        head = self.institution_head(request.institution)
        self.institution_heads[request.institution] = heads.advance(
            heads.institution_key(request.institution), head, digest
        )
        if entry.subject_id != ZERO_32:
            head = self.subject_head(entry.subject_id)
            self.subject_heads[entry.subject_id] = heads.advance(heads.subject_key(entry.subject_id), head, digest)
        if entry.reason == Reason.NONE:
            consent = self.consent(request.consent_id)
            self.consents[request.consent_id] = replace(consent, uses=consent.uses + 1)

    @fold.register
    def _(self, event: events.RequestRejected) -> None:
        """Nothing was decided, so nothing changes."""

    @fold.register
    def _(self, event: events.ActPerformed) -> None:
        self.performed.add(event.act_hash)
        event.act.leave(self, event)
