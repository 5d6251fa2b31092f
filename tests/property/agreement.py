"""The ledger twice: the core's state machine and the contracts, given the same acts, compared act by act."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from consentry.core import events
from consentry.core.acts import Acts, Item, seen_batch
from consentry.core.admissions import Admissions
from consentry.core.batch_tree import batch_of
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import GuardianScope, Reason, Standing
from consentry.core.events import LedgerEvent
from consentry.core.packing import ground_of, pack_codes, pack_outcome
from consentry.core.signed_act import SignedAct
from consentry.core.signers import card_signer_for, signer_for
from consentry.core.state import LedgerState, SubjectState
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    Address,
    ConsentTerms,
    Enrolment,
    Material,
    RecordLeaf,
    Revocation,
    SubjectId,
)
from consentry.core.typed_data import SignedStruct, consent_id, digest, members_of
from consentry.crypto.signing import AccountKey, sign, verify
from consentry.errors import ConsentryError, LedgerRejectedError
from consentry.ledger.abi import VERIFIERS
from tests.support.evm import Evm, Outcome
from tests.support.suite import Suite, plain

Signed = tuple[AccessRequest, bytes, Material]
Answer = tuple[str, tuple[Any, ...]]


def _comparable(value: Any) -> Any:  # noqa: ANN401 - whatever the ABI decoder gives
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple):
        return tuple(_comparable(member) for member in value)
    return value


def _struct(value: SignedStruct) -> tuple[Any, ...]:
    assert len(members_of(type(value))) == len(plain(value))
    return plain(value)


def log_of(event: LedgerEvent) -> Answer:
    """Gives name and members of the Solidity event that says the same."""
    match event:
        case events.AccessDecided(entry=e):
            r = e.request
            outcome = pack_outcome(e.reason, e.decided_at, e.subject_sequence, e.institution_sequence)
            hashes = (r.record_id, ground_of(r), r.reason_hash, r.practitioner, r.release_key_hash)
            line = (*hashes, pack_codes(r), outcome)
            members: tuple[Any, ...] = (r.request_id, e.subject_id, r.institution, line)
        case events.RecordAnchored(leaf=leaf):
            members = (event.record_id, event.subject_id, event.custodian, _struct(leaf))
        case events.ConsentGranted(terms=terms):
            members = (event.consent_id, event.subject_id, _struct(terms), event.signature)
        case events.ActPerformed(act=act):
            members = (event.act_hash, event.subject_id, event.institution, _struct(act), event.signatures)
            return act.FORM.event, _comparable(members)
        case events.SubjectEnrolled():
            members = (event.subject_id, event.custodian, event.signer)
        case _:
            members = plain(event)[1:]
    return type(event).__name__, _comparable(members)


@dataclass
class Agreement:
    """Sends every act to both sides and refuses any difference.

    Attributes:
        steps: acts and decided items so far.
        answers: how often each error and each reason was given.
    """

    stranger: AccountKey
    province: AccountKey
    suite: Suite = field(init=False)
    state: LedgerState = field(default_factory=LedgerState)
    steps: int = 0
    answers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.suite = Suite(Evm(self.stranger, self.province))
        payer, place = self.suite.evm.payer, self._place()
        admissions = Admissions(self.state)
        for name in VERIFIERS:
            admissions.admit_verifier(self.suite.addresses[name], place)
        admissions.admit_authority(payer, 0, place)
        admissions.admit_relay(payer, payer, authority=payer, place=place)
        grant_role = self.suite.act("AccessManager", "grantRole", 2, self.province.address, 0)
        self.suite.must(grant_role)
        self.admit_authority(self.province.address, 440000)

    @property
    def now(self) -> int:
        """Time of the next block, in seconds."""
        return self.suite.evm.time

    def _place(self) -> EventPlace:
        return EventPlace(BlockReference(0, ZERO_32, self.now), ZERO_32, 0)

    def holds(self, signer: bytes, contract: str, value: SignedStruct, signature: bytes) -> bool:
        """Tells whether a signature is the signer's, by Python alone."""
        try:
            verify(signer, digest(self.suite.domain(contract), value), signature, self.suite.verifiers)
        except ConsentryError:
            return False
        return True

    def _compare(self, core: Callable[[], Sequence[LedgerEvent]], chain: Callable[[], Outcome]) -> bool:
        self.steps += 1
        expected: Answer | None = None
        logs: list[Answer] = []
        try:
            logs = [log_of(event) for event in core()]
        except LedgerRejectedError as refused:
            expected = str(refused.details["solidity"]), _comparable(refused.details["arguments"])
        outcome = chain()
        found = outcome.error, _comparable(outcome.arguments)
        assert found == (expected or ("", ())), (self.steps, found, expected)
        emitted = [(log.name, _comparable(log.members)) for log in outcome.logs]
        assert emitted == logs, (self.steps, emitted, logs)
        self._count(outcome.error or "accepted")
        return not outcome.error

    def _count(self, answer: str) -> None:
        self.answers[answer] = self.answers.get(answer, 0) + 1

    def admit_authority(self, authority: Address, region: int) -> None:
        """Admits an authority on both sides."""
        self._compare(
            lambda: [Admissions(self.state).admit_authority(authority, region, self._place())],
            lambda: self.suite.act("Participants", "admitAuthority", authority, region, ZERO_32),
        )

    def change_authority(self, authority: Address, standing: Standing) -> None:
        """Suspends or reinstates an authority on both sides."""
        name = "suspendAuthority" if standing == Standing.SUSPENDED else "reinstateAuthority"
        self._compare(
            lambda: [Admissions(self.state).change_authority(authority, standing, self._place())],
            lambda: self.suite.act("Participants", name, authority, ZERO_32),
        )

    def admit_institution(
        self, institution: Address, region: int, signer: bytes, release_key: bytes, by: Address
    ) -> bool:
        """Admits an institution on both sides."""
        return self._compare(
            lambda: [
                Admissions(self.state).admit_institution(
                    institution, region, signer, release_key, authority=by, place=self._place()
                )
            ],
            lambda: self._participants("admitInstitution", institution, region, signer, release_key, ZERO_32, by=by),
        )

    def change_institution(self, institution: Address, standing: Standing, by: Address) -> None:
        """Suspends or reinstates an institution on both sides."""
        name = "suspendInstitution" if standing == Standing.SUSPENDED else "reinstateInstitution"
        self._compare(
            lambda: [
                Admissions(self.state).change_institution(institution, standing, authority=by, place=self._place())
            ],
            lambda: self._participants(name, institution, ZERO_32, by=by),
        )

    def admit_relay(self, relay: Address, member: Address, by: Address) -> None:
        """Admits a relay on both sides."""
        self._compare(
            lambda: [Admissions(self.state).admit_relay(relay, member, authority=by, place=self._place())],
            lambda: self._participants("admitRelay", relay, member, by=by),
        )

    def remove_relay(self, relay: Address, by: Address) -> None:
        """Removes a relay on both sides."""
        self._compare(
            lambda: [Admissions(self.state).remove_relay(relay, authority=by, place=self._place())],
            lambda: self._participants("removeRelay", relay, by=by),
        )

    def change_membership(self, group: bytes, institution: Address, by: Address, *, member: bool) -> None:
        """Changes a group on both sides."""

        def core() -> list[LedgerEvent]:
            change = Admissions(self.state).change_membership
            event = change(group, institution, member=member, authority=by, place=self._place())
            return [event] if event else []

        self._compare(core, lambda: self._participants("changeGroupMembership", group, institution, member, by=by))

    def enrol(self, enrolment: Enrolment, subject: bytes, custodian: bytes, relay: Address) -> bool:
        """Enrols on both sides."""
        known = self.state.institutions.get(enrolment.custodian)
        return self._compare(
            lambda: [
                Acts(self.state).enrol(
                    enrolment,
                    subject_signature_valid=self.holds(enrolment.signer, "Subjects", enrolment, subject),
                    custodian_signature_valid=self.holds(
                        known.signer if known else b"", "Subjects", enrolment, custodian
                    ),
                    relay=relay,
                    place=self._place(),
                )
            ],
            lambda: self._send("Subjects", "enrol", plain(enrolment), subject, custodian, by=relay),
        )

    def anchor(self, leaf: RecordLeaf, signature: bytes, relay: Address) -> bool:
        """Anchors on both sides."""
        valid = self._by_custodian(leaf, signature)
        return self._compare(
            lambda: [Acts(self.state).anchor(leaf, signature_valid=valid, relay=relay, place=self._place())],
            lambda: self._send("Records", "anchor", plain(leaf), signature, by=relay),
        )

    def supersede(self, previous: RecordLeaf, leaf: RecordLeaf, signature: bytes, relay: Address) -> bool:
        """Supersedes on both sides."""
        valid = self._by_custodian(leaf, signature)
        return self._compare(
            lambda: Acts(self.state).supersede(previous, leaf, signature_valid=valid, relay=relay, place=self._place()),
            lambda: self._send("Records", "supersede", plain(previous), plain(leaf), signature, by=relay),
        )

    def grant(self, terms: ConsentTerms, signature: bytes, relay: Address) -> bool:
        """Grants on both sides."""
        valid = self._by_signer(terms, terms.guardian, GuardianScope.GRANT, terms, signature)
        return self._compare(
            lambda: [Acts(self.state).grant(terms, signature, signature_valid=valid, relay=relay, place=self._place())],
            lambda: self._send("Consents", "grant", plain(terms), signature, by=relay),
        )

    def revoke(self, terms: ConsentTerms, guardian: bytes, signature: bytes, relay: Address) -> bool:
        """Revokes on both sides."""
        signed = Revocation(consent_id(terms), terms.subject_id, guardian)
        valid = self._by_signer(terms, guardian, GuardianScope.REVOKE, signed, signature)
        acts = Acts(self.state)
        return self._compare(
            lambda: [
                acts.revoke(
                    terms, signature, signature_valid=valid, relay=relay, place=self._place(), guardian=guardian
                )
            ],
            lambda: self._send("Consents", "revoke", plain(terms), guardian, signature, by=relay),
        )

    def perform(self, act: SignedAct, signatures: Sequence[bytes], relay: Address) -> bool:
        """Takes a signed act on both sides."""
        form = act.FORM

        def holds(which: int, signer: bytes) -> bool:
            return self.holds(signer, form.contract, act, signatures[which])

        return self._compare(
            lambda: [Acts(self.state).perform(act, signatures, holds=holds, relay=relay, place=self._place())],
            lambda: self._send(form.contract, form.function, plain(act), list(signatures), by=relay),
        )

    def decide(self, batch: Sequence[Signed], relay: Address) -> None:
        """Decides a batch on both sides."""
        items = []
        for request, signature, material in batch:
            known = self.state.institutions.get(request.institution)
            valid = known is not None and self.holds(known.signer, "AccessLedger", request, signature)
            items.append(Item(request, material, valid))

        def core() -> Sequence[LedgerEvent]:
            made = Acts(self.state).decide(items, relay=relay, place=self._place())
            for event in made:
                reason = event.entry.reason if isinstance(event, events.AccessDecided) else event.reason
                self._count(f"reason {Reason(reason).name}")
            return made

        if self._compare(core, lambda: self.suite.decide(batch, sender=relay)):
            self.steps += len(batch) - 1

    def decide_batch(self, batch: Sequence[Signed], key: AccountKey, relay: Address) -> None:
        """Decides on both sides a batch that one key signed as a whole."""
        plain_items = [Item(request, material, signature_valid=False) for request, _, material in batch]
        signature = b"nothing to sign"
        if batch:
            meant = batch_of(batch[0][0].institution, [request for request, _, _ in batch])
            signature = sign(key, self.suite.domain("AccessLedger"), meant)
        known = self.state.institutions.get(batch[0][0].institution) if batch else None
        valid = known is not None and self.holds(known.signer, "AccessLedger", seen_batch(plain_items), signature)
        items = [replace(item, signature_valid=valid) for item in plain_items]

        def core() -> Sequence[LedgerEvent]:
            made = Acts(self.state).decide_batch(items, signature, relay=relay, place=self._place())
            for event in made[1:]:
                if not isinstance(event, events.BatchSubmitted):
                    reason = event.entry.reason if isinstance(event, events.AccessDecided) else event.reason
                    self._count(f"batch reason {Reason(reason).name}")
            return made

        pairs = [(request, material) for request, _, material in batch]
        if self._compare(core, lambda: self.suite.decide_batch(pairs, signature, sender=relay)):
            self.steps += len(batch) - 1

    def compare_states(self) -> None:
        """Compares heads and states of everything the core knows with the contracts' storage."""
        read, state = self.suite.read, self.state
        for subject, known in state.subjects.items():
            assert read("AccessLedger", "subjectHead", subject) == state.subject_head(subject)
            self._compare_subject(subject, known)
        for institution, known_institution in state.institutions.items():
            assert read("AccessLedger", "institutionHead", institution) == state.institution_head(institution)
            assert read("Participants", "institutionStanding", institution) == known_institution.standing
        for record, known_record in state.records.items():
            assert read("Records", "statusOf", record) == known_record.status
            assert read("Records", "anchoredAt", record) == known_record.anchored_at
        for consent, c in state.consents.items():
            assert read("Consents", "stateOf", consent) == (c.status, c.uses, c.granted_at, c.revoked_at)

    def _compare_subject(self, subject: SubjectId, known: SubjectState) -> None:
        read, state = self.suite.read, self.state
        assert read("Subjects", "signerOf", subject) == known.signer
        assert read("Subjects", "factsOf", subject) == state.guardians.facts_of(subject).word(known.custodian)
        assert read("Subjects", "cardSignerOf", subject) == state.keys.cards.get(subject, b"")
        open_ = state.keys.recoveries.get(subject)
        assert read("Subjects", "recoveryOf", subject) == (plain(open_) if open_ else (ZERO_32, 0, 0, ZERO_32, b""))
        appointments = state.guardians.appointments_of(subject)
        assert set(read("Subjects", "guardiansOf", subject)) == set(appointments)
        names = list(appointments)[:1]
        for name in names:
            assert read("Subjects", "appointmentOf", name) == plain(appointments[name])
        for guardian, scope in product([ZERO_32, *names], GuardianScope):
            expected = signer_for(state, subject, guardian, scope, self.now)
            assert read("Subjects", "signerFor", subject, guardian, scope) == expected
            assert read("Subjects", "cardSignerFor", subject, scope) == card_signer_for(state, subject, scope, self.now)

    def _by_custodian(self, leaf: RecordLeaf, signature: bytes) -> bool:
        known = self.state.institutions.get(leaf.custodian)
        return known is not None and self.holds(known.signer, "Records", leaf, signature)

    def _by_signer(
        self, terms: ConsentTerms, guardian: bytes, scope: GuardianScope, signed: SignedStruct, signature: bytes
    ) -> bool:
        signer = signer_for(self.state, terms.subject_id, guardian, scope, self.now)
        return self.holds(signer, "Consents", signed, signature)

    def _participants(self, function: str, *arguments: Any, by: Address) -> Outcome:  # noqa: ANN401
        return self._send("Participants", function, *arguments, by=by)

    def _send(self, contract: str, function: str, *arguments: Any, by: Address) -> Outcome:  # noqa: ANN401
        return self.suite.evm.send(self.suite.addresses[contract], function, *arguments, sender=by)
