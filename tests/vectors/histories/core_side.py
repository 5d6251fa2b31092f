"""Histories on the state machine of ``core``, with signatures checked in Python."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, cast

from consentry.core import events
from consentry.core.acts import Acts, Item, seen_batch
from consentry.core.admissions import Admissions
from consentry.core.authorities import Authorities, found
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import Reason, bits
from consentry.core.offices import Role
from consentry.core.signers import granters, revokers
from consentry.core.state import LedgerState
from consentry.core.terms import ZERO_32, Address
from consentry.core.typed_data import Domain, SignedStruct, digest
from consentry.crypto.signing import Verifiers, verify
from consentry.errors import ConsentryError, LedgerRejectedError
from consentry.evidence import notation
from consentry.evidence.notation import Json
from tests.support.evm import AUDIT, PAYER, SECOND, SYSTEM
from tests.vectors.histories.officers import MEMBERS, do_on_core, officers_of
from tests.vectors.histories.player import CONTRACTS, READS, Answer, Call, Signed, revocation_of, told
from tests.vectors.histories.story import START, key_of


class CoreSide:
    """The state machine of ``core``."""

    def __init__(self, state: LedgerState, now: int, domains: Callable[[str], Domain], verifiers: Verifiers) -> None:
        """Begins with a state in which the payer is authority and relay."""
        self.state, self.now, self._domains, self._verifiers = state, now, domains, verifiers

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract."""
        return self._domains(contract)

    def keep(self) -> object:
        """Gives a copy of the state, and the time."""
        return copy.deepcopy(self.state), self.now

    def put_back(self, mark: object) -> None:
        """Goes back to a copy."""
        state, self.now = cast("tuple[LedgerState, int]", mark)
        self.state = copy.deepcopy(state)

    def do(self, call: Call) -> Answer:
        """Does one thing at the time of the next block."""
        if call.do == "travel":
            self.now = call.step["time"]
            return Answer()
        if call.do in READS:
            return Answer(found=tuple(told(value) for value in self._found(call.do, call.step)))
        try:
            made = self._by_officers(call.step) if call.do in MEMBERS else self._made(call, self._next_place())
        except LedgerRejectedError as refused:
            arguments = refused.details["arguments"]
            return Answer(refused.details["solidity"], tuple(told(value) for value in arguments))
        return Answer(reasons=tuple(_reason_of(event) for event in made if _is_answer(event)))

    def _next_place(self) -> EventPlace:
        """Gives the next block, a second after the last one."""
        place = _place(self.now)
        self.now += 1
        return place

    def _made(self, call: Call, place: EventPlace) -> Sequence[events.LedgerEvent]:
        if call.do in {"decide", "decideBatch"}:
            return self._decided(call, place)
        struct = call.structs["struct"]
        if call.do == "act":
            held = self._holder(struct.FORM.contract, struct, call.signatures)
            return Acts(self.state).perform(struct, call.signatures, holds=held, relay=call.relay, place=place)
        signed = revocation_of(call.step, struct) if call.do == "revoke" else struct
        holds = self._holder(CONTRACTS[call.do], signed, call.signatures)
        where: dict[str, Any] = {"relay": call.relay, "place": place}
        if call.do in {"grant", "revoke"}:
            return self._consented(call, holds, where)
        return self._entered(call, holds, where)

    def _consented(
        self, call: Call, holds: Callable[[int, bytes], bool], where: dict[str, Any]
    ) -> Sequence[events.LedgerEvent]:
        acts, struct, now = Acts(self.state), call.structs["struct"], where["place"].block.time
        if call.do == "grant":
            valid = any(holds(0, signer) for signer in granters(self.state, struct, now))
            return [acts.grant(struct, call.signatures[0], signature_valid=valid, **where)]
        guardian = notation.bytes_of(call.step["guardian"])
        valid = any(holds(0, signer) for signer in revokers(self.state, struct.subject_id, guardian, now))
        return [acts.revoke(struct, call.signatures[0], signature_valid=valid, guardian=guardian, **where)]

    def _entered(
        self, call: Call, holds: Callable[[int, bytes], bool], where: dict[str, Any]
    ) -> Sequence[events.LedgerEvent]:
        acts, struct = Acts(self.state), call.structs["struct"]
        if call.do == "enrol":
            subject, custodian = holds(0, struct.signer), holds(1, self._institution(struct.custodian))
            both: dict[str, Any] = {"subject_signature_valid": subject, "custodian_signature_valid": custodian}
            return [acts.enrol(struct, **both, **where)]
        if call.do == "rotateInstitutionKeys":
            old, new = holds(0, self._institution(struct.institution)), holds(1, struct.signer)
            rotated: dict[str, Any] = {"signature_valid": old, "new_signature_valid": new}
            return [Admissions(self.state).rotate_keys(struct, **rotated, **where)]
        valid = holds(0, self._institution(struct.custodian))
        if call.do == "anchor":
            return [acts.anchor(struct, signature_valid=valid, **where)]
        return acts.supersede(call.structs["previous"], struct, signature_valid=valid, **where)

    def _by_officers(self, step: Json) -> Sequence[events.LedgerEvent]:
        """Lets officers do an act one after the other, each in a block of its own, until one is refused."""
        made: list[events.LedgerEvent] = []
        for name in officers_of(step):
            made += do_on_core(self.state, step, key_of(name).address, self._next_place())
        return made

    def _decided(self, call: Call, place: EventPlace) -> Sequence[events.LedgerEvent]:
        acts = Acts(self.state)
        if call.do == "decide":
            items = [self._item(signed) for signed in call.items]
            return acts.decide(items, relay=call.relay, place=place)
        unsigned = [Item(item.request, item.material, signature_valid=False) for item in call.items]
        valid = False
        if unsigned:
            signer = self._institution(call.items[0].request.institution)
            valid = self._holder("AccessLedger", seen_batch(unsigned), call.signatures)(0, signer)
        whole = [Item(item.request, item.material, valid) for item in call.items]
        return acts.decide_batch(whole, call.signatures[0], relay=call.relay, place=place)

    def _item(self, signed: Signed) -> Item:
        held = self._holder("AccessLedger", signed.request, (signed.signature,))
        return Item(signed.request, signed.material, held(0, self._institution(signed.request.institution)))

    def _institution(self, institution: Address) -> bytes:
        known = self.state.institutions.get(institution)
        return known.signer if known else b""

    def _holder(self, contract: str, value: SignedStruct, signatures: Sequence[bytes]) -> Callable[[int, bytes], bool]:
        def holds(place: int, signer: bytes) -> bool:
            try:
                verify(signer, digest(self.domain(contract), value), signatures[place], self._verifiers)
            except ConsentryError:
                return False
            return True

        return holds

    def _found(self, asked: str, step: Json) -> list[Any]:
        state, institution = self.state, Address(notation.bytes_of(step["institution"], 20))
        if asked == "duties":
            facts = state.revocations
            duties = facts.overdue(institution, self.now) if step["overdue"] else facts.duties_of(institution)
            return [member for duty in duties for member in (duty.consent_id, duty.kind, duty.due_at)]
        if asked == "recognised":
            of, item = state.recognitions, step["item"]
            return [*of.counts_of(institution, item), *of.counts_of_issuer(institution, item)]
        if asked == "assisted":
            of_staff = state.assistance
            counts = [of_staff.granted.get(institution, 0), of_staff.undone.get(institution, 0)]
            return [*counts, of_staff.in_quarter.get((institution, step["quarter"]), 0)]
        return [len(state.debts.open_of(institution)), len(state.debts.overdue_of(institution, self.now))]


