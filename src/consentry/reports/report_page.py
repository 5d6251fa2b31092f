"""The page of the report of an audit: what broke a rule first, then hints, then numbers with their charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from consentry.reports.charts import MOST_SERIES, Drawing, bars, columns
from consentry.reports.document import Column, Form, Sheet
from consentry.reports.overview import Overview
from consentry.reports.page import Block, Section, Setter, notes_section
from consentry.reports.words import Words

_MOST_BARS: Final = 15
_HOUR: Final = 3600


def report_sections(overview: Overview, setter: Setter) -> list[Section]:
    """Gives the sections of the report, in the order of its page."""
    words, document = setter.words, overview.document
    parts: Mapping[str, Callable[[Overview, Setter], Iterator[Block]]] = {
        "findings": _wrongs,
        "hints": _hints,
        "volumes": _volumes,
        "refusals": _refusals,
        "emergencies": _emergencies,
        "recognition": _recognition,
        "places": _places,
        "limits": _limits,
    }
    made = [Section(name, words.said(name), tuple(blocks(overview, setter))) for name, blocks in parts.items()]
    return [*made, notes_section(document, setter)]


def _wrongs(overview: Overview, setter: Setter) -> Iterator[Block]:
    words, kinds = setter.words, overview.document.sheet("wrong_kinds")
    if not kinds.rows:
        yield Block(text=words.said("no_findings"))
        return
    named = tuple((kind, words.wrong(kind), cases) for kind, cases in kinds.rows)
    yield setter.table(Sheet("wrong_kinds", (Column("kind"), Column("message"), Column("cases", Form.COUNT)), named))
    yield setter.table(overview.document.sheet("wrongs"))


def _hints(overview: Overview, setter: Setter) -> Iterator[Block]:
    words, sheet = setter.words, overview.document.sheet("patterns")
    asked = overview.document.sheet("patterns_asked")
    if not sheet.rows:
        yield Block(text=words.said("no_hints"))
    for kind, sentence, count in asked.rows:
        mine = tuple(row[1:] for row in sheet.rows if row[0] == kind)
        if mine:
            yield Block(heading=f"{sentence} ({count})")
            yield setter.table(Sheet("patterns", sheet.columns[1:], mine), caption=kind)
    yield setter.table(asked, folded=True)


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


def _volumes(overview: Overview, setter: Setter) -> Iterator[Block]:
    words, document = setter.words, overview.document
    offset = f"{setter.utc_offset / _HOUR:+g}"
    yield Block(text=words.said("per_day" if overview.unit == "day" else "per_month").format(offset=offset))
    yield setter.table(document.sheet("by_purpose"))
    for name, family, title in (
        ("purposes_over_time", "purpose", "chart_purposes"),
        ("bases_over_time", "basis", "chart_bases"),
    ):
        sheet = document.sheet(name)
        if sheet.rows:
            yield Block(drawing=_stacked(sheet, family, words.said(title), words))
        yield setter.table(sheet, folded=True)


def _bars(title: str, rows: Sequence[tuple[Any, ...]], show: Callable[[Any], str]) -> Iterator[Block]:
    if rows:
        yield Block(drawing=bars(title, [(label, value, show(value)) for label, value in rows[:_MOST_BARS]]))


def _refusals(overview: Overview, setter: Setter) -> Iterator[Block]:
    words, sheet = setter.words, overview.document.sheet("refusals")
    rows = [(words.code("reason", row[0]), row[1]) for row in sheet.rows]
    yield from _bars(words.said("chart_refusals"), rows, lambda value: f"{value:,}")
    yield setter.table(sheet)


def _emergencies(overview: Overview, setter: Setter) -> Iterator[Block]:
    words, sheet = setter.words, overview.document.sheet("emergencies_over_time")
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
    yield setter.table(sheet)


def _recognition(overview: Overview, setter: Setter) -> Iterator[Block]:
    words, sheet = setter.words, overview.document.sheet("recognition")
    rows = [(row[1] or "0x" + row[0].hex()[:8] + "…", row[5]) for row in sheet.rows]
    yield from _bars(words.said("chart_recognition"), rows, lambda value: f"{value:.0%}")
    yield setter.table(sheet)
    yield setter.table(overview.document.sheet("not_recognised"))


def _places(overview: Overview, setter: Setter) -> Iterator[Block]:
    for name in ("regions", "institutions"):
        yield setter.table(overview.document.sheet(name))


def _limits(overview: Overview, setter: Setter) -> Iterator[Block]:
    for limit in overview.document.limits:
        yield Block(text=f"{setter.words.said('not_checked')}: {limit}")
