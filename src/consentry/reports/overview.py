"""The report of an audit: how much, on which basis, what was refused, what is owed, where, and what should not be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from consentry.core.codes import DAY
from consentry.reports.document import Column, Document, Fact, Form, Sheet, columns_of, sheet_of
from consentry.reports.duty_queries import DUTY_PATTERNS
from consentry.reports.names import Names
from consentry.reports.opened import BY_MACHINES, BY_PEOPLE, OpenedTables, Row
from consentry.reports.pattern_queries import ACCESS_PATTERNS
from consentry.reports.patterns import CHINA_STANDARD_TIME, PatternAnswer, look_for
from consentry.reports.words import Words

ALL_PATTERNS: Final = (*ACCESS_PATTERNS, *DUTY_PATTERNS)
MOST_INSTITUTIONS: Final = 50
MOST_LISTED: Final = 500
_MOST_DAYS: Final = 62
"""Days of a period that are shown singly; of a longer one, months are."""

_TOTAL: Final = f"""
    SELECT count(*) AS decisions, count(*) FILTER (permitted) AS permitted, count(*) FILTER (NOT permitted) AS denied,
        count(*) FILTER (permitted AND {BY_PEOPLE}) AS human,
        count(*) FILTER (permitted AND {BY_MACHINES}) AS machine,
        count(DISTINCT subject) AS subjects, count(DISTINCT record) AS records,
        count(DISTINCT institution) AS institutions, min(time) AS first, max(time) AS last
    FROM decisions
"""  # noqa: S608 - made of constants
_BY_PURPOSE: Final = f"""
    SELECT purpose, basis, count(*) FILTER ({BY_PEOPLE}) AS human, count(*) FILTER ({BY_MACHINES}) AS machine,
        count(DISTINCT subject) AS subjects
    FROM decisions WHERE permitted GROUP BY ALL ORDER BY human + machine DESC, purpose, basis
"""  # noqa: S608 - made of constants
_OVER_TIME: Final = """
    SELECT strftime(make_timestamp((time + $utc_offset) * 1000000), $unit) AS "when", {code}, {counts}
    FROM decisions WHERE permitted GROUP BY ALL ORDER BY "when", {code}
"""
_HUMAN_AND_MACHINE: Final = (
    f"count(*) FILTER ({BY_PEOPLE}) AS human, count(*) FILTER ({BY_MACHINES}) AS machine, count(*) AS accesses"
)
_REFUSALS: Final = """
    SELECT reason, count(*) AS denied, count(DISTINCT institution) AS institutions,
        count(*) / sum(count(*)) OVER () AS share
    FROM decisions WHERE NOT permitted GROUP BY reason ORDER BY denied DESC, reason
"""
_DEBTS_OVER_TIME: Final = """
    SELECT strftime(make_timestamp((opened + $utc_offset) * 1000000), $unit) AS "when", count(*) AS emergencies,
        count(*) FILTER (closed IS NOT NULL) AS closed, count(*) FILTER (overdue) AS overdue,
        count(*) FILTER (outcome = 'NOT_JUSTIFIED') AS not_justified
    FROM debts GROUP BY ALL ORDER BY "when"
"""
_LATEST: Final = """
    (SELECT institution, record, arg_max(accepted, number) AS accepted, arg_max(refusal, number) AS refusal
    FROM recognitions GROUP BY institution, record)
"""
_RECOGNITION: Final = f"""
    SELECT institution, count(*) AS statements, count(*) FILTER (accepted) AS accepted,
        count(*) FILTER (NOT accepted) AS refused, count(*) FILTER (accepted) / count(*) AS recognition_rate
    FROM {_LATEST} GROUP BY institution ORDER BY statements DESC, institution LIMIT {MOST_INSTITUTIONS}
"""  # noqa: S608 - made of constants
_NOT_RECOGNISED: Final = f"""
    SELECT refusal, count(*) AS refused FROM {_LATEST} WHERE NOT accepted GROUP BY refusal
    ORDER BY refused DESC, refusal