def _place(time: int) -> EventPlace:
    return EventPlace(BlockReference(0, ZERO_32, time), ZERO_32, 0)


def core_beginning(domains: Callable[[str], Domain], verifiers: Verifiers) -> CoreSide:
    """Gives a core side on which the same are officers, relays and verifiers as on the chain."""
    place, state = _place(0), LedgerState()
    found(state, PAYER.address, SECOND.address, (verifiers.p256, verifiers.webauthn, verifiers.council), place)
    for officer in (PAYER, SECOND):
        by: dict[str, Any] = {"officer": officer.address, "place": place}
        for role, keys in ((Role.SYSTEM, SYSTEM), (Role.AUDIT, AUDIT)):
            for key in keys:
                Authorities(state).appoint_officer(PAYER.address, key.address, bits(role), **by)
        Admissions(state).admit_relay(PAYER.address, PAYER.address, **by)
    return CoreSide(state, START, domains, verifiers)


def _is_answer(event: events.LedgerEvent) -> bool:
    return isinstance(event, events.AccessDecided | events.RequestRejected)


def _reason_of(event: events.LedgerEvent) -> str:
    if isinstance(event, events.AccessDecided):
        return Reason(event.entry.reason).name
    assert isinstance(event, events.RequestRejected)
    return Reason(event.reason).name
