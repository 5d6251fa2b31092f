"""Documents for programs and terminals: JSON, CSV, lines of text. Times are UTC, ids whole, codes by their names."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from consentry.evidence.notation import Json, hex_of
from consentry.evidence.notice import LAST_MOMENT
from consentry.reports.document import FORMAT, Column, Document, Fact, Form, Sheet
from consentry.reports.told import told
from consentry.reports.words import Words

ROWS_IN_TEXT: Final = 200
_ID_IN_TEXT: Final = 10
_LEADS_A_FORMULA: Final = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""Also in full width, which spreadsheets take for the same."""
_CONTROLS: Final = ("\t", "\r", "\n")


def utc_text(seconds: int) -> str:
    """Gives a time as RFC 3339 in UTC, one beyond the calendar as ``second N`` since 1970."""
    if seconds > LAST_MOMENT:
        return f"second {seconds}"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_json(document: Document) -> Json:
    """Gives a document for programs; a sheet is a list of objects."""
    return {
        "format": FORMAT,
        "kind": document.kind,
        "facts": {fact.name: _json_value(fact.form, fact.value) for fact in document.facts},
        **{sheet.name: _json_rows(sheet) for sheet in document.sheets},
        "limits": list(document.limits),
    }


def _json_rows(sheet: Sheet) -> list[Json]:
    return [
        {column.name: _json_value(column.form, value) for column, value in zip(sheet.columns, row, strict=True)}
        for row in sheet.rows
    ]


def _json_value(form: Form, value: Any) -> Any:  # noqa: ANN401 - any value of a cell
    if value is None:
        return None
    if form is Form.TIME:
        return utc_text(value)
    if isinstance(value, bytes):
        return hex_of(value)
    return [_json_value(form, each) for each in value] if isinstance(value, tuple) else value


def write_csv(document: Document, folder: Path) -> list[Path]:
    """Writes a file for each sheet, and one for the facts; gives their places.

    A text that a spreadsheet would take for a formula begins with an apostrophe (CWE-1236).
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts = [(fact.name, _csv_value(fact.form, fact.value)) for fact in document.facts]
    written = [_write(folder / f"{document.kind}-facts.csv", [("name", "value"), *facts])]
    for sheet in document.sheets:
        lines = [tuple(column.name for column in sheet.columns)]
        lines += [
            tuple(_csv_value(column.form, value) for column, value in zip(sheet.columns, row, strict=True))
            for row in sheet.rows
        ]
        written.append(_write(folder / f"{document.kind}-{sheet.name}.csv".replace("_", "-"), lines))
    return written


def _write(path: Path, lines: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\r\n").writerows(lines)  # RFC 4180
    return path


def _csv_value(form: Form, value: Any) -> str:  # noqa: ANN401 - any value of a cell
    plain = _json_value(form, value)
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return "true" if plain else "false"
    text = " ".join(map(str, plain)) if isinstance(plain, list) else str(plain)
    is_formula = form in (Form.TEXT, Form.WORD) and (
        text[:1] in _CONTROLS or text.lstrip().startswith(_LEADS_A_FORMULA)
    )
    return f"'{text}" if is_formula else text


def as_text(document: Document, words: Words) -> Iterator[str]:
    """Gives a document as lines for a terminal: facts, then each sheet as a table, then notes and limits."""
    yield words.document(document.kind)
    for fact in document.facts:
        if fact.value not in (None, ""):
            yield f"{words.column(fact.name)}: {_whole(fact, words)}"
    for sheet in document.sheets:
        yield ""
        yield f"{words.sheet(sheet.name)} ({len(sheet.rows)})"
        yield from _table(told(sheet, words), words)
    yield ""
    yield from (words.note(name) for name in document.notes)
    yield from (f"{words.said('not_checked')}: {words.of_audit(limit)}" for limit in document.limits)


def _whole(fact: Fact, words: Words) -> str:
    value = fact.value
    return hex_of(value) if isinstance(value, bytes) else cell_text(fact.form, value, words)


def _table(sheet: Sheet, words: Words) -> Iterator[str]:
    if not sheet.rows:
        return
    kept = filled_columns(sheet)
    lines = [[words.column(column.name) for _, column in kept]]
    lines += [
        [cell_text(column.form, row[at], words, column.family) for at, column in kept]
        for row in sheet.rows[:ROWS_IN_TEXT]
    ]
    widths = [max(map(text_width, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        padded = (text + " " * (width - text_width(text)) for text, width in zip(line, widths, strict=True))
        yield "  " + "  ".join(padded).rstrip()
    if len(sheet.rows) > ROWS_IN_TEXT:
        yield "  " + words.said("more_rows").format(count=len(sheet.rows) - ROWS_IN_TEXT)


def filled_columns(sheet: Sheet) -> list[tuple[int, Column]]:
    """Gives place and column where something stands in any row; all columns of a sheet without rows."""
    filled = [
        (at, column)
        for at, column in enumerate(sheet.columns)
        if not sheet.rows or any(row[at] not in (None, "", ()) for row in sheet.rows)
    ]
    return filled or list(enumerate(sheet.columns))


def text_width(text: str) -> int:
    """Gives the columns a text takes in a terminal: ideographs take two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)  # noqa: PLR2004 - first CJK block


def cell_text(form: Form, value: Any, words: Words, family: str = "") -> str:  # noqa: ANN401 - any value of a cell
    """Gives a value as people read it: ids cut, times in UTC, codes in words."""
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return " ".join(cell_text(form, each, words, family) for each in value)
    if isinstance(value, bytes):
        return "0x" + value.hex()[: _ID_IN_TEXT - 2] + "…"
    if isinstance(value, bool):
        return words.said("yes" if value else "no")
    texts = {
        Form.TIME: lambda: utc_text(value) if value <= LAST_MOMENT else words.beyond(value),
        Form.SHARE: lambda: f"{value:.1%}",
        Form.COUNT: lambda: f"{value:,}",
        Form.WORD: lambda: words.code(family, value),
    }
    return texts[form]() if form in texts and value != "" else str(value)