"""  # noqa: S608 - made of constants
_INSTITUTIONS: Final = f"""
    WITH asked AS (
        SELECT institution, count(*) FILTER (permitted) AS permitted, count(*) FILTER (NOT permitted) AS denied,
            count(*) FILTER (permitted AND basis = 'EMERGENCY') AS emergencies,
            count(*) FILTER (permitted AND {BY_MACHINES}) AS machine
        FROM decisions GROUP BY institution
    ),
    owed AS (SELECT institution, count(*) FILTER (overdue) AS overdue FROM debts GROUP BY institution),
    said AS (
        SELECT institution, count(*) AS statements, count(*) FILTER (accepted) AS accepted FROM {_LATEST}
        GROUP BY institution
    ),
    counted AS (
        SELECT i.institution, i.region, i.standing, coalesce(a.permitted, 0) AS permitted,
            coalesce(a.machine, 0) AS machine, coalesce(a.denied, 0) AS denied,
            coalesce(a.emergencies, 0) AS emergencies, coalesce(o.overdue, 0) AS overdue,
            coalesce(s.statements, 0) AS statements, coalesce(s.accepted, 0) AS accepted
        FROM institutions AS i LEFT JOIN asked AS a USING (institution) LEFT JOIN owed AS o USING (institution)
        LEFT JOIN said AS s USING (institution)
    )
"""  # noqa: S608 - made of constants
_RATES: Final = """
    denied / nullif(permitted + denied, 0) AS denial_rate, accepted / nullif(statements, 0) AS recognition_rate
"""
_REGIONS: Final = f"""{_INSTITUTIONS},
    place AS (
        SELECT region, count(*) AS institutions, sum(permitted)::BIGINT AS permitted, sum(machine)::BIGINT AS machine,
            sum(denied)::BIGINT AS denied, sum(emergencies)::BIGINT AS emergencies, sum(overdue)::BIGINT AS overdue,
            sum(statements)::BIGINT AS statements, sum(accepted)::BIGINT AS accepted
        FROM counted GROUP BY region
    )
    SELECT *, {_RATES} FROM place ORDER BY region
"""  # noqa: S608 - made of constants
_BUSIEST: Final = f"""{_INSTITUTIONS}
    SELECT *, {_RATES} FROM counted ORDER BY permitted + denied DESC, institution LIMIT {MOST_INSTITUTIONS}
"""  # noqa: S608 - made of constants
_FINDINGS: Final = f"""
    SELECT kind, about, message, expected, got, time, block FROM findings ORDER BY kind, block, about
    LIMIT {MOST_LISTED}
