"""Reports as papers: everything in the dictionary is on the pages, and what is no report is refused."""

from __future__ import annotations

from typing import Any

import pytest

from consentry.errors import InvalidInputError
from consentry.papers.fonts import load_fonts
from consentry.papers.report import report_document, report_pdf
from consentry.papers.typesetting import to_pictures
from tests.support.pdf_text import pages, text_of

FONTS = load_fonts()
IDENTIFIER = "0x" + "ab" * 32
CHART = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 60"><rect x="10" y="10" width="40" height="40" '
    'fill="#2f6f4f"/><text x="60" y="40" font-size="12">诊疗 812</text></svg>'
)
REPORT: dict[str, Any] = {
    "language": "zh",
    "title": "审计报告",
    "subtitle": "每一次访问均根据链上事件重新裁定。",
    "moment": 1_793_500_000,
    "head": [["链", 131277322940537], ["区块", "1 至 48213"]],
    "verdict": {"word": "有发现", "text": "2 项发现。", "tone": "bad"},
    "charts": [{"title": "访问量", "svg": CHART, "shows": "柱状图:诊疗 812"}],
    "tables": [
        {"title": "各机构", "columns": ["机构", "允许", "拒绝"], "rows": [["甲", 812, 13]] * 60, "widths": [3, 1, 1]},
        {"title": "各目的", "columns": ["目的", "次数"], "rows": []},
    ],
    "findings": [
        {"finding": "撤回后仍被允许", "evidence": f"请求 17 {IDENTIFIER}"},
        {"finding": "逾期", "evidence": 4},
    ],
    "limits": ["没有发生的事。", "谁在标识背后。"],
}


def test_report_prints_everything_it_is_given() -> None:
    printed = text_of(report_pdf(REPORT, FONTS))

    for said in (
        *("审计报告每一次访问均根据链上事件重新裁定。有发现2项发现。", "链131277322940537区块1至48213"),
        *("访问量", "柱状图:诊疗812", "各机构机构允许拒绝甲81213", "各目的无。"),
        *(f"1撤回后仍被允许请求17{IDENTIFIER}2逾期4", "•没有发生的事。•谁在标识背后。"),
    ):
        assert said in printed, said
    assert printed.count("甲81213") == 60


def test_report_repeats_the_head_of_a_table_on_the_next_page() -> None:
    made = report_pdf(REPORT, FONTS)

    assert len(pages(made)) == 2
    assert text_of(made).count("机构允许拒绝") == 2


def test_report_in_english_without_findings_or_verdict_says_none() -> None:
    plain = {name: value for name, value in REPORT.items() if name != "verdict"}

    printed = text_of(report_pdf({**plain, "language": "en", "findings": [], "tables": []}, FONTS))

    assert "FindingsNone.Whatthisreportdoesnotshow" in printed
    assert "有发现" not in printed


def test_same_report_gives_the_same_bytes_and_another_date_others() -> None:
    first = report_pdf(REPORT, FONTS)

    assert report_pdf(REPORT, load_fonts()) == first
    assert report_pdf({**REPORT, "moment": REPORT["moment"] + 86_400}, FONTS) != first


def test_report_has_as_many_pictures_as_pages() -> None:
    pictures = to_pictures(report_document(REPORT), FONTS)

    assert len(pictures) == len(pages(report_pdf(REPORT, FONTS)))
    assert {picture[:8] for picture in pictures} == {b"\x89PNG\r\n\x1a\n"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"language": "la"}, "language does not match"),
        ({"more": 1}, "members of the report do not match .*more"),
        ({"head": [["one"]]}, "report does not match"),
        ({"findings": [{"finding": "x"}]}, "report does not match"),
        ({"moment": -1}, "date of the paper does not match"),
        ({"moment": 2**60}, "date of the paper does not match"),
        ({"charts": [{"title": "t", "svg": "<html>", "shows": "s"}]}, "paper cannot be set"),
        ({"tables": [{"title": "t", "columns": ["a"], "rows": [["1", "2"]]}]}, "table 't' does not match"),
        ({"tables": [{"title": "t", "columns": ["a"], "rows": [["1"]], "widths": [1, 2]}]}, "table 't' does not match"),
        ({"title": "no glyph \U0001f600"}, "paper cannot be set: .*could not be displayed"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_report_of_another_form_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        report_pdf({**REPORT, **changed}, FONTS)


def test_report_without_a_member_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"members of the report do not match \(differing: limits\)"):
        report_pdf({name: value for name, value in REPORT.items() if name != "limits"}, FONTS)
