"""What every report is made of: facts, sheets of rows, notes. How it looks is another matter (`exports`, `page`).

Names of sheets and columns are stable, in English, and those of the tables of an audit where they mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from consentry.reports.opened import Row

FORMAT: Final = "consentry.audit-report/v1"


class Form(Enum):
    """What kind of value a column holds."""

    TEXT = "text"
    WORD = "word"
    """The name of a code; its family says of which."""
    COUNT = "count"
    SHARE = "share"
    TIME = "time"
    """Seconds since 1970, or none."""
    ID = "id"
    IDS = "ids"
    REGION = "region"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet; ``family`` names the codes of a word."""

    name: str
    form: Form = Form.TEXT
    family: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A named list of rows."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]

    def records(self) -> list[dict[str, Any]]:
        """Gives the rows by the names of the columns."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Fact:
    """One value with a name."""

    name: str
    form: Form
    value: Any


@dataclass(frozen=True, slots=True)
class Document:
    """One report.

    Attributes:
        kind: what it is, as a word: ``report``, ``disclosures``, ``institution``, ``incident``.
        facts: single values, the most important first.
        sheets: lists.
        notes: names of sentences that hold for it; `words` has them in each language.
        limits: sentences of the audit itself about what it could not check.
    """

    kind: str
    facts: tuple[Fact, ...]
    sheets: tuple[Sheet, ...]
    notes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    def sheet(self, name: str) -> Sheet:
        """Gives a sheet by its name; KeyError if there is none."""
        return {sheet.name: sheet for sheet in self.sheets}[name]

    def fact(self, name: str) -> Any:  # noqa: ANN401 - whatever the fact is
        """Gives the value of a fact; KeyError if there is none."""
        return {fact.name: fact.value for fact in self.facts}[name]


_BY_FORM: Final[Mapping[Form, str]] = {
    Form.TEXT: "institution_name institution_contact practitioner_name custodian_name custodian_contact about message "
    "expected got block when said",
    Form.TIME: "time first last opened due notified reviewed",
    Form.ID: "institution custodian practitioner subject record consent authorisation decision debt about_id head",
    Form.COUNT: "accesses permitted denied subjects records decisions cases machine human evidence_count "
    "sequence emergencies overdue institutions accepted refused statements level gaps closed not_justified copies",
    Form.SHARE: "share recognition_rate denial_rate",
    Form.REGION: "region",
    Form.IDS: "evidence",
    Form.WORD: "purpose action basis actor reason category categories emergency kind standing refusal item",
}
_FAMILIES: Final = {"categories": "category"}
_FORMS: Final = {name: form for form, names in _BY_FORM.items() for name in names.split()}


def columns_of(names: str) -> tuple[Column, ...]:
    """Gives columns by their names, with the form each name always has.

    Raises:
        ValueError: a name is none of a column.
    """
    return tuple(_column(name) for name in names.split())


def _column(name: str) -> Column:
    if name not in _FORMS:
        raise ValueError(f"column does not match (got {name!r:.40}, expected one that has a form)")
    form = _FORMS[name]
    return Column(name, form, _FAMILIES.get(name, name) if form is Form.WORD else "")


def sheet_of(name: str, columns: str, rows: Sequence[Row]) -> Sheet:
    """Makes a sheet of what a query answered.

    Args:
        name: of the sheet.
        columns: their names, apart by spaces; each is one of the query's.
        rows: of the query.

    Raises:
        ValueError: a name is none of a column.
    """
    made = columns_of(columns)
    return Sheet(name, made, tuple(tuple(_plain(row[column.name]) for column in made) for row in rows))


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
