"""The page of the report of an audit: what broke a rule first, then hints, then numbers with their charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from consentry.reports.charts import MOST_SERIES, Drawing, bars, columns
from consentry.reports.document import Sheet
from consentry.reports.overview import Overview
from consentry.reports.page import Block, Formatter, Section, notes_section
from consentry.reports.words import Words

_MOST_BARS: Final = 15
_HOUR: Final = 3600


def report_sections(overview: Overview, formatter: Formatter) -> list[Section]:
    """Gives the sections of the report, in the order of its page."""
    words, document = formatter.words, overview.document
    parts: Mapping[str, Callable[[Overview, Formatter], Iterator[Block]]] = {
        "findings": _findings,
        "hints": _hints,
        "volumes": _volumes,
        "refusals": _refusals,
        "emergencies": _emergencies,
        "recognition": _recognition,
        "places": _places,
        "limits": _limits,
    }
    made = [Section(name, words.said(name), tuple(blocks(overview, formatter))) for name, blocks in parts.items()]
    return [*made, notes_section(document, formatter)]


def _findings(overview: Overview, formatter: Formatter) -> Iterator[Block]:
    words, kinds = formatter.words, overview.document.sheet("finding_kinds")
    if not kinds.rows:
        yield Block(text=words.said("no_findings"))
        return
    yield formatter.table(kinds)
    yield formatter.table(overview.document.sheet("findings"))


def _hints(overview: Overview, formatter: Formatter) -> Iterator[Block]:
    words, sheet = formatter.words, overview.document.sheet("patterns")
    asked = overview.document.sheet("patterns_asked")
    if not sheet.rows:
        yield Block(text=words.said("no_hints"))
    for kind, sentence, count in asked.rows:
        mine = tuple(row[1:] for row in sheet.rows if row[0] == kind)
        if mine:
            yield Block(heading=f"{sentence} ({count})")
            yield formatter.table(Sheet("patterns", sheet.columns[1:], mine), caption=words.code("kind", kind))
    yield formatter.table(asked, folded=True)


def _stacked(sheet: Sheet, family: str, title: str, words: Words) -> Drawing:
    """Draws columns of the second column's words over the first's times; the smallest are put together."""
    total: dict[str, int] = {}
    for row in sheet.rows:
        total[row[1]] = total.get(row[1], 0) + row[-1]
    ranked = sorted(total, key=lambda name: (-total[name], name))
    own, rest = ranked[: MOST_SERIES - 1], ranked[MOST_SERIES - 1 :]
    series: dict[str, dict[str, int]] = {words.code(family, name): {} for name in own}
    if rest:
        series["…"] = {}
    for when, name, *_, count in sheet.rows:
        stack = series[words.code(family, name) if name in own else "…"]
        stack[when] = stack.get(when, 0) + count
    return columns(title, series, list(dict.fromkeys(row[0] for row in sheet.rows)))


def _volumes(overview: Overview, formatter: Formatter) -> Iterator[Block]:
    words, document = formatter.words, overview.document
    offset = f"{formatter.utc_offset / _HOUR:+g}"
    yield Block(text=words.said("per_day" if overview.unit == "day" else "per_month").format(offset=offset))
    yield formatter.table(document.sheet("by_purpose"))
    for name, family, title in (
        ("purposes_over_time", "purpose", "chart_purposes"),
        ("bases_over_time", "basis", "chart_bases"),
    ):
        sheet = document.sheet(name)
        if sheet.rows:
            yield Block(drawing=_stacked(sheet, family, words.said(title), words))
        yield formatter.table(sheet, folded=True)


def _bars(title: str, rows: Sequence[tuple[Any, ...]], show: Callable[[Any], str]) -> Iterator[Block]:
    if rows:
        yield Block(drawing=bars(title, [(label, value, show(value)) for label, value in rows[:_MOST_BARS]]))


def _refusals(overview: Overview, formatter: Formatter) -> Iterator[Block]:
    words, sheet = formatter.words, overview.document.sheet("refusals")
    rows = [(words.code("reason", row[0]), row[1]) for row in sheet.rows]
    yield from _bars(words.said("chart_refusals"), rows, lambda value: f"{value:,}")
    yield formatter.table(sheet)


def _emergencies(overview: Overview, formatter: Formatter) -> Iterator[Block]:
    words, sheet = formatter.words, overview.document.sheet("emergencies_over_time")
    if sheet.rows:
        series: dict[str, dict[str, int]] = {
            words.said("settled"): {},
            words.said("open"): {},
            words.column("overdue"): {},
        }
        for when, count, closed, overdue, _ in sheet.rows:
            for name, value in zip(series, (closed, count - closed - overdue, overdue), strict=True):
                series[name][when] = value
        yield Block(drawing=columns(words.said("chart_emergencies"), series, [row[0] for row in sheet.rows]))
    yield formatter.table(sheet)


def _recognition(overview: Overview, formatter: Formatter) -> Iterator[Block]:
    words, sheet = formatter.words, overview.document.sheet("recognition")
    rows = [(row[1] or "0x" + row[0].hex()[:8] + "…", row[5]) for row in sheet.rows]
    yield from _bars(words.said("chart_recognition"), rows, lambda value: f"{value:.0%}")
    yield formatter.table(sheet)
    yield formatter.table(overview.document.sheet("not_recognised"))


def _places(overview: Overview, formatter: Formatter) -> Iterator[Block]:
    for name in ("regions", "institutions"):
        yield formatter.table(overview.document.sheet(name))


def _limits(overview: Overview, formatter: Formatter) -> Iterator[Block]:
    words = formatter.words
    for limit in overview.document.limits:
        yield Block(text=f"{words.said('not_checked')}: {words.of_audit(limit)}")