"""  # noqa: S608 - made of constants
_BY_KIND: Final = "SELECT kind, count(*) AS cases FROM findings GROUP BY kind ORDER BY cases DESC, kind"


@dataclass(frozen=True, slots=True)
class Overview:
    """The report as a document, and what its pages show beside: the answers of the patterns, what unit time has."""

    document: Document
    answers: tuple[PatternAnswer, ...]
    unit: str


def overview_of(
    tables: OpenedTables,
    names: Names,
    words: Words,
    *,
    thresholds: Mapping[str, Mapping[str, float]] | None = None,
    utc_offset: int = CHINA_STANDARD_TIME,
) -> Overview:
    """Makes the report of an audit.

    Args:
        tables: of the audit.
        names: of institutions.
        words: of the language in which the sentences of patterns stand.
        thresholds: of patterns, other than the defaults.
        utc_offset: seconds by which local time is ahead of UTC.

    Raises:
        InvalidInputError: a threshold is none of its pattern's.
    """
    answers = tuple(look_for(tables, ALL_PATTERNS, thresholds, utc_offset=utc_offset))
    total = tables.rows(_TOTAL)[0]
    span = (total["last"] or 0) - (total["first"] or 0)
    unit = "day" if span <= _MOST_DAYS * DAY else "month"
    timed = {"utc_offset": utc_offset, "unit": "%Y-%m-%d" if unit == "day" else "%Y-%m"}
    sheets = (
        *_volumes(tables, timed),
        *_owed_and_said(tables, timed, names),
        sheet_of("regions", _REGION_COLUMNS, tables.rows(_REGIONS)),
        sheet_of("institutions", _INSTITUTION_COLUMNS, [names.beside(row) for row in tables.rows(_BUSIEST)]),
        sheet_of("finding_kinds", "kind cases", tables.rows(_BY_KIND)),
        sheet_of("findings", "kind about message expected got time block", tables.rows(_FINDINGS)),
        *_patterns(answers, names, words),
    )
    notes = ("report_patterns", "report_machines", "report_wards")
    return Overview(Document("report", _facts(tables, total, answers), sheets, notes, tables.run.limits), answers, unit)


_REGION_COLUMNS: Final = (
    "region institutions permitted machine denied denial_rate emergencies overdue statements recognition_rate"
)
_RECOGNITION_COLUMNS: Final = "institution institution_name statements accepted refused recognition_rate"
_INSTITUTION_COLUMNS: Final = (
    "institution institution_name region standing permitted machine denied denial_rate emergencies overdue statements "
    "recognition_rate"
)


def _volumes(tables: OpenedTables, timed: Mapping[str, object]) -> tuple[Sheet, ...]:
    def over_time(code: str) -> Sequence[Row]:
        return tables.rows(_OVER_TIME.format(code=code, counts=_HUMAN_AND_MACHINE), timed)

    return (
        sheet_of("by_purpose", "purpose basis human machine subjects", tables.rows(_BY_PURPOSE)),
        sheet_of("purposes_over_time", "when purpose human machine accesses", over_time("purpose")),
        sheet_of("bases_over_time", "when basis human machine accesses", over_time("basis")),
        sheet_of("refusals", "reason denied institutions share", tables.rows(_REFUSALS)),
    )


def _owed_and_said(tables: OpenedTables, timed: Mapping[str, object], names: Names) -> tuple[Sheet, ...]:
    recognition = [names.beside(row) for row in tables.rows(_RECOGNITION)]
    debts = tables.rows(_DEBTS_OVER_TIME, timed)
    return (
        sheet_of("emergencies_over_time", "when emergencies closed overdue not_justified", debts),
        sheet_of("recognition", _RECOGNITION_COLUMNS, recognition),
        sheet_of("not_recognised", "refusal refused", tables.rows(_NOT_RECOGNISED)),
    )


def _facts(tables: OpenedTables, total: Row, answers: Sequence[PatternAnswer]) -> tuple[Fact, ...]:
    run = tables.run
    debts = tables.rows("SELECT count(*) AS emergencies, count(*) FILTER (overdue) AS overdue FROM debts")[0]
    said = tables.rows(f"SELECT count(*) AS n, count(*) FILTER (accepted) AS yes FROM {_LATEST}")[0]  # noqa: S608 - a constant
    findings = tables.rows("SELECT count(*) AS n FROM findings")[0]["n"]
    counts = ("decisions", "permitted", "human", "machine", "denied")
    return (
        Fact("findings", Form.COUNT, findings),
        Fact("hints", Form.COUNT, sum(answer.count for answer in answers)),
        *(Fact(name, Form.COUNT, total[name]) for name in counts),
        Fact("denial_rate", Form.SHARE, _share(total["denied"], total["decisions"])),
        *(Fact(name, Form.COUNT, total[name]) for name in ("subjects", "records", "institutions")),
        Fact("emergencies", Form.COUNT, debts["emergencies"]),
        Fact("overdue", Form.COUNT, debts["overdue"]),
        Fact("recognition_rate", Form.SHARE, _share(said["yes"], said["n"])),
        Fact("first", Form.TIME, total["first"]),
        Fact("last", Form.TIME, total["last"]),
        Fact("events", Form.COUNT, run.events),
        Fact("signatures", Form.COUNT, run.signatures),
        Fact("first_block", Form.COUNT, run.first),
        Fact("head_block", Form.COUNT, run.head),
        Fact("head_hash", Form.ID, run.head_hash),
        Fact("head_time", Form.TIME, run.head_time),
        Fact("chain_id", Form.TEXT, run.chain_id),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _patterns(answers: Sequence[PatternAnswer], names: Names, words: Words) -> tuple[Sheet, Sheet]:
    """Gives what was looked for and how often it was found, and the findings one by one."""
    asked = tuple((a.pattern.kind, a.pattern.sentence(words, a.changed), a.count) for a in answers)
    found: list[tuple[Any, ...]] = []
    for answer in answers:
        for one in answer.findings:
            institution, *keys = (one.about.get(key) for key in ("institution", "practitioner", "subject"))
            other = next((one.about[key] for key in ("consent", "record", "debt") if key in one.about), None)
            found.append(
                (
                    one.kind,
                    institution,
                    names.of(institution).name,
                    *keys,
                    other,
                    one.cases,
                    one.first,
                    one.last,
                    one.evidence_count,
                    one.evidence,
                )
            )
    columns = "kind institution institution_name practitioner subject about_id cases first last evidence_count evidence"
    kinds = (Column("kind", Form.WORD, "kind"), Column("sentence"), Column("cases", Form.COUNT))
    return Sheet("patterns_asked", kinds, asked), Sheet("patterns", columns_of(columns), tuple(found))
