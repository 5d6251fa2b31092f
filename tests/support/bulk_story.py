"""A story in memory as a bulk reader gives it, for audits that take the short way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from consentry.audit import columns
from consentry.audit.columns import Plain, Segment
from consentry.audit.ports import SubmittedRequest
from consentry.audit.prepare import Call, prepare
from consentry.core.access import as_seen, is_shown_to_be_named
from consentry.core.events import AccessDecided, BatchSubmitted, LedgerEvent
from consentry.core.packing import ground_of, pack_codes, pack_outcome
from consentry.core.terms import AccessEntry, AccessRequest
from consentry.errors import InvalidInputError
from tests.support.memory_reader import MemoryReader, domain


@dataclass
class BulkStory:
    """``audit.columns.BulkReader`` over a reader in memory; counts what it gave as plain."""

    reader: MemoryReader
    blocks: int = 3
    plain: int = 0
    given: list[Plain] = field(default_factory=list)

    async def stretches(self, first: int, last: int, key: bytes) -> AsyncIterator[tuple[int, Sequence[Segment]]]:
        """Gives some blocks at a time."""
        while first <= last:
            end = min(last, first + self.blocks - 1)
            found = await self.reader.events(first, end)
            groups = [list(group) for _, group in groupby(found, key=lambda event: event.place.transaction_hash)]
            yield end, [self._segment(group, key) for group in groups]
            first = end + 1

    def _segment(self, group: list[LedgerEvent], key: bytes) -> Segment:
        items = self.reader.calldata.get(group[0].place.transaction_hash)
        batch = group[0] if isinstance(group[0], BatchSubmitted) else None
        rest = group[1:] if batch else group
        decided = [event for event in rest if isinstance(event, AccessDecided)]
        if not items or len(decided) != len(rest) or len(items) != len(decided) or not in_a_row(group):
            return group
        readable = all(item.request not in self.reader.unreadable for item in items)
        call = _call(items) if readable else None
        if call is None:
            return group
        words = b"".join(words_of(event.entry) for event in decided)
        plain = prepare(decided[0].place, batch, words, call, domain("AccessLedger"), key)
        if plain is None:
            return group
        self.given.append(plain)
        return plain


def in_a_row(group: Sequence[LedgerEvent]) -> bool:
    """Tells whether events stand in one block, one behind the other."""
    first = group[0].place
    return all(
        (event.place.block, event.place.log_index) == (first.block, first.log_index + number)
        for number, event in enumerate(group)
    )


def words_of(entry: AccessEntry) -> bytes:
    """Gives topics and data of the log of a decision."""
    request = entry.request
    outcome = entry.reason, entry.decided_at, entry.subject_sequence, entry.institution_sequence
    ground = request.consent_id if any(request.consent_id) else request.authorisation_id
    return b"".join(
        [
            request.request_id.to_bytes(32, "big"),
            entry.subject_id,
            request.institution.rjust(32, b"\0"),
            request.record_id,
            ground,
            request.reason_hash,
            request.practitioner,
            request.release_key_hash,
            pack_codes(request).to_bytes(32, "big"),
            pack_outcome(*outcome).to_bytes(32, "big"),
        ]
    )


def _call(items: Sequence[SubmittedRequest]) -> Call | None:
    """Gives a call as arrays; none for one the bulk reader of a node leaves to the long way."""
    for item in items:
        terms = item.shown.terms
        if terms is None or as_seen(item.request, item.shown) != item.request:
            return None
        if not is_shown_to_be_named(item.request, terms.records_root, item.shown):
            return None
    try:
        same = {word: _column(items, word) for word in _SAID}
    except InvalidInputError:
        return None
    within = items[0].within
    if within is not None:
        # A call has one signature over a batch: what a test made otherwise is no call.
        if any(
            (item.signature, item.within and item.within.batch) != (items[0].signature, within.batch) for item in items
        ):
            return None
        return Call(same, (items[0].signature,), within.batch.institution)
    return Call(same, tuple(item.signature for item in items), None)


_SAID: dict[int, Callable[[AccessRequest], bytes]] = {
    columns.REQUEST: lambda request: request.request_id.to_bytes(32, "big"),
    columns.RECORD: lambda request: request.record_id,
    columns.INSTITUTION: lambda request: request.institution.rjust(32, b"\0"),
    columns.GROUND: ground_of,
    columns.REASON_HASH: lambda request: request.reason_hash,
    columns.PRACTITIONER: lambda request: request.practitioner,
    columns.KEY_HASH: lambda request: request.release_key_hash,
    columns.CODES: lambda request: pack_codes(request).to_bytes(32, "big"),
}


def _column(items: Sequence[SubmittedRequest], word: int) -> columns.Bytes:
    said = [_word(item.request, word) for item in items]
    return np.frombuffer(b"".join(said), np.uint8).reshape(-1, 32)


def _word(request: AccessRequest, word: int) -> bytes:
    return _SAID[word](request)
