"""Lists of who saw what: for a patient, for an institution, after an incident. Each is one document from the tables.

Sources: accounting of disclosures, 45 CFR 164.528; PIPL 45 and EHDS article 9 (a patient's own list); PIPL 23 and
网络数据安全管理条例 12 (an institution's list of recipients); PIPL 57 (incident). Reads by machines are folded into
counts, so that they do not hide what people did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from consentry.errors import InvalidInputError
from consentry.reports.document import Document, Fact, Form, Sheet, sheet_of
from consentry.reports.names import Names
from consentry.reports.opened import BY_MACHINES, BY_PEOPLE, OpenedTables, Row

END_OF_TIME: Final = 2**62


@dataclass(frozen=True, slots=True)
class Period:
    """From a second, included, until a second, excluded; all there is by default."""

    since: int = 0
    until: int = END_OF_TIME

    def facts(self, tables: OpenedTables) -> tuple[Fact, ...]:
        """Gives the period, and up to where the tables reach."""
        return (
            Fact("from", Form.TIME, self.since or None),
            Fact("until", Form.TIME, None if self.until == END_OF_TIME else self.until),
            Fact("head_time", Form.TIME, tables.run.head_time),
            Fact("head_block", Form.COUNT, tables.run.head),
            Fact("chain_id", Form.TEXT, tables.run.chain_id),
        )


_IN_PERIOD: Final = "time >= $since AND time < $until"
_FOLDED: Final = """
    SELECT institution, region, actor, purpose, action, basis, category, count(*) AS accesses,
        count(DISTINCT subject) AS subjects, count(DISTINCT record) AS records, min(time) AS first, max(time) AS last
    FROM decisions WHERE {where} AND {period} GROUP BY ALL ORDER BY accesses DESC, first, institution
"""
_SINGLE: Final = """
    SELECT *, subject_sequence AS sequence FROM decisions WHERE {where} AND {period} ORDER BY number
"""
_FOLDED_COLUMNS: Final = (
    "institution institution_name institution_contact region actor purpose action basis category accesses subjects "
    "records first last"
)
_SINGLE_COLUMNS: Final = (
    "time institution institution_name institution_contact region practitioner practitioner_name actor purpose action "
    "basis emergency category subject record consent authorisation decision sequence"
)


@dataclass
class _PeriodQueries:
    """Answers questions about the decisions of one period."""

    tables: OpenedTables
    period: Period
    names: Names
    given: Mapping[str, object] = field(default_factory=dict)

    def rows(self, sql: str, where: str) -> Sequence[Row]:
        """Gives what a query with the two holes ``{where}`` and ``{period}`` answers; names are added."""
        found = self.tables.rows(sql.format(where=where, period=_IN_PERIOD), {**self.given, **self._times()})
        return [self.names.beside(row) for row in found]

    def _times(self) -> Mapping[str, int]:
        return {"since": self.period.since, "until": self.period.until}

    def folded(self, name: str, where: str) -> Sheet:
        """Makes a sheet of accesses counted by who, why and what."""
        return sheet_of(name, _FOLDED_COLUMNS, self.rows(_FOLDED, where))

    def single(self, name: str, where: str) -> Sheet:
        """Makes a sheet with a line for each access."""
        return sheet_of(name, _SINGLE_COLUMNS, self.rows(_SINGLE, where))

    def count(self, where: str) -> int:
        """Counts decisions."""
        found: int = self.rows("SELECT count(*) AS n FROM decisions WHERE {where} AND {period}", where)[0]["n"]
        return found


def disclosures_of(tables: OpenedTables, subjects: Sequence[bytes], period: Period, names: Names) -> Document:
    """Lists who saw the records of a patient: accesses by people one by one, those by machines counted.

    Args:
        tables: of an audit.
        subjects: every subject of the person, 32 bytes each.
        period: which accesses.
        names: of institutions and practitioners.

    Raises:
        InvalidInputError: a subject is unknown to the tables.
    """
    wanted = {"subjects": [*subjects]}
    known = tables.rows("SELECT subject FROM subjects WHERE list_contains($subjects, subject)", wanted)
    for subject in subjects:
        if subject not in {row["subject"] for row in known}:
            raise InvalidInputError(f"no such subject in the tables (got 0x{subject.hex()})")
    queries = _PeriodQueries(tables, period, names, wanted)
    mine = "list_contains($subjects, subject)"
    by_people, by_machines = (f"{mine} AND permitted AND {by}" for by in (BY_PEOPLE, BY_MACHINES))
    refused = f"{mine} AND NOT permitted"
    facts = (
        Fact("subjects", Form.COUNT, len(set(subjects))),
        Fact("human", Form.COUNT, queries.count(by_people)),
        Fact("machine", Form.COUNT, queries.count(by_machines)),
        Fact("denied", Form.COUNT, queries.count(refused)),
        *period.facts(tables),
    )
    sheets = (
        queries.single("accesses", by_people),
        queries.folded("machine_accesses", by_machines),
        sheet_of("refused_accesses", _REFUSED_COLUMNS, queries.rows(_REFUSED, refused)),
        sheet_of("completeness", _COMPLETENESS_COLUMNS, tables.rows(_COMPLETENESS, queries.given)),
    )
    return Document("disclosures", facts, sheets, ("disclosures_people", "disclosures_machines", "completeness"))


_REFUSED: Final = """
    SELECT institution, region, actor, purpose, basis, reason, count(*) AS accesses, min(time) AS first,
        max(time) AS last
    FROM decisions WHERE {where} AND {period} GROUP BY ALL ORDER BY accesses DESC, first, institution
