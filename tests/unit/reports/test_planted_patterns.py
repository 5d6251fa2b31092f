"""Every pattern finds what is planted for it and nothing else; the ordinary month has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from consentry.reports.duty_queries import DUTY_PATTERNS
from consentry.reports.opened import OpenedTables
from consentry.reports.pattern_queries import ACCESS_PATTERNS
from consentry.reports.patterns import PatternAnswer, look_for
from tests.support.audit_folder import audited
from tests.support.province import Province, ordinary_month
from tests.unit.reports.planted_patterns import PATTERNS, PlantedPattern

ALL = (*ACCESS_PATTERNS, *DUTY_PATTERNS)


async def _answers(province: Province, folder: Path) -> list[PatternAnswer]:
    """Audits a province, which has to hold for every rule, and asks every pattern."""
    report = await audited(province.reader(), folder)
    assert report.findings == ()
    with OpenedTables(folder) as tables:
        return look_for(tables, ALL)


async def test_ordinary_month_has_no_pattern(tmp_path: Path) -> None:
    answers = await _answers(ordinary_month(), tmp_path)

    assert len(answers) == len(ALL) > 30
    assert [(answer.pattern.kind, answer.findings) for answer in answers if answer.count] == []


@pytest.mark.parametrize("planted", PATTERNS, ids=lambda planted: planted.name)
async def test_planted_pattern_is_found_and_nothing_else(planted: PlantedPattern, tmp_path: Path) -> None:
    province = ordinary_month()
    planted.plant(province)

    found = [answer for answer in await _answers(province, tmp_path) if answer.count]

    assert {answer.pattern.kind for answer in found} == {*planted.kinds}
    for answer in found:
        assert answer.count == len(answer.findings) == 1
        [finding] = answer.findings
        assert finding.evidence
        assert finding.about


def test_every_pattern_is_planted_and_has_a_name_of_its_own() -> None:
    kinds = [pattern.kind for pattern in ALL]

    assert len(set(kinds)) == len(kinds)
    assert {planted.kinds[0] for planted in PATTERNS} == {*kinds}
