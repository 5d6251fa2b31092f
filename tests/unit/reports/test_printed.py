"""What is printed of a document: every section of its page, narrow enough for paper, cut where the page is cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

from consentry.reports.disclosures import Period, disclosures_of
from consentry.reports.document import Document, Fact, Form, sheet_of
from consentry.reports.names import Names
from consentry.reports.opened import OpenedTables
from consentry.reports.overview import overview_of
from consentry.reports.page import ROWS_ON_PAGE, Formatter, plain_sections
from consentry.reports.printed import MOST_COLUMNS, printed
from consentry.reports.report_page import report_sections
from consentry.reports.words import words_of
from tests.support.province import patient

FORMATTER = Formatter(words_of("en"))
HEAD = Fact("head_time", Form.TIME, 1_800_000_000)


def _blocks(made: dict[str, Any], member: str) -> list[dict[str, Any]]:
    return [block for section in made["sections"] for block in section["blocks"] if member in block]


def test_report_is_printed_with_every_section_chart_and_limit_of_its_page(tables: OpenedTables) -> None:
    overview = overview_of(tables, Names(), words_of("en"))
    sections = report_sections(overview, FORMATTER)

    made = printed(overview.document, sections, FORMATTER)

    assert [section["title"] for section in made["sections"]] == [section.title for section in sections]
    charts = _blocks(made, "svg")
    assert len(charts) == 5
    for chart in charts:
        root = ET.fromstring(chart["svg"])  # noqa: S314 - our own
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root[0].text == chart["shows"]
    texts = [block["text"] for block in _blocks(made, "text")]
    assert overview.document.limits
    assert all(f"not checked: {limit}" in texts for limit in overview.document.limits)
    assert made["moment"] == tables.run.head_time
    assert made["verdict"]["tone"] == "good"


def test_report_with_findings_says_how_many_on_top(tables: OpenedTables) -> None:
    document = overview_of(tables, Names(), words_of("en")).document
    facts = (Fact("findings", Form.COUNT, 1234), *document.facts[1:])

    verdict = printed(replace(document, facts=facts), [], FORMATTER)["verdict"]

    assert (verdict["word"], verdict["tone"]) == ("broke a rule: 1,234", "bad")


def test_table_wider_than_paper_keeps_every_value(tables: OpenedTables) -> None:
    document = disclosures_of(tables, [patient(4).subject], Period(), Names())
    made = printed(document, plain_sections(document, FORMATTER), FORMATTER)
    sheet, [table, *_] = document.sheet("accesses"), _blocks(made, "columns")

    assert len(table["columns"]) == len(table["widths"]) == MOST_COLUMNS < len(sheet.columns)
    assert len(table["rows"]) == len(sheet.rows) > 0
    for row, record in zip(table["rows"], sheet.records(), strict=True):
        assert len(row) == MOST_COLUMNS
        assert f"number: {record['sequence']}" in row[-1]
        assert f"decision: 0x{record['decision'].hex()[:8]}…" in row[-1]
    assert "verdict" not in made
    assert words_of("en").sheet("accesses") not in [block["heading"] for block in _blocks(made, "heading")]


def test_long_table_is_cut_as_on_the_page_and_says_so() -> None:
    rows = [{"kind": "k", "cases": each} for each in range(ROWS_ON_PAGE + 7)]
    document = Document("report", (HEAD,), (sheet_of("patterns", "kind cases", rows),))

    made = printed(document, plain_sections(document, FORMATTER), FORMATTER)

    [table] = _blocks(made, "columns")
    assert len(table["rows"]) == ROWS_ON_PAGE
    assert made["sections"][0]["blocks"][-1] == {"text": "and 7 more; JSON and CSV have all"}


def test_text_no_reader_takes_in_is_cut_so_that_it_stays_in_its_column() -> None:
    event, sentence = "AccessDecided(place=EventPlace(block=" + "x" * 400, "a sentence of some length, but whole"
    document = Document(
        "report", (HEAD,), (sheet_of("patterns", "expected got", [{"expected": event, "got": sentence}]),)
    )

    [table] = _blocks(printed(document, plain_sections(document, FORMATTER), FORMATTER), "columns")

    assert table["rows"] == [["AccessDecided(…", sentence]]


def test_times_have_utc_beside_them_and_facts_their_ids_whole() -> None:
    document = Document("incident", (Fact("institution", Form.ID, bytes(20)), HEAD), ())

    head = printed(document, [], FORMATTER)["head"]

    assert head == [
        ["institution", "0x" + "00" * 20],
        ["tables reach to", "2027-01-15 16:00:00 (2027-01-15T08:00:00Z)"],
    ]
