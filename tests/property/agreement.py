"""The ledger twice: the core's state machine and the contracts, given the same acts, compared act by act."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from consentry.core import events
from consentry.core.acts import Acts, Item, seen_batch
from consentry.core.admissions import Admissions
from consentry.core.authorities import Authorities, found
from consentry.core.batch_tree import batch_of
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import Reason, Standing, bits
from consentry.core.events import LedgerEvent
from consentry.core.offices import FIRST_OFFICES, OFFICES, Role, holds
from consentry.core.packing import ground_of, pack_codes, pack_outcome
from consentry.core.signed_act import SignedAct
from consentry.core.signers import granters, revokers
from consentry.core.state import LedgerState
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    Address,
    ConsentTerms,
    Enrolment,
    InstitutionKeys,
    Material,
    RecordLeaf,
    Revocation,
)
from consentry.core.typed_data import SignedStruct, consent_id, digest, members_of
from consentry.crypto.signing import AccountKey, sign, verify
from consentry.errors import ConsentryError, LedgerRejectedError
from consentry.ledger.abi import VERIFIERS
from tests.property.life.states import comparable, compare_life
from tests.support.evm import AUDIT, SECOND, SYSTEM, Evm, Outcome
from tests.support.suite import Suite, plain

Signed = tuple[AccessRequest, bytes, Material]
Answer = tuple[str, tuple[Any, ...]]


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
            return act.FORM.event, comparable(members)
        case events.SubjectEnrolled():
            members = (event.subject_id, event.custodian, event.signer)
        case _:
            members = plain(event)[1:]
    return type(event).__name__, comparable(members)


def _reasons(made: Sequence[LedgerEvent]) -> list[Reason]:
    """Gives the answer to each item of a batch."""
    return [
        Reason(event.entry.reason if isinstance(event, events.AccessDecided) else event.reason)
        for event in made
        if isinstance(event, events.AccessDecided | events.RequestRejected)
    ]


@dataclass
class Agreement:
    """Sends every act to both sides and refuses any difference.

    Attributes:
        steps: acts and decided items so far.
        answers: how often each error and each reason was given.
    """

    stranger: AccountKey
    province: AccountKey
    deputy: AccountKey
    suite: Suite = field(init=False)
    state: LedgerState = field(default_factory=LedgerState)
    steps: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    _admissions: Admissions = field(init=False)
    _authorities: Authorities = field(init=False)

    def __post_init__(self) -> None:
        self.suite = Suite(Evm(self.stranger, self.province, self.deputy))
        payer, place = self.suite.evm.payer, self._place()
        self._admissions, self._authorities = Admissions(self.state), Authorities(self.state)
        found(self.state, payer, SECOND.address, [self.suite.addresses[name] for name in VERIFIERS], place)
        for role, keys in ((Role.SYSTEM, SYSTEM), (Role.AUDIT, AUDIT)):
            for key in keys:
                for by in (payer, SECOND.address):
                    self._authorities.appoint_officer(payer, key.address, bits(role), officer=by, place=place)
        for by in (payer, SECOND.address):
            self._admissions.admit_relay(payer, payer, officer=by, place=place)
        for by in (payer, SECOND.address):
            self.admit_authority(self.province.address, 440000, by)
        for by in (payer, SECOND.address):
            self.appoint_officer(self.province.address, self.deputy.address, FIRST_OFFICES, by)

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
            expected = str(refused.details["solidity"]), comparable(refused.details["arguments"])
        outcome = chain()
        found = outcome.error, comparable(outcome.arguments)
        assert found == (expected or ("", ())), (self.steps, found, expected)
        manager = self.suite.addresses["Governance"]
        emitted = [(log.name, comparable(log.members)) for log in outcome.logs if log.contract != manager]
        assert emitted == logs, (self.steps, emitted, logs)
        self._count(outcome.error or "accepted")
        return not outcome.error

    def _count(self, answer: str) -> None:
        self.answers[answer] = self.answers.get(answer, 0) + 1

    def admit_authority(self, authority: Address, region: int, by: Address) -> bool:
        """Admits an authority on both sides."""
        return self._officers(
            lambda: self._authorities.admit_authority(authority, region, officer=by, place=self._place()),
            ("admitAuthority", authority, region, ZERO_32),
            by,
        )

    def change_authority(self, authority: Address, standing: Standing, by: Address) -> bool:
        """Suspends or reinstates an authority on both sides."""
        name = "suspendAuthority" if standing == Standing.SUSPENDED else "reinstateAuthority"
        return self._officers(
            lambda: self._authorities.change_authority(authority, standing, officer=by, place=self._place()),
            (name, authority, ZERO_32),
            by,
        )

    def appoint_officer(self, authority: Address, officer: Address, roles: int, by: Address) -> bool:
        """Appoints an officer on both sides."""
        return self._officers(
            lambda: self._authorities.appoint_officer(authority, officer, roles, officer=by, place=self._place()),
            ("appointOfficer", authority, officer, roles),
            by,
        )

    def dismiss_officer(self, officer: Address, by: Address) -> bool:
        """Dismisses an officer on both sides."""
        return self._officers(
            lambda: self._authorities.dismiss_officer(officer, officer=by, place=self._place()),
            ("dismissOfficer", officer),
            by,
        )

    def admit_institution(
        self, institution: Address, region: int, signer: bytes, release_key: bytes, by: Address
    ) -> bool:
        """Admits an institution on both sides."""
        return self._officers(
            lambda: self._admissions.admit_institution(
                institution, region, signer, release_key, officer=by, place=self._place()
            ),
            ("admitInstitution", institution, region, signer, release_key, ZERO_32),
            by,
        )

    def change_institution(self, institution: Address, standing: Standing, by: Address) -> bool:
        """Suspends or reinstates an institution on both sides."""
        name = "suspendInstitution" if standing == Standing.SUSPENDED else "reinstateInstitution"
        return self._officers(
            lambda: self._admissions.change_institution(institution, standing, officer=by, place=self._place()),
            (name, institution, ZERO_32),
            by,
        )

    def suspend_in_emergency(self, institution: Address, by: Address) -> bool:
        """Suspends an institution at once on both sides."""
        return self._officers(
            lambda: self._admissions.suspend_in_emergency(institution, officer=by, place=self._place()),
            ("suspendInEmergency", institution, ZERO_32),
            by,
        )

    def reset_keys(self, institution: Address, signer: bytes, release_key: bytes, by: Address) -> bool:
        """Gives an institution other keys on both sides."""
        return self._officers(
            lambda: self._admissions.reset_keys(institution, signer, release_key, officer=by, place=self._place()),
            ("resetInstitutionKeys", institution, signer, release_key),
            by,
        )

    def limit_institution(self, institution: Address, daily: int, emergency: int, by: Address) -> bool:
        """Limits an institution on both sides."""
        return self._officers(
            lambda: self._admissions.limit_institution(institution, daily, emergency, officer=by, place=self._place()),
            ("limitInstitution", institution, daily, emergency),
            by,
        )

    def rotate_keys(self, keys: InstitutionKeys, signature: bytes, new_signature: bytes, relay: Address) -> bool:
        """Lets an institution rotate its keys on both sides."""
        known = self.state.institutions.get(keys.institution)
        return self._compare(
            lambda: [
                self._admissions.rotate_keys(
                    keys,
                    signature_valid=known is not None and self.holds(known.signer, "Participants", keys, signature),
                    new_signature_valid=self.holds(keys.signer, "Participants", keys, new_signature),
                    relay=relay,
                    place=self._place(),
                )
            ],
            lambda: self._send(
                "Participants", "rotateInstitutionKeys", plain(keys), signature, new_signature, by=relay
            ),
        )

    def admit_relay(self, relay: Address, member: Address, by: Address) -> bool:
        """Admits a relay on both sides."""
        return self._officers(
            lambda: self._admissions.admit_relay(relay, member, officer=by, place=self._place()),
            ("admitRelay", relay, member),
            by,
        )

    def remove_relay(self, relay: Address, by: Address) -> bool:
        """Removes a relay on both sides."""
        return self._officers(
            lambda: [self._admissions.remove_relay(relay, officer=by, place=self._place())], ("removeRelay", relay), by
        )

    def change_membership(self, group: bytes, institution: Address, by: Address, *, member: bool) -> bool:
        """Changes a group on both sides."""

        def core() -> list[LedgerEvent]:
            change = self._admissions.change_membership
            event = change(group, institution, member=member, officer=by, place=self._place())
            return [event] if event else []

        return self._officers(core, ("changeGroupMembership", group, institution, member), by)

    def admit_verifier(self, verifier: Address, by: Address) -> bool:
        """Admits a verifier on both sides."""
        return self._officers(
            lambda: self._admissions.admit_verifier(verifier, officer=by, place=self._place()),
            ("admitVerifier", verifier),
            by,
        )

    def name_deployment(self, name: bytes, deployment: Address, version: int, by: Address) -> bool:
        """Names a deployment on both sides."""
        return self._officers(
            lambda: self._admissions.name_deployment(name, deployment, version, officer=by, place=self._place()),
            ("nameDeployment", name, deployment, version),
            by,
        )

    def _officers(self, core: Callable[[], Sequence[LedgerEvent]], call: tuple[Any, ...], by: Address) -> bool:
        """Compares an act of an officer; what two officers agreed on counts apart."""
        name, *arguments = call

        def counted() -> Sequence[LedgerEvent]:
            made = core()
            self._count(f"{name} {'proposed' if made and isinstance(made[0], events.ActProposed) else 'done'}")
            return made

        return self._compare(counted, lambda: self._send("Participants", name, *arguments, by=by))

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
        able = granters(self.state, terms, self.now)
        valid = any(self.holds(signer, "Consents", terms, signature) for signer in able)
        return self._compare(
            lambda: [Acts(self.state).grant(terms, signature, signature_valid=valid, relay=relay, place=self._place())],
            lambda: self._send("Consents", "grant", plain(terms), signature, by=relay),
        )

    def revoke(self, terms: ConsentTerms, guardian: bytes, signature: bytes, relay: Address) -> bool:
        """Revokes on both sides."""
        signed = Revocation(consent_id(terms), terms.subject_id, guardian)
        able = revokers(self.state, terms.subject_id, guardian, self.now)
        valid = any(self.holds(signer, "Consents", signed, signature) for signer in able)
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
            lambda: Acts(self.state).perform(act, signatures, holds=holds, relay=relay, place=self._place()),
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
            for reason in _reasons(made):
                self._count(f"reason {reason.name}")
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
            for reason in _reasons(made):
                self._count(f"batch reason {reason.name}")
            return made

        pairs = [(request, material) for request, _, material in batch]
        if self._compare(core, lambda: self.suite.decide_batch(pairs, signature, sender=relay)):
            self.steps += len(batch) - 1

    def compare_states(self) -> None:
        """Compares heads and states of everything the core knows with the contracts' storage."""
        read, state = self.suite.read, self.state
        for subject in state.subjects:
            assert read("AccessLedger", "subjectHead", subject) == state.subject_head(subject)
        for institution, known_institution in state.institutions.items():
            assert read("AccessLedger", "institutionHead", institution) == state.institution_head(institution)
            assert read("Participants", "institutionStanding", institution) == known_institution.standing_at(self.now)
            facts = read("Participants", "institutionForDecision", institution)
            seen = known_institution.seen_at(self.now)
            limits = seen.daily_limit, seen.emergency_limit
            assert facts == (seen.standing, seen.release_key_hash, seen.signer, *limits)
        for officer, authority in state.officers.items():
            assert bytes.fromhex(read("Participants", "authorityOf", officer)[2:]) == authority
            for role in OFFICES:
                assert read("Governance", "hasRole", role, officer)[0] == holds(state.roles[officer], role)
        for act, proposal in state.proposals.items():
            proposer, lapses_at = read("Participants", "proposalOf", act)
            assert (bytes.fromhex(proposer[2:]), lapses_at) == (proposal.proposer, proposal.lapses_at)
        for record, known_record in state.records.items():
            assert read("Records", "statusOf", record) == known_record.status
            assert read("Records", "anchoredAt", record) == known_record.anchored_at
        for link in state.links.links:
            assert read("Persons", "linkStatus", link) == state.links.status_of(link)
        for consent, c in state.consents.items():
            assert read("Consents", "stateOf", consent) == (c.status, c.uses, c.granted_at, c.revoked_at)
        compare_life(read, state, self.now)

    def _by_custodian(self, leaf: RecordLeaf, signature: bytes) -> bool:
        known = self.state.institutions.get(leaf.custodian)
        return known is not None and self.holds(known.signer, "Records", leaf, signature)

    def _send(self, contract: str, function: str, *arguments: Any, by: Address) -> Outcome:  # noqa: ANN401 - whatever the function takes
        return self.suite.evm.send(self.suite.addresses[contract], function, *arguments, sender=by)
