"""Decisions as they come in bulk: the words of their logs side by side, with what can be told of them without a state.

A transaction that holds nothing but decisions, after the event of their batch if one signature is over all of them,
is *plain*. Whoever reads the chain has looked at it beforehand (`audit.prepare`): its calldata says the same as its
logs, the batch is the one over its requests, every scope proof holds, and the signatures are those of the accounts
named. What then is left to an audit depends on the state: `audit.swift`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from consentry.core.chain import EventPlace
from consentry.core.events import AccessDecided, BatchSubmitted, LedgerEvent
from consentry.core.packing import IN_CODES, IN_OUTCOME, entry_of
from consentry.core.terms import AccessEntry, Address, RecordId, SubjectId

WORD: Final = 32
REQUEST, SUBJECT, INSTITUTION, RECORD, GROUND, REASON_HASH, PRACTITIONER, KEY_HASH, CODES, OUTCOME = range(10)
"""Words of a decision: three topics of its log, then its data."""
WORDS: Final = 10
ROW: Final = WORDS * WORD
ADDRESS: Final = slice(12, WORD)
"""Bytes of a word that an address has."""
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain transaction.

    Attributes:
        place: of the first decision; the log index of the others follows, one by one.
        batch: the event in front of them, if one signature is over all.
        words: of each decision ten words, one decision behind the other.
        entry_hashes: entry hash of each decision.
        digests: 16 bytes for each request id, by the key of the audit's set of used ones.
        signers: the account that signed: one for a batch, else one for each request.
    """

    place: EventPlace
    batch: BatchSubmitted | None
    words: bytes
    entry_hashes: bytes
    digests: bytes
    signers: tuple[Address, ...]

    def __len__(self) -> int:
        """Gives the number of decisions."""
        return len(self.words) // ROW

    def matrix(self) -> Bytes:
        """Gives the bytes of the words: decision, word, byte."""
        return np.frombuffer(self.words, np.uint8).reshape(-1, WORDS, WORD)

    def place_of(self, row: int) -> EventPlace:
        """Gives the place of a decision."""
        place = self.place
        return EventPlace(place.block, place.transaction_hash, place.log_index + row)

    def event(self, row: int) -> AccessDecided:
        """Gives a decision as an event."""
        return AccessDecided(self.place_of(row), self.entry(row))

    def events(self) -> list[LedgerEvent]:
        """Gives every event of the transaction."""
        decided = [self.event(row) for row in range(len(self))]
        return [self.batch, *decided] if self.batch else [*decided]

    def entry(self, row: int) -> AccessEntry:
        """Gives a decision as a line of the log."""
        words = self.words[row * ROW : (row + 1) * ROW]
        at = [words[place : place + WORD] for place in range(0, ROW, WORD)]
        packed = (int.from_bytes(at[word], "big") for word in (CODES, OUTCOME))
        line = (RecordId(at[RECORD]), at[GROUND], at[REASON_HASH], at[PRACTITIONER], at[KEY_HASH], *packed)
        request_id, institution = int.from_bytes(at[REQUEST], "big"), Address(at[INSTITUTION][ADDRESS])
        return entry_of(request_id, SubjectId(at[SUBJECT]), institution, line)


Segment = Plain | Sequence[LedgerEvent]
"""A plain transaction, or the events of others, in chain order."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Codes, times and numbers of some decisions, an array each; times in seconds."""

    purpose: Bytes
    action: Bytes
    basis: Bytes
    actor: Bytes
    emergency: Bytes
    issued: NDArray[np.uint64]
    expires: NDArray[np.uint64]
    reason: Bytes
    decided_at: NDArray[np.uint64]
    subject_sequence: NDArray[np.uint64]
    institution_sequence: NDArray[np.uint64]


def same_words(words: Bytes, others: Bytes) -> NDArray[np.bool_]:
    """Tells of each of some words whether it is that of the same row, or that of the only row, of others."""
    found: NDArray[np.bool_] = (words.view(np.uint64) == others.view(np.uint64)).all(axis=1)
    return found


def number_in(words: Bytes, where: slice) -> NDArray[np.uint64]:
    """Gives the numbers that stand in some bytes of words, eight at most."""
    padded = np.zeros((len(words), 8), np.uint8)
    padded[:, 8 - (where.stop - where.start) :] = words[:, where]
    return padded.view(">u8").ravel().astype(np.uint64)


def codes_of(matrix: Bytes) -> Codes:
    """Unpacks two words of each decision, as `core.packing` does one by one."""
    codes, outcome = matrix[:, CODES], matrix[:, OUTCOME]
    return Codes(
        purpose=codes[:, IN_CODES.purpose.start],
        action=codes[:, IN_CODES.action.start],
        basis=codes[:, IN_CODES.legal_basis.start],
        actor=codes[:, IN_CODES.actor_kind.start],
        emergency=codes[:, IN_CODES.reason_code.start],
        issued=number_in(codes, IN_CODES.issued_at),
        expires=number_in(codes, IN_CODES.expires_at),
        reason=outcome[:, IN_OUTCOME.reason.start],
        decided_at=number_in(outcome, IN_OUTCOME.decided_at),
        subject_sequence=number_in(outcome, IN_OUTCOME.subject_sequence),
        institution_sequence=number_in(outcome, IN_OUTCOME.institution_sequence),
    )


class BulkReader(Protocol):
    """A reader that gives the chain in bulk, and reads ahead."""

    def stretches(self, first: int, last: int, key: bytes) -> AsyncIterator[tuple[int, Sequence[Segment]]]:
        """Gives blocks ``first`` to ``last``, some at a time: the last block of each stretch, and its segments.

        ``key`` is that of the digests of request ids.
        """
        ...
