"""Documents as pages of HTML: one file that needs nothing else, runs no script, and can be printed.

The page forbids itself everything but its own style (CSP, with the style's hash). All texts are escaped.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from consentry.evidence.notation import hex_of
from consentry.evidence.notice import LAST_MOMENT
from consentry.reports.charts import Drawing
from consentry.reports.document import Document, Fact, Form, Sheet
from consentry.reports.exports import cell_text, filled_columns, utc_text
from consentry.reports.patterns import CHINA_STANDARD_TIME
from consentry.reports.told import told
from consentry.reports.words import Words

ROWS_ON_PAGE: Final = 500
_ALARMING: Final = frozenset({"findings", "overdue", "gaps"})
_RIGHT: Final = frozenset({Form.COUNT, Form.SHARE})
_LANG: Final = {"zh": "zh-Hans", "en": "en"}
_PROVINCE: Final = 10_000
LONGEST_TEXT: Final = 200
"""Letters of a text that is shown whole."""
_LONG: Final = 40


@dataclass(frozen=True, slots=True)
class Texture:
    """A fill that is told from others without its colour; ``path`` is drawn white over it."""

    colour: str
    path: str


TEXTURES: Final = (
    Texture("#0b4f8a", ""),
    Texture("#9a4a00", "M0 8 L8 0"),
    Texture("#2d6a1f", "M0 4 H8"),
    Texture("#6b1e57", "M4 0 V8"),
    Texture("#5c4a00", "M0 0 L8 8 M0 8 L8 0"),
    Texture("#444444", "M0 4 H8 M4 0 V8"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value on the page; ``whole`` is an id at its full length, ``utc`` a time in UTC."""

    text: str
    right: bool = False
    whole: str = ""
    utc: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a section: a drawing, a table, a heading or a paragraph."""

    drawing: Drawing | None = None
    caption: str = ""
    columns: tuple[Cell, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    more: str = ""
    empty: str = ""
    folded: bool = False
    heading: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Formatter:
    """Formats values for people: in their language and local time.

    Attributes:
        words: of the language.
        utc_offset: seconds by which local time is ahead of UTC.
    """

    words: Words
    utc_offset: int = CHINA_STANDARD_TIME

    def cell(self, form: Form, value: Any, family: str = "") -> Cell:  # noqa: ANN401 - any value of a sheet
        """Formats one value."""
        right, text = form in _RIGHT, cell_text(form, value, self.words, family)
        if value is None:
            return Cell("", right)
        if form is Form.TIME and value <= LAST_MOMENT - abs(self.utc_offset):
            return Cell(self.local(value), utc=utc_text(value))
        if form is Form.REGION:
            return Cell(f"{value} {self.words.code('province', str(value // _PROVINCE))}")
        if isinstance(value, bytes):
            return Cell(text, right, hex_of(value))
        return Cell(_shortened(text), right, text) if form is Form.TEXT and len(text) > _LONG else Cell(text, right)

    def local(self, seconds: int) -> str:
        """Gives a time by local clocks, of the year 9999 at the latest."""
        ahead = timezone(timedelta(seconds=self.utc_offset))
        return datetime.fromtimestamp(seconds, UTC).astimezone(ahead).strftime("%Y-%m-%d %H:%M:%S")

    def table(self, sheet: Sheet, *, folded: bool = False, caption: str = "") -> Block:
        """Formats a sheet as a table; columns in which nothing stands are left out."""
        sheet = told(sheet, self.words)
        shown = filled_columns(sheet)
        rows = tuple(
            tuple(self.cell(column.form, row[at], column.family) for at, column in shown)
            for row in sheet.rows[:ROWS_ON_PAGE]
        )
        more = len(sheet.rows) - ROWS_ON_PAGE
        return Block(
            caption=caption or self.words.sheet(sheet.name),
            columns=tuple(Cell(self.words.column(c.name), c.form in _RIGHT) for _, c in shown),
            rows=rows,
            more=self.words.said("more_rows").format(count=more) if more > 0 else "",
            empty=self.words.said("none"),
            folded=folded,
        )


def write_page(document: Document, sections: Iterable[Section], formatter: Formatter) -> str:
    """Gives a page.

    Args:
        document: of which title and facts stand on top.
        sections: the rest, in order.
        formatter: of values.
    """
    words, style = formatter.words, Markup(_file("page.css"))  # noqa: S704 - a file of this package
    facts = [_fact(fact, formatter) for fact in document.facts if fact.value not in (None, "")]
    return (
        _templates()
        .get_template("page.html.jinja")
        .render(
            lang=_LANG[words.language],
            title=words.document(document.kind),
            style=style,
            style_hash=b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            facts=facts,
            sections=list(sections),
            made_from=made_from(document, words),
            textures=TEXTURES,
            **{name: words.said(name) for name in ("skip", "contents", "same_numbers")},
        )
    )


def made_from(document: Document, words: Words) -> str:
    """Gives the sentence that says of which chain and blocks a document is."""
    named = {fact.name: fact.value for fact in document.facts}
    return words.said("made_from").format(
        chain=named.get("chain_id", ""), first=named.get("first_block", 0), head=named.get("head_block", "")
    )


def svg_of(drawing: Drawing, identifier: str, words: Words) -> str:
    """Gives a chart as SVG; ``identifier`` begins the ids inside it."""
    template = _templates().get_template("chart.svg.jinja")
    return str(template.make_module().svg(drawing, identifier, TEXTURES, words.said("same_numbers")))  # type: ignore[attr-defined]  # a macro


def _shortened(text: str) -> str:
    """Gives a long text cut: an id in the middle, so that a request number at its end is seen; any other behind."""
    if text.startswith("0x"):
        return f"{text[:10]}…{text[-6:]}"
    return text if " " in text and len(text) <= LONGEST_TEXT else f"{text[:_LONG]}…"


def _fact(fact: Fact, formatter: Formatter) -> Mapping[str, object]:
    alarming = fact.name in _ALARMING and bool(fact.value)
    return {
        "name": formatter.words.column(fact.name),
        "cell": formatter.cell(fact.form, fact.value),
        "alarming": alarming,
    }


def plain_sections(document: Document, formatter: Formatter) -> Sequence[Section]:
    """Gives a section for each sheet, and one for notes and limits: for documents that need no other order."""
    words = formatter.words
    made = [Section(sheet.name, words.sheet(sheet.name), (formatter.table(sheet),)) for sheet in document.sheets]
    return [*made, notes_section(document, formatter)]


def notes_section(document: Document, formatter: Formatter) -> Section:
    """Gives the section on how to read a document."""
    words = formatter.words
    return Section("notes", words.said("notes"), tuple(Block(text=words.note(name)) for name in document.notes))


@cache
def _templates() -> Environment:
    return Environment(
        loader=FunctionLoader(_file), autoescape=True, undefined=StrictUndefined, trim_blocks=False, lstrip_blocks=False
    )


def _file(name: str) -> str:
    return (files("consentry.reports") / name).read_text(encoding="utf-8")
