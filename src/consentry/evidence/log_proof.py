"""One file that shows that a log entry is on the ledger and final: C2SP ``tlog-proof``.

It holds the place of the leaf, its path, and a checkpoint with the lines of witnesses. The entry itself is not in it:
whoever checks it computes the leaf from what it claims to prove.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from consentry.core.log_tree import HASH_SIZE, LONGEST_PATH, MAX_SIZE, verify_inclusion
from consentry.errors import InvalidInputError
from consentry.evidence.note import LARGEST, SignedNote, check_text, from_base64, to_base64
from consentry.evidence.witnesses import FinalCheckpoint, WitnessPolicy, verify_note

HEADER: Final = "c2sp.org/tlog-proof@v1"

_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class LogProof:
    """The file.

    Attributes:
        index: place of the leaf, from 0.
        path: siblings from the leaf up.
        note: the checkpoint and its signatures.

    Raises:
        InvalidInputError: no tree has such a place or path.
    """

    index: int
    path: tuple[bytes, ...]
    note: SignedNote

    def __post_init__(self) -> None:
        if not 0 <= self.index < MAX_SIZE:
            raise InvalidInputError(f"leaf index does not match (got {self.index}, expected a number in 63 bits)")
        if len(self.path) > LONGEST_PATH or any(len(node) != HASH_SIZE for node in self.path):
            raise InvalidInputError(
                "inclusion proof does not match (got another, expected at most 63 hashes of 32 bytes)"
            )

    def to_bytes(self) -> bytes:
        """Writes the file."""
        lines = (HEADER, f"index {self.index}", *(to_base64(node) for node in self.path), "")
        return "".join(f"{line}\n" for line in lines).encode() + self.note.to_bytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> LogProof:
        """Reads the file.

        Raises:
            InvalidInputError: it is none, too large, or brings extra data, for which there is no use here.
        """
        if len(content) > 2 * LARGEST:
            raise InvalidInputError(f"size of a log proof does not match (got {len(content)}, at most {2 * LARGEST})")
        # The checkpoint has an empty line too: what divides is the first one.
        head, divider, note = content.partition(b"\n\n")
        check_text(head + b"\n")
        header, *lines = head.decode().split("\n")
        if header != HEADER or not divider:
            raise InvalidInputError(f"log proof does not match (got {header!r:.80}, expected {HEADER})")
        found = _INDEX.fullmatch(lines[0]) if lines else None
        if found is None:
            raise InvalidInputError(f"index line does not match (got {lines[:1]!r:.80}, expected the index of a leaf)")
        path = tuple(from_base64("inclusion proof", line) for line in lines[1 : LONGEST_PATH + 2])
        return cls(int(found[1]), path, SignedNote.from_bytes(note))


@dataclass(frozen=True, slots=True)
class FinalEntry:
    """An entry that is proved: its place in the log, and the checkpoint that makes it final."""

    index: int
    final: FinalCheckpoint


def verify_entry(content: bytes, leaf: bytes, policy: WitnessPolicy, now: int) -> FinalEntry:
    """Checks that a leaf stands in a log that enough witnesses vouch for.

    Args:
        content: bytes of the file.
        leaf: leaf hash, computed by the caller from the log it wants proved (`consentry.evidence.log_entry`).
        policy: whom to believe.
        now: seconds since the epoch.

    Raises:
        InvalidInputError: it is no such file.
        VerificationError: the checkpoint is not final, or the path does not lead from the leaf to its root.
    """
    return verify_proof(LogProof.from_bytes(content), leaf, policy, now)


def verify_proof(proof: LogProof, leaf: bytes, policy: WitnessPolicy, now: int, *, since: int = 0) -> FinalEntry:
    """Checks a proof that was read already; ``since`` as of `verify_note`, all else as of `verify_entry`."""
    final = verify_note(proof.note, policy, now, since=since)
    verify_inclusion(leaf, proof.index, final.checkpoint.size, proof.path, final.checkpoint.root)
    return FinalEntry(proof.index, final)
