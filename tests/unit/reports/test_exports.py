"""JSON and CSV hold every row whole; text is for people; thresholds and names are read strictly."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from consentry.errors import InvalidInputError
from consentry.reports.disclosures import Period, disclosures_of
from consentry.reports.document import FORMAT, Document, Fact, Form, sheet_of
from consentry.reports.exports import as_json, as_text, write_csv
from consentry.reports.names import Names, read_names
from consentry.reports.opened import OpenedTables
from consentry.reports.overview import ALL_PATTERNS, overview_of
from consentry.reports.page import Formatter
from consentry.reports.patterns import in_words, look_for
from consentry.reports.words import words_of
from tests.support.province import HOSPITALS, patient

NOBODY = Names()


def test_json_and_csv_have_the_same_rows(tables: OpenedTables, tmp_path: Path) -> None:
    document = overview_of(tables, NOBODY, words_of("en")).document
    told = json.loads(json.dumps(as_json(document)))
    paths = write_csv(document, tmp_path / "csv")

    assert told["format"] == FORMAT
    assert len(paths) == len(document.sheets) + 1
    for sheet, path in zip(document.sheets, paths[1:], strict=True):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(told[sheet.name]) == len(sheet.rows)
        for row, one in zip(rows, told[sheet.name], strict=True):
            assert row.keys() == one.keys()
            assert [row[name] or None for name in row] == [_as_csv(value) for value in one.values()]


def _as_csv(value: object) -> str | None:
    if value is None or value in ("", []):
        return None
    if isinstance(value, list):
        return " ".join(map(str, value))
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    "text", ["=HYPERLINK(1)", "+1", "-1", "@A1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "  =1", "\u3000=1"]
)
def test_text_a_spreadsheet_would_run_is_made_harmless(tmp_path: Path, text: str) -> None:
    rows = [{"message": text, "cases": -5}]
    path = write_csv(Document("report", (), (sheet_of("findings", "message cases", rows),)), tmp_path)[1]
    assert path.read_bytes() == f"message,cases\r\n'{text},-5\r\n".encode()


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n=1"])
def test_text_that_begins_with_a_control_is_made_harmless(tmp_path: Path, text: str) -> None:
    rows = [{"message": text, "cases": 1}]
    path = write_csv(Document("report", (), (sheet_of("findings", "message cases", rows),)), tmp_path)[1]
    assert path.read_bytes().split(b"\r\n", 1)[1].lstrip(b'"').startswith(b"'")


@pytest.mark.parametrize(("language", "title"), [("en", "Who looked at your records"), ("zh", "谁看过您的病历")])
def test_text_has_title_facts_and_rows_in_the_language(tables: OpenedTables, language: str, title: str) -> None:
    document = disclosures_of(tables, [patient(4).subject], Period(), NOBODY)
    lines = list(as_text(document, words_of(language)))
    assert lines[0] == title
    accesses = next(at for at, line in enumerate(lines) if line.endswith(f"({len(document.sheet('accesses').rows)})"))
    assert len([line for line in lines[accesses + 2 :] if line.startswith("  2027-")]) >= 10
    assert lines[-1] == words_of(language).note("completeness")


def test_time_beyond_the_calendar_is_told_as_a_number(tmp_path: Path) -> None:
    last, beyond = 253_402_300_799, 2**64 - 1
    document = Document("report", tuple(Fact(n, Form.TIME, at) for n, at in (("last", last), ("due", beyond))), ())

    assert as_json(document)["facts"] == {"last": "9999-12-31T23:59:59Z", "due": "second 18446744073709551615"}
    [path] = write_csv(document, tmp_path)
    assert path.read_text("utf-8").splitlines()[-1] == "due,second 18446744073709551615"
    assert "due: second 18446744073709551615 since 1970" in as_text(document, words_of("en"))
    cells = [Formatter(words_of("zh"), 8 * 3600).cell(Form.TIME, at) for at in (last - 8 * 3600, last, beyond)]
    assert [(cell.text, cell.utc) for cell in cells] == [
        ("9999-12-31 23:59:59", "9999-12-31T15:59:59Z"),
        ("9999-12-31T23:59:59Z", ""),
        ("自 1970 年起第 18446744073709551615 秒", ""),
    ]


def test_column_that_has_no_form_is_refused() -> None:
    with pytest.raises(ValueError, match=r"column does not match .*'colour'"):
        sheet_of("findings", "kind colour", [{"kind": "k", "colour": "red"}])


def test_overview_counts_each_region_once(tables: OpenedTables) -> None:
    rows = overview_of(tables, NOBODY, words_of("en")).document.sheet("regions").records()
    assert {row["region"]: row["institutions"] for row in rows} == {440_300: 2, 440_100: 1, 110_100: 1}
    permitted = tables.rows("SELECT count(*) AS n FROM decisions WHERE permitted")[0]["n"]
    assert sum(row["permitted"] for row in rows) == permitted


def test_limits_of_the_audit_are_told(tables: OpenedTables) -> None:
    document = overview_of(tables, NOBODY, words_of("en")).document
    assert document.limits == tables.run.limits
    assert any("not checked" in line for line in as_text(document, words_of("en")))


# Thresholds.


def test_lower_threshold_finds_more_and_stands_in_the_sentence(tables: OpenedTables) -> None:
    changed = {"access.mass-export": {"subjects": 1}}
    [answer] = look_for(tables, ALL_PATTERNS[:1], changed)
    assert answer.count > 0
    assert "at least 1 patients within 1 h" in answer.pattern.sentence(words_of("en"), answer.changed)
    finding = answer.findings[0]
    assert finding.cases == max(each.cases for each in answer.findings)
    assert finding.about.keys() == {"institution", "practitioner"}
    assert 1 <= len(finding.evidence) <= finding.evidence_count


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("window_seconds", 86_400, "1 day"),
        ("window_seconds", 2_592_000, "30 days"),
        ("window_seconds", 90_001, "90001 s"),
        ("subjects", 1_234_567, "1234567"),
        ("times", 2.5, "2.5"),
        ("share", 0.15, "15%"),
    ],
)
def test_threshold_is_written_as_people_write_it(name: str, value: float, said: str) -> None:
    assert in_words(name, value, words_of("en")) == said


def test_evidence_of_a_finding_are_decisions_of_whom_it_is_about(tables: OpenedTables) -> None:
    [answer] = look_for(tables, ALL_PATTERNS[:1], {"access.mass-export": {"subjects": 1}})
    for finding in answer.findings:
        rows = tables.rows(
            "SELECT * FROM decisions WHERE list_contains($ids, decision)", {"ids": list(finding.evidence)}
        )
        assert {row["practitioner"] for row in rows} == {finding.about["practitioner"]}
        assert all(finding.first <= row["time"] <= finding.last and row["permitted"] for row in rows)


def test_unknown_threshold_is_refused(tables: OpenedTables) -> None:
    for changed in ({"access.mass-export": {"patients": 1}}, {"no.such": {"subjects": 1}}):
        with pytest.raises(InvalidInputError, match="no such threshold"):
            look_for(tables, ALL_PATTERNS, changed)


@pytest.mark.parametrize("seconds", [0, 1, 60.5])
def test_window_that_is_no_whole_time_is_refused(tables: OpenedTables, seconds: float) -> None:
    with pytest.raises(InvalidInputError, match="whole seconds"):
        look_for(tables, ALL_PATTERNS[:1], {"access.mass-export": {"window_seconds": seconds}})


# Names.


def test_names_are_read_by_id(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text(f'id,name,contact\n0x{HOSPITALS[0].address.hex()},深圳医院,"Tel, 1"\n', encoding="utf-8")
    found = read_names(path).of(HOSPITALS[0].address)
    assert (found.name, found.contact) == ("深圳医院", "Tel, 1")
    assert read_names(path).of(None).name == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns of names.csv do not match"),
        ("name,id,contact\n", "columns of names.csv do not match"),
        ("id,name,contact\nzz,a,b\n", "hexadecimal text does not match"),
        ("id,name,contact\n0x01,a\n", "a row of names.csv does not match"),
        ("id,name,contact\n0x01,a,b,c\n", "a row of names.csv does not match"),
        ("id,name,contact\n0x01,a,b\n0x01,c,d\n", "names.csv names an id twice"),
        ('id,name,contact\n0x01,"a,b\n', "cannot be read as a list of names"),
    ],
)
def test_other_list_of_names_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "names.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=said):
        read_names(path)


# The tables.


def test_folder_without_a_finished_run_is_refused(month_folder: Path, tmp_path: Path) -> None:
    for folder in (tmp_path, month_folder / "decisions"):
        with pytest.raises(InvalidInputError, match="holds no tables of an audit that is over"):
            OpenedTables(folder)


def test_fact_without_a_value_is_no_line() -> None:
    document = Document("report", (Fact("overdue", Form.COUNT, None), Fact("hints", Form.COUNT, 0)), ())
    assert list(as_text(document, words_of("en")))[1:3] == ["to look at: 0", ""]
