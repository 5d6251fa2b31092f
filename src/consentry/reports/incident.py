"""After an incident: what was touched, whose it is, and what the notices have to say (PIPL 57)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consentry.reports.disclosures import Period
from consentry.reports.document import Document, Fact, Form, sheet_of
from consentry.reports.names import Names
from consentry.reports.opened import BY_MACHINES, BY_PEOPLE, OpenedTables, Row


@dataclass(frozen=True, slots=True)
class Concerned:
    """What an incident is about; members that are none narrow nothing down.

    Attributes:
        institution: who asked, 20 bytes.
        practitioner: who of it, 32 bytes.
        record: a record version, 32 bytes.
        custodian: whose records, 20 bytes.
    """

    institution: bytes | None = None
    practitioner: bytes | None = None
    record: bytes | None = None
    custodian: bytes | None = None

    def given(self) -> Mapping[str, bytes]:
        """Gives the members that narrow down."""
        named = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in named.items() if value is not None}


_TOUCHED: Final = (
    "CREATE OR REPLACE TEMP TABLE touched AS SELECT * FROM decisions WHERE time >= $since AND time < $until"
)
_SUBJECTS: Final = """
    SELECT subject, any_value(custodian) AS custodian, count(*) AS accesses, count(DISTINCT record) AS records,
        list_sort(list(DISTINCT category)) AS categories, max(sensitivity) AS level, min(time) AS first,
        max(time) AS last
    FROM touched WHERE permitted GROUP BY subject ORDER BY accesses DESC, subject
"""
_CUSTODIANS: Final = """
    SELECT custodian, count(DISTINCT subject) AS subjects, count(DISTINCT record) AS records, count(*) AS accesses
    FROM touched WHERE permitted GROUP BY custodian ORDER BY subjects DESC, custodian
"""
_KINDS: Final = """
    SELECT category, sensitivity AS level, count(*) AS accesses, count(DISTINCT subject) AS subjects,
        count(DISTINCT record) AS records
    FROM touched WHERE permitted GROUP BY ALL ORDER BY level DESC, category
"""
_ACTORS: Final = """
    SELECT institution, practitioner, actor, count(*) FILTER (permitted) AS permitted,
        count(*) FILTER (NOT permitted) AS denied, count(DISTINCT subject) FILTER (permitted) AS subjects,
        count(*) FILTER (permitted AND action = 'STORE') AS copies, min(time) AS first, max(time) AS last
    FROM touched GROUP BY ALL ORDER BY permitted DESC, institution, practitioner
"""
_DECISIONS: Final = "SELECT *, subject_sequence AS sequence FROM touched ORDER BY number"
_REGIONS: Final = """
    SELECT i.region, count(DISTINCT t.subject) AS subjects FROM touched AS t
    JOIN institutions AS i ON i.institution = t.custodian WHERE t.permitted GROUP BY i.region ORDER BY i.region
"""
_TOTAL: Final = f"""
    SELECT count(*) FILTER (permitted) AS permitted, count(*) FILTER (NOT permitted) AS denied,
        count(DISTINCT subject) FILTER (permitted) AS subjects, count(DISTINCT record) FILTER (permitted) AS records,
        count(*) FILTER (permitted AND {BY_PEOPLE}) AS human,
        count(*) FILTER (permitted AND {BY_MACHINES}) AS machine,
        count(*) FILTER (permitted AND action = 'STORE') AS copies FROM touched
"""  # noqa: S608 - made of constants
_NOTICE: Final = ("kinds", "cause", "harm", "measures", "self_help", "contact")
"""What PIPL 57 wants said; kinds are known from the chain, the rest is for the institution to fill in."""


def incident_of(tables: OpenedTables, concerned: Concerned, period: Period, names: Names) -> Document:
    """Tells what was touched in a time, whose it is and how much, with every decision.

    Args:
        tables: of an audit.
        concerned: by whom, or which.
        period: when.
        names: of institutions and practitioners.
    """
    given = concerned.given()
    narrowed = "".join(f" AND {name} = ${name}" for name in given)
    tables.rows(_TOUCHED + narrowed, {**given, "since": period.since, "until": period.until})
    total = tables.rows(_TOTAL)[0]
    kinds = tables.rows(_KINDS)
    facts = (
        *(Fact(name, Form.COUNT, total[name]) for name in ("subjects", "records", "permitted", "human", "machine")),
        *(Fact(name, Form.COUNT, total[name]) for name in ("copies", "denied")),
        *(Fact(name, Form.ID, value) for name, value in given.items()),
        *period.facts(tables),
    )
    subjects = [names.beside(row) for row in tables.rows(_SUBJECTS)]
    sheets = (
        sheet_of("kinds_of_content", "category level accesses subjects records", kinds),
        sheet_of("actors", _ACTOR_COLUMNS, [names.beside(row) for row in tables.rows(_ACTORS)]),
        sheet_of(
            "custodians_to_tell",
            "custodian custodian_name custodian_contact subjects records accesses",
            [names.beside(row) for row in tables.rows(_CUSTODIANS)],
        ),
        sheet_of("authorities_to_tell", "region subjects", tables.rows(_REGIONS)),
        sheet_of("subjects_to_tell", _SUBJECT_COLUMNS, subjects),
        sheet_of("touched_decisions", _DECISION_COLUMNS, tables.rows(_DECISIONS)),
        sheet_of("notice", "item said", _notice(kinds)),
    )
    return Document("incident", facts, sheets, ("incident_subjects", "incident_notice"))


_ACTOR_COLUMNS: Final = (
    "institution institution_name practitioner practitioner_name actor permitted denied subjects copies first last"
)
_SUBJECT_COLUMNS: Final = "subject custodian custodian_name accesses records categories level first last"
_DECISION_COLUMNS: Final = (
    "time institution practitioner actor purpose action basis reason category subject record consent authorisation "
    "decision sequence"
)


def _notice(kinds: Sequence[Row]) -> list[Row]:
    known = sorted({row["category"] for row in kinds})
    return [{"item": item, "said": ", ".join(known) if item == "kinds" else ""} for item in _NOTICE]
