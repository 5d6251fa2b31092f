"""Plays histories from their files on a side: the core (`core_side`) or the contracts (`chain_side`).

Both sides get the same calls and the same signatures. A side is put back to where a history branches off, so that what
histories have in common is done once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from consentry.core.batch_tree import batch_of
from consentry.core.terms import AccessRequest, Address, ConsentTerms, Material, Revocation
from consentry.core.typed_data import Domain, SignedStruct, consent_id
from consentry.crypto.signing import sign
from consentry.evidence import notation
from consentry.evidence.notation import Json
from tests.support.evm import PAYER
from tests.vectors.histories.story import RELAY, key_of
from tests.vectors.histories.text import STRUCTS

CONTRACTS: Final = {
    "enrol": "Subjects",
    "anchor": "Records",
    "supersede": "Records",
    "grant": "Consents",
    "revoke": "Consents",
    "rotateInstitutionKeys": "Participants",
}
"""Where an act goes that is not one of `consentry.core.act_table`."""
READS: Final = ("duties", "recognised", "assisted", "debts")
"""Steps that ask the ledger something and take no block."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a ledger said: an error with its arguments, the reason of each item of a batch, or what was found."""

    error: str = ""
    arguments: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


def told(value: Any) -> str:  # noqa: ANN401 - decoded arguments of an error
    """Gives a value of a ledger as the files hold it."""
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


def call_of(step: Json, defaults: dict[str, Json], side: Side) -> Call:
    """Makes a call of a step: reads its structs, and signs with the keys it names."""
    structs = {name: _struct(value, defaults) for name, value in step.items() if isinstance(value, dict)}
    keys = [key_of(name) for name in step.get("keys", ())]
    signed: SignedStruct | None = structs.get("struct")
    if step["do"] == "revoke" and isinstance(signed, ConsentTerms):
        signed = revocation_of(step, signed)
    contract = structs["struct"].FORM.contract if step["do"] == "act" else CONTRACTS.get(step["do"], "")
    signatures = tuple(sign(key, side.domain(contract), signed) for key in keys) if signed is not None else ()
    items = tuple(_item(item, defaults, side) for item in step.get("items", ()))
    if step["do"] == "decideBatch":
        signatures = (_signed_as_a_whole(step, items, defaults, side),)
    relay = PAYER.address if step.get("by", RELAY) == RELAY else key_of(step["by"]).address
    return Call(step["do"], step, relay, structs, signatures, items)


def revocation_of(step: Json, terms: ConsentTerms) -> Revocation:
    """Gives what is signed to take a consent back."""
    return Revocation(consent_id(terms), terms.subject_id, notation.bytes_of(step["guardian"]))


def _signed_as_a_whole(step: Json, items: Sequence[Signed], defaults: dict[str, Json], side: Side) -> bytes:
    """Signs a batch with the key of its first item; what was signed beside the items stands in ``left_out``."""
    if not items:
        return b""
    left_out = [_struct(request, defaults) for request in step.get("left_out", ())]
    batch = batch_of(items[0].request.institution, [*(item.request for item in items), *left_out])
    return sign(key_of(step["items"][0]["key"]), side.domain("AccessLedger"), batch)


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
    reasons = tuple(item["answer"] for item in step.get("items", ()))
    return Answer(reasons=reasons, found=tuple(step.get("found", ())))


def senders_of(histories: Sequence[Json]) -> list[str]:
    """Gives the names of all who submit anything."""
    steps = [step for history in histories for step in history["steps"]]
    named = {step["by"] for step in steps if "by" in step} | {name for s in steps for name in s.get("officers", ())}
    return sorted(named)


def play(histories: Sequence[Json], defaults: dict[str, Json], side: Side) -> list[tuple[str, int, Answer, Answer]]:
    """Plays histories and gives each step that got another answer: name, step, expected, found."""
    return list(_differing(histories, defaults, side))


def _differing(
    histories: Sequence[Json], defaults: dict[str, Json], side: Side
) -> Iterator[tuple[str, int, Answer, Answer]]:
    marks: list[tuple[Json, object]] = []  # the steps of the last history, each with the state after it
    beginning = side.keep()
    for history in histories:
        shared = _shared(history["steps"], [step for step, _ in marks])
        del marks[shared:]
        side.put_back(marks[-1][1] if marks else beginning)
        for number, step in enumerate(history["steps"][shared:], start=shared):
            found, expected = side.do(call_of(step, defaults, side)), expected_of(step)
            if found != expected:
                yield history["name"], number, expected, found
            marks.append((step, side.keep()))
    side.put_back(beginning)


def _shared(steps: Sequence[Json], done: Sequence[Json]) -> int:
    count = 0
    for step, earlier in zip(steps, done, strict=False):
        if step != earlier:
            break
        count += 1
    return count
