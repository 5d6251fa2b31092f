"""Plain transactions decided again quickly, with the same outcome as `audit.replay`.

The usual decision, permitted under one consent, is checked by what was prepared for its record and consent. A decision
of another kind is judged by the rules of ``core``; one in which anything is wrong is taken by the replay itself, which
says what. So there is one place that finds, and this is a shorter way past it: tests compare the two on honest chains
and on spoiled ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from consentry.audit.chains import Chains, Flags, first_times
from consentry.audit.columns import (
    ADDRESS,
    GROUND,
    INSTITUTION,
    KEY_HASH,
    OUTCOME,
    PRACTITIONER,
    ROW,
    SUBJECT,
    WORD,
    Bytes,
    Codes,
    Plain,
    codes_of,
    same_words,
)
from consentry.audit.conditions import Conditions
from consentry.audit.digests import DigestSet, UsedRequests, Words
from consentry.audit.keccak_rows import chain_rows
from consentry.audit.ports import SubmittedRequest
from consentry.audit.replay import Replay
from consentry.core import events
from consentry.core.codes import CLOCK_TOLERANCE, DAY, Action, ActorKind, Purpose, Reason, Standing
from consentry.core.events import LedgerEvent
from consentry.core.heads import SEQUENCE_BYTES
from consentry.core.packing import IN_OUTCOME
from consentry.core.state import PermitCount
from consentry.core.terms import Address, ConsentId, RequestBatch, SubjectId
from consentry.crypto.signing import ACCOUNT_SIZE

_UNCHANGING: Final = (events.AccessDecided, events.RequestRejected, events.BatchSubmitted)
Submitted = Callable[[], Awaitable[Sequence[SubmittedRequest | None] | None]]
_MOST_PASSES: Final = 8


@dataclass
class _Rows:
    """The decisions of one transaction, and how far they were taken."""

    plain: Plain
    matrix: Bytes
    codes: Codes
    digests: Words
    subjects: Chains[SubjectId]
    institutions: Chains[Address]
    grounds: Chains[ConsentId]
    now: int
    expected: list[int] = field(default_factory=list)
    """What the rules say of the rows that were taken."""
    used: int = 0
    counted: int = 0
    """Rows before this one are among the used request ids, and are counted as permits if they are."""


def _rows_of(plain: Plain) -> _Rows:
    matrix, batch = plain.matrix(), plain.batch
    # Code is compiled once for arrays that can be written to, and again for those that cannot.
    digests = np.frombuffer(bytearray(plain.digests), np.uint64).reshape(-1, 2)
    institutions = (
        Chains.of_one(batch.institution, len(plain))
        if batch
        else Chains.of(matrix[:, INSTITUTION], lambda word: Address(word[ADDRESS]))
    )
    named = Chains.of(matrix[:, SUBJECT], SubjectId), institutions, Chains.of(matrix[:, GROUND], ConsentId)
    return _Rows(plain, matrix, codes_of(matrix), digests, *named, plain.place.block.time)


@dataclass
class Swift:
    """The shorter way.

    Attributes:
        replay: the long way, and the state.
    """

    replay: Replay
    _conditions: Conditions = field(init=False)
    _uses: Counter[ConsentId] = field(default_factory=Counter)
    _permits: Counter[Address] = field(default_factory=Counter)
    """Accesses permitted since the state was brought up to date, by consent, and by institution on one day."""
    _day: int = 0

    def __post_init__(self) -> None:
        self._conditions = Conditions(self.replay.state)

    @property
    def used(self) -> DigestSet:
        """Digests of the request ids that were used."""
        decided = self.replay.state.decided
        if not isinstance(decided, UsedRequests):
            raise TypeError("request ids are not kept as digests")
        return decided.digests

    def before(self, event: LedgerEvent) -> None:
        """Brings the state up to date before an event goes the long way, and forgets what it may change."""
        if not isinstance(event, events.BatchSubmitted):
            self.settle()
        if not isinstance(event, _UNCHANGING):
            self._conditions.forget()

    def settle(self) -> None:
        """Brings the counts of the state up to date."""
        state = self.replay.state
        for consent, more in self._uses.items():
            known = state.consents[consent]
            state.consents[consent] = replace(known, uses=known.uses + more)
        for institution, more in self._permits.items():
            count = state.permits.get(institution, PermitCount()).on(self._day)
            state.permits[institution] = replace(count, accesses=count.accesses + more)
        self._uses.clear()
        self._permits.clear()

    def can_take(self, plain: Plain) -> bool:
        """Tells whether a transaction is as plain to the state as it is by itself: in its place, and signed."""
        if not self.replay.is_next((plain.batch or plain).place):
            return False
        if plain.batch is not None:
            return [plain.batch.institution] * len(plain.signers) == self._signed_for(plain.signers, plain)
        return len(plain.signers) == len(self._signed_for(plain.signers, plain))

    def _signed_for(self, signers: Sequence[Address], plain: Plain) -> list[Address]:
        """Gives the institution of each signature that is its own."""
        start, known = INSTITUTION * WORD + ADDRESS.start, self.replay.state.institutions
        asked = [Address(plain.words[at : at + ACCOUNT_SIZE]) for at in range(start, len(signers) * ROW, ROW)]
        return [
            each for each, signer in zip(asked, signers, strict=True) if each in known and known[each].signer == signer
        ]

    async def take(self, plain: Plain, submitted: Submitted) -> list[int]:
        """Takes the decisions of a transaction that `can_take`; gives what the rules say of each, as codes.

        Args:
            plain: the transaction; the event of its batch was taken before.
            submitted: gives its items from calldata, for one that the replay itself has to look at.
        """
        rows, count = _rows_of(plain), len(plain)
        if rows.now // DAY != self._day:
            self.settle()
            self._day = rows.now // DAY
        if plain.batch is not None:
            batch = plain.batch
            signed = RequestBatch(batch.institution, batch.root, batch.size)
            self.replay.remember_batch(plain.signers[0], signed, batch.signature)
        items: Sequence[SubmittedRequest | None] | None = None
        passes = 0
        while len(rows.expected) < count:
            # Each looks at all that is left; where much is for the replay itself, so is the rest.
            if passes < _MOST_PASSES:
                self._pass(rows)
            row, passes = len(rows.expected), passes + 1
            if row < count:
                items = await submitted() if passes == 1 else items
                self._catch_up(rows, row)
                self._take_long(rows, row, items[row] if items else None)
        self._catch_up(rows, count)
        return rows.expected

    def _take_long(self, rows: _Rows, row: int, item: SubmittedRequest | None) -> None:
        """Has the replay itself take a decision; those before it were taken."""
        self.settle()
        self.replay.take(rows.plain.event(row), item)
        rows.expected.append(int(self.replay.expected or Reason.NONE))
        rows.used = rows.counted = row + 1

    def _catch_up(self, rows: _Rows, row: int) -> None:
        """Adds the rows before one to the used request ids and to the counts."""
        # None of them was there, and none stands there twice: such a row is for the replay itself.
        self.used.add_new(rows.digests[rows.used : row])
        rows.used = row
        self._count(rows, row)

    def _count(self, rows: _Rows, row: int) -> None:
        some, rows.counted = slice(rows.counted, row), row
        permitted = np.array(rows.expected[some], np.int64) == 0
        self._uses.update(dict(rows.grounds.counts(some, permitted)))
        self._permits.update(dict(rows.institutions.counts(some, permitted)))

    def _pass(self, rows: _Rows) -> None:
        """Takes decisions until one is for the replay itself."""
        begun, permitted = len(rows.expected), self._permitted(rows)
        stop = self._first_out_of_line(rows, begun, self._first_wrong(rows, begun, permitted))
        self._judge(rows, permitted, stop)
        end = len(rows.expected)
        if end > begun:
            self._advance(rows, begun, end)
            signed = 0 if rows.plain.batch else end - begun
            self.replay.pass_by(rows.plain.place_of(end - 1), end - begun, signed)

    def _permitted(self, rows: _Rows) -> Flags:
        """Tells which accesses the conditions permit, without a further look."""
        codes, now = rows.codes, rows.now
        usual = (
            (codes.emergency == 0)
            & (codes.purpose >= min(Purpose))
            & (codes.purpose <= max(Purpose))
            & (codes.action >= min(Action))
            & (codes.action <= max(Action))
            & (codes.actor >= min(ActorKind))
            & (codes.actor <= max(ActorKind))
            & (codes.expires > now)
            & (codes.issued <= now + CLOCK_TOLERANCE)
            & rows.matrix[:, PRACTITIONER].view(np.uint64).any(axis=1)
        )
        for place, institution in enumerate(rows.institutions.names):
            usual &= self._may_ask(rows, institution) | ~rows.institutions.are_of(place)
        permitted: Flags = usual & self._conditions.permit(rows.matrix, codes, now)
        return permitted

    def _may_ask(self, rows: _Rows, institution: Address) -> Flags:
        """Tells which requests are not refused for what an institution is: its standing, key or daily limit."""
        seen = self.replay.state.institutions[institution].seen_at(rows.now)
        count = self.replay.state.permits.get(institution, PermitCount()).on(self._day).accesses
        room = count + self._permits[institution] + len(rows.plain) <= seen.daily_limit
        if seen.standing != Standing.ACTIVE or not room:
            return np.zeros(len(rows.plain), np.bool_)
        return same_words(rows.matrix[:, KEY_HASH], np.frombuffer(seen.release_key_hash, np.uint8))

    def _first_wrong(self, rows: _Rows, begun: int, permitted: Flags) -> int:
        """Gives the first row in which something is wrong at a glance, from one on."""
        codes = rows.codes
        wrong = self.used.holds(rows.digests) | (codes.decided_at != rows.now) | (permitted & (codes.reason != 0))
        wrong |= ~first_times(rows.digests) | ~rows.matrix[:, SUBJECT].view(np.uint64).any(axis=1)
        found = np.flatnonzero(wrong[begun:])
        return begun + int(found[0]) if len(found) else len(rows.plain)

    def _first_out_of_line(self, rows: _Rows, begun: int, stop: int) -> int:
        """Gives the first row whose numbers are not the next of its subject and institution, from one on."""
        codes, state = rows.codes, self.replay.state
        stop = rows.institutions.first_out_of_line(state.institution_heads, begun, stop, codes.institution_sequence)
        return rows.subjects.first_out_of_line(state.subject_heads, begun, stop, codes.subject_sequence)

    def _judge(self, rows: _Rows, permitted: Flags, stop: int) -> None:
        """Adds what the rules say of each row before ``stop``, as long as it is what the contract says."""
        expected, reasons = rows.expected, rows.codes.reason.tolist()
        for row in np.flatnonzero(~permitted[len(expected) : stop]) + len(expected):
            expected += [0] * (int(row) - len(expected))
            self._count(rows, int(row))
            self.settle()
            entry = rows.plain.entry(int(row))
            record = self.replay.state.records.get(entry.request.record_id)
            said = self.replay.judge(entry.request, rows.now)
            if record is None or record.leaf.subject_id != entry.subject_id or said != reasons[row]:
                return
            expected.append(int(said))
        expected += [0] * (stop - len(expected))

    def _advance(self, rows: _Rows, begun: int, end: int) -> None:
        """Moves the heads past some rows, as `core.heads.advance` does one by one; their numbers were looked at."""
        state, matrix, some = self.replay.state, rows.matrix, slice(begun, end)
        entries = np.frombuffer(rows.plain.entry_hashes, np.uint8).reshape(-1, WORD)[some]
        last, own = (
            matrix[some, OUTCOME, where] for where in (IN_OUTCOME.subject_sequence, IN_OUTCOME.institution_sequence)
        )
        # The key of a chain is the word of its subject or institution, as the log has it.
        rows.subjects.move(state.subject_heads, some, matrix[some, SUBJECT], entries, last)
        rows.institutions.move(state.institution_heads, some, matrix[some, INSTITUTION], entries, own)


def load_compiled() -> None:
    """Has compiled code ready: what decides a single row."""
    word, slots = np.zeros((1, WORD), np.uint8), np.zeros(1, np.int64)
    one, kept = Chains.of(word, bytes), DigestSet()
    first_times(word.view(np.uint64))
    one.first_out_of_line({}, 0, 1, np.ones(1, np.uint64))
    chain_rows(word, slots, word, word, word[:, :SEQUENCE_BYTES])
    kept.add(np.ones((1, 2), np.uint64))