"""
_REFUSED_COLUMNS: Final = "institution institution_name region actor purpose basis reason accesses first last"
_COMPLETENESS: Final = """
    SELECT s.subject, any_value(s.decisions) AS decisions, count(d.decision) AS accesses,
        any_value(s.decisions) - count(DISTINCT d.subject_sequence) AS gaps, any_value(s.head) AS head
    FROM subjects AS s LEFT JOIN decisions AS d USING (subject)
    WHERE list_contains($subjects, s.subject) GROUP BY s.subject ORDER BY s.subject
"""
_COMPLETENESS_COLUMNS: Final = "subject decisions accesses gaps head"


def recipients_of(tables: OpenedTables, institution: bytes, period: Period, names: Names) -> Document:
    """Lists to whom an institution's records went, and what it saw of others itself.

    Args:
        tables: of an audit.
        institution: its address, 20 bytes.
        period: which accesses.
        names: of institutions and practitioners.

    Raises:
        InvalidInputError: the institution is unknown to the tables.
    """
    if not tables.rows("SELECT 1 FROM institutions WHERE institution = $one", {"one": institution}):
        raise InvalidInputError(f"no such institution in the tables (got 0x{institution.hex()})")
    queries = _PeriodQueries(tables, period, names, {"one": institution})
    given = "permitted AND custodian = $one AND institution <> $one"
    seen = "permitted AND institution = $one AND custodian <> $one"
    own = "permitted AND institution = $one AND custodian = $one"
    debts = tables.rows(_DEBTS, {"one": institution, "since": period.since, "until": period.until})
    facts = (
        Fact("institution", Form.ID, institution),
        Fact("institution_name", Form.TEXT, names.of(institution).name),
        Fact("given", Form.COUNT, queries.count(given)),
        Fact("seen", Form.COUNT, queries.count(seen)),
        Fact("own", Form.COUNT, queries.count(own)),
        Fact("denied", Form.COUNT, queries.count("NOT permitted AND institution = $one")),
        Fact("emergencies", Form.COUNT, len(debts)),
        Fact("overdue", Form.COUNT, sum(row["overdue"] for row in debts)),
        *period.facts(tables),
    )
    sheets = (
        queries.folded("recipients", given),
        queries.single("given_accesses", given),
        queries.folded("seen_of_others", seen),
        sheet_of("denied_accesses", _REFUSED_COLUMNS, queries.rows(_REFUSED, "NOT permitted AND institution = $one")),
        sheet_of("debts", _DEBT_COLUMNS, debts),
    )
    return Document("institution", facts, sheets, ("retention", "names"))


_DEBTS: Final = """
    SELECT *, CASE WHEN overdue THEN 'OVERDUE' WHEN closed IS NULL THEN 'OPEN' ELSE outcome END AS standing
    FROM debts WHERE institution = $one AND opened >= $since AND opened < $until ORDER BY opened
"""
_DEBT_COLUMNS: Final = "debt subject practitioner opened due notified reviewed standing"
