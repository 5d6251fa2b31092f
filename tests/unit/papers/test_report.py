"""Reports as papers: everything in the dictionary is on the pages, and what is no report is refused."""

from __future__ import annotations

from typing import Any

import pytest

from consentry.errors import InvalidInputError
from consentry.papers.fonts import load_fonts
from consentry.papers.report import report_pdf
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
    "sections": [
        {
            "title": "访问量",
            "blocks": [
                {"svg": CHART, "shows": "柱状图:诊疗 812"},
                {"heading": "各机构"},
                {
                    "columns": ["机构", "允许", "拒绝"],
                    "rows": [["甲", 812, 13]] * 60,
                    "widths": [3, 1, 0],
                    "empty": "无。",
                },
                {"columns": ["目的", "次数"], "rows": [], "widths": [1, 1], "empty": "没有。"},
            ],
        },
        {"title": "不能说明的事项", "blocks": [{"text": f"请求 17 {IDENTIFIER}"}, {"text": 4}]},
    ],
}
TABLE = {"columns": ["a"], "rows": [["1"]], "widths": [1], "empty": ""}


def _with(block: dict[str, Any]) -> dict[str, Any]:
    return {"sections": [{"title": "t", "blocks": [block]}]}


def test_report_prints_everything_it_is_given() -> None:
    printed = text_of(report_pdf(REPORT, FONTS))

    for said in (
        *("审计报告每一次访问均根据链上事件重新裁定。有发现2项发现。", "链131277322940537区块1至48213"),
        *("访问量诊疗812柱状图:诊疗812各机构机构允许拒绝甲81213", "没有。不能说明的事项", f"请求17{IDENTIFIER}4"),
    ):
        assert said in printed, said
    assert printed.count("甲81213") == 60


def test_report_repeats_the_head_of_a_table_on_the_next_page() -> None:
    made = report_pdf(REPORT, FONTS)

    assert len(pages(made)) == 2
    assert text_of(made).count("机构允许拒绝") == 2


def test_report_in_english_without_a_verdict_has_none() -> None:
    plain = {name: value for name, value in REPORT.items() if name != "verdict"}

    printed = text_of(report_pdf({**plain, "language": "en", "sections": []}, FONTS))

    assert printed.endswith("1至48213审计报告1/1")
    assert "有发现" not in printed


def test_same_report_gives_the_same_bytes_and_another_date_others() -> None:
    first = report_pdf(REPORT, FONTS)

    assert report_pdf(REPORT, load_fonts()) == first
    assert report_pdf({**REPORT, "moment": REPORT["moment"] + 86_400}, FONTS) != first


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"language": "la"}, "language does not match"),
        ({"more": 1}, "members of the report do not match .*more"),
        ({"head": [["one"]]}, "report does not match"),
        ({"moment": -1}, "date of the paper does not match"),
        ({"moment": 2**60}, "date of the paper does not match"),
        ({"sections": [{"title": "t"}]}, "report does not match .*blocks"),
        (_with({"svg": "<html>", "shows": "s"}), "paper cannot be set"),
        (_with({"svg": CHART}), "block of the report does not match .*svg"),
        (_with({"text": "t", "heading": "h"}), "block of the report does not match .*heading, text"),
        (_with({**TABLE, "rows": [["1", "2"]]}), "table .* does not match"),
        (_with({**TABLE, "widths": [1, 2]}), "table .* does not match"),
        ({"title": "no glyph \U0001f600"}, "paper cannot be set: .*could not be displayed"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_report_of_another_form_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputError, match=said):
        report_pdf({**REPORT, **changed}, FONTS)


def test_report_without_a_member_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"members of the report do not match \(differing: sections\)"):
        report_pdf({name: value for name, value in REPORT.items() if name != "sections"}, FONTS)
