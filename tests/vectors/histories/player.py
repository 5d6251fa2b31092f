"""Plays histories from their files: once on the core, once on the contracts.

Both sides get the same calls and the same signatures. A side is put back to where a history branches off, so that what
histories have in common is done once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from consentry.core import events
from consentry.core.acts import Acts, Item, seen_batch
from consentry.core.admissions import Admissions
from consentry.core.authorities import Authorities, found
from consentry.core.batch_tree import batch_of
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import GuardianScope, Reason, Standing
from consentry.core.packing import unpack_outcome
from consentry.core.signers import granters, signer_for
from consentry.core.state import LedgerState
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    Address,
    ConsentTerms,
    Enrolment,
    Material,
    RecordLeaf,
    Revocation,
)
from consentry.core.typed_data import Domain, SignedStruct, consent_id, digest
from consentry.crypto.signing import AccountKey, Verifiers, sign, verify
from consentry.errors import ConsentryError, LedgerRejectedError
from consentry.evidence import notation
from consentry.evidence.notation import Json
from tests.support.evm import PAYER, SECOND, Outcome
from tests.support.suite import Suite, plain
from tests.vectors.histories.story import RELAY, START, key_of
from tests.vectors.histories.text import STRUCTS


@dataclass(frozen=True, slots=True)
class Answer:
    """What a ledger said: name and arguments of an error, or the reason of each item of a batch."""

    error: str = ""
    arguments: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def told(value: Any) -> str:  # noqa: ANN401 - decoded arguments of an error
    """Gives an argument of an error as the files hold it."""
    if isinstance(value, str):  # an address of the decoder
        value = bytes.fromhex(value[2:])
    return notation.hex_of(value) if isinstance(value, bytes) else str(int(value))


class Side(Protocol):
    """A ledger that can be put back."""

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract."""
        ...

    def keep(self) -> object:
        """Gives a mark to which the ledger can be put back."""
        ...

    def put_back(self, mark: object) -> None:
        """Puts the ledger back to a mark."""
        ...

    def do(self, call: Call) -> Answer:
        """Does one thing."""
        ...


