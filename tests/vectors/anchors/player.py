"""Plays the histories of the national ledger; whoever answers them is given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Protocol

from eth_hash.auto import keccak

from consentry.core.anchors import Conflict
from consentry.core.ledger_checkpoint import LedgerCheckpoint, LedgerIdentity
from consentry.core.terms import Address
from consentry.crypto.signing import AccountKey
from consentry.evidence import notation
from consentry.evidence.notation import bytes_of
from tests.vectors.anchors.build_anchors import FILE

VECTORS: Final[dict[str, Any]] = json.loads(FILE.read_text())
NAMES: Final = [history["name"] for history in VECTORS["histories"]]
_GIVEN: Final = VECTORS["identity"]
IDENTITY: Final = LedgerIdentity(
    _GIVEN["origin"],
    int(_GIVEN["chainId"]),
    bytes_of(_GIVEN["genesisHash"], 32),
    Address(bytes_of(_GIVEN["accessLedger"], 20)),
)
Answer = tuple[str, tuple[Any, ...]]
"""Name of the conflict and nothing, or name and arguments of the Solidity error."""


def witness(name: str) -> AccountKey:
    """Gives the key of a witness."""
    return AccountKey(keccak(f"consentry anchor vector/{name}".encode()))


@dataclass(frozen=True, slots=True)
class Step:
    """A checkpoint that is brought, at a time if one is named, and what must come of it.

    Where ``against`` names the size of an anchored tree, it is to be recorded as a conflict with that.
    """

    checkpoint: LedgerCheckpoint
    nodes: tuple[bytes, ...]
    by: tuple[AccountKey, ...]
    at: int | None
    against: int | None
    answer: Answer


class Side(Protocol):
    """Who answers."""

    def bring(self, step: Step) -> Answer:
        """Takes a checkpoint."""
        ...

    def change(self, witnesses: list[AccountKey], threshold: int) -> None:
        """Replaces the witnesses."""
        ...

    def resolve(self) -> None:
        """Resolves the fork."""
        ...

    def close(self) -> None:
        """Closes the ledger."""
        ...


def _answer(value: Any) -> Answer:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return Conflict[value].name, ()
    return value["refused"], tuple(bytes_of(one) if isinstance(one, str) else one for one in value["arguments"])


def _step(value: Any) -> Step:  # noqa: ANN401 - any JSON
    return Step(
        notation.read(LedgerCheckpoint, value["checkpoint"]),
        tuple(bytes_of(node, 32) for node in value["nodes"]),
        tuple(map(witness, value["by"])),
        value.get("at"),
        value.get("against"),
        _answer(value["answer"]),
    )


def play(name: str, side: Side) -> None:
    """Plays one history and compares every answer."""
    [steps] = [history["steps"] for history in VECTORS["histories"] if history["name"] == name]
    for number, value in enumerate(steps):
        match value["do"]:
            case "change":
                side.change([*map(witness, value["witnesses"])], value["threshold"])
            case "resolve":
                side.resolve()
            case "close":
                side.close()
            case _:
                step = _step(value)
                assert side.bring(step) == step.answer, f"{name}, step {number}"
