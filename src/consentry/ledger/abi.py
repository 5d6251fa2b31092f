"""Calls, events and errors of the contracts, coded from the committed artifacts.

Values come out as the core knows them: addresses and fixed bytes as ``bytes``, structs as tuples.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from eth_hash.auto import keccak

from consentry.core.asks import COOL_DOWN
from consentry.core.codes import DAY
from consentry.core.subject_facts import RECOVERY_DELAY
from consentry.errors import ConfigurationError, InvalidInputError
from consentry.ledger.coding import CodingError, Row

MANAGER: Final = "Governance"
WIRING: Final[Mapping[str, tuple[str, ...]]] = {
    "Participants": (MANAGER,),
    "Subjects": ("Participants", "recoveryDelay"),
    "Records": ("Participants", "Subjects"),
    "Consents": ("Participants", "Subjects", "AccessLedger", "coolDown"),
    "Emergencies": ("Participants", "Subjects", "AccessLedger"),
    "Authorisations": ("Participants",),
    "AccessLedger": ("Participants", "Records", "Consents", "Emergencies", "Authorisations"),
    "Persons": ("Participants",),
    "Recognitions": ("Participants", "Subjects", "Records"),
}
"""The suite in the order of deployment: each contract, and what its constructor takes: addresses of contracts, and
settings. An address is known before its contract is there: it follows from the deployer and the number of its
transactions."""
SYSTEM_DELAY: Final = 2 * DAY
CONTRACTS: Final = tuple(WIRING)
SETTINGS: Final[Mapping[str, int]] = {
    "systemDelay": SYSTEM_DELAY,
    "recoveryDelay": RECOVERY_DELAY,
    "coolDown": COOL_DOWN,
}
"""Settings of a deployment in seconds, unless it is given others: how long system administrators wait before each act,
how long a recovery is public, for how long a denial keeps an ask away."""
VERIFIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "ERC7913P256Verifier": (),
    "ERC7913WebAuthnVerifier": (),
    "CouncilVerifier": ("ERC7913P256Verifier", "ERC7913WebAuthnVerifier"),
}
"""Admitted verifiers in the order of deployment, with the contracts whose addresses their constructors take."""
NATIONAL: Final = "NationalAnchor"
"""The contract of the national chain; a `MANAGER` of its own says who may call it."""
_SELECTOR: Final = 4


def _type_name(member: Mapping[str, Any]) -> str:
    kind = str(member["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type_name(part) for part in member['components'])}){kind.removeprefix('tuple')}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One function, event or error: name, members, and what identifies it on the wire."""

    contract: str
    name: str
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[Mapping[str, Any], ...]
    digest: bytes
    _rows: tuple[Row, Row, Row, Row] = field(init=False, repr=False, compare=False)
    """Coders of inputs, outputs, indexed and other members."""

    def __post_init__(self) -> None:
        """Compiles the coders."""
        indexed = [m for m in self.inputs if m.get("indexed")]
        plain = [m for m in self.inputs if not m.get("indexed")]
        object.__setattr__(self, "_rows", (Row(self.inputs), Row(self.outputs), Row(indexed), Row(plain)))

    @property
    def selector(self) -> bytes:
        """First four bytes of the digest."""
        return self.digest[:_SELECTOR]

    def encode_call(self, values: Sequence[Any]) -> bytes:
        """Codes a call.

        Raises:
            InvalidInputError: a value does not fit its Solidity type.
        """
        return self.selector + _encoded(self._rows[0], values)

    def decode_inputs(self, data: bytes) -> tuple[Any, ...]:
        """Decodes calldata or revert data behind the selector.

        Raises:
            CodingError: it is none of this signature.
        """
        return self._rows[0].decode(data[_SELECTOR:])

    def decode_outputs(self, data: bytes) -> tuple[Any, ...]:
        """Decodes what a call returned; raises CodingError if it cannot have."""
        return self._rows[1].decode(data)

    def decode_event(self, topics: Sequence[bytes], data: bytes) -> tuple[Any, ...]:
        """Decodes a log into its members in the order of the declaration; raises CodingError if it is none of it."""
        _, _, indexed, plain = self._rows
        heads, rest = iter(indexed.decode(b"".join(topics[1:]))), iter(plain.decode(data))
        return tuple(next(heads) if m["indexed"] else next(rest) for m in self.inputs)


def values_of(struct: object) -> tuple[Any, ...]:
    """Gives the members of a slotted dataclass, as the ABI takes a struct."""
    names: Sequence[str] = struct.__slots__  # type: ignore[attr-defined]  # every struct of the core is slotted
    return tuple(getattr(struct, name) for name in names)


def _encoded(row: Row, values: Sequence[Any]) -> bytes:
    try:
        return row.encode(values)
    except (CodingError, TypeError) as error:
        raise InvalidInputError(f"value does not fit its contract type ({error})") from error


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract."""

    name: str
    bytecode: bytes
    constructor: tuple[Mapping[str, Any], ...]
    functions: Mapping[str, Signature]
    events: Mapping[bytes, Signature]
    errors: Mapping[bytes, Signature]
    _arguments: Row = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compiles the coder of the constructor's arguments."""
        object.__setattr__(self, "_arguments", Row(self.constructor))

    def encode_constructor(self, values: Sequence[Any]) -> bytes:
        """Codes what stands behind the bytecode; raises InvalidInputError if a value does not fit its type."""
        return _encoded(self._arguments, values)


def _signature(contract: str, entry: Mapping[str, Any]) -> Signature:
    inputs = tuple(entry["inputs"])
    text = f"{entry['name']}({','.join(_type_name(m) for m in inputs)})"
    return Signature(contract, entry["name"], inputs, tuple(entry.get("outputs", ())), keccak(text.encode()))


@cache
def artifact(name: str) -> Artifact:
    """Reads a committed artifact.

    Raises:
        ConfigurationError: the package does not have it.
    """
    path = Path(__file__).parent / "artifacts" / f"{name}.json"
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise ConfigurationError(f"artifact of {name} is missing: the installation is not complete") from None
    entries = {kind: [e for e in content["abi"] if e["type"] == kind] for kind in ("function", "event", "error")}
    made = {kind: [_signature(name, e) for e in group] for kind, group in entries.items()}
    constructor = next((tuple(e["inputs"]) for e in content["abi"] if e["type"] == "constructor"), ())
    return Artifact(
        name=name,
        bytecode=bytes.fromhex(content["bytecode"].removeprefix("0x")),
        constructor=constructor,
        functions={s.name: s for s in made["function"]},
        events={s.digest: s for s in made["event"]},
        errors={s.selector: s for s in made["error"]},
    )


@cache
def all_errors() -> Mapping[bytes, Signature]:
    """Gives every custom error of the suite and of the national ledger by its selector."""
    found: dict[bytes, Signature] = {}
    for name in (MANAGER, *VERIFIERS, *CONTRACTS, NATIONAL):
        found.update(artifact(name).errors)
    return found
