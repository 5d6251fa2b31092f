"""Checks of everything that is no decision: admissions, enrolments, anchors, grants, revocations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import singledispatchmethod

from consentry.audit.findings import Finding, Kind
from consentry.audit.officers import Governed, OfficerChecks
from consentry.core import admissions, events
from consentry.core.acts import check_act, check_life, parties_of
from consentry.core.chain import EventPlace
from consentry.core.codes import RecordStatus
from consentry.core.consent import check_grant, check_revocation
from consentry.core.events import LedgerEvent
from consentry.core.participants import is_acceptable_signer, keeper_of
from consentry.core.record import check_anchorable, check_first, check_successor
from consentry.core.refusals import refusal
from consentry.core.signers import granters, revokers
from consentry.core.state import LedgerState
from consentry.core.subject import check_enrol
from consentry.core.terms import ZERO_32, AccessRequest, ConsentTerms, Enrolment, RecordId, RequestBatch, Revocation
from consentry.core.typed_data import Domain, SignedStruct, consent_id, digest, record_id, struct_hash
from consentry.crypto import signing
from consentry.crypto.signing import Verifiers
from consentry.errors import ConsentryError, LedgerRejectedError


@dataclass
class ActChecks:
    """Checks each event against the state before it; the caller folds it afterwards.

    Which account called is no part of the events, so relays and the table of roles are not checked.
    """

    state: LedgerState
    domains: Mapping[str, Domain]
    verifiers: Verifiers
    findings: list[Finding]
    signatures: int = 0
    _last_batch: tuple[object, bool] = (None, False)
    _superseded: dict[RecordId, events.RecordSuperseded] = field(default_factory=dict)
    _officers: OfficerChecks = field(init=False)

    def __post_init__(self) -> None:
        self._officers = OfficerChecks(self.state)

    def check(self, event: LedgerEvent) -> None:
        """Notes what the contracts would have refused."""
        self._note_unfulfilled(event)
        try:
            self._check(event)
        except LedgerRejectedError as refused:
            error = refused.details["solidity"]
            message = f"{type(event).__name__} stands in the log, but the contract would refuse it"
            self._find(Kind.ACT, event, message, expected=f"refused with {error}", got="accepted")

    def _note_unfulfilled(self, event: LedgerEvent | None) -> None:
        confirmed = self._officers.unfulfilled(event)
        if confirmed is not None:
            message = "two officers agreed on an act, but what it changed is not in the log"
            self._find(Kind.IDENTITY, confirmed, message, expected="its event", got="nothing")

    def finish(self) -> None:
        """Notes what was announced in the log and never came: versions, acts of officers."""
        self._note_unfulfilled(None)
        for event in self._superseded.values():
            message = "a version was superseded by one that was never anchored"
            self._find(Kind.IDENTITY, event, message, expected="RecordAnchored", got="nothing")

    def holds(self, contract: str, signer: bytes, value: SignedStruct, signature: bytes) -> bool:
        """Tells whether a signature is the signer's."""
        asked = (contract, signer, value, signature)
        if isinstance(value, RequestBatch) and self._last_batch[0] == asked:
            # Every request of a batch stands under the same signature: one look is enough.
            return self._last_batch[1]
        held = self._looked_at(*asked)
        if isinstance(value, RequestBatch):
            self._last_batch = asked, held
        return held

    def remember_batch(self, signer: bytes, batch: RequestBatch, signature: bytes) -> None:
        """Notes that the signature over a batch holds; one look at it counts once."""
        asked = ("AccessLedger", signer, batch, signature)
        self.signatures += self._last_batch[0] != asked
        self._last_batch = asked, True

    def _looked_at(self, contract: str, signer: bytes, value: SignedStruct, signature: bytes) -> bool:
        self.signatures += 1
        try:
            signing.verify(signer, digest(self.domains[contract], value), signature, self.verifiers)
        except ConsentryError:
            return False
        return True

    def check_signature(
        self, contract: str, signer: bytes, value: SignedStruct, signature: bytes, place: EventPlace
    ) -> None:
        """Notes a signature that is not the signer's; ``about`` of the finding is the signer."""
        if not self.holds(contract, signer, value, signature):
            message = f"a {type(value).__name__} on chain is not signed by the signer it needs"
            about = "0x" + signer.hex()
            # The ledger asks no contract about a request, so code at an institution's account excuses nothing there.
            kind = Kind.REQUEST_SIGNATURE if isinstance(value, AccessRequest | RequestBatch) else Kind.SIGNATURE
            self.findings.append(Finding(kind, about, message, "its signature", "another", place))

    def _find(self, kind: Kind, event: LedgerEvent, message: str, *, expected: str, got: str) -> None:
        self.findings.append(Finding(kind, _about(event), message, expected, got, event.place))

    def _same(self, event: LedgerEvent, what: str, got: bytes, expected: bytes) -> None:
        if got != expected:
            message = f"{what} in {type(event).__name__} is not that of its content"
            self._find(Kind.IDENTITY, event, message, expected="0x" + expected.hex(), got="0x" + got.hex())

    @singledispatchmethod
    def _check(self, event: LedgerEvent) -> None:
        """Events that nothing can be wrong with by themselves."""

    @_check.register
    def _(self, event: Governed) -> None:
        self._officers.check(event)

    @_check.register
    def _(self, event: events.RelayRemoved) -> None:
        if self.state.relays.get(event.relay) != event.member:
            raise refusal("ParticipantsUnknown", event.relay)

    @_check.register
    def _(self, event: events.GroupMembershipChanged) -> None:
        # Only the keeper in the group's name can have done it.
        admissions.check_membership(self.state, event.group, event.institution, keeper_of(event.group))

    @_check.register
    def _(self, event: events.SubjectEnrolled) -> None:
        now = event.place.block.time
        check_enrol(
            Enrolment(event.subject_id, event.signer, event.custodian, now + 1),
            subject_known=event.subject_id in self.state.subjects,
            custodian_standing=self.state.institution_standing(event.custodian, now),
            signer_acceptable=is_acceptable_signer(event.signer, self.state.verifiers),
            subject_signature_valid=True,
            custodian_signature_valid=True,
            now=now,
        )

    @_check.register
    def _(self, event: events.RecordAnchored) -> None:
        leaf = event.leaf
        self._same(event, "record id", event.record_id, record_id(leaf))
        self._same(event, "subject", event.subject_id, leaf.subject_id)
        self._same(event, "custodian", event.custodian, leaf.custodian)
        superseded = self._superseded.pop(event.record_id, None)
        check_anchorable(
            leaf,
            self.state.record_status(event.record_id),
            custodian_standing=self.state.institution_standing(leaf.custodian, event.place.block.time),
            subject_custodian=self.state.custodian_of(leaf.subject_id),
        )
        previous = self.state.records.get(superseded.record_id) if superseded else None
        if previous:
            check_successor(leaf, previous.leaf, RecordStatus.CURRENT)
        else:
            check_first(leaf)

    @_check.register
    def _(self, event: events.RecordSuperseded) -> None:
        status = self.state.record_status(event.record_id)
        if status != RecordStatus.CURRENT:
            raise refusal("RecordsPreviousNotCurrent", event.record_id, status)
        self._superseded[event.by] = event

    @_check.register
    def _(self, event: events.ConsentGranted) -> None:
        terms = event.terms
        self._same(event, "consent id", event.consent_id, consent_id(terms))
        self._same(event, "subject", event.subject_id, terms.subject_id)
        now, known = event.place.block.time, terms.subject_id in self.state.subjects
        if known:
            able = granters(self.state, terms, now)
            self._check_one_of(able, terms, event.signature, event.place)
        check_grant(
            terms,
            self.state.consent(event.consent_id).status,
            subject_known=known,
            grantee_standing=self.state.institution_standing(terms.institution, now),
            signature_valid=True,
            now=now,
            further=lambda: check_life(self.state, terms, now),
        )

    def _check_one_of(
        self, able: Sequence[bytes], value: ConsentTerms | Revocation, signature: bytes, place: EventPlace
    ) -> None:
        """Notes a grant or a revocation that none of those signed who could; ``about`` is the first of them."""
        signed = (each for each in able[1:] if self.holds("Consents", each, value, signature))
        self.check_signature("Consents", next(signed, able[0] if able else b""), value, signature, place)

    @_check.register
    def _(self, event: events.ConsentRevoked) -> None:
        known = self.state.consent(event.consent_id)
        if known.terms:
            self._same(event, "subject", event.subject_id, known.terms.subject_id)
        subject_known = event.subject_id in self.state.subjects
        if subject_known:
            revocation = Revocation(event.consent_id, event.subject_id, event.guardian)
            able = revokers(self.state, event.subject_id, event.guardian, event.place.block.time)
            self._check_one_of(able, revocation, event.signature, event.place)
        facts = self.state.guardians.facts_of(event.subject_id)
        # Of a consent that was refused before it was granted nobody knows whose it would have been.
        own = known.terms is not None and known.terms.guardian == ZERO_32
        shielded = own and facts.is_shielded_minor(event.place.block.time)
        check_revocation(
            event.consent_id,
            event.subject_id,
            known.status,
            subject_known=subject_known,
            kept_from=event.guardian if shielded else ZERO_32,
            signature_valid=True,
        )

    @_check.register
    def _(self, event: events.ActPerformed) -> None:
        act = event.act
        subject_id, institution = parties_of(act)
        self._same(event, "hash", event.act_hash, struct_hash(act))
        self._same(event, "subject", event.subject_id, subject_id)
        self._same(event, "institution", event.institution, institution)

        def holds(place: int, signer: bytes) -> bool:
            # Noted where it does not: what else is wrong with the act is to be seen, too.
            self.check_signature(act.FORM.contract, signer, act, event.signatures[place], event.place)
            return True

        check_act(self.state, act, event.signatures, holds, event.place.block.time)


def _about(event: LedgerEvent) -> str:
    """Gives the id an event is about: its first field behind the place."""
    found = getattr(event, fields(event)[1].name)
    return "0x" + found.hex() if isinstance(found, bytes) else str(found)
