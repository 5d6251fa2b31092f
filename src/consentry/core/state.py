"""The state of the ledger as facts, changed by its events alone."""

from __future__ import annotations

import hashlib
from collections.abc import MutableSet
from dataclasses import dataclass, field, replace
from functools import singledispatchmethod
from typing import Final

from consentry.core import events, heads
from consentry.core.access import ConsentFacts, Facts, InstitutionFacts, JudgedSubject, RecordFacts
from consentry.core.asks import AskFacts
from consentry.core.assisted_grants import AssistanceFacts
from consentry.core.authorisations import AuthorisationState
from consentry.core.codes import DAY, AuthorisationStatus, ConsentStatus, LegalBasis, Reason, RecordStatus, Standing
from consentry.core.emergencies import DebtFacts
from consentry.core.erasures import ErasureFacts
from consentry.core.exclusions import ExclusionFacts, is_excluded
from consentry.core.persons import LinkFacts
from consentry.core.recognitions import RecognitionFacts
from consentry.core.revocations import RevocationFacts
from consentry.core.subject_facts import GuardianFacts, KeyFacts
from consentry.core.terms import (
    ZERO_32,
    ZERO_ADDRESS,
    AccessEntry,
    AccessRequest,
    Address,
    AuthorisationId,
    ConsentId,
    ConsentTerms,
    InstitutionKeys,
    RecordId,
    RecordLeaf,
    SubjectId,
)
from consentry.core.typed_data import struct_hash

DAILY_LIMIT: Final = 100_000
"""Permitted accesses of an institution a day, where none are set."""
EMERGENCY_LIMIT: Final = 50
"""Accesses without consent in an emergency a day, where none are set."""


@dataclass(frozen=True, slots=True)
class AuthorityState:
    """Standing of an authority and the region it acts for."""

    standing: Standing
    region: int


@dataclass(frozen=True, slots=True)
class InstitutionState:
    """What decisions need to know of an institution.

    ``standing`` is as two officers left it; a suspension in emergency by one of them ends at ``suspended_until``,
    block time in seconds. Limits are zero where the default applies.
    """

    standing: Standing
    region: int
    signer: bytes
    release_key_hash: bytes
    suspended_until: int = 0
    daily_limit: int = 0
    emergency_limit: int = 0

    def standing_at(self, now: int) -> Standing:
        """Gives the standing at a block time."""
        return Standing.SUSPENDED if self.standing and now < self.suspended_until else self.standing

    def seen_at(self, now: int) -> InstitutionState:
        """Gives what the contract tells at a block time: the standing then, and defaults in place of zero."""
        return replace(
            self,
            standing=self.standing_at(now),
            daily_limit=self.daily_limit or DAILY_LIMIT,
            emergency_limit=self.emergency_limit or EMERGENCY_LIMIT,
        )


@dataclass(frozen=True, slots=True)
class OfficerState:
    """The authority an officer acts for, and its roles: bit ``1 << role``."""

    authority: Address
    roles: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """An act that waits for a second officer; ``lapses_at`` is in seconds."""

    proposer: Address
    lapses_at: int
    call: bytes


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


@dataclass(frozen=True, slots=True)
class PermitCount:
    """Permitted accesses of an institution on one day, and those of them in an emergency."""

    day: int = 0
    accesses: int = 0
    emergencies: int = 0

    def on(self, day: int) -> PermitCount:
        """Gives the count of a day: this one, or nothing yet."""
        return self if self.day == day else PermitCount(day)


NO_AUTHORITY: Final = AuthorityState(Standing.NONE, 0)
NO_INSTITUTION: Final = InstitutionState(Standing.NONE, 0, b"", ZERO_32)
NO_CONSENT: Final = ConsentState(ConsentStatus.NONE)


