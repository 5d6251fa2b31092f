"""What is found is told to people in their language, and to programs by its stable name and the audit's message."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from consentry.audit import audit
from consentry.audit.findings import Kind
from consentry.reports.document import Document, sheet_of
from consentry.reports.exports import as_json, as_text, write_csv
from consentry.reports.names import Names
from consentry.reports.opened import OpenedTables
from consentry.reports.overview import overview_of
from consentry.reports.page import Formatter, write_page
from consentry.reports.printed import printed
from consentry.reports.report_page import report_sections
from consentry.reports.told import told
from consentry.reports.words import words_of
from tests.support.audit_folder import audited
from tests.support.province_life import eventful_month
from tests.unit.reports.planted_wrongs import WRONGS, scene_of

MESSAGE = "a decision was not made at the time of its block"
TITLE, SENTENCE = "判定时间与区块时间不符", "判定所记的时间不是其所在区块的时间。"
CHINESE = words_of("zh")


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Gives the folder of an audit that found one decision at a wrong time."""
    scene = scene_of(eventful_month())
    next(wrong for wrong in WRONGS if wrong.kind is Kind.DECISION_TIME).spoil(scene)
    await audited(scene.reader, tmp_path / "audit", scene.keeping)
    return tmp_path / "audit"


def _shown(folder: Path, language: str) -> tuple[Document, list[str]]:
    """Gives the report, and the page, the print and the lines in which people read it."""
    words = words_of(language)
    formatter = Formatter(words)
    with OpenedTables(folder) as tables:
        overview = overview_of(tables, Names(), words)
    document, sections = overview.document, report_sections(overview, formatter)
    paper = str(printed(document, sections, formatter))
    return document, [write_page(document, sections, formatter), paper, "\n".join(as_text(document, words))]


def test_people_read_title_and_sentence_in_chinese(folder: Path) -> None:
    document, shown = _shown(folder, "zh")
    for text in shown:
        assert TITLE in text
        assert SENTENCE in text
        assert MESSAGE not in text
        assert "decision.time" in text
        assert "批量查看多位患者" in text
        assert not [limit for limit in document.limits if limit in text]
        assert "access.mass-export" in text


def test_people_read_title_and_message_in_english(folder: Path) -> None:
    for text in _shown(folder, "en")[1]:
        assert words_of("en").code("kind", "decision.time").split("'")[0] in text
        assert MESSAGE in text


def test_programs_read_the_stable_name_and_the_message(folder: Path, tmp_path: Path) -> None:
    document, _ = _shown(folder, "zh")

    assert {(row["kind"], row["message"]) for row in as_json(document)["findings"]} >= {("decision.time", MESSAGE)}
    assert "decision.time" in {row["kind"] for row in as_json(document)["finding_kinds"]}
    write_csv(document, tmp_path / "csv")
    lines = (tmp_path / "csv" / "report-findings.csv").read_text("utf-8")
    assert f",{MESSAGE}," in lines
    assert "decision.time," in lines
    assert TITLE not in lines


LIMITS = {name: text for name, text in vars(audit).items() if name.isupper() and isinstance(text, str) and " " in text}


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
def test_every_limit_is_told_in_chinese_with_the_ids_it_names(limit: str) -> None:
    named = [f"0x{each}" for each in range(limit.count("{}"))]

    said = CHINESE.of_audit(limit.format(*named))

    assert re.search("[\u4e00-\u9fff]", said)
    assert all(each in said for each in named)
    assert words_of("en").of_audit(limit) == limit


@pytest.mark.parametrize(
    ("kind", "expected", "told_as"),
    [
        ("act.not-allowed", "refused with NotAllowedError", "以 NotAllowedError 拒绝"),
        ("decision.wrong", "PURPOSE_NOT_GRANTED", CHINESE.code("reason", "PURPOSE_NOT_GRANTED")),
        ("consent.state-differs", "ACTIVE 13", "ACTIVE 13"),
        ("release.without-decision", "decision 0xaa, request 7 of 0xbb", "判定 0xaa、0xbb 的请求 7"),
    ],
)
def test_what_was_expected_is_told_in_chinese_where_it_has_words(kind: str, expected: str, told_as: str) -> None:
    row = {"kind": kind, "about": "0x", "message": "", "expected": expected, "got": "none"}
    sheet = sheet_of("findings", "kind about message expected got", [row])

    [shown] = told(sheet, CHINESE).records()

    assert (shown["expected"], shown["got"]) == (told_as, "无")


def test_notice_names_the_classes_of_documents_in_words() -> None:
    rows = [{"item": "kinds", "said": "IMAGING, LABORATORY"}, {"item": "cause", "said": ""}]

    shown = told(sheet_of("notice", "item said", rows), CHINESE)

    categories = [CHINESE.code("category", name) for name in ("IMAGING", "LABORATORY")]
    assert [row[1] for row in shown.rows] == [", ".join(categories), ""]
    assert re.search("[\u4e00-\u9fff]", shown.rows[0][1])


def test_kind_without_words_is_told_as_the_audit_tells_it(folder: Path) -> None:
    document, _ = _shown(folder, "zh")
    sheet = document.sheet("findings")
    columns = [column.name for column in sheet.columns]
    row = list(sheet.rows[0])
    row[columns.index("kind")], row[columns.index("message")] = "new.kind", "a new sentence"

    shown = told(type(sheet)(sheet.name, sheet.columns, (tuple(row),)), CHINESE)

    assert shown.rows == (tuple(row),)
    assert CHINESE.code("kind", "new.kind") == "new.kind"
