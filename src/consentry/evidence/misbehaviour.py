"""Evidence that a log or a witness signed two heads that cannot both be of one append-only log.

Anybody can check it with the key alone. Two roots of one size settle it. Of two sizes, nodes of the larger tree do
(`consentry.core.log_tree.prefix_nodes`): they lead to the larger root, and show that the smaller one should have been
another. Whoever signed the larger tree may refuse to show its nodes; then the file says so, and convicts nobody until
the signer has been asked in public for a consistency proof and gave none.

What the reader must still do: know whose key it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import rfc8785

from consentry.core.log_tree import HASH_SIZE, roots_along
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.canonical import read_canonical
from consentry.evidence.checkpoint import Checkpoint, verify_signature
from consentry.evidence.notation import bytes_of, hex_of
from consentry.evidence.note import SignedNote, VerifierKey

FORMAT: Final = "consentry.log-misbehaviour/v1"
_MOST_NODES: Final = 65
"""Nodes of the longest proof: one a level, and the first."""

_MEMBERS: Final = frozenset({"format", "kind", "key", "first", "second", "nodes"})


class Kind(StrEnum):
    """What two signed heads show."""

    TWO_ROOTS = "two-roots"
    """One size, two roots."""

    NOT_A_PREFIX = "not-a-prefix"
    """The nodes of the larger tree show another root at the smaller size."""

    NO_PROOF_SHOWN = "no-proof-shown"
    """Two sizes, and nobody has shown that they are consistent; not conclusive."""


@dataclass(frozen=True, slots=True)
class Accusation:
    """What is proved, or charged.

    Attributes:
        key: whose signatures they are.
        kind: what they show.
        first: the smaller head, or the one with the lower root.
        second: the other.
        conclusive: whether no honest log could have led to both.
    """

    key: VerifierKey
    kind: Kind
    first: Checkpoint
    second: Checkpoint
    conclusive: bool


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """The file: whose key, two notes it signed, and nodes of the larger tree where there are any.

    Attributes:
        kind: what it is meant to show.
        key: key of a log, or of a witness.
        first: note of the smaller head; of two of one size, that with the lower root.
        second: the other note.
        nodes: nodes of the larger tree for `not-a-prefix`, none for the other kinds.
    """

    kind: Kind
    key: VerifierKey
    first: SignedNote
    second: SignedNote
    nodes: tuple[bytes, ...] | None = None

    def to_json(self) -> bytes:
        """Writes the file: canonical JSON (RFC 8785)."""
        return rfc8785.dumps(
            {
                "format": FORMAT,
                "kind": str(self.kind),
                "key": str(self.key),
                "first": self.first.to_bytes().decode(),
                "second": self.second.to_bytes().decode(),
                "nodes": None if self.nodes is None else [hex_of(node) for node in self.nodes],
            }
        )

    @classmethod
    def from_json(cls, content: bytes) -> Misbehaviour:
        """Reads the file; nothing is checked yet.

        Raises:
            InvalidInputError: it is none, too large, or not in canonical form.
        """
        return read_canonical("evidence", content, _read)


def _read(found: dict[str, Any]) -> Misbehaviour:
    if found.keys() != _MEMBERS or found["format"] != FORMAT:
        raise InvalidInputError(f"members of the evidence do not match (got others, expected those of {FORMAT})")
    nodes = found["nodes"]
    if nodes is not None and len(nodes) > _MOST_NODES:
        raise InvalidInputError(f"number of nodes does not match (got {len(nodes)}, expected at most {_MOST_NODES})")
    return Misbehaviour(
        kind=Kind(found["kind"]),
        key=VerifierKey.parse(found["key"]),
        first=SignedNote.from_bytes(found["first"].encode()),
        second=SignedNote.from_bytes(found["second"].encode()),
        nodes=None if nodes is None else tuple(bytes_of(node, HASH_SIZE) for node in nodes),
    )


def accuse(
    key: VerifierKey, one: SignedNote, other: SignedNote, nodes: tuple[bytes, ...] | None = None
) -> Misbehaviour:
    """Puts two notes of one key into the form of the file; whether it holds is for `verify_misbehaviour`.

    Args:
        key: key of a log, or of a witness.
        one: a note with a line of that key.
        other: another.
        nodes: nodes of the larger tree as `prefix_nodes` gives them, where they are known.

    Raises:
        InvalidInputError: a text is no checkpoint.
    """
    first, second = sorted((one, other), key=_order)
    if Checkpoint.parse(first.text).size == Checkpoint.parse(second.text).size:
        return Misbehaviour(Kind.TWO_ROOTS, key, first, second)
    return Misbehaviour(Kind.NO_PROOF_SHOWN if nodes is None else Kind.NOT_A_PREFIX, key, first, second, nodes)


def _order(note: SignedNote) -> tuple[int, bytes]:
    checkpoint = Checkpoint.parse(note.text)
    return checkpoint.size, checkpoint.root


def verify_misbehaviour(content: bytes) -> Accusation:
    """Checks the evidence; nothing else is needed, and nobody has to be believed.

    Returns:
        What it proves, or charges.

    Raises:
        InvalidInputError: the bytes are no such file.
        VerificationError: the key did not sign both heads, they are of two logs, or they do not contradict each other.
    """
    found = Misbehaviour.from_json(content)
    first, second = _signed(found, found.first), _signed(found, found.second)
    if first.origin != second.origin:
        raise VerificationError(f"origin does not match (got {second.origin!r:.80}, expected {first.origin!r:.80})")
    if found.nodes is None and found.kind is Kind.NOT_A_PREFIX:
        raise VerificationError("nodes of the larger tree do not match (got none, expected some)")
    if found.nodes is not None and found.kind is not Kind.NOT_A_PREFIX:
        raise VerificationError(f"nodes of the larger tree do not match (got some, expected none for {found.kind})")
    if found.kind is Kind.TWO_ROOTS:
        _check_two_roots(first, second)
    else:
        _check_sizes(first, second)
    if found.nodes is not None:
        _check_not_a_prefix(first, second, found.nodes)
    return Accusation(found.key, found.kind, first, second, conclusive=found.kind is not Kind.NO_PROOF_SHOWN)


def _signed(found: Misbehaviour, note: SignedNote) -> Checkpoint:
    line = note.signature_of(found.key)
    if line is None:
        raise VerificationError(f"signature does not match (got none of {found.key.name}, expected one on each note)")
    verify_signature(found.key, note.text, line)
    return Checkpoint.parse(note.text)


def _check_two_roots(first: Checkpoint, second: Checkpoint) -> None:
    if first.size != second.size:
        raise VerificationError(f"sizes do not match (got {first.size} and {second.size}, expected the same twice)")
    if first.root >= second.root:
        raise VerificationError("roots do not match (got the same, or the higher first, expected the lower first)")


def _check_sizes(first: Checkpoint, second: Checkpoint) -> None:
    # An empty tree is the beginning of every other.
    if not 0 < first.size < second.size:
        raise VerificationError(f"sizes do not match (got {first.size} and {second.size}, expected 0 < first < second)")


def _check_not_a_prefix(first: Checkpoint, second: Checkpoint, nodes: tuple[bytes, ...]) -> None:
    older, newer = roots_along(first.size, second.size, nodes)
    if newer != second.root:
        raise VerificationError(
            f"root of the nodes does not match (got 0x{newer.hex()}, expected 0x{second.root.hex()})",
            got=newer,
            expected=second.root,
        )
    if older == first.root:
        raise VerificationError("evidence does not hold: the smaller tree is the beginning of the larger one")
