"""Lists of disclosures say what the chain says: compared with the events, counted by other code."""

from __future__ import annotations

from collections import Counter

import pytest

from consentry.core.codes import DAY, ActorKind, LegalBasis, Purpose, Reason
from consentry.core.events import AccessDecided
from consentry.core.heads import hash_of
from consentry.core.terms import AccessEntry
from consentry.errors import InvalidInputError
from consentry.reports.disclosures import Period, disclosures_of, recipients_of
from consentry.reports.incident import Concerned, incident_of
from consentry.reports.names import Named, Names
from consentry.reports.opened import OpenedTables
from tests.support.province import HOSPITALS, START, Province, patient, staff
from tests.support.province_life import eventful_month

NOBODY = Names()


@pytest.fixture(scope="module")
def month() -> Province:
    return eventful_month()


def _entries(month: Province) -> list[AccessEntry]:
    return [event.entry for event in month.chain if isinstance(event, AccessDecided)]


def _of(month: Province, number: int) -> list[AccessEntry]:
    return [entry for entry in _entries(month) if entry.subject_id == patient(number).subject]


def test_accesses_by_people_are_listed_and_those_by_machines_counted(tables: OpenedTables, month: Province) -> None:
    found = disclosures_of(tables, [patient(4).subject], Period(), NOBODY)

    permitted = [entry for entry in _of(month, 4) if entry.reason == Reason.NONE]
    human = [entry for entry in permitted if entry.request.actor_kind == ActorKind.HUMAN]
    accesses = found.sheet("accesses").records()
    assert [row["decision"] for row in accesses] == [hash_of(entry) for entry in human]
    assert {row["actor"] for row in accesses} == {"HUMAN"}
    assert any(row["basis"] == "EMERGENCY" and row["emergency"] == "UNCONSCIOUS" for row in accesses)
    machines = found.sheet("machine_accesses").records()
    assert sum(row["accesses"] for row in machines) == len(permitted) - len(human) > len(machines) > 0
    assert found.fact("human") == len(human)


def test_refused_accesses_are_counted_by_reason(tables: OpenedTables, month: Province) -> None:
    found = disclosures_of(tables, [patient(8).subject], Period(), NOBODY)

    refused = Counter(Reason(entry.reason).name for entry in _of(month, 8) if entry.reason != Reason.NONE)
    rows = found.sheet("refused_accesses").records()
    assert {row["reason"]: row["accesses"] for row in rows} == refused
    assert len(refused) == 2


def test_list_says_that_nothing_is_missing(tables: OpenedTables, month: Province) -> None:
    subjects = [patient(number).subject for number in (4, 5)]
    rows = disclosures_of(tables, subjects, Period(), NOBODY).sheet("completeness").records()

    assert {row["subject"]: row["accesses"] for row in rows} == {
        s: len(_of(month, n)) for s, n in zip(subjects, (4, 5), strict=True)
    }
    assert [row["gaps"] for row in rows] == [0, 0]
    assert {row["head"] for row in rows} == {month.state.subject_head(subject) for subject in subjects}


def test_period_narrows_a_list(tables: OpenedTables, month: Province) -> None:
    period = Period(START + 4 * DAY, START + 5 * DAY)
    found = disclosures_of(tables, [patient(4).subject], period, NOBODY)

    inside = [entry for entry in _of(month, 4) if period.since <= entry.decided_at < period.until]
    assert found.fact("human") + found.fact("machine") + found.fact("denied") == len(inside) > 0
    assert found.fact("from") == period.since


def test_unknown_subject_and_institution_are_refused(tables: OpenedTables) -> None:
    with pytest.raises(InvalidInputError, match="no such subject"):
        disclosures_of(tables, [patient(4).subject, bytes(32)], Period(), NOBODY)
    with pytest.raises(InvalidInputError, match="no such institution"):
        recipients_of(tables, bytes(20), Period(), NOBODY)


def test_recipients_are_those_of_the_custodian_with_name_and_contact(tables: OpenedTables, month: Province) -> None:
    custodian = HOSPITALS[1].address
    names = Names({HOSPITALS[3].address: Named("Ward and Sons", "+86 10 1")})
    found = recipients_of(tables, custodian, Period(), names)

    records = month.state.records
    given = Counter(
        entry.request.institution
        for entry in _entries(month)
        if entry.reason == Reason.NONE
        and records[entry.request.record_id].leaf.custodian == custodian
        and entry.request.institution != custodian
    )
    counted: Counter[bytes] = Counter()
    for row in found.sheet("recipients").records():
        counted[row["institution"]] += row["accesses"]
        assert (row["institution_name"] == "Ward and Sons") == (row["institution"] == HOSPITALS[3].address)
    assert counted == given
    assert found.fact("given") == sum(given.values()) == len(found.sheet("given_accesses").rows)
    assert [row["standing"] for row in found.sheet("debts").records()] == ["JUSTIFIED"]


def test_incident_names_what_was_touched_and_whose_it_is(tables: OpenedTables, month: Province) -> None:
    concerned = Concerned(HOSPITALS[2].address, staff(2, 2))
    found = incident_of(tables, concerned, Period(START, START + 20 * DAY), NOBODY)

    inside = [
        entry
        for entry in _entries(month)
        if entry.request.practitioner == staff(2, 2) and START <= entry.decided_at < START + 20 * DAY
    ]
    permitted = [entry for entry in inside if entry.reason == Reason.NONE]
    assert [row["decision"] for row in found.sheet("touched_decisions").records()] == [hash_of(e) for e in inside]
    assert {row["subject"] for row in found.sheet("subjects_to_tell").records()} == {e.subject_id for e in permitted}
    assert found.fact("records") == len({entry.request.record_id for entry in permitted})
    assert found.fact("denied") == len(inside) - len(permitted)
    assert any(entry.request.legal_basis == LegalBasis.PUBLIC_HEALTH for entry in permitted)
    assert any(entry.request.purpose == Purpose.PUBHLTH for entry in permitted)


def test_notice_after_an_incident_says_what_the_chain_knows_and_leaves_the_rest(tables: OpenedTables) -> None:
    found = incident_of(tables, Concerned(institution=HOSPITALS[2].address), Period(), NOBODY)

    said = {row["item"]: row["said"] for row in found.sheet("notice").records()}
    assert said.pop("kinds") == "IMAGING, LABORATORY"
    assert set(said.values()) == {""}
    assert len(said) == 5


def test_incident_without_a_touch_is_empty(tables: OpenedTables) -> None:
    found = incident_of(tables, Concerned(record=bytes(32)), Period(), NOBODY)

    assert found.fact("permitted") == found.fact("subjects") == 0
    assert all(not sheet.rows for sheet in found.sheets if sheet.name != "notice")
