"""Debts and recognitions in the tables: when what was owed came, who answered, and what is overdue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from consentry.audit import tables
from consentry.audit.parts import PartWriter
from consentry.audit.replay import Replay
from consentry.audit.rows import Rows
from consentry.core import events
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import DEBT_PERIOD, NoticeBy, RefusalReason, ReviewerRole, ReviewOutcome
from consentry.core.emergencies import EmergencyNotice, EmergencyReview, debt_id
from consentry.core.events import LedgerEvent
from consentry.core.recognitions import Mark, Recognition
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_ADDRESS, RecordId, SubjectId
from tests.support import samples
from tests.support.memory_reader import HOSPITAL, SUBJECT, VERIFIERS

NOW = 1_800_000_000
ASKS = HOSPITAL.address
IDS = [debt_id(ASKS, number) for number in range(3)]


def place(number: int) -> EventPlace:
    return EventPlace(BlockReference(number, samples.word(number), NOW + number), samples.word(500 + number), 0)


def performed(number: int, act: SignedAct, subject: SubjectId = SUBJECT) -> events.ActPerformed:
    return events.ActPerformed(place(number), samples.word(900 + number), subject, ASKS, act, ())


def notice(debt: bytes) -> EmergencyNotice:
    return EmergencyNotice(debt, SUBJECT, ASKS, bytes(32), samples.word(1), NOW, int(NoticeBy.CUSTODIAN), NOW)


def review(debt: bytes, outcome: ReviewOutcome, role: ReviewerRole) -> EmergencyReview:
    members = samples.word(2), int(role), int(outcome), samples.word(3), NOW
    return EmergencyReview(debt, SUBJECT, ASKS, ZERO_ADDRESS, *members)


def written(folder: Path, taken: list[LedgerEvent], replay: Replay, head: int) -> None:
    """Has events folded and written as they come, unchecked."""
    rows = Rows(PartWriter(folder))
    for number, event in enumerate(taken):
        replay.state.fold(event)
        rows.take(number, event, replay, reported=True)
    rows.finish(replay.state, replace(place(0).block, time=head))
    rows.place()


def read(folder: Path, table: tables.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / table.name).to_pylist()
    return rows


def test_debts_tell_when_what_was_owed_came(tmp_path: Path) -> None:
    opened: list[LedgerEvent] = [
        events.DebtOpened(place(i), IDS[i], SUBJECT, ASKS, i, samples.word(7)) for i in range(3)
    ]
    acts: list[LedgerEvent] = [
        performed(10, notice(IDS[0])),
        performed(11, review(IDS[0], ReviewOutcome.REFERRED, ReviewerRole.PRIVACY_OFFICER)),
        performed(12, review(IDS[0], ReviewOutcome.JUSTIFIED, ReviewerRole.AUTHORITY)),
        events.DebtClosed(place(12), IDS[0], SUBJECT, ASKS),
        performed(13, notice(IDS[1])),
    ]
    # The second is due just now, the third a second later.
    written(tmp_path, [*opened, *acts], Replay({}, VERIFIERS), NOW + DEBT_PERIOD + 1)

    rows = {row["debt"]: row for row in read(tmp_path, tables.DEBTS)}
    first, second, third = (rows[each] for each in IDS)
    assert [first[name] for name in ("opened", "notified", "referred", "reviewed", "closed")] == [
        NOW + seconds for seconds in (0, 10, 11, 12, 12)
    ]
    assert (first["notified_by"], first["reviewer"], first["outcome"]) == ("CUSTODIAN", "AUTHORITY", "JUSTIFIED")
    assert (second["notified"], second["reviewed"], second["outcome"]) == (NOW + 13, None, None)
    assert [row["overdue"] for row in (first, second, third)] == [False, True, False]
    assert int.from_bytes(third["request"], "big") == 2
    assert third["due"] == NOW + 2 + DEBT_PERIOD


def test_recognitions_tell_what_was_said_of_whose_result(tmp_path: Path) -> None:
    replay, record, issuer = Replay({}, VERIFIERS), RecordId(samples.word(4)), samples.address(6)
    replay.state.recognitions.marks[record] = Mark(issuer, 77, 1, 0)
    refused = Recognition(
        record_id=record,
        institution=ASKS,
        subject_id=SUBJECT,
        practitioner=samples.word(8),
        accepted=False,
        reason_code=int(RefusalReason.STATE_HAS_CHANGED),
        explained=True,
        nonce=1,
        sign_before=NOW,
    )
    accepted = replace(refused, accepted=True, reason_code=0, explained=False)
    written(tmp_path, [performed(1, refused), performed(2, accepted)], replay, NOW)

    rows = read(tmp_path, tables.RECOGNITIONS)
    assert [(row["accepted"], row["refusal"], row["explained"]) for row in rows] == [
        (False, "STATE_HAS_CHANGED", True),
        (True, None, False),
    ]
    assert {(row["issuer"], row["item"], row["institution"]) for row in rows} == {(issuer, 77, ASKS)}
    assert [row["name"] for row in read(tmp_path, tables.EVENTS)] == ["RecognitionRecorded"] * 2
