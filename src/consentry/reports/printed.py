"""A document as it is printed: the sections of its page as a plain dictionary, of which `papers` makes a PDF.

Paper is narrow: of a table with many columns the last ones stand in one, each value with its name before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from consentry.reports.document import Document
from consentry.reports.exports import text_width
from consentry.reports.page import LONGEST_TEXT, Block, Cell, Formatter, Section, made_from, svg_of
from consentry.reports.words import Words

MOST_COLUMNS: Final = 6
"""Columns of a printed table; where there are more, the last one holds the rest."""
_MARGIN, _LONGEST_WORD, _WIDEST_TEXT, _REST = 3, 22, 40, 34
"""Shares of the width, in letters."""
_FITS: Final = 14
"""Letters of a text without spaces that stay inside any column."""
_IDENTIFIER: Final = re.compile("0x[0-9a-f]+")


def printed(document: Document, sections: Iterable[Section], formatter: Formatter) -> dict[str, Any]:
    """Gives a document as the dictionary that `papers.report` takes; rows are cut where the page cuts them.

    Args:
        document: of which title and facts stand on top.
        sections: the rest, in order.
        formatter: of values.
    """
    words = formatter.words
    facts = [fact for fact in document.facts if fact.value not in (None, "")]
    made: dict[str, Any] = {
        "language": words.language,
        "title": words.document(document.kind),
        "subtitle": f"{made_from(document, words)} {words.said('ids_cut')}",
        "moment": document.fact("head_time"),
        "head": [[words.column(fact.name), _whole(formatter.cell(fact.form, fact.value))] for fact in facts],
        "sections": [
            {
                "title": section.title,
                "blocks": [one for block in section.blocks for one in _blocks(block, section.title, words)],
            }
            for section in sections
        ],
    }
    return {**made, **_verdict(document, words)}


def _verdict(document: Document, words: Words) -> Mapping[str, Any]:
    """Gives what an audit found in one line; other documents judge nothing."""
    found = {fact.name: fact.value for fact in document.facts}.get("findings")
    if found is None:
        return {}
    text = words.said("findings_first" if found else "no_findings")
    tone = "bad" if found else "good"
    return {"verdict": {"word": f"{words.column('findings')}: {found:,}", "text": text, "tone": tone}}


def _blocks(block: Block, title: str, words: Words) -> Sequence[Mapping[str, Any]]:
    if block.drawing:
        return [{"svg": svg_of(block.drawing, "chart", words), "shows": block.drawing.title}]
    if block.columns:
        heading = [{"heading": block.caption}] if block.caption != title else []
        return [*heading, _table(block, words), *([{"text": block.more}] if block.more else ())]
    return [{"heading": block.heading}] if block.heading else [{"text": block.text}]


def _table(block: Block, words: Words) -> Mapping[str, Any]:
    kept = len(block.columns) if len(block.columns) <= MOST_COLUMNS else MOST_COLUMNS - 1
    names = [column.text for column in block.columns]
    rest = [words.said("further")] if names[kept:] else []
    rows = [[*map(_read, row[:kept]), *([_named(names[kept:], row[kept:])] if rest else ())] for row in block.rows]
    head = names[:kept] + rest
    widths = [_share([row[at] for row in [head, *rows]]) for at in range(kept)]
    return {"columns": head, "rows": rows, "widths": widths + [_REST] * len(rest), "empty": block.empty}


def _share(texts: Iterable[str]) -> int:
    """Gives the share of the width a column takes: its longest word stays on a line, and a text has a few."""
    needed = (
        max(
            min(text_width(text), _WIDEST_TEXT) // 2,
            *(min(text_width(word), _LONGEST_WORD) for word in text.split()),
            1,
        )
        for text in texts
    )
    return _MARGIN + max(needed)


def _named(names: Sequence[str], cells: Sequence[Cell]) -> str:
    return "; ".join(f"{name}: {_read(cell)}" for name, cell in zip(names, cells, strict=True) if cell.text)


def _read(cell: Cell) -> str:
    """Gives a value of a table: ids cut, and what no reader takes in, as a whole event; any other text whole."""
    if len(cell.whole) > LONGEST_TEXT:
        return f"{cell.whole[:_FITS]}…"
    return cell.text if _IDENTIFIER.fullmatch(cell.whole) else _whole(cell)


def _whole(cell: Cell) -> str:
    return f"{cell.text} ({cell.utc})" if cell.utc else cell.whole or cell.text
