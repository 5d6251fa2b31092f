"""Patterns: what no single decision shows. Each is a query over the tables of an audit, with named thresholds.

A pattern is a hint to look, not a verdict; what it says and its thresholds stand beside its query in
`reports.pattern_queries`. Accesses by machines are left out wherever a pattern is about what people do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from consentry.core.codes import DAY
from consentry.errors import InvalidInputError
from consentry.reports.opened import OpenedTables, Row
from consentry.reports.words import Words

MOST_FINDINGS: Final = 200
"""Findings of one pattern that are listed; how many there are is said beside them."""
MOST_EVIDENCE: Final = 20
"""Ids named as evidence of one finding; how many there are is said beside them."""
CHINA_STANDARD_TIME: Final = 8 * 3600
"""Seconds by which the clocks of all provinces are ahead of UTC."""

KEYS: Final = ("institution", "practitioner", "subject", "consent", "record", "debt")
"""What a finding can be about."""

_SHORTEST: Final = 2
"""Seconds of a window, which is halved."""
_UNITS: Final = (("days", DAY), ("hours", 3600), ("minutes", 60), ("seconds", 1))

_SOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "decisions": ("decision", "time"),
    "consents": ("consent", "granted"),
    "debts": ("debt", "opened"),
    "recognitions": ("transaction", "time"),
    "rejections": ("request_hash", "time"),
}
"""Tables evidence is taken from: the column of its ids, and that of its times."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One question to the tables.

    Attributes:
        kind: name of what it finds.
        says: one sentence; ``{name}`` stands for a threshold.
        keys: which of `KEYS` a finding is about; the query answers a column each.
        sql: answers the keys, ``cases`` (a count), ``first`` and ``last`` (seconds); ``$name`` is a threshold.
        source: table the evidence is taken from.
        evidence: which of its rows, between first and last and of the same keys, are evidence; they are called ``d``.
        thresholds: by name, with their defaults; times in seconds, shares from 0 to 1.
    """

    kind: str
    says: str
    keys: tuple[str, ...]
    sql: str
    source: str = "decisions"
    evidence: str = "true"
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def sentence(self, words: Words, thresholds: Mapping[str, float] | None = None) -> str:
        """Gives what it says in a language, with the thresholds in their places."""
        values = {**self.thresholds, **(thresholds or {})}
        said = words.pattern(self.kind, self.says)
        return said.format(**{name: in_words(name, value, words) for name, value in values.items()})


@dataclass(frozen=True, slots=True)
class PatternFinding:
    """One thing to look at.

    Attributes:
        kind: name of the pattern.
        about: what it is about, by key, as bytes.
        cases: how many accesses, subjects or acts make it one; the pattern says which.
        first: time of the first, in seconds.
        last: time of the last, in seconds.
        evidence: ids of decisions, or of what the pattern takes evidence from; the first in chain order.
        evidence_count: how many there are.
    """

    kind: str
    about: Mapping[str, bytes]
    cases: int
    first: int
    last: int
    evidence: tuple[bytes, ...]
    evidence_count: int


@dataclass(frozen=True, slots=True)
class PatternAnswer:
    """What a pattern found: the thresholds that were changed, the worst findings, and how many there are."""

    pattern: Pattern
    changed: Mapping[str, float]
    findings: tuple[PatternFinding, ...]
    count: int


def in_words(name: str, value: float, words: Words) -> str:
    """Gives a threshold as people read it: shares in per cent, times in days, hours, minutes or seconds."""
    if name.endswith("share"):
        return f"{value:.0%}"
    if name.endswith("seconds"):
        unit, size = next((u, s) for u, s in _UNITS if (value >= s and value % s == 0) or s == 1)
        return words.said(unit if value != size else unit.removesuffix("s")).format(count=number_text(value / size))
    return number_text(value)


def number_text(value: float) -> str:
    """Gives a number as people write it: a whole one with all its digits."""
    return str(int(value)) if value == int(value) else f"{value:g}"


def look_for(
    tables: OpenedTables,
    patterns: Iterable[Pattern],
    changed: Mapping[str, Mapping[str, float]] | None = None,
    *,
    utc_offset: int = CHINA_STANDARD_TIME,
) -> list[PatternAnswer]:
    """Asks each pattern.

    Args:
        tables: of an audit.
        patterns: which.
        changed: other thresholds than the defaults, by kind and name.
        utc_offset: seconds by which local time is ahead of UTC.

    Raises:
        InvalidInputError: a changed threshold is none of the pattern's.
    """
    kept = list(patterns)
    check_thresholds(kept, changed or {})
    return [_ask(tables, pattern, (changed or {}).get(pattern.kind, {}), utc_offset) for pattern in kept]


def check_thresholds(patterns: Sequence[Pattern], changed: Mapping[str, Mapping[str, float]]) -> None:
    """Checks that every threshold to be changed exists, and that a time is a whole number of seconds, two at least.

    Raises:
        InvalidInputError: it does not, or is not.
    """
    known = {pattern.kind: set(pattern.thresholds) for pattern in patterns}
    for kind, values in changed.items():
        for name, value in values.items():
            if name not in known.get(kind, ()):
                raise InvalidInputError(f"no such threshold (got {kind}.{name})")
            if name.endswith("seconds") and (not isinstance(value, int) or value < _SHORTEST):
                raise InvalidInputError(f"threshold {kind}.{name} does not match (got {value}, expected whole seconds)")


def _ask(tables: OpenedTables, pattern: Pattern, changed: Mapping[str, float], utc_offset: int) -> PatternAnswer:
    offered: dict[str, Any] = {
        **pattern.thresholds,
        **changed,
        "head": tables.run.head_time,
        "utc_offset": utc_offset,
    }
    sql = _with_evidence(pattern)
    used = {name: offered[name] for name in set(re.findall(r"\$(\w+)", sql))}
    rows = tables.rows(sql, used)
    count = rows[0]["found"] if rows else 0
    findings = tuple(_finding(pattern, row) for row in rows)
    return PatternAnswer(pattern, changed, findings, count)


def _with_evidence(pattern: Pattern) -> str:
    """Gives the pattern's query, the worst findings of it, and beside each the evidence."""
    identifier, time = _SOURCES[pattern.source]
    same = " AND ".join(f"d.{key} = f.{key}" for key in pattern.keys)
    order = "d.number" if pattern.source in ("decisions", "recognitions", "rejections") else f"d.{time}"
    keys = ", ".join(pattern.keys)
    return f"""
        WITH answer AS ({pattern.sql}),
        f AS (
            SELECT *, count(*) OVER () AS found, row_number() OVER (ORDER BY cases DESC, first, {keys}) AS place
            FROM answer QUALIFY place <= {MOST_FINDINGS}
        )
        SELECT {", ".join(f"any_value(f.{key}) AS {key}" for key in pattern.keys)},
            any_value(f.cases) AS cases, any_value(f.first) AS first, any_value(f.last) AS last,
            any_value(f.found) AS found,
            list(d.{identifier} ORDER BY {order}) FILTER (d.{identifier} IS NOT NULL)[:{MOST_EVIDENCE}] AS evidence,
            count(d.{identifier}) AS evidence_count
        FROM f LEFT JOIN {pattern.source} AS d
            ON {same} AND d.{time} BETWEEN f.first AND f.last AND ({pattern.evidence})
        GROUP BY f.place ORDER BY f.place
    """  # noqa: S608 - made of our own patterns; values go in as parameters


def _finding(pattern: Pattern, row: Row) -> PatternFinding:
    about = {key: row[key] for key in pattern.keys if row[key] is not None}
    evidence = tuple(row["evidence"] or ())
    return PatternFinding(pattern.kind, about, row["cases"], row["first"], row["last"], evidence, row["evidence_count"])
