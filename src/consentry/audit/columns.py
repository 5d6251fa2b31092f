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
from consentry.core.codes import Reason
from consentry.core.events import AccessDecided, BatchSubmitted, LedgerEvent
from consentry.core.packing import split_ground, unpack_codes, unpack_outcome
from consentry.core.terms import AccessEntry, AccessRequest, Address, RecordId, SubjectId

WORD: Final = 32
REQUEST, SUBJECT, INSTITUTION, RECORD, GROUND, REASON_HASH, PRACTITIONER, KEY_HASH, CODES, OUTCOME = range(10)
"""Words of a decision: three topics of its log, then its data."""
WORDS: Final = 10
ROW: Final = WORDS * WORD
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
        codes = unpack_codes(int.from_bytes(at[CODES], "big"))
        purpose, action, basis, kind, reason_code, issued, expires = codes
        consent, authorisation = split_ground(basis, at[GROUND])
        reason, *outcome = unpack_outcome(int.from_bytes(at[OUTCOME], "big"))
        request = AccessRequest(
            request_id=int.from_bytes(at[REQUEST], "big"),
            institution=Address(at[INSTITUTION][12:]),
            record_id=RecordId(at[RECORD]),
            consent_id=consent,
            authorisation_id=authorisation,
            purpose=purpose,
            action=action,
            legal_basis=basis,
            actor_kind=kind,
            reason_code=reason_code,
            reason_hash=at[REASON_HASH],
            practitioner=at[PRACTITIONER],
            release_key_hash=at[KEY_HASH],
            issued_at=issued,
            expires_at=expires,
        )
        return AccessEntry(request, SubjectId(at[SUBJECT]), Reason(reason), *outcome)


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


def number_in(words: Bytes, start: int, end: int) -> NDArray[np.uint64]:
    """Gives the numbers that stand in bytes ``start`` to ``end`` of some words, eight bytes at most."""
    padded = np.zeros((len(words), 8), np.uint8)
    padded[:, 8 - (end - start) :] = words[:, start:end]
    return padded.view(">u8").ravel().astype(np.uint64)


def codes_of(matrix: Bytes) -> Codes:
    """Unpacks two words of each decision, as `core.packing` does one by one."""
    codes, outcome = matrix[:, CODES], matrix[:, OUTCOME]
    return Codes(
        purpose=codes[:, 31],
        action=codes[:, 30],
        basis=codes[:, 29],
        actor=codes[:, 28],
        emergency=codes[:, 27],
        issued=number_in(codes, 19, 27),
        expires=number_in(codes, 11, 19),
        reason=outcome[:, 31],
        decided_at=number_in(outcome, 23, 31),
        subject_sequence=number_in(outcome, 17, 23),
        institution_sequence=number_in(outcome, 11, 17),
    )


class BulkReader(Protocol):
    """A reader that gives the chain in bulk, and reads ahead."""

    def stretches(self, first: int, last: int, key: bytes) -> AsyncIterator[tuple[int, Sequence[Segment]]]:
        """Gives blocks ``first`` to ``last``, some at a time: the last block of each stretch, and its segments.

        ``key`` is that of the digests of request ids.
        """
        ...
