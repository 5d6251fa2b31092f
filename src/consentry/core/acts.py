"""Signed acts on the state: enrol, anchor, supersede, grant, revoke, decide.

A pure machine with the rules of the contracts: each act is checked, becomes an event, and the event changes the state.
Whether a signature holds is an input, because checking one takes cryptography.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consentry.core import events
from consentry.core.access import as_seen, decide, shown_of
from consentry.core.asks import check_answer
from consentry.core.assisted_grants import check_assistable
from consentry.core.batch_tree import batch_of
from consentry.core.chain import EventPlace
from consentry.core.codes import REJECTIONS, LegalBasis, Reason
from consentry.core.consent import check_grant, check_revoke
from consentry.core.emergencies import debt_id
from consentry.core.participants import is_acceptable_signer
from consentry.core.record import check_anchorable, check_first, check_signed, check_successor
from consentry.core.refusals import refusal
from consentry.core.signed_act import Holds, SignedAct
from consentry.core.state import LedgerState
from consentry.core.subject import check_enrol
from consentry.core.terms import (
    ZERO_32,
    ZERO_ADDRESS,
    AccessRequest,
    Address,
    ConsentTerms,
    Enrolment,
    Material,
    RecordLeaf,
    RequestBatch,
    SubjectId,
)
from consentry.core.typed_data import consent_id, record_id, struct_hash


def parties_of(act: SignedAct) -> tuple[SubjectId, Address]:
    """Gives the subject and the institution an act concerns; zero where there is none."""
    return getattr(act, "subject_id", SubjectId(ZERO_32)), getattr(act, "institution", ZERO_ADDRESS)


def check_act(state: LedgerState, act: SignedAct, signatures: Sequence[bytes], holds: Holds, now: int) -> None:
    """Checks a signed act at block time ``now``, in seconds, but for who submits it.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    act_hash, needed = struct_hash(act), len(act.FORM.signers)
    if len(signatures) != needed:
        raise refusal("ActSignaturesMismatch", len(signatures), needed)
    if now >= act.sign_before:
        raise refusal("ActExpired", act.sign_before, now)
    if act_hash in state.performed:
        raise refusal("ActRepeated", act_hash)
    act.check(state, holds, now)


def following(state: LedgerState, event: events.LedgerEvent) -> tuple[events.LedgerEvent, ...]:
    """Gives the events that stand behind one in the same transaction because of it; ``state`` is the one after it."""
    if isinstance(event, events.ActPerformed):
        return event.act.brings(state, event)
    return _debt_of(event) if isinstance(event, events.AccessDecided) else ()


def _debt_of(event: events.AccessDecided) -> tuple[events.DebtOpened, ...]:
    """Gives what a permitted access owes: something for an emergency, nothing for any other."""
    request, permitted = event.entry.request, event.entry.reason == Reason.NONE
    if not permitted or request.legal_basis != LegalBasis.EMERGENCY:
        return ()
    named = debt_id(request.institution, request.request_id)
    return (
        events.DebtOpened(
            event.place, named, event.entry.subject_id, request.institution, request.request_id, request.practitioner
        ),
    )


def check_life(state: LedgerState, terms: ConsentTerms, now: int) -> None:
    """Checks what a grant owes to what went before it: whether staff prepared it, and whether it answers an ask.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    check_assistable(state, terms, now)
    check_answer(state, terms, now)


BatchEvent = events.BatchSubmitted | events.AccessDecided | events.DebtOpened | events.RequestRejected


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a batch: a request, its material, and whether its institution's signature holds."""

    request: AccessRequest
    material: Material
    signature_valid: bool


def seen_batch(items: Sequence[Item]) -> RequestBatch:
    """Gives the batch as the contract puts it together: its requests with the consents whose terms are shown."""
    seen = [as_seen(item.request, shown_of(item.request, item.material)) for item in items]
    return batch_of(items[0].request.institution, seen)


