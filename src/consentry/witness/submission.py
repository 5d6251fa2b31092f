"""What a witness is sent: the body of ``add-checkpoint`` (C2SP ``tlog-witness``).

::

    old 20852163
    <consistency proof, one hash in Base 64 a line, 63 at most>

    <checkpoint and its signatures>
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from consentry.core.log_tree import HASH_SIZE, LONGEST_PATH, MAX_SIZE
from consentry.errors import InvalidInputError, TooLargeError
from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.note import LARGEST, SignedNote, check_text, from_base64, to_base64

LARGEST_BODY: Final = LARGEST + 4096
"""Bytes: a note, 63 lines of 45 bytes, and the line of the old size."""

_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint to be cosigned.

    Attributes:
        old: size of the tree the witness cosigned last, as the sender knows it.
        proof: that the tree of that size is the beginning of the new one.
        note: the checkpoint with the log's signature.
        checkpoint: what the note says.
    """

    old: int
    proof: tuple[bytes, ...]
    note: SignedNote
    checkpoint: Checkpoint

    def to_bytes(self) -> bytes:
        """Writes the body."""
        lines = (f"old {self.old}", *(to_base64(node) for node in self.proof), "")
        return "".join(f"{line}\n" for line in lines).encode() + self.note.to_bytes()

    @classmethod
    def from_bytes(cls, content: bytes) -> Submission:
        """Reads the body; no signature and no proof is checked yet.

        Raises:
            TooLargeError: there are more bytes than any such body has.
            InvalidInputError: it is none, or the old size is beyond the new one.
        """
        if len(content) > LARGEST_BODY:
            raise TooLargeError(f"size of a body does not match (got {len(content)}, expected at most {LARGEST_BODY})")
        head, divider, rest = content.partition(b"\n\n")
        check_text(head + b"\n")
        first, *lines = head.decode().split("\n")
        found = _OLD.fullmatch(first)
        if found is None or not divider or int(found[1]) > MAX_SIZE:
            raise InvalidInputError(f"first line does not match (got {first!r:.80}, expected the old size)")
        if len(lines) > LONGEST_PATH:
            raise InvalidInputError(f"consistency proof does not match (got {len(lines)} lines, expected 63 at most)")
        proof = tuple(from_base64("consistency proof", line) for line in lines)
        if any(len(node) != HASH_SIZE for node in proof):
            raise InvalidInputError("consistency proof does not match (got another size, expected 32 bytes a hash)")
        note = SignedNote.from_bytes(rest)
        checkpoint, old = Checkpoint.parse(note.text), int(found[1])
        if old > checkpoint.size:
            raise InvalidInputError(f"old size does not match (got {old}, expected at most {checkpoint.size})")
        return cls(old, proof, note, checkpoint)
