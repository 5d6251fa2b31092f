"""What a log says, whatever was decoded before: an entry that is kept is found by all of its log, and by that alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consentry.core import events
from consentry.core.codes import Reason
from consentry.core.terms import AccessEntry, RecordId, SubjectId
from consentry.errors import LedgerUnavailableError
from consentry.ledger import events as ledger_events
from consentry.ledger.events import Log, decode_log
from tests.faults.wire_logs import encode_log
from tests.support import samples

REQUEST = replace(samples.request(samples.word(1), samples.word(2), samples.RELEASE_KEY_HASH), request_id=7)
ENTRY = AccessEntry(REQUEST, samples.SUBJECT, Reason(0), samples.NOW, 3, 4)
LEDGER = samples.address(0xE5)
PLACE = samples.place()


def log_of(entry: AccessEntry) -> Log:
    return encode_log(events.AccessDecided(PLACE, entry), {"AccessLedger": LEDGER})


@pytest.mark.parametrize(
    "other",
    [
        replace(ENTRY, request=replace(REQUEST, request_id=8)),
        replace(ENTRY, request=replace(REQUEST, institution=samples.CUSTODIAN)),
        replace(ENTRY, request=replace(REQUEST, record_id=RecordId(samples.word(9)))),
        replace(ENTRY, subject_id=SubjectId(samples.word(0x52))),
        replace(ENTRY, institution_sequence=5),
    ],
    ids=["request-id", "institution", "record", "subject", "sequence"],
)
def test_entry_is_that_of_its_own_log(other: AccessEntry) -> None:
    for entry in (ENTRY, other, ENTRY):
        assert decode_log(log_of(entry), PLACE) == events.AccessDecided(PLACE, entry)


def test_entry_that_was_read_before_stands_where_it_is_read() -> None:
    elsewhere = samples.place(number=2, log_index=5)
    assert decode_log(log_of(ENTRY), PLACE) == events.AccessDecided(PLACE, ENTRY)
    assert decode_log(log_of(ENTRY), elsewhere) == events.AccessDecided(elsewhere, ENTRY)


def test_log_that_cannot_be_read_is_refused_each_time() -> None:
    cut = replace(log_of(ENTRY), data=log_of(ENTRY).data[:-32])
    for _ in range(2):
        with pytest.raises(LedgerUnavailableError, match="AccessDecided that cannot be read"):
            decode_log(cut, PLACE)


@pytest.mark.parametrize("added", ["data", "topic"])
def test_what_a_node_adds_to_a_log_is_not_kept(added: str) -> None:
    log = log_of(ENTRY)
    more = bytes(32)
    longer = replace(log, data=log.data + more) if added == "data" else replace(log, topics=(*log.topics, more))
    decoded = decode_log(log, PLACE)
    kept = ledger_events._kept_entry.cache_info()

    assert decode_log(longer, PLACE) == decoded
    assert ledger_events._kept_entry.cache_info() == kept
