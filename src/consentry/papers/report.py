"""A report as a paper: from a plain dictionary to PDF/A-3a, whoever wrote the report.

::

    {"language": "zh" or "en",
     "title": …, "subtitle": …,
     "moment": seconds since the epoch, the date of the file: that of what the report is about, not that of printing,
     "head": [[name, value], …],
     "verdict": {"word": …, "text": …, "tone": "good", "bad" or "plain"}     may be left out
     "charts": [{"title": …, "svg": …, "shows": what it shows, in words}, …]
     "tables": [{"title": …, "columns": […], "rows": [[…], …], "widths": […]}, …]
     "findings": [{"finding": …, "evidence": …}, …]
     "limits": […]}

Cells are text or numbers. ``widths`` are shares of the width, 0 for as much as a column needs; all alike if left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import typst

from consentry.errors import InvalidInputError
from consentry.papers.blocks import Block, Facts, Heading, Language, Paragraph, Part, Picture, Points, Table, Verdict
from consentry.papers.typesetting import Document, to_pdf
from consentry.papers.words import Words, words

_MEMBERS: Final = frozenset(
    {"language", "title", "subtitle", "moment", "head", "charts", "tables", "findings", "limits"}
)
_CHART_WIDTH: Final = 170
"""Millimetres: what lies between the margins."""
_FINDING_WIDTHS: Final = (0, 3, 4)


def report_pdf(data: Mapping[str, Any], fonts: typst.Fonts) -> bytes:
    """Prints a report; the same dictionary gives the same bytes.

    Raises:
        InvalidInputError: a member is missing, unknown or of another form, or a chart is no SVG.
    """
    return to_pdf(report_document(data), fonts)


def report_document(data: Mapping[str, Any]) -> Document:
    """Writes a report before it is set; see `report_pdf`."""
    if data.keys() - {"verdict"} != _MEMBERS:
        differing = sorted((data.keys() - {"verdict"}) ^ _MEMBERS)
        raise InvalidInputError(f"members of the report do not match (differing: {', '.join(differing)})")
    if data["language"] not in {"zh", "en"}:
        raise InvalidInputError(f"language does not match (got {data['language']!r:.40}, expected zh or en)")
    language: Language = data["language"]
    say = words(language)
    try:
        blocks = _blocks(data, say)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInputError(f"report does not match (got no usable {error!s:.80})") from None
    part = Part(language, say.region, str(data["title"]), str(data["subtitle"]), tuple(blocks))
    return Document(part.title, int(data["moment"]), part.title, (part,))


def _blocks(data: Mapping[str, Any], say: Words) -> list[Block]:
    blocks: list[Block] = []
    if "verdict" in data:
        verdict = data["verdict"]
        blocks.append(Verdict(verdict["word"], verdict["text"], verdict["tone"]))
    blocks.append(Facts(tuple((str(name), str(value)) for name, value in data["head"])))
    for chart in data["charts"]:
        blocks += [Heading(chart["title"]), Picture(chart["svg"], chart["shows"], chart["shows"], _CHART_WIDTH)]
    for table in data["tables"]:
        blocks += [Heading(table["title"]), _table(table, say)]
    blocks += [Heading(say("report", "findings")), _findings(data["findings"], say)]
    blocks += [Heading(say("report", "limits")), Points(tuple(str(limit) for limit in data["limits"]))]
    return blocks


def _table(table: Mapping[str, Any], say: Words) -> Block:
    head = tuple(str(column) for column in table["columns"])
    rows = tuple(tuple(str(cell) for cell in row) for row in table["rows"])
    widths = tuple(int(width) for width in table.get("widths", [1] * len(head)))
    if {len(row) for row in rows} - {len(head)} or len(widths) != len(head):
        raise InvalidInputError(
            f"table {table['title']!r:.60} does not match (got rows of other lengths than its {len(head)} columns)"
        )
    return Table(head, rows, widths) if rows else Paragraph(say("report", "none"))


def _findings(findings: Sequence[Mapping[str, Any]], say: Words) -> Block:
    if not findings:
        return Paragraph(say("report", "none"))
    rows = [(str(n), str(found["finding"]), str(found["evidence"])) for n, found in enumerate(findings, 1)]
    return Table(tuple(say("report", name) for name in ("number", "finding", "evidence")), tuple(rows), _FINDING_WIDTHS)
