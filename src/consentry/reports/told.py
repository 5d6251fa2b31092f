"""What people are told where programs read codes and English sentences: the audit's findings in their language.

A document has the stable names of kinds and the audit's own messages, and so have JSON and CSV. Whatever shows a sheet
to people shows it as `told`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from consentry.audit.findings import Kind
from consentry.reports.document import Column, Sheet
from consentry.reports.words import Words


def told(sheet: Sheet, words: Words) -> Sheet:
    """Gives a sheet as it is shown in a language.

    Returns:
        The sheet with the sentences of the language; lists of kinds have the stable name of each beside its title, so
        that it is found again in JSON and CSV. Any other sheet as it is.
    """
    change = _CHANGES.get(sheet.name)
    return change(sheet, words) if change and sheet.rows else sheet


def _with_codes(sheet: Sheet, words: Words) -> Sheet:
    del words
    return Sheet(sheet.name, (Column("code"), *sheet.columns), tuple((row[0], *row) for row in sheet.rows))


def _with_messages(sheet: Sheet, words: Words) -> Sheet:
    rows = []
    for record in sheet.records():
        kind = record["kind"]
        said = {"message": words.finding(kind, record["message"])}
        for name in ("about", "expected", "got"):
            text = words.code("reason", record[name]) if kind in _OF_REASONS else record[name]
            said[name] = words.of_audit(text)
        rows.append(tuple({**record, **said}.values()))
    return Sheet(sheet.name, sheet.columns, tuple(rows))


def _with_categories(sheet: Sheet, words: Words) -> Sheet:
    """Tells the classes of documents of a notice: programs read their names, with commas between."""
    rows = [(item, ", ".join(words.code("category", name) for name in said.split(", "))) for item, said in sheet.rows]
    return Sheet(sheet.name, sheet.columns, tuple(rows))


_OF_REASONS: Final = frozenset({Kind.DECISION, Kind.REJECTION})
"""Kinds that expect one reason, and found another."""

_CHANGES: Final[Mapping[str, Callable[[Sheet, Words], Sheet]]] = {
    "finding_kinds": _with_codes,
    "patterns_asked": _with_codes,
    "findings": _with_messages,
    "notice": _with_categories,
}
"""By the name of a sheet."""