@dataclass(slots=True)
class LedgerState:
    """Facts of the chain at one place of its log; ``fold`` moves it past one event."""

    authorities: dict[Address, AuthorityState] = field(default_factory=dict)
    officers: dict[Address, Address] = field(default_factory=dict)
    roles: dict[Address, int] = field(default_factory=dict)
    proposals: dict[bytes, Proposal] = field(default_factory=dict)
    emergency_officers: dict[Address, Address] = field(default_factory=dict)
    used_keys: set[bytes] = field(default_factory=set)
    institutions: dict[Address, InstitutionState] = field(default_factory=dict)
    relays: dict[Address, Address] = field(default_factory=dict)
    members: set[tuple[bytes, Address]] = field(default_factory=set)
    verifiers: set[bytes] = field(default_factory=set)
    subjects: dict[SubjectId, SubjectState] = field(default_factory=dict)
    records: dict[RecordId, RecordState] = field(default_factory=dict)
    consents: dict[ConsentId, ConsentState] = field(default_factory=dict)
    decided: MutableSet[tuple[Address, int]] = field(default_factory=set)
    subject_heads: dict[SubjectId, bytes] = field(default_factory=dict)
    institution_heads: dict[Address, bytes] = field(default_factory=dict)
    performed: set[bytes] = field(default_factory=set)
    exclusions: ExclusionFacts = field(default_factory=ExclusionFacts)
    debts: DebtFacts = field(default_factory=DebtFacts)
    authorisations: dict[AuthorisationId, AuthorisationState] = field(default_factory=dict)
    permits: dict[Address, PermitCount] = field(default_factory=dict)
    links: LinkFacts = field(default_factory=LinkFacts)
    erasures: ErasureFacts = field(default_factory=ErasureFacts)
    recognitions: RecognitionFacts = field(default_factory=RecognitionFacts)
    asks: AskFacts = field(default_factory=AskFacts)
    assistance: AssistanceFacts = field(default_factory=AssistanceFacts)
    revocations: RevocationFacts = field(default_factory=RevocationFacts)
    guardians: GuardianFacts = field(default_factory=GuardianFacts)
    keys: KeyFacts = field(default_factory=KeyFacts)

    def institution_standing(self, institution: Address, now: int) -> Standing:
        """Gives the standing of an institution at a block time; ``NONE`` when it was never admitted."""
        return self.institutions.get(institution, NO_INSTITUTION).standing_at(now)

    def officer(self, officer: Address) -> OfficerState:
        """Gives authority and roles of an officer; zero and none when it is none."""
        return OfficerState(self.officers.get(officer, ZERO_ADDRESS), self.roles.get(officer, 0))

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

    def is_active_relay(self, relay: Address, now: int) -> bool:
        """Tells whether an account is a relay of a member whose standing is active at a block time."""
        member = self.relays.get(relay, ZERO_ADDRESS)
        authority = self.authorities.get(member)
        if authority and authority.standing == Standing.ACTIVE:
            return True
        return self.institution_standing(member, now) == Standing.ACTIVE

    def facts_for(self, request: AccessRequest, group: bytes, now: int, *, signature_valid: bool) -> Facts:
        """Collects what a decision at ``now`` depends on; ``group`` is the one the terms name, or zero."""
        record, consent = self.records.get(request.record_id), self.consent(request.consent_id)
        given = self.authorisations.get(request.authorisation_id)
        return Facts(
            institution=self._institution_facts(request.institution, now),
            record=RecordFacts(record.status, record.leaf) if record else RecordFacts(),
            consent=ConsentFacts(consent.status, consent.uses, consent.granted_at),
            signature_valid=signature_valid,
            request_used=(request.institution, request.request_id) in self.decided,
            group_member=(group, request.institution) in self.members,
            subject=self._judged_subject(request),
            authorisation=given.status if given else AuthorisationStatus.NONE,
        )

    def _institution_facts(self, institution: Address, now: int) -> InstitutionFacts:
        known = self.institutions.get(institution)
        if known is None:
            return InstitutionFacts()
        seen, count = known.seen_at(now), self.permits.get(institution, PermitCount()).on(now // DAY)
        limits = seen.daily_limit, seen.emergency_limit
        return InstitutionFacts(seen.standing, seen.release_key_hash, count.accesses, count.emergencies, *limits)

    def _judged_subject(self, request: AccessRequest) -> JudgedSubject:
        record = self.records.get(request.record_id)
        if record is None:
            return JudgedSubject()
        leaf = record.leaf
        excluded = is_excluded(self, leaf.subject_id, request.institution, request.practitioner, leaf.category)
        noted = self.guardians.facts_of(leaf.subject_id)
        return JudgedSubject(excluded, noted.emergency_forbidden, noted.minor_until)

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
    def _(self, event: events.ActProposed) -> None:
        self.proposals[event.act] = Proposal(event.proposer, event.lapses_at, event.call)

    @fold.register
    def _(self, event: events.ActConfirmed) -> None:
        self.proposals.pop(event.act, None)

    @fold.register
    def _(self, event: events.OfficerAppointed) -> None:
        self.officers[event.officer] = event.authority
        self.roles[event.officer] = self.roles.get(event.officer, 0) | event.roles

    @fold.register
    def _(self, event: events.OfficerDismissed) -> None:
        self.officers.pop(event.officer, None)
        self.roles.pop(event.officer, None)

    @fold.register
    def _(self, event: events.InstitutionAdmitted) -> None:
        self.institutions[event.institution] = InstitutionState(
            Standing.ACTIVE, event.region, event.signer, hashlib.sha256(event.release_key).digest()
        )

    @fold.register
    def _(self, event: events.InstitutionStandingChanged) -> None:
        known = self.institutions.get(event.institution, NO_INSTITUTION)
        self.institutions[event.institution] = replace(known, standing=event.standing, suspended_until=0)
        self.emergency_officers.pop(event.institution, None)

    @fold.register
    def _(self, event: events.InstitutionSuspendedInEmergency) -> None:
        known = self.institutions.get(event.institution, NO_INSTITUTION)
        self.institutions[event.institution] = replace(known, suspended_until=event.until)
        self.emergency_officers[event.institution] = event.officer

    @fold.register
    def _(self, event: events.InstitutionKeysRotated) -> None:
        known = self.institutions.get(event.institution, NO_INSTITUTION)
        release_key_hash = hashlib.sha256(event.release_key).digest()
        self.institutions[event.institution] = replace(known, signer=event.signer, release_key_hash=release_key_hash)
        if event.authority == ZERO_ADDRESS:
            keys = InstitutionKeys(event.institution, event.signer, event.release_key, event.sign_before)
            self.used_keys.add(struct_hash(keys))

    @fold.register
    def _(self, event: events.InstitutionLimited) -> None:
        known = self.institutions.get(event.institution, NO_INSTITUTION)
        self.institutions[event.institution] = replace(
            known, daily_limit=event.daily_limit, emergency_limit=event.emergency_limit
        )

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
        self.assistance.count_granted(event.terms, event.place.block.time)
        self.asks.close(event.terms)

    @fold.register
    def _(self, event: events.ConsentRevoked) -> None:
        known, now = self.consent(event.consent_id), event.place.block.time
        if known.status == ConsentStatus.ACTIVE and known.terms:
            custodian = self.custodian_of(event.subject_id)
            self.assistance.count_undone(event.consent_id, event.subject_id, known.granted_at, now)
            self.revocations.open(event.consent_id, known.terms, custodian, known.uses, now)
        self.consents[event.consent_id] = replace(known, status=ConsentStatus.REVOKED, revoked_at=now)

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
            self._count(request, entry.decided_at)

    def _count(self, request: AccessRequest, now: int) -> None:
        """Counts a permitted access."""
        if request.legal_basis == LegalBasis.CONSENT:
            consent = self.consent(request.consent_id)
            self.consents[request.consent_id] = replace(consent, uses=consent.uses + 1)
        count = self.permits.get(request.institution, PermitCount()).on(now // DAY)
        emergencies = count.emergencies + (request.legal_basis == LegalBasis.EMERGENCY)
        self.permits[request.institution] = PermitCount(count.day, count.accesses + 1, emergencies)

    @fold.register
    def _(self, event: events.RequestRejected) -> None:
        """Nothing was decided, so nothing changes."""

    @fold.register
    def _(self, event: events.ActPerformed) -> None:
        self.performed.add(event.act_hash)
        event.act.leave(self, event)

    @fold.register
    def _(self, event: events.DebtOpened) -> None:
        self.debts.open(event)

    @fold.register
    def _(self, event: events.DebtClosed) -> None:
        """Says what the act before it brought about."""