@dataclass(frozen=True, slots=True)
class Signed:
    """An item of a batch, signed."""

    request: AccessRequest
    material: Material
    signature: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A step of a history, with structs, signatures and items made of it."""

    do: str
    step: Json
    relay: Address
    structs: dict[str, Any] = field(default_factory=dict)
    signatures: tuple[bytes, ...] = ()
    items: tuple[Signed, ...] = ()


def _struct(members: Json, defaults: dict[str, Json]) -> Any:  # noqa: ANN401 - one of the structs
    name = members["type"]
    own = {key: value for key, value in members.items() if key != "type"}
    return notation.read(STRUCTS[name], {**defaults.get(name, {}), **own})


CONTRACTS = {
    "enrol": "Subjects",
    "anchor": "Records",
    "supersede": "Records",
    "grant": "Consents",
    "revoke": "Consents",
}


def call_of(step: Json, defaults: dict[str, Json], side: Side) -> Call:
    """Makes a call of a step: reads its structs, and signs with the keys it names."""
    structs = {name: _struct(value, defaults) for name, value in step.items() if isinstance(value, dict)}
    keys = [key_of(name) for name in step.get("keys", ())]
    signed: SignedStruct | None = structs.get("struct")
    if step["do"] == "revoke" and isinstance(signed, ConsentTerms):
        signed = _revocation(step, signed)
    contract = structs["struct"].FORM.contract if step["do"] == "act" else CONTRACTS.get(step["do"], "")
    signatures = tuple(sign(key, side.domain(contract), signed) for key in keys) if signed is not None else ()
    items = tuple(_item(item, defaults, side) for item in step.get("items", ()))
    if step["do"] == "decideBatch":
        domain, first = side.domain("AccessLedger"), key_of(step["items"][0]["key"])
        signatures = (sign(first, domain, batch_of(items[0].request.institution, [i.request for i in items])),)
    relay = PAYER.address if step.get("by", RELAY) == RELAY else key_of(step["by"]).address
    return Call(step["do"], step, relay, structs, signatures, items)


def _revocation(step: Json, terms: ConsentTerms) -> Revocation:
    return Revocation(consent_id(terms), terms.subject_id, notation.bytes_of(step["guardian"]))


def _item(item: Json, defaults: dict[str, Json], side: Side) -> Signed:
    request, leaf = _struct(item["request"], defaults), _struct(item["leaf"], defaults)
    terms = _struct(item["terms"], defaults) if item["terms"] else None
    given = _struct(item["authorisation"], defaults) if "authorisation" in item else None
    material = Material(leaf, terms, tuple(notation.bytes_of(node) for node in item["scopeProof"]), given)
    return Signed(request, material, sign(key_of(item["key"]), side.domain("AccessLedger"), request))


def expected_of(step: Json) -> Answer:
    """Gives the answer a step must get."""
    if "refused" in step:
        return Answer(step["refused"][0], tuple(step["refused"][1:]))
    return Answer(reasons=tuple(item["answer"] for item in step.get("items", ())))


class ChainSide:
    """The contracts on a chain in memory."""

    def __init__(self, *relays: AccountKey) -> None:
        """Deploys the suite; ``relays`` are further accounts that may send."""
        self.suite = Suite(_evm(*relays))

    def domain(self, contract: str) -> Domain:
        """Gives the EIP-712 domain of a contract."""
        return self.suite.domain(contract)

    def keep(self) -> object:
        """Gives the state and the time."""
        return self.suite.evm.mark()

    def put_back(self, mark: object) -> None:
        """Goes back to a state."""
        self.suite.evm.put_back(mark)

    def do(self, call: Call) -> Answer:
        """Sends one transaction, or moves the time."""
        if call.do == "travel":
            self.suite.evm.travel(call.step["time"])
            return Answer()
        outcome = self._outcome(call)
        if outcome.error:
            return Answer(outcome.error, tuple(told(value) for value in outcome.arguments))
        return Answer(reasons=tuple(_reasons(outcome)))

    def _outcome(self, call: Call) -> Outcome:
        suite, step, structs = self.suite, call.step, call.structs
        if call.do in ADMISSIONS:
            return self._by_officers(_admission(step))
        if call.do == "decide":
            items = [(item.request, item.signature, item.material) for item in call.items]
            return suite.decide(items, sender=call.relay)
        if call.do == "decideBatch":
            pairs = [(item.request, item.material) for item in call.items]
            return suite.decide_batch(pairs, call.signatures[0], sender=call.relay)
        if call.do == "act":
            form = structs["struct"].FORM
            arguments: tuple[Any, ...] = (plain(structs["struct"]), list(call.signatures))
            return suite.evm.send(suite.addresses[form.contract], form.function, *arguments, sender=call.relay)
        given = [plain(structs[name]) for name in ("previous", "struct") if name in structs]
        address = suite.addresses[CONTRACTS[call.do]]
        under = [notation.bytes_of(step["guardian"])] if call.do == "revoke" else []
        return suite.evm.send(address, call.do, *given, *under, *call.signatures, sender=call.relay)

    def _by_officers(self, call: tuple[Any, ...]) -> Outcome:
        """Lets two officers do an act, each in a block of its own; entering a group takes one."""
        first = self.suite.act("Participants", *call)
        if first.error or call[0] == "changeGroupMembership":
            return first
        address = self.suite.addresses["Participants"]
        return self.suite.evm.send(address, *call, sender=SECOND.address)


def _evm(*relays: AccountKey) -> Any:  # noqa: ANN401 - the chain of the suite
    from tests.support.evm import Evm  # noqa: PLC0415 - py-evm loads for longer than the core's tests take

    return Evm(*relays)


ADMISSIONS = ("admitAuthority", "suspendAuthority", "admitInstitution", "standing", "changeGroupMembership")


def _admission(step: Json) -> tuple[Any, ...]:
    read = notation.bytes_of
    if step["do"] == "admitAuthority":
        return ("admitAuthority", read(step["authority"]), step["region"], ZERO_32)
    if step["do"] == "suspendAuthority":
        return ("suspendAuthority", read(step["authority"]), ZERO_32)
    if step["do"] == "admitInstitution":
        key = (read(step["signer"]), read(step["release_key"]), ZERO_32)
        return ("admitInstitution", read(step["institution"]), step["region"], *key)
    if step["do"] == "standing":
        name = "suspendInstitution" if step["standing"] == Standing.SUSPENDED else "reinstateInstitution"
        return (name, read(step["institution"]), ZERO_32)
    return ("changeGroupMembership", read(step["group"]), read(step["institution"]), step["member"])


def _reasons(outcome: Outcome) -> Sequence[str]:
    found = []
    for log in outcome.logs:
        if log.name == "AccessDecided":
            found.append(Reason(unpack_outcome(log.members[3][-1])[0]).name)
        elif log.name == "RequestRejected":
            found.append(Reason(log.members[3]).name)
    return found


class CoreSide:
    """The state machine of ``core``, with signatures checked in Python."""

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
        place = EventPlace(BlockReference(0, ZERO_32, self.now), ZERO_32, 0)
        self.now += 1
        try:
            made = self._made(call, place)
        except LedgerRejectedError as refused:
            arguments = refused.details["arguments"]
            return Answer(refused.details["solidity"], tuple(told(value) for value in arguments))
        return Answer(reasons=tuple(_reason_of(event) for event in made if _is_answer(event)))

    def _made(self, call: Call, place: EventPlace) -> Sequence[events.LedgerEvent]:
        if call.do in ADMISSIONS:
            return self._admitted(call.step, place)
        if call.do in {"decide", "decideBatch"}:
            return self._decided(call, place)
        acts, relay = Acts(self.state), call.relay
        struct = call.structs["struct"]
        if call.do == "act":
            held = self._holder(struct.FORM.contract, struct, call.signatures)
            return acts.perform(struct, call.signatures, holds=held, relay=relay, place=place)
        signed = _revocation(call.step, struct) if call.do == "revoke" else struct
        holds = self._holder(CONTRACTS[call.do], signed, call.signatures)
        return self._old(call, holds, place)

    def _old(self, call: Call, holds: Callable[[int, bytes], bool], place: EventPlace) -> Sequence[events.LedgerEvent]:
        acts, struct = Acts(self.state), call.structs["struct"]
        where: dict[str, Any] = {"relay": call.relay, "place": place}
        if call.do == "enrol":
            subject, custodian = holds(0, struct.signer), holds(1, self._institution(struct.custodian))
            both: dict[str, Any] = {"subject_signature_valid": subject, "custodian_signature_valid": custodian}
            return [acts.enrol(struct, **both, **where)]
        if call.do in {"anchor", "supersede"}:
            valid_ = holds(0, self._institution(struct.custodian))
            if call.do == "anchor":
                return [acts.anchor(struct, signature_valid=valid_, **where)]
            return acts.supersede(call.structs["previous"], struct, signature_valid=valid_, **where)
        now = place.block.time
        if call.do == "grant":
            valid = any(holds(0, signer) for signer in granters(self.state, struct, now))
            return [acts.grant(struct, call.signatures[0], signature_valid=valid, **where)]
        guardian = notation.bytes_of(call.step["guardian"])
        valid = holds(0, signer_for(self.state, struct.subject_id, guardian, GuardianScope.REVOKE, now))
        return [acts.revoke(struct, call.signatures[0], signature_valid=valid, guardian=guardian, **where)]

    def _admitted(self, step: Json, place: EventPlace) -> Sequence[events.LedgerEvent]:
        """Lets two officers do an act, each in a block of its own; entering a group takes one."""
        made = list(self._called(step, PAYER.address, place))
        if step["do"] != "changeGroupMembership":
            later = EventPlace(BlockReference(0, ZERO_32, self.now), ZERO_32, 0)
            self.now += 1
            made += self._called(step, SECOND.address, later)
        return made

    def _called(self, step: Json, officer: Address, place: EventPlace) -> Sequence[events.LedgerEvent]:
        admissions, authorities = Admissions(self.state), Authorities(self.state)
        by: dict[str, Any] = {"officer": officer, "place": place}
        name, *values = _admission(step)
        if name == "admitAuthority":
            return authorities.admit_authority(values[0], values[1], **by)
        if name == "suspendAuthority":
            return authorities.change_authority(values[0], Standing.SUSPENDED, **by)
        if name == "admitInstitution":
            return admissions.admit_institution(*values[:4], **by)
        if name == "changeGroupMembership":
            made = admissions.change_membership(values[0], values[1], member=values[2], **by)
            return [made] if made else []
        return admissions.change_institution(values[0], Standing(step["standing"]), **by)

    def _decided(self, call: Call, place: EventPlace) -> Sequence[events.LedgerEvent]:
        acts = Acts(self.state)
        if call.do == "decide":
            items = [self._item(signed) for signed in call.items]
            return acts.decide(items, relay=call.relay, place=place)
        unsigned = [Item(item.request, item.material, signature_valid=False) for item in call.items]
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


def core_beginning(domains: Callable[[str], Domain], verifiers: Verifiers) -> CoreSide:
    """Gives a core side in which the payer is authority and relay, and all verifiers are admitted, as on the chain."""
    place, state = EventPlace(BlockReference(0, ZERO_32, 0), ZERO_32, 0), LedgerState()
    found(state, PAYER.address, SECOND.address, (verifiers.p256, verifiers.webauthn, verifiers.council), place)
    for officer in (PAYER, SECOND):
        Admissions(state).admit_relay(PAYER.address, PAYER.address, officer=officer.address, place=place)
    return CoreSide(state, START, domains, verifiers)


def _is_answer(event: events.LedgerEvent) -> bool:
    return isinstance(event, events.AccessDecided | events.RequestRejected)


def _reason_of(event: events.LedgerEvent) -> str:
    if isinstance(event, events.AccessDecided):
        return Reason(event.entry.reason).name
    assert isinstance(event, events.RequestRejected)
    return Reason(event.reason).name


def play(histories: Sequence[Json], defaults: dict[str, Json], side: Side) -> list[tuple[str, int, Answer, Answer]]:
    """Plays histories and gives each step that got another answer: name, step, expected, found."""
    differing: list[tuple[str, int, Answer, Answer]] = []
    marks: list[tuple[Json, object]] = []  # the steps of the last history, each with the state after it
    beginning = side.keep()
    for history in histories:
        shared = _shared(history["steps"], [step for step, _ in marks])
        del marks[shared:]
        side.put_back(marks[-1][1] if marks else beginning)
        for number, step in enumerate(history["steps"][shared:], start=shared):
            found, expected = side.do(call_of(step, defaults, side)), expected_of(step)
            if found != expected:
                differing.append((history["name"], number, expected, found))
            marks.append((step, side.keep()))
    side.put_back(beginning)
    return differing


def _shared(steps: Sequence[Json], done: Sequence[Json]) -> int:
    count = 0
    for step, earlier in zip(steps, done, strict=False):
        if step != earlier:
            break
        count += 1
    return count


__all__ = ["ChainSide", "CoreSide", "Enrolment", "RecordLeaf", "play"]
