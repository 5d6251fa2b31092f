"""A report as a paper: from a plain dictionary to PDF/A-3a, whoever wrote the report.

::

    {"language": "zh" or "en",
     "title": …, "subtitle": …,
     "moment": seconds since the epoch, the date of the file: that of what the report is about, not that of printing,
     "head": [[name, value], …],
     "verdict": {"word": …, "text": …, "tone": "good", "bad" or "plain"}     may be left out
     "sections": [{"title": …, "blocks": [block, …]}, …]}

A block is one of ``{"text": …}``, ``{"heading": …}``, ``{"svg": …, "shows": what it shows, in words}`` and
``{"columns": […], "rows": [[…], …], "widths": […], "empty": said if there are no rows}``. Cells are text or numbers;
``widths`` are shares of the width, 0 for as much as a column needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import typst

from consentry.errors import InvalidInputError
from consentry.papers.blocks import Block, Facts, Heading, Language, Paragraph, Part, Picture, Table, Verdict
from consentry.papers.typesetting import Document, to_pdf
from consentry.papers.words import words

_MEMBERS: Final = frozenset({"language", "title", "subtitle", "moment", "head", "sections"})
_CHART_WIDTH: Final = 170
"""Millimetres: what lies between the margins."""
_BELOW: Final = 3
"""Level of a heading inside a section."""


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
    try:
        blocks = _blocks(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInputError(f"report does not match (got no usable {error!s:.80})") from None
    part = Part(language, words(language).region, str(data["title"]), str(data["subtitle"]), tuple(blocks))
    return Document(part.title, int(data["moment"]), part.title, (part,))


def _blocks(data: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    if "verdict" in data:
        verdict = data["verdict"]
        blocks.append(Verdict(verdict["word"], verdict["text"], verdict["tone"]))
    blocks.append(Facts(tuple((str(name), str(value)) for name, value in data["head"])))
    for section in data["sections"]:
        blocks += [Heading(section["title"]), *map(_block, section["blocks"])]
    return blocks


def _block(given: Mapping[str, Any]) -> Block:
    made = _FORMS.get(frozenset(given))
    if made is None:
        raise InvalidInputError(f"block of the report does not match (got {', '.join(sorted(given))!r:.80})")
    return made(given)


def _picture(given: Mapping[str, Any]) -> Block:
    return Picture(given["svg"], given["shows"], given["shows"], _CHART_WIDTH)


def _table(given: Mapping[str, Any]) -> Block:
    head = tuple(str(column) for column in given["columns"])
    rows = tuple(tuple(str(cell) for cell in row) for row in given["rows"])
    widths = tuple(int(width) for width in given["widths"])
    if {len(row) for row in rows} - {len(head)} or len(widths) != len(head):
        raise InvalidInputError(f"table {head!r:.60} does not match (got rows or widths of other lengths)")
    return Table(head, rows, widths) if rows else Paragraph(str(given["empty"]))


_FORMS: Final[Mapping[frozenset[str], Callable[[Mapping[str, Any]], Block]]] = {
    frozenset({"text"}): lambda given: Paragraph(str(given["text"])),
    frozenset({"heading"}): lambda given: Heading(str(given["heading"]), _BELOW),
    frozenset({"svg", "shows"}): _picture,
    frozenset({"columns", "rows", "widths", "empty"}): _table,
}
