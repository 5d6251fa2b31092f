"""The ledger log up to a checkpoint, for whoever shows events in it."""

from __future__ import annotations

from collections.abc import Sequence

from consentry.core.log_tree import inclusion_proof, nodes_of, root_of
from consentry.errors import InvalidInputError, VerificationError
from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.log_proof import LogProof
from consentry.evidence.note import SignedNote


class LogTree:
    """All leaves up to a checkpoint; two that are alike are shown at the place of the first."""

    def __init__(self, note: SignedNote, leaves: Sequence[bytes]) -> None:
        """Takes a checkpoint with its signatures, and the leaf hashes of the log from the first on.

        Raises:
            InvalidInputError: the note is no checkpoint, or the leaves do not reach it.
            VerificationError: the leaves have another root.
        """
        head = Checkpoint.parse(note.text)
        if head.size > len(leaves):
            raise InvalidInputError(f"leaves do not match (got {len(leaves)}, expected {head.size} of the checkpoint)")
        self._note, self._size = note, head.size
        self._nodes = nodes_of(leaves[: head.size])
        root = root_of(head.size, self._nodes)
        if root != head.root:
            raise VerificationError(
                f"root of the log does not match (got 0x{root.hex()}, expected 0x{head.root.hex()} of the checkpoint)"
            )
        self._places: dict[bytes, int] = {}
        for place, leaf in enumerate(leaves[: head.size]):
            self._places.setdefault(leaf, place)

    def place_of(self, leaf: bytes) -> int | None:
        """Gives where a leaf stands; None if the checkpoint does not cover it."""
        return self._places.get(leaf)

    def path_of(self, place: int) -> tuple[bytes, ...]:
        """Gives the siblings of a leaf, from it up."""
        return inclusion_proof(place, self._size, self._nodes)

    def proof_of(self, leaf: bytes) -> LogProof | None:
        """Gives the proof of a leaf; None if the checkpoint does not cover it."""
        place = self.place_of(leaf)
        return None if place is None else LogProof(place, self.path_of(place), self._note)
