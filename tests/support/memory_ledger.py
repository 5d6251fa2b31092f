"""A `Ledger` in memory: the rules of `consentry.core`, real signatures, one block an act; faults on demand."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

from consentry.core import events
from consentry.core.acts import Acts, Item, seen_batch
from consentry.core.assisted_grants import AssistedCounts
from consentry.core.chain import ActReceipt, BlockReference, ChainIdentity, EventPlace, Moment
from consentry.core.codes import AuthorisationStatus, ConsentStatus, Reason, RecordStatus, Standing
from consentry.core.emergencies import Debt
from consentry.core.exclusions import is_excluded
from consentry.core.persons import LinkStatus
from consentry.core.receipts import LEDGER_SEAL, FinalReceipt
from consentry.core.revocations import OpenDuty
from consentry.core.signed_act import SignedAct
from consentry.core.signers import granters, revokers
from consentry.core.state import NO_INSTITUTION, LedgerState
from consentry.core.subject_facts import SubjectFacts
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    Address,
    ConsentId,
    ConsentTerms,
    Enrolment,
    Material,
    RecordId,
    RecordLeaf,
    Revocation,
    SubjectId,
)
from consentry.core.typed_data import Domain, SignedStruct, consent_id, digest, struct_hash
from consentry.crypto.signing import Verifiers, verify
from consentry.errors import (
    ConflictError,
    ConsentryError,
    InvalidInputError,
    LedgerRejectedError,
    LedgerUnavailableError,
    NotAuthenticError,
    TooManyWaitingError,
)
from consentry.gateway.ports import Conditions, ConditionsAtHead
from consentry.ledger.abi import CONTRACTS, all_errors, artifact
from consentry.ledger.calldata import encode_decide_batch
from consentry.ledger.reverts import ERRORS
from consentry.ledger.sequencer import Item as Submitted
from consentry.ledger.sequencer import encode_batch
from tests.support.samples import address

CHAIN_ID: Final = 777_001
NAMES: Final = CONTRACTS
VERIFIERS: Final = Verifiers(p256=address(0xF1), webauthn=address(0xF2), council=address(0xF3))
RELAY: Final = address(0xD4)
OPERATOR: Final = address(0xD5)
FINALITY: Final = "in memory; no other party agreed to the block"


def _wall_clock() -> int:
    return int(time.time())


class MemoryLedger:
    """One chain that only this object knows.

    Attributes:
        log: every event, in chain order.
        down: while true nothing answers.
        stale_by: how many blocks the node's head lies behind the chain.
        silence: how many seconds its newest block may lie back; 0 for any number.
        most: how many requests under one signature it takes.
        no_room: institutions, with a number of requests, for which it has no room.
    """

    def __init__(self, clock: Callable[[], int] = _wall_clock) -> None:
        self.clock = clock
        self.state = LedgerState()
        self.log: list[events.LedgerEvent] = []
        self.blocks: list[BlockReference] = []
        self.down = False
        self.stale_by = 0
        self.silence = 0
        self.most = 500
        self.no_room: set[tuple[Address, int]] = set()
        self._acts = Acts(self.state)
        self._fold(events.AuthorityAdmitted(self._mine(), OPERATOR, 0, ZERO_32))
        self._fold(events.RelayAdmitted(self._mine(), RELAY, OPERATOR))
        for verifier in (VERIFIERS.p256, VERIFIERS.webauthn, VERIFIERS.council):
            self._fold(events.VerifierAdmitted(self._mine(), verifier))

    # What authorities do.

    def admit_authority(self, authority: Address, region: int) -> None:
        """Admits an authority."""
        self._fold(events.AuthorityAdmitted(self._mine(), authority, region, ZERO_32))

    def admit_institution(self, institution: Address, region: int, signer: bytes, release_key: bytes) -> None:
        """Admits an institution."""
        place = self._mine()
        self._fold(events.InstitutionAdmitted(place, institution, OPERATOR, region, signer, release_key, ZERO_32))

    def set_standing(self, institution: Address, standing: Standing) -> None:
        """Suspends or reinstates an institution."""
        self._fold(events.InstitutionStandingChanged(self._mine(), institution, OPERATOR, standing, ZERO_32))

    def suspend_in_emergency(self, institution: Address, until: int) -> None:
        """Suspends an institution until a time."""
        place = self._mine()
        self._fold(events.InstitutionSuspendedInEmergency(place, institution, OPERATOR, OPERATOR, until, ZERO_32))

    def rotate_keys(self, institution: Address, signer: bytes, release_key: bytes) -> None:
        """Gives an institution other keys."""
        place = self._mine()
        self._fold(events.InstitutionKeysRotated(place, institution, OPERATOR, signer, release_key, 0))

    def set_membership(self, group: bytes, institution: Address, *, member: bool) -> None:
        """Takes an institution into a group, or puts it out."""
        self._fold(events.GroupMembershipChanged(self._mine(), group, institution, member))

    # The port.

    async def identity(self) -> ChainIdentity:
        self._answer()
        contracts = tuple((name, self.domain(name).verifying_contract) for name in NAMES)
        return ChainIdentity(CHAIN_ID, self.blocks[0].hash, contracts, 0)

    def domain(self, contract: str) -> Domain:
        return Domain(f"Consentry {contract}", CHAIN_ID, address(0xC000 + NAMES.index(contract)))

    async def head(self) -> BlockReference:
        self._answer()
        return self.blocks[max(0, len(self.blocks) - 1 - self.stale_by)]

    def longest_silence(self) -> int:
        return self.silence

    async def enrol(self, enrolment: Enrolment, subject_signature: bytes, custodian_signature: bytes) -> ActReceipt:
        _require_fitting("Subjects", "enrol", enrolment, subject_signature, custodian_signature)
        custodian = self._signer_of(enrolment.custodian)
        place = self._began()
        return self._done(
            lambda: self._acts.enrol(
                enrolment,
                subject_signature_valid=self._holds(enrolment.signer, "Subjects", enrolment, subject_signature),
                custodian_signature_valid=self._holds(custodian, "Subjects", enrolment, custodian_signature),
                relay=RELAY,
                place=place,
            )
        )

    async def anchor(self, leaf: RecordLeaf, signature: bytes) -> ActReceipt:
        _require_fitting("Records", "anchor", leaf, signature)
        valid = self._holds(self._signer_of(leaf.custodian), "Records", leaf, signature)
        place = self._began()
        return self._done(lambda: self._acts.anchor(leaf, signature_valid=valid, relay=RELAY, place=place))

    async def supersede(self, previous: RecordLeaf, leaf: RecordLeaf, signature: bytes) -> ActReceipt:
        _require_fitting("Records", "supersede", previous, leaf, signature)
        valid = self._holds(self._signer_of(leaf.custodian), "Records", leaf, signature)
        place = self._began()
        return self._done(lambda: self._acts.supersede(previous, leaf, signature_valid=valid, relay=RELAY, place=place))

    async def grant(self, terms: ConsentTerms, signature: bytes) -> ActReceipt:
        _require_fitting("Consents", "grant", terms, signature)
        place = self._began()
        able = granters(self.state, terms, place.block.time)
        valid = any(self._holds(signer, "Consents", terms, signature) for signer in able)
        return self._done(lambda: self._acts.grant(terms, signature, signature_valid=valid, relay=RELAY, place=place))

    async def revoke(self, terms: ConsentTerms, signature: bytes, guardian: bytes = ZERO_32) -> ActReceipt:
        _require_fitting("Consents", "revoke", terms, guardian, signature)
        act = Revocation(consent_id(terms), terms.subject_id, guardian)
        place = self._began()
        able = revokers(self.state, terms.subject_id, guardian, place.block.time)
        valid = any(self._holds(signer, "Consents", act, signature) for signer in able)
        return self._done(
            lambda: self._acts.revoke(
                terms, signature, signature_valid=valid, relay=RELAY, place=place, guardian=guardian
            )
        )

    async def perform(self, act: SignedAct, signatures: Sequence[bytes]) -> ActReceipt:
        form = act.FORM
        _require_fitting(form.contract, form.function, act, list(signatures))
        place = self._began()

        def holds(which: int, signer: bytes) -> bool:
            return self._holds(signer, form.contract, act, signatures[which])

        return self._done(lambda: self._acts.perform(act, signatures, holds=holds, relay=RELAY, place=place))

    async def rehearse(self, act: SignedAct | Enrolment, signatures: Sequence[bytes]) -> None:
        trial = deepcopy(self)
        await (trial.enrol(act, *signatures) if isinstance(act, Enrolment) else trial.perform(act, signatures))

    def check_room(self, institution: Address, count: int) -> None:
        if (institution, count) in self.no_room:
            raise TooManyWaitingError("requests of this institution that wait are too many")

    async def decide(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        encode_batch([Submitted(request, signature, material)])
        valid = self._holds(self._signer_of(request.institution), "AccessLedger", request, signature)
        place = self._began()
        event, *brought = self._acts.decide([Item(request, material, valid)], relay=RELAY, place=place)
        self.log.append(event)
        self.log.extend(replace(each, place=replace(place, log_index=n + 1)) for n, each in enumerate(brought))
        told = await self._told(request, event)
        if isinstance(told, ConsentryError):
            raise told
        return told

    async def decide_batch(
        self, items: Sequence[tuple[AccessRequest, Material]], signature: bytes
    ) -> Sequence[FinalReceipt | ConsentryError]:
        encode_decide_batch(items, signature)
        if len(items) > self.most:
            raise InvalidInputError(f"batch may need too much gas (the first {self.most} fit)", most=self.most)
        seen = seen_batch([Item(request, material, signature_valid=False) for request, material in items])
        valid = self._holds(self._signer_of(seen.institution), "AccessLedger", seen, signature)
        place = self._began()
        batch = [Item(request, material, valid) for request, material in items]
        made = self._acts.decide_batch(batch, signature, relay=RELAY, place=place)
        logged = [replace(event, place=replace(place, log_index=index)) for index, event in enumerate(made)]
        self.log.extend(logged)
        answers = [event for event in logged if isinstance(event, events.AccessDecided | events.RequestRejected)]
        return [await self._told(request, event) for (request, _), event in zip(items, answers, strict=True)]

    async def _told(self, request: AccessRequest, event: events.LedgerEvent) -> FinalReceipt | ConsentryError:
        if isinstance(event, events.AccessDecided):
            return _receipt(event)
        assert isinstance(event, events.RequestRejected)
        if event.reason != Reason.REQUEST_REPLAYED:
            return NotAuthenticError(f"request was rejected ({event.reason.name})", reason=event.reason.name)
        earlier = await self.find_decision(request.institution, request.request_id)
        if earlier is None or struct_hash(earlier.entry.request) != struct_hash(request):
            return ConflictError("request id was used before for another request")
        return earlier

    async def find_decision(self, institution: Address, request_id: int) -> FinalReceipt | None:
        return (await self.find_decisions(institution, [request_id])).get(request_id)

    async def find_decisions(self, institution: Address, request_ids: Sequence[int]) -> Mapping[int, FinalReceipt]:
        self._answer()
        decided = (event for event in self.log if isinstance(event, events.AccessDecided))
        asked = ((event.entry.request, event) for event in decided)
        return {
            request.request_id: _receipt(event)
            for request, event in asked
            if request.institution == institution and request.request_id in request_ids
        }

    async def consent_status(self, wanted: ConsentId) -> ConsentStatus:
        self._answer()
        return self.state.consent(wanted).status

    async def subject_facts(self, subject_id: SubjectId) -> SubjectFacts:
        self._answer()
        return self.state.guardians.facts_of(subject_id)

    async def is_excluded(
        self, subject_id: SubjectId, institution: Address, practitioner: bytes, category: int
    ) -> bool:
        self._answer()
        return is_excluded(self.state, subject_id, institution, practitioner, category)

    async def seen(self, conditions: Conditions) -> ConditionsAtHead:
        asked, head = conditions.request, await self.head()
        institution = self.state.institutions.get(asked.institution, NO_INSTITUTION)
        known = self.state.authorisations.get(asked.authorisation_id)
        standing = self.state.institution_standing(asked.institution, self.blocks[-1].time)
        person = asked.practitioner
        return ConditionsAtHead(
            head=Moment(head.number, head.time),
            standing=standing,
            release_key_hash=institution.release_key_hash,
            record=self.state.record_status(asked.record_id),
            consent=self.state.consent(asked.consent_id).status,
            authorisation=known.status if known else AuthorisationStatus.NONE,
            facts=self.state.guardians.facts_of(conditions.subject_id),
            is_excluded=is_excluded(self.state, conditions.subject_id, asked.institution, person, conditions.category),
            is_group_member=(conditions.group, asked.institution) in self.state.members,
        )

    async def is_instance(self, record_id: RecordId, digest_: bytes, index: int, path: Sequence[bytes]) -> bool:
        self._answer()
        return self.state.recognitions.is_instance(record_id, digest_, index, path)

    async def record_status(self, wanted: RecordId) -> RecordStatus:
        self._answer()
        return self.state.record_status(wanted)

    async def debts_of(self, institution: Address) -> dict[bytes, Debt]:
        self._answer()
        return self.state.debts.open_of(institution)

    async def duties_of(self, institution: Address) -> Sequence[OpenDuty]:
        self._answer()
        return self.state.revocations.duties_of(institution)

    async def assisted_by(self, institution: Address, quarter: int) -> AssistedCounts:
        self._answer()
        return self.state.assistance.counts_of(institution, quarter)

    async def link_status(self, link: bytes) -> LinkStatus:
        self._answer()
        return self.state.links.status_of(link)

    async def institution_standing(self, institution: Address) -> Standing:
        self._answer()
        return self.state.institution_standing(institution, self.blocks[-1].time)

    async def subject_head(self, subject_id: SubjectId) -> bytes:
        self._answer()
        return self.state.subject_head(subject_id)

    async def institution_head(self, institution: Address) -> bytes:
        self._answer()
        return self.state.institution_head(institution)

    async def is_signed_by_subject(self, subject_id: SubjectId, digest_: bytes, signature: bytes) -> bool:
        self._answer()
        return _verified(self._subject_signer(subject_id), digest_, signature)

    # What stands behind it.

    def _answer(self) -> None:
        if self.down:
            raise LedgerUnavailableError("node does not answer")

    def _began(self) -> EventPlace:
        self._answer()
        return self._mine()

    def _mine(self) -> EventPlace:
        number = len(self.blocks)
        earlier = self.blocks[-1].time if self.blocks else 0
        block = BlockReference(number, hashlib.sha256(b"block %d" % number).digest(), max(earlier, self.clock()))
        self.blocks.append(block)
        return EventPlace(block, hashlib.sha256(b"transaction %d" % number).digest(), 0)

    def _fold(self, event: events.LedgerEvent) -> None:
        self.state.fold(event)
        self.log.append(event)

    def _done(self, act: Callable[[], Any]) -> ActReceipt:
        """Runs an act; its refusal becomes the error the adapter to a real chain makes of it."""
        try:
            made = act()
        except LedgerRejectedError as refusal:
            raise _as_adapter_tells(refusal) from None
        several: Sequence[events.LedgerEvent] = made if isinstance(made, tuple) else (made,)
        found = [replace(event, place=replace(event.place, log_index=i)) for i, event in enumerate(several)]
        self.log.extend(found)
        return ActReceipt(found[0].place, 21_000)

    def _signer_of(self, institution: Address) -> bytes:
        known = self.state.institutions.get(institution)
        return known.signer if known else b""

    def _subject_signer(self, subject_id: SubjectId) -> bytes:
        known = self.state.subjects.get(subject_id)
        return known.signer if known else b""

    def _holds(self, signer: bytes, contract: str, value: SignedStruct, signature: bytes) -> bool:
        return _verified(signer, digest(self.domain(contract), value), signature)


def _require_fitting(contract: str, function: str, *values: Any) -> None:  # noqa: ANN401 - structs and signatures
    """Refuses what no contract could take, as the adapter to a real chain does before it sends anything."""
    plain = [tuple(getattr(v, name) for name in v.__slots__) if hasattr(v, "__slots__") else v for v in values]
    artifact(contract).functions[function].encode_call(plain)


def _as_adapter_tells(refusal: LedgerRejectedError) -> ConsentryError:
    """Makes of a rule's refusal what the adapter to a real chain makes of revert data."""
    name, values = refusal.details["solidity"], refusal.details["arguments"]
    inputs = next(error.inputs for error in all_errors().values() if error.name == name)
    arguments = {member["name"]: value for member, value in zip(inputs, values, strict=True)}
    return ERRORS.get(name, LedgerRejectedError)(refusal.message, solidity=name, arguments=arguments)


def _verified(signer: bytes, digest_: bytes, signature: bytes) -> bool:
    try:
        verify(signer, digest_, signature, VERIFIERS)
    except NotAuthenticError:
        return False
    return True


def _receipt(event: events.AccessDecided) -> FinalReceipt:
    return FinalReceipt(event.entry, event.place, FINALITY, LEDGER_SEAL)
