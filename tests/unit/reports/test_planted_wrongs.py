"""Every wrong in a province is found as what it is; the province without one has no finding and no pattern."""

from __future__ import annotations

from pathlib import Path

import pytest

from consentry.audit.findings import Kind
from consentry.core import events
from consentry.core.events import LedgerEvent
from consentry.reports.names import Names
from consentry.reports.opened import OpenedTables
from consentry.reports.overview import overview_of
from consentry.reports.words import words_of
from tests.support.audit_folder import audited
from tests.support.province_life import eventful_month
from tests.unit.reports.planted_patterns import PATTERNS
from tests.unit.reports.planted_table import TABLE, table_of
from tests.unit.reports.planted_wrongs import WRONGS, PlantedWrong, Scene, scene_of


async def _audited(scene: Scene, folder: Path) -> OpenedTables:
    await audited(scene.reader, folder, scene.keeping, with_calldata=scene.with_calldata, later=scene.later)
    return OpenedTables(folder)


async def test_eventful_month_has_no_finding_and_no_pattern(tmp_path: Path) -> None:
    with await _audited(scene_of(eventful_month()), tmp_path) as tables:
        document = overview_of(tables, Names(), words_of("en")).document

    assert document.sheet("findings").rows == ()
    assert document.sheet("patterns").rows == ()
    assert document.fact("findings") == document.fact("hints") == 0
    assert document.fact("decisions") > 380


@pytest.mark.parametrize("planted", WRONGS, ids=lambda planted: planted.name)
async def test_planted_wrong_is_found_as_what_it_is(planted: PlantedWrong, tmp_path: Path) -> None:
    scene = scene_of(eventful_month())
    planted.spoil(scene)

    with await _audited(scene, tmp_path) as tables:
        findings = tables.rows("SELECT * FROM findings")

    mine = [row for row in findings if row["kind"] == planted.kind]
    assert mine, {row["kind"] for row in findings}
    assert all(row["expected"] != row["got"] and row["about"] for row in mine)


def _name(event: LedgerEvent) -> str:
    return type(event.act).__name__ if isinstance(event, events.ActPerformed) else type(event).__name__


KINDS_OF_EVENTS = sorted({_name(event) for event in eventful_month().chain})


@pytest.mark.parametrize("kind", KINDS_OF_EVENTS)
async def test_node_that_hides_an_event_of_any_kind_ends_no_audit(kind: str, tmp_path: Path) -> None:
    for place in (0, -1):
        reader = eventful_month().reader()
        hidden = [event for event in reader.chain if _name(event) == kind][place]
        reader.chain.remove(hidden)

        report = await audited(reader, tmp_path / str(place))

        assert report.events == len(reader.chain)


def test_every_kind_of_finding_is_planted() -> None:
    assert {planted.kind for planted in WRONGS} == {*Kind}


def test_table_of_planted_wrongs_is_the_one_in_the_documents() -> None:
    names = [planted.name for planted in (*WRONGS, *PATTERNS)]

    assert len(set(names)) == len(names) >= 40
    assert TABLE.read_text(encoding="utf-8") == table_of()
