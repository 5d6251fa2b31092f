"""Pages stand alone, escape everything, and have what a screen reader and a printer need, in both languages."""

from __future__ import annotations

import base64
import hashlib
import re
import tomllib
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest

from consentry.audit.findings import Kind
from consentry.core.codes import (
    Action,
    ActorKind,
    Category,
    EmergencyReason,
    LegalBasis,
    Purpose,
    Reason,
    RefusalReason,
)
from consentry.errors import InvalidInputError
from consentry.evidence.code_words import code_words
from consentry.reports.charts import MOST_SERIES, bars, columns
from consentry.reports.disclosures import Period, disclosures_of, recipients_of
from consentry.reports.document import Document
from consentry.reports.exports import text_width
from consentry.reports.incident import Concerned, incident_of
from consentry.reports.names import Named, Names
from consentry.reports.opened import OpenedTables
from consentry.reports.overview import ALL_PATTERNS, overview_of
from consentry.reports.page import TEXTURES, Formatter, plain_sections, write_page
from consentry.reports.report_page import report_sections
from consentry.reports.words import KINDS, LANGUAGES, words_of
from tests.support.province import HOSPITALS, patient

EVIL = '<script>alert("1")</script>&'


class _Page(HTMLParser):
    """Reads a page: its tags with attributes, and the texts of some of them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.style = ""
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._inside.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] == "style":
            self.style += data
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def _pages(tables: OpenedTables, language: str, names: Names) -> list[str]:
    words, formatter = words_of(language), Formatter(words_of(language))
    documents: list[Document] = [
        disclosures_of(tables, [patient(4).subject], Period(), names),
        recipients_of(tables, HOSPITALS[1].address, Period(), names),
        incident_of(tables, Concerned(institution=HOSPITALS[1].address), Period(), names),
    ]
    plain = [write_page(each, plain_sections(each, formatter), formatter) for each in documents]
    overview = overview_of(tables, names, words)
    return [write_page(overview.document, report_sections(overview, formatter), formatter), *plain]


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_needs_nothing_else_and_runs_no_script(tables: OpenedTables, language: str) -> None:
    for text in _pages(tables, language, Names({HOSPITALS[1].address: Named(EVIL, EVIL)})):
        page = _Page(text)
        assert not {"script", "link", "img", "iframe", "object", "form", "base"} & {tag for tag, _ in page.tags}
        for _, attributes in page.tags:
            assert not [name for name in attributes if name.startswith("on") or name == "style"]
            assert all((attributes.get(name) or "#").startswith("#") for name in ("src", "href"))
        assert "url(" not in page.style
        assert "@import" not in page.style
        assert EVIL not in text
        hashed = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
        [policy] = [a["content"] or "" for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert f"style-src 'sha256-{hashed}'" in policy


def test_name_from_a_list_is_shown_as_text(tables: OpenedTables) -> None:
    page = _Page(_pages(tables, "en", Names({HOSPITALS[1].address: Named(EVIL, "")}))[0])
    assert EVIL in page.texts


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_can_be_read_out(tables: OpenedTables, language: str) -> None:
    for text in _pages(tables, language, Names()):
        page = _Page(text)
        [html] = page.all("html")
        assert html["lang"] == {"zh": "zh-Hans", "en": "en"}[language]
        assert len(page.all("h1")) == len(page.all("main")) == 1
        assert len(page.all("caption")) == len(page.all("table")) > 0
        assert all(attributes.get("scope") in {"col", "row"} for attributes in page.all("th"))
        identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(set(identifiers)) == len(identifiers)
        linked = {(attributes["href"] or "")[1:] for attributes in page.all("a")}
        labels = {name for _, a in page.tags for name in (a.get("aria-labelledby") or "").split()}
        assert linked | labels <= {*identifiers}
        assert all(attributes.get("role") == "img" for attributes in page.all("svg"))


def test_report_has_its_charts_each_above_the_same_numbers(tables: OpenedTables) -> None:
    page = _Page(_pages(tables, "zh", Names())[0])
    assert len(page.all("svg")) == 5
    filled = {attributes["fill"] for attributes in page.all("rect") if (attributes["fill"] or "").startswith("url")}
    patterns = {f"url(#{attributes['id']})" for attributes in page.all("pattern")}
    assert filled <= patterns


def test_ids_are_cut_and_can_be_seen_whole(tables: OpenedTables) -> None:
    text = _pages(tables, "en", Names())[1]
    whole = "0x" + patient(4).subject.hex()
    assert f'title="{whole}"' in text
    assert f">{whole}<" not in text


def test_times_are_local_with_utc_beside_them(tables: OpenedTables) -> None:
    text = _pages(tables, "en", Names())[1]
    assert re.search(r'<time datetime="2027-02-04T08:00:01Z">2027-02-04 16:00:01<small> \(2027-02-04T08:00:01Z\)', text)


# Words.


def _leaves(part: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:  # noqa: ANN401 - a part of a TOML file
    if not isinstance(part, dict):
        return {path}
    return {leaf for key, value in part.items() for leaf in _leaves(value, (*path, key))}


def test_both_languages_have_the_same_words() -> None:
    read = [tomllib.loads((files("consentry.reports") / f"words.{each}.toml").read_text("utf-8")) for each in LANGUAGES]
    chinese, english = map(_leaves, read)
    says = {leaf for leaf in chinese if leaf[0] in KINDS and leaf[-1] == "says"}
    assert {leaf for leaf in chinese if leaf[0] != "audit"} - says == english
    assert {leaf[:2] for leaf in says} == {leaf[:2] for leaf in english if leaf[0] in KINDS}


def test_every_code_kind_and_pattern_has_words() -> None:
    families = {
        "purpose": Purpose,
        "action": Action,
        "basis": LegalBasis,
        "actor": ActorKind,
        "emergency": EmergencyReason,
        "category": Category,
        "reason": Reason,
        "refusal": RefusalReason,
    }
    for language in LANGUAGES:
        words = words_of(language)
        for family, codes in families.items():
            assert words.parts["codes"][family].keys() == set(codes.__members__)
        assert words.parts["findings"].keys() == {str(kind) for kind in Kind}
        assert words.parts["patterns"].keys() == {pattern.kind for pattern in ALL_PATTERNS}


@pytest.mark.parametrize("part", KINDS)
def test_every_kind_has_a_chinese_title_and_sentence_of_its_own(part: str) -> None:
    words = words_of("zh").parts[part]
    for kind, said in words.items():
        assert said.keys() == {"title", "says"}, kind
        assert all(re.search("[\u4e00-\u9fff]", text) for text in said.values()), kind
        assert said["says"].endswith("。"), kind
    for name in ("title", "says"):
        assert len({said[name] for said in words.values()}) == len(words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentence_of_a_pattern_names_every_threshold(language: str) -> None:
    for pattern in ALL_PATTERNS:
        said = words_of(language).pattern(pattern.kind, pattern.says)
        assert set(re.findall(r"{(\w+)}", said)) == set(pattern.thresholds), pattern.kind
        assert "{" not in pattern.sentence(words_of(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_codes_have_the_words_they_have_on_papers(language: str) -> None:
    assert code_words(language).items() <= words_of(language).parts["codes"].items()
    own = tomllib.loads((files("consentry.reports") / f"words.{language}.toml").read_text("utf-8"))["codes"]
    assert not own.keys() & code_words(language).keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_fits_beside_a_bar(language: str) -> None:
    for reason in code_words(language)["reason"].values():
        assert text_width(reason) <= 48, reason


def test_other_language_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="language does not match"):
        words_of("fr")


# Charts.


def test_columns_stack_to_their_sum_within_the_chart() -> None:
    drawing = columns("t", {"one": {"a": 3, "b": 1}, "two": {"a": 4}}, ["a", "b"])
    stack = [box for box in drawing.boxes if box.says.startswith("a,")]
    lower, upper = stack
    assert lower.height / upper.height == pytest.approx(3 / 4)
    assert lower.y == pytest.approx(upper.y + upper.height)
    assert all(box.x >= 0 and box.x + box.width <= drawing.width for box in drawing.boxes)
    assert all(box.y >= 0 and box.y + box.height <= drawing.height for box in drawing.boxes)


def test_bars_are_as_long_as_their_values() -> None:
    drawing = bars("t", [("a", 10, "10"), ("b", 5, "5"), ("c", 0, "0")])
    assert [box.width / drawing.boxes[0].width for box in drawing.boxes] == [1, 0.5, 0]
    assert max(label.x for label in drawing.labels) < drawing.width


def test_fills_are_told_apart_without_colour_and_stand_out_from_paper() -> None:
    assert len({texture.path for texture in TEXTURES}) == len(TEXTURES) == MOST_SERIES
    assert all(_contrast_with_white(texture.colour) >= 4.5 for texture in TEXTURES)


def test_text_stands_out_from_paper() -> None:
    style = (files("consentry.reports") / "page.css").read_text("utf-8")
    colours = set(re.findall(r"(?<![-\w])color: (#[0-9a-f]{6})", style))
    assert colours
    assert all(_contrast_with_white(colour) >= 4.5 for colour in colours)


def _contrast_with_white(colour: str) -> float:
    """WCAG 2.2, contrast ratio."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


def test_empty_sheet_says_none(tables: OpenedTables) -> None:
    document = incident_of(tables, Concerned(record=bytes(32)), Period(), Names())
    sheet = document.sheet("actors")
    block = Formatter(words_of("en")).table(replace(sheet, rows=()))
    assert block.rows == ()
    assert block.empty == "none"
