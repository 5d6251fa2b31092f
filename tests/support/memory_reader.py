"""A ledger in memory that an audit can read: an honest story with real signatures, whose events tests may spoil."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from eth_hash.auto import keccak

from consentry.audit.ports import AuthorisationSlot, ConsentSlot, KeptRow, SubmittedRequest
from consentry.core import events, merkle
from consentry.core.access import shown_of
from consentry.core.acts import Acts, Item
from consentry.core.admissions import Admissions
from consentry.core.authorities import Authorities, found
from consentry.core.chain import BlockReference, ChainIdentity, EventPlace
from consentry.core.codes import Action, AuthorisationStatus, RecordStatus, Standing
from consentry.core.emergencies import Debt
from consentry.core.events import LedgerEvent
from consentry.core.offices import FIRST_OFFICES
from consentry.core.signed_act import SignedAct
from consentry.core.state import (
    NO_AUTHORITY,
    NO_INSTITUTION,
    AuthorityState,
    InstitutionState,
    LedgerState,
    OfficerState,
    SubjectState,
)
from consentry.core.subject_facts import Appointment, SubjectFacts
from consentry.core.terms import (
    ZERO_32,
    ZERO_ADDRESS,
    AccessRequest,
    Address,
    AuthorisationId,
    ConsentId,
    ConsentTerms,
    Enrolment,
    InstitutionKeys,
    Material,
    RecordId,
    RecordLeaf,
    Revocation,
    SubjectId,
)
from consentry.core.typed_data import Domain, consent_id, digest, record_id, scope_key
from consentry.crypto.signing import AccountKey, Verifiers, sign, verify
from consentry.errors import ConsentryError
from tests.support import samples
from tests.support.samples import AUTHORITY, NOW, RELAY, address

CUSTODIAN: Final = AccountKey(keccak(b"audit: custodian"))
HOSPITAL: Final = AccountKey(keccak(b"audit: hospital"))
PATIENT: Final = AccountKey(keccak(b"audit: patient"))
SUBJECT: Final = SubjectId(keccak(b"audit: subject"))
NATIONAL, SECOND, DEPUTY = address(0x61), address(0x62), address(0x63)
COUNTRY = (NATIONAL, SECOND)
"""Officers of the authority for the whole country."""
VERIFIERS: Final = Verifiers(address(0x71), address(0x72), address(0x73))
RELEASE_KEY_HASH: Final = hashlib.sha256(samples.RELEASE_KEY).digest()
FIRST_BLOCK: Final = 5


def domain(contract: str) -> Domain:
    """Gives the domain of a contract of the story."""
    return Domain(f"Consentry {contract}", 1337, address(len(contract)))


@dataclass
class MemoryReader:
    """``audit.ports.LedgerReader`` and ``ProjectionReader`` over a list of events and a state."""

    chain: list[LedgerEvent]
    state: LedgerState
    calldata: dict[bytes, list[SubmittedRequest]]
    unreadable: list[AccessRequest] = field(default_factory=list)
    smart_accounts: set[Address] = field(default_factory=set)

    async def identity(self) -> ChainIdentity:
        """Gives an identity whose deployment lies before the first event."""
        return ChainIdentity(1337, ZERO_32, (), FIRST_BLOCK)

    def domain(self, contract: str) -> Domain:
        """Gives the domain of a contract."""
        return domain(contract)

    def verifiers(self) -> Verifiers:
        """Gives the verifiers."""
        return VERIFIERS

    async def head(self) -> BlockReference:
        """Gives the highest block of the events."""
        return max((event.place.block for event in self.chain), key=lambda block: block.number)

    async def position(self) -> BlockReference | None:
        """Gives how far a projection would have come."""
        return await self.head()

    async def block(self, number: int) -> BlockReference | None:
        """Gives the block of a number; None for one without events."""
        return next((e.place.block for e in self.chain if e.place.block.number == number), None)

    async def events(self, first: int, last: int) -> Sequence[LedgerEvent]:
        """Gives the events of some blocks, in the order they are in."""
        return [event for event in self.chain if first <= event.place.block.number <= last]

    async def rows(self) -> AsyncIterator[KeptRow]:
        """Gives all events, as rows would."""
        for event in self.chain:
            yield KeptRow(event.place.block.number, event.place.log_index, event)

    async def submitted(self, transaction_hash: bytes) -> Sequence[SubmittedRequest | None] | None:
        """Gives the items of a batch, without those a test declared unreadable."""
        items = self.calldata.get(transaction_hash)
        return items and [None if item.request in self.unreadable else item for item in items]

    def at(self, block: int) -> MemoryReader:
        """Gives itself: it has one state."""
        del block
        return self

    async def has_code(self, account: Address) -> bool:
        """Tells whether a test declared the account a contract."""
        return account in self.smart_accounts

    async def subject_head(self, subject_id: SubjectId) -> bytes:
        """Gives the head in state."""
        return self.state.subject_head(subject_id)

    async def institution_head(self, institution: Address) -> bytes:
        """Gives the head in state."""
        return self.state.institution_head(institution)

    async def consent_slot(self, identifier: ConsentId) -> ConsentSlot:
        """Gives the consent in state."""
        c = self.state.consent(identifier)
        return ConsentSlot(c.status, c.uses, c.granted_at, c.revoked_at)

    async def authorisation_slot(self, authorisation_id: AuthorisationId) -> AuthorisationSlot:
        """Gives what the state says of an authorisation."""
        known = self.state.authorisations.get(authorisation_id)
        if known is None:
            return AuthorisationSlot(AuthorisationStatus.NONE, 0, 0, ZERO_ADDRESS)
        return AuthorisationSlot(known.status, known.given_at, known.withdrawn_at, known.terms.authority)

    async def debt_slot(self, debt_id: bytes) -> Debt:
        """Gives what the state says of a debt."""
        return self.state.debts.known.get(debt_id, Debt(ZERO_ADDRESS, 0, SubjectId(ZERO_32), ZERO_32))

    async def record_status(self, identifier: RecordId) -> RecordStatus:
        """Gives the status in state."""
        return self.state.record_status(identifier)

    async def subject_state(self, subject_id: SubjectId) -> SubjectState:
        """Gives the subject in state; without custodian and signer when there is none."""
        return self.state.subjects.get(subject_id, SubjectState(ZERO_ADDRESS, b""))

    async def subject_facts(self, subject_id: SubjectId) -> SubjectFacts:
        """Gives what the state notes of a subject."""
        return self.state.guardians.facts_of(subject_id)

    async def card_of(self, subject_id: SubjectId) -> bytes:
        """Gives the card in state; empty when there is none."""
        return self.state.keys.cards.get(subject_id, b"")

    async def appointment(self, name: bytes) -> Appointment | None:
        """Gives the appointment in state."""
        return self.state.guardians.appointments.get(name)

    async def institution_state(self, institution: Address) -> InstitutionState:
        """Gives the institution in state."""
        return self.state.institutions.get(institution, NO_INSTITUTION).seen_at(await self._now())

    async def authority_state(self, authority: Address) -> AuthorityState:
        """Gives the authority in state."""
        return self.state.authorities.get(authority, NO_AUTHORITY)

    async def is_active_relay(self, relay: Address) -> bool:
        """Asks the state."""
        return self.state.is_active_relay(relay, await self._now())

    async def officer_state(self, officer: Address) -> OfficerState:
        """Gives the officer in state."""
        return self.state.officer(officer)

    async def _now(self) -> int:
        return (await self.head()).time

    async def is_group_member(self, group: bytes, institution: Address) -> bool:
        """Asks the state."""
        return (group, institution) in self.state.members

    async def is_verifier(self, verifier: bytes) -> bool:
        """Asks the state."""
        return verifier in self.state.verifiers


@dataclass
class Story:
    """Acts of a few weeks, each in a block of its own."""

    state: LedgerState = field(default_factory=LedgerState)
    chain: list[LedgerEvent] = field(default_factory=list)
    calldata: dict[bytes, list[SubmittedRequest]] = field(default_factory=dict)
    number: int = FIRST_BLOCK
    waited: int = 0
    """Seconds that went by without a block."""

    def place(self) -> EventPlace:
        """Gives the first place of the next block."""
        self.number += 1
        block = BlockReference(
            self.number, keccak(self.number.to_bytes(4, "big")), NOW + 60 * self.number + self.waited
        )
        return EventPlace(block, keccak(block.hash), 0)

    def log(self, *found: LedgerEvent) -> None:
        """Keeps events of one transaction, numbered."""
        self.chain += [replace(e, place=replace(e.place, log_index=i)) for i, e in enumerate(found)]

    def prepare(self) -> None:
        """Admits, enrols."""
        self.log(*found(self.state, NATIONAL, SECOND, [], self.place()))
        self.by_two("admit_authority", AUTHORITY, 440000, officers=COUNTRY)
        self.by_two("appoint_officer", AUTHORITY, DEPUTY, FIRST_OFFICES, officers=COUNTRY)
        for key in (CUSTODIAN, HOSPITAL):
            self.by_two("admit_institution", key.address, 440300, key.address, samples.RELEASE_KEY)
        self.by_two("admit_relay", RELAY, CUSTODIAN.address)
        place = self.place()
        enrolment = Enrolment(SUBJECT, PATIENT.signer, CUSTODIAN.address, place.block.time + 1)
        self.log(
            Acts(self.state).enrol(
                enrolment, subject_signature_valid=True, custodian_signature_valid=True, relay=RELAY, place=place
            )
        )

    def by_two(self, act: str, *values: Any, officers: tuple[Address, Address] | None = None) -> None:  # noqa: ANN401 - whatever the function takes
        """Has two officers make the same call: those of the authority, unless others are named."""
        for officer in officers or (AUTHORITY, DEPUTY):
            self.by_one(act, *values, officer=officer)

    def by_one(self, act: str, *values: Any, officer: Address, **named: Any) -> None:  # noqa: ANN401 - whatever the function takes
        """Has an officer make a call."""
        desk: Any = Authorities(self.state) if hasattr(Authorities, act) else Admissions(self.state)
        made = getattr(desk, act)(*values, officer=officer, place=self.place(), **named)
        self.log(*(made if isinstance(made, list) else [made]))

    def rotate(self, institution: Address, signer: bytes, release_key: bytes) -> None:
        """Has an institution rotate its keys."""
        place = self.place()
        keys = InstitutionKeys(institution, signer, release_key, place.block.time + 1)
        valid = {"signature_valid": True, "new_signature_valid": True}
        self.log(Admissions(self.state).rotate_keys(keys, **valid, relay=RELAY, place=place))

    def perform(self, act: SignedAct, *keys: AccountKey) -> None:
        """Has a signed act taken."""
        signatures = [sign(key, domain(act.FORM.contract), act) for key in keys]
        place = self.place()
        self.log(*Acts(self.state).perform(act, signatures, holds=lambda *_: True, relay=RELAY, place=place))

    def leaf(self, number: int) -> RecordLeaf:
        """Gives a first version."""
        return replace(samples.leaf(), custodian=CUSTODIAN.address, subject_id=SUBJECT, commitment=samples.word(number))

    def anchor(self, leaf: RecordLeaf) -> None:
        """Anchors a first version."""
        self.log(Acts(self.state).anchor(leaf, signature_valid=True, relay=RELAY, place=self.place()))

    def supersede(self, previous: RecordLeaf, leaf: RecordLeaf) -> None:
        """Anchors a next version."""
        found = Acts(self.state).supersede(previous, leaf, signature_valid=True, relay=RELAY, place=self.place())
        self.log(*found)

    def terms(self, **changes: object) -> ConsentTerms:
        """Gives terms of the patient for the hospital."""
        base = replace(samples.terms(), subject_id=SUBJECT, institution=HOSPITAL.address)
        return replace(base, **changes)  # type: ignore[arg-type]  # fields of the terms

    def grant(self, terms: ConsentTerms) -> None:
        """Grants."""
        signature = sign(PATIENT, domain("Consents"), terms)
        self.log(Acts(self.state).grant(terms, signature, signature_valid=True, relay=RELAY, place=self.place()))

    def revoke(self, terms: ConsentTerms) -> None:
        """Revokes."""
        signature = sign(PATIENT, domain("Consents"), Revocation(consent_id(terms), SUBJECT))
        self.log(Acts(self.state).revoke(terms, signature, signature_valid=True, relay=RELAY, place=self.place()))

    def request(self, number: int, leaf: RecordLeaf, terms: ConsentTerms, **changes: object) -> AccessRequest:
        """Gives a request of the hospital."""
        base = samples.request(record_id(leaf), consent_id(terms), RELEASE_KEY_HASH)
        made = replace(base, institution=HOSPITAL.address, request_id=number, expires_at=NOW + 10 * samples.DAY)
        return replace(made, **changes)  # type: ignore[arg-type]  # fields of the request

    def decide(self, *batch: tuple[AccessRequest, Material, AccountKey]) -> None:
        """Decides a batch, signed by the keys given."""
        place = self.place()
        items, submitted = [], []
        for request, material, key in batch:
            signature = sign(key, domain("AccessLedger"), request)
            submitted.append(SubmittedRequest(request, signature, shown_of(request, material)))
            items.append(Item(request, material, self._holds(request, signature)))
        self.calldata[place.transaction_hash] = submitted
        self.log(*Acts(self.state).decide(items, relay=RELAY, place=place))

    def _holds(self, request: AccessRequest, signature: bytes) -> bool:
        try:
            verify(HOSPITAL.signer, digest(domain("AccessLedger"), request), signature, VERIFIERS)
        except ConsentryError:
            return False
        return True

    def reader(self) -> MemoryReader:
        """Gives what an audit reads."""
        return MemoryReader([*self.chain], self.state, self.calldata)


def honest_story() -> Story:
    """Tells a story in which every kind of event, and every kind of answer, occurs."""
    story = Story()
    story.prepare()
    first, second = story.leaf(1), story.leaf(2)
    story.anchor(first)
    story.anchor(second)
    wide, once = story.terms(), story.terms(max_uses=1, nonce=8)
    keys = [scope_key(first), samples.word(3)]
    named = story.terms(records_root=merkle.root_of(keys), categories=0, nonce=9)
    for terms in (wide, once, named):
        story.grant(terms)
    proof = merkle.proof_of(keys, scope_key(first))
    story.decide(
        (story.request(1, first, wide), Material(first, wide), HOSPITAL),
        (story.request(2, second, wide), Material(second, wide), HOSPITAL),
        (story.request(3, first, named), Material(first, named, proof), HOSPITAL),
        (story.request(4, first, wide, action=Action.STORE), Material(first, wide), HOSPITAL),
        (story.request(5, first, wide), Material(first, wide), PATIENT),
        (story.request(1, first, wide), Material(first, wide), HOSPITAL),
    )
    for number in (6, 7):
        story.decide((story.request(number, first, once), Material(first, once), HOSPITAL))
    unknown = story.leaf(99)
    story.decide((story.request(8, unknown, wide), Material(unknown, wide), HOSPITAL))
    second_version = replace(first, previous=record_id(first), lineage=record_id(first), version=2)
    story.supersede(first, second_version)
    story.decide(
        (story.request(9, first, wide), Material(first, wide), HOSPITAL),
        (story.request(10, second_version, named), Material(second_version, named, proof), HOSPITAL),
    )
    story.revoke(wide)
    story.decide((story.request(11, second, wide), Material(second, wide), HOSPITAL))
    for standing in (Standing.SUSPENDED, Standing.ACTIVE):
        story.by_two("change_institution", HOSPITAL.address, standing)
    story.by_one("change_membership", samples.group(AUTHORITY), HOSPITAL.address, officer=AUTHORITY, member=True)
    story.decide(
        (story.request(12, second, named), Material(second, named), HOSPITAL),
        (story.request(13, second, wide), Material(second, wide), HOSPITAL),
    )
    assert isinstance(story.chain[-1], events.AccessDecided)
    return story