@dataclass(slots=True)
class Acts:
    """Checks each act, folds its events into ``state`` and gives them back.

    Every method raises `LedgerRejectedError` naming the Solidity error when the contract would refuse.
    ``relay`` is the account that submits the act, ``place`` is where it is mined; its time is block time.
    """

    state: LedgerState

    def enrol(
        self,
        enrolment: Enrolment,
        *,
        subject_signature_valid: bool,
        custodian_signature_valid: bool,
        relay: Address,
        place: EventPlace,
    ) -> events.SubjectEnrolled:
        """Enrols a subject."""
        self._require_relay(relay, place, "SubjectsRelayRequired")
        check_enrol(
            enrolment,
            subject_known=enrolment.subject_id in self.state.subjects,
            custodian_standing=self.state.institution_standing(enrolment.custodian, place.block.time),
            signer_acceptable=is_acceptable_signer(enrolment.signer, self.state.verifiers),
            subject_signature_valid=subject_signature_valid,
            custodian_signature_valid=custodian_signature_valid,
            now=place.block.time,
        )
        event = events.SubjectEnrolled(place, enrolment.subject_id, enrolment.custodian, enrolment.signer)
        self.state.fold(event)
        return event

    def anchor(
        self, leaf: RecordLeaf, *, signature_valid: bool, relay: Address, place: EventPlace
    ) -> events.RecordAnchored:
        """Anchors a first version."""
        self._require_relay(relay, place, "RecordsRelayRequired")
        self._check_anchorable(leaf, place)
        check_first(leaf)
        check_signed(leaf, signature_valid=signature_valid)
        return self._write(leaf, place)

    def supersede(
        self, previous: RecordLeaf, leaf: RecordLeaf, *, signature_valid: bool, relay: Address, place: EventPlace
    ) -> tuple[events.RecordSuperseded, events.RecordAnchored]:
        """Anchors the next version of a record."""
        self._require_relay(relay, place, "RecordsRelayRequired")
        self._check_anchorable(leaf, place)
        before = record_id(previous)
        check_successor(leaf, previous, self.state.record_status(before))
        check_signed(leaf, signature_valid=signature_valid)
        superseded = events.RecordSuperseded(place, before, record_id(leaf))
        self.state.fold(superseded)
        return superseded, self._write(leaf, place)

    def grant(
        self, terms: ConsentTerms, signature: bytes, *, signature_valid: bool, relay: Address, place: EventPlace
    ) -> events.ConsentGranted:
        """Grants a consent."""
        self._require_relay(relay, place, "ConsentsRelayRequired")
        identifier = consent_id(terms)
        check_grant(
            terms,
            self.state.consent(identifier).status,
            subject_known=terms.subject_id in self.state.subjects,
            grantee_standing=self.state.institution_standing(terms.institution, place.block.time),
            signature_valid=signature_valid,
            now=place.block.time,
            further=lambda: check_life(self.state, terms, place.block.time),
        )
        event = events.ConsentGranted(place, identifier, terms.subject_id, terms, signature)
        self.state.fold(event)
        return event

    def revoke(
        self,
        terms: ConsentTerms,
        signature: bytes,
        *,
        signature_valid: bool,
        relay: Address,
        place: EventPlace,
        guardian: bytes = ZERO_32,
    ) -> events.ConsentRevoked:
        """Takes a consent back, also before it was granted; ``guardian`` is zero when the subject does."""
        self._require_relay(relay, place, "ConsentsRelayRequired")
        identifier = consent_id(terms)
        check_revoke(
            terms,
            guardian,
            self.state.consent(identifier).status,
            subject_known=terms.subject_id in self.state.subjects,
            shielded=self.state.guardians.facts_of(terms.subject_id).is_shielded_minor(place.block.time),
            signature_valid=signature_valid,
        )
        event = events.ConsentRevoked(place, identifier, terms.subject_id, guardian, signature)
        self.state.fold(event)
        return event

    def perform(
        self, act: SignedAct, signatures: Sequence[bytes], *, holds: Holds, relay: Address, place: EventPlace
    ) -> tuple[events.LedgerEvent, ...]:
        """Takes a signed act of a life cycle; its event comes first."""
        self._require_relay(relay, place, "ActRelayRequired")
        check_act(self.state, act, signatures, holds, place.block.time)
        event = events.ActPerformed(place, struct_hash(act), *parties_of(act), act, tuple(signatures))
        self.state.fold(event)
        found = following(self.state, event)
        for each in found:
            self.state.fold(each)
        return event, *found

    def decide(self, items: Sequence[Item], *, relay: Address, place: EventPlace) -> list[BatchEvent]:
        """Decides a batch in order; each item sees what the items before it changed."""
        self._require_relay(relay, place, "AccessLedgerRelayRequired")
        if not items:
            raise refusal("AccessLedgerBatchMalformed", 0, 0)
        return [event for item in items for event in self._decide(item, relay, place)]

    def decide_batch(
        self, items: Sequence[Item], signature: bytes, *, relay: Address, place: EventPlace
    ) -> list[BatchEvent]:
        """Decides a batch of one institution that was signed as a whole; whether it was stands in every item.

        The signature has to be over `seen_batch`: what a relay shows wrongly makes another batch.
        """
        self._require_relay(relay, place, "AccessLedgerRelayRequired")
        if not items:
            raise refusal("AccessLedgerBatchMalformed", 0, 0)
        institutions = {item.request.institution for item in items}
        if len(institutions) != 1:
            raise refusal("AccessLedgerInstitutionsInvalid", len(institutions))
        batch = seen_batch(items)
        submitted = events.BatchSubmitted(place, batch.institution, batch.root, batch.size, signature)
        self.state.fold(submitted)
        return [submitted, *(event for item in items for event in self._decide(item, relay, place))]

    def _decide(self, item: Item, relay: Address, place: EventPlace) -> tuple[BatchEvent, ...]:
        """Decides one item; what it brings stands behind it."""
        request, terms = item.request, item.material.terms
        group, now = terms.group if terms else ZERO_32, place.block.time
        facts = self.state.facts_for(request, group, now, signature_valid=item.signature_valid)
        reason = decide(request, item.material, facts, now)
        if reason in REJECTIONS:
            seen = struct_hash(as_seen(request, shown_of(request, item.material)))
            rejected = events.RequestRejected(place, request.request_id, request.institution, seen, reason, relay)
            self.state.fold(rejected)
            return (rejected,)
        decided = events.AccessDecided(place, self.state.entry_for(request, reason, now))
        self.state.fold(decided)
        debt = _debt_of(decided)
        for each in debt:
            self.state.fold(each)
        return decided, *debt

    def _check_anchorable(self, leaf: RecordLeaf, place: EventPlace) -> None:
        check_anchorable(
            leaf,
            self.state.record_status(record_id(leaf)),
            custodian_standing=self.state.institution_standing(leaf.custodian, place.block.time),
            subject_custodian=self.state.custodian_of(leaf.subject_id),
        )

    def _write(self, leaf: RecordLeaf, place: EventPlace) -> events.RecordAnchored:
        event = events.RecordAnchored(place, record_id(leaf), leaf.subject_id, leaf.custodian, leaf)
        self.state.fold(event)
        return event

    def _require_relay(self, relay: Address, place: EventPlace, error: str) -> None:
        if not self.state.is_active_relay(relay, place.block.time):
            raise refusal(error, relay)
