"""Decides every access again, from events alone.

The replay holds a `LedgerState` of its own, checks each event against it by the rules of ``core``, notes what does not
fit, and folds the event whatever it found, so that one wrong does not hide the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from consentry.audit.acts import ActChecks
from consentry.audit.brought import Brought
from consentry.audit.digests import UsedRequests
from consentry.audit.findings import Finding, Kind
from consentry.audit.ports import SubmittedRequest
from consentry.core import events, heads
from consentry.core.access import denial, rejection
from consentry.core.acts import following
from consentry.core.authorisations import StandingAuthorisation
from consentry.core.chain import EventPlace
from consentry.core.codes import REJECTIONS, Reason
from consentry.core.events import LedgerEvent
from consentry.core.state import LedgerState
from consentry.core.terms import ZERO_32, AccessEntry, AccessRequest, RequestBatch
from consentry.core.typed_data import Domain, struct_hash
from consentry.crypto.signing import Verifiers


@dataclass
class Replay:
    """A replay in progress.

    Attributes:
        domains: EIP-712 domain of each contract, by its name.
        verifiers: addresses of the ERC-7913 verifiers.
        state: what the events so far amount to.
        findings: what did not fit.
        taken: number of events taken.
        decisions: number of accesses decided again.
        signatures: number of signatures checked again.
        expected: what the rules say of the access or request taken last; none where that cannot be known.
    """

    domains: Mapping[str, Domain]
    verifiers: Verifiers
    state: LedgerState = field(default_factory=lambda: LedgerState(decided=UsedRequests()))
    findings: list[Finding] = field(default_factory=list)
    taken: int = 0
    decisions: int = 0
    expected: Reason | None = None
    _acts: ActChecks = field(init=False)
    _brought: Brought = field(init=False)
    _last: EventPlace | None = None

    def __post_init__(self) -> None:
        self._brought = Brought(self.findings)
        self._acts = ActChecks(self.state, self.domains, self.verifiers, self.findings)

    @property
    def signatures(self) -> int:
        """Number of signatures checked again."""
        return self._acts.signatures

    def take(self, event: LedgerEvent, submitted: SubmittedRequest | None = None) -> None:
        """Checks one event and folds it.

        Args:
            event: the next event in chain order.
            submitted: the item a decision or rejection answers, from calldata; none when it cannot be had.
        """
        self.taken += 1
        self._check_place(event.place)
        self._brought.check(event)
        match event:
            case events.AccessDecided():
                self._check_decision(event, submitted)
            case events.RequestRejected():
                self._check_rejection(event, submitted)
            case _:
                self._acts.check(event)
        self.state.fold(event)
        self._brought.expect(following(self.state, event))
        if isinstance(event, events.AccessDecided):
            self._follow_sequences(event.entry)

    # What `audit.swift` needs: it takes what is as it should be, and leaves everything else to `take`.

    def is_next(self, place: EventPlace) -> bool:
        """Tells whether an event at a place may come next, and none has to come before it."""
        return self._brought.is_even and self._misplaced(place) is None

    def pass_by(self, last: EventPlace, decisions: int, signatures: int) -> None:
        """Counts decisions that were taken elsewhere.

        Args:
            last: place of the last of them.
            decisions: how many.
            signatures: how many signatures were checked for them.
        """
        self.taken += decisions
        self.decisions += decisions
        self._acts.signatures += signatures
        self._last = last

    def remember_batch(self, signer: bytes, batch: RequestBatch, signature: bytes) -> None:
        """Notes that the signature over a batch was checked elsewhere, and holds."""
        self._acts.remember_batch(signer, batch, signature)

    def judge(self, request: AccessRequest, now: int) -> Reason:
        """Decides an authentic request with the right material once more, at block time ``now`` in seconds."""
        terms = self.state.consent(request.consent_id).terms
        facts = self.state.facts_for(request, terms.group if terms else ZERO_32, now, signature_valid=True)
        if facts.institution.standing == 0:
            return Reason.INSTITUTION_UNKNOWN
        if request.record_id not in self.state.records or terms is None:
            return denial(request, self._authorisation(request), facts, now)
        return denial(request, terms, facts, now)

    def finish(self) -> None:
        """Checks what can only be known at the end."""
        self._brought.finish()
        self._acts.finish()

    def _find(
        self, kind: Kind, about: bytes, message: str, *, expected: object, got: object, place: EventPlace | None
    ) -> None:
        self.findings.append(Finding(kind, "0x" + about.hex(), message, str(expected), str(got), place))

    def _check_place(self, place: EventPlace) -> None:
        misplaced, self._last = self._misplaced(place), place
        if misplaced is not None:
            self.findings.append(misplaced)

    def _misplaced(self, place: EventPlace) -> Finding | None:
        """Gives what is wrong with a place behind the last one, if anything is."""
        last = self._last
        if last is None:
            return None
        before, now = (last.block.number, last.log_index), (place.block.number, place.log_index)
        if now <= before or place.block.time < last.block.time:
            message = "an event does not come after the one before it"
            about = "0x" + place.transaction_hash.hex()
            return Finding(Kind.ORDER, about, message, f"after {before}", str(now), place)
        if place.block.number == last.block.number and place.block != last.block:
            message, got = "two events of one block name different blocks", "0x" + place.block.hash.hex()
            return Finding(Kind.BLOCK, got, message, "0x" + last.block.hash.hex(), got, place)
        return None

    # Decisions.

    def _check_decision(self, event: events.AccessDecided, submitted: SubmittedRequest | None) -> None:
        self.decisions += 1
        entry, request, place = event.entry, event.entry.request, event.place
        about = request.institution + request.request_id.to_bytes(32, "big")
        if entry.decided_at != place.block.time:
            message = "a decision was not made at the time of its block"
            self._find(Kind.DECISION_TIME, about, message, expected=place.block.time, got=entry.decided_at, place=place)
        if (request.institution, request.request_id) in self.state.decided:
            message = "a request was decided a second time"
            self._find(Kind.REPLAY, about, message, expected="once", got="again", place=place)
        self._check_line(entry, about, place)
        submitted = self._authentic(event, submitted)
        expected = self.expected = self._decided_again(entry, submitted, about, place)
        if expected != entry.reason:
            self._find(
                Kind.DECISION,
                about,
                "an access was decided differently from the rules",
                expected=expected.name,
                got=_reason_name(entry.reason),
                place=place,
            )

    def _check_line(self, entry: AccessEntry, about: bytes, place: EventPlace) -> None:
        """Compares subject and sequence numbers with those the line must have."""
        line = self.state.entry_for(entry.request, Reason.NONE, entry.decided_at)
        if entry.subject_id != line.subject_id:
            message = "a decision was logged under another subject than that of the record"
            expected, got = "0x" + line.subject_id.hex(), "0x" + entry.subject_id.hex()
            self._find(Kind.DECISION_SUBJECT, about, message, expected=expected, got=got, place=place)
        elif entry.subject_sequence != line.subject_sequence:
            message = "entries of a subject's log are missing or out of order"
            expected_number, number = line.subject_sequence, entry.subject_sequence
            self._find(
                Kind.SUBJECT_SEQUENCE, entry.subject_id, message, expected=expected_number, got=number, place=place
            )
        if entry.institution_sequence != line.institution_sequence:
            message = "entries of an institution's log are missing or out of order"
            self._find(
                Kind.INSTITUTION_SEQUENCE,
                entry.request.institution,
                message,
                expected=line.institution_sequence,
                got=entry.institution_sequence,
                place=place,
            )

    def _authentic(self, event: events.AccessDecided, found: SubmittedRequest | None) -> SubmittedRequest | None:
        """Gives the item as submitted, after checking that it is the one that was decided, and signed."""
        if found is None:
            return None
        request = event.entry.request
        if found.request != request:
            message = "a decided request is not the one that was submitted"
            about = request.institution + request.request_id.to_bytes(32, "big")
            self._find(Kind.MATERIAL, about, message, expected="the request", got="another", place=event.place)
            return None
        known = self.state.institutions.get(request.institution)
        signer = known.signer if known else b""
        self._acts.check_signature("AccessLedger", signer, found.signed, found.signature, event.place)
        return found

    def _decided_again(
        self, entry: AccessEntry, submitted: SubmittedRequest | None, about: bytes, place: EventPlace
    ) -> Reason:
        state, request, now = self.state, entry.request, place.block.time
        terms = state.consent(request.consent_id).terms
        known = state.institution_standing(request.institution, now) != 0
        if known and request.record_id in state.records and terms is not None:
            if submitted is not None:
                facts = state.facts_for(request, terms.group, now, signature_valid=True)
                rejected = rejection(request, submitted.shown, facts)
                if rejected == Reason.SCOPE_PROOF_INVALID:
                    return rejected
            elif terms.records_root != ZERO_32:
                message = "the proof that a record is covered could not be had, so that is taken as it is"
                self._find(Kind.SCOPE_UNPROVEN, about, message, expected="a Merkle proof", got="none", place=place)
        return self.judge(request, now)

    def _authorisation(self, request: AccessRequest) -> StandingAuthorisation | None:
        known = self.state.authorisations.get(request.authorisation_id)
        return known.terms if known else None

    def _follow_sequences(self, entry: AccessEntry) -> None:
        """Goes on from the numbers in the log, so that one gap is found once."""
        if entry.subject_id != ZERO_32:
            found = self.state.subject_heads[entry.subject_id]
            self.state.subject_heads[entry.subject_id] = _renumbered(found, entry.subject_sequence)
        institution = entry.request.institution
        found = self.state.institution_heads[institution]
        self.state.institution_heads[institution] = _renumbered(found, entry.institution_sequence)

    # Rejections.

    def _check_rejection(self, event: events.RequestRejected, submitted: SubmittedRequest | None) -> None:
        expected = self.expected = self._rejected_again(event, submitted)
        if expected is not None and expected != event.reason:
            self._find(
                Kind.REJECTION,
                event.institution + event.request_id.to_bytes(32, "big"),
                "a request was rejected differently from the rules",
                expected=expected.name,
                got=_reason_name(event.reason),
                place=event.place,
            )

    def _rejected_again(self, event: events.RequestRejected, found: SubmittedRequest | None) -> Reason | None:
        """Gives the reason of a rejection; none when it cannot be known without calldata."""
        known = self.state.institutions.get(event.institution)
        if known is None:
            return Reason.INSTITUTION_UNKNOWN
        if event.reason not in REJECTIONS or event.reason == Reason.INSTITUTION_UNKNOWN:
            return Reason.NONE
        if found is not None and struct_hash(found.request) == event.request_hash:
            return self._rejected_as_submitted(found, known.signer, event.place.block.time)
        used = (event.institution, event.request_id) in self.state.decided
        return Reason.NONE if event.reason == Reason.REQUEST_REPLAYED and not used else None

    def _rejected_as_submitted(self, found: SubmittedRequest, signer: bytes, now: int) -> Reason:
        signed = self._acts.holds("AccessLedger", signer, found.signed, found.signature)
        facts = self.state.facts_for(found.request, ZERO_32, now, signature_valid=signed)
        return rejection(found.request, found.shown, facts)


def _renumbered(head: bytes, sequence: int) -> bytes:
    return head[: -heads.SEQUENCE_BYTES] + sequence.to_bytes(heads.SEQUENCE_BYTES, "big")


def _reason_name(reason: int) -> str:
    return Reason(reason).name if reason in Reason._value2member_map_ else f"unknown code {reason}"
