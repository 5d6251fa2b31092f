"""Hash-chain heads over the decisions of a subject or an institution.

Source: the header of ``contracts/interfaces/IAccessLedger.sol``. The low 48 bits of a head are the sequence number of
its latest entry, so one storage slot holds both.
"""

from __future__ import annotations

from typing import Final

from consentry.core.keccak import keccak
from consentry.core.terms import AccessEntry, Address, SubjectId
from consentry.core.typed_data import struct_hash

SEQUENCE_BYTES: Final = 6


def subject_key(subject_id: SubjectId) -> bytes:
    """Gives the key of a subject's chain: its id."""
    return bytes(subject_id)


def institution_key(institution: Address) -> bytes:
    """Gives the key of an institution's chain: its address as a word of 32 bytes."""
    return institution.rjust(32, b"\0")


def entry_hash(request_hash: bytes, subject_id: bytes, reason: int, decided_at: int) -> bytes:
    """Gives the hash of one decision; ``decided_at`` is block time in seconds."""
    return keccak(request_hash + subject_id + reason.to_bytes(32, "big") + decided_at.to_bytes(32, "big"))


def hash_of(entry: AccessEntry) -> bytes:
    """Gives the entry hash of a line of the access log."""
    return entry_hash(struct_hash(entry.request), entry.subject_id, entry.reason, entry.decided_at)


def sequence_of(head: bytes) -> int:
    """Gives the sequence number of the latest entry; zero for an empty chain."""
    return int.from_bytes(head[-SEQUENCE_BYTES:], "big")


def advance(key: bytes, head: bytes, entry: bytes) -> bytes:
    """Gives the head after an entry hash.

    Args:
        key: key of the chain, 32 bytes.
        head: the head before; 32 zero bytes for an empty chain.
        entry: entry hash, 32 bytes.
    """
    sequence = sequence_of(head) + 1
    return keccak(key + head + entry)[:-SEQUENCE_BYTES] + sequence.to_bytes(SEQUENCE_BYTES, "big")
