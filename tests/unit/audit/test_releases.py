"""Every release of a vault belongs to a decision on chain that permits it (T4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import pytest

from consentry.audit.audit import Audit
from consentry.audit.findings import Kind, Report
from consentry.audit.ports import KeptRelease
from consentry.core import heads
from consentry.core.codes import Reason
from consentry.core.events import AccessDecided
from consentry.core.terms import RecordId
from tests.support import samples
from tests.support.memory_reader import CUSTODIAN, HOSPITAL, PATIENT, Story, honest_story

Plant = Callable[[list[KeptRelease], list[KeptRelease]], object]


@dataclass
class _Releases:
    """A vault's rows."""

    rows: list[KeptRelease]

    async def releases(self) -> AsyncIterator[KeptRelease]:
        for row in self.rows:
            yield row


def _rows(story: Story, *, permitted: bool) -> list[KeptRelease]:
    decided = [e.entry for e in story.chain if isinstance(e, AccessDecided)]
    return [
        KeptRelease(e.request.record_id, e.request.institution, e.request.request_id, heads.hash_of(e))
        for e in decided
        if (e.reason == Reason.NONE) is permitted
    ]


async def _compared(story: Story, rows: list[KeptRelease], *, events: int | None = None) -> Report:
    reader = story.reader()
    whole, reader.chain = reader.chain, reader.chain[:events]
    audit = Audit(reader)
    report = replace(await audit.run(), findings=())
    reader.chain = whole
    return await audit.compare_releases(report, CUSTODIAN.address, _Releases(rows))


async def test_release_for_each_permit_gives_no_finding() -> None:
    story = honest_story()
    rows = _rows(story, permitted=True)
    report = await _compared(story, [*rows, rows[0]])
    assert (report.findings, report.unreleased) == ((), 0)


async def test_permit_that_was_never_fetched_is_counted_and_no_finding() -> None:
    story = honest_story()
    rows = _rows(story, permitted=True)
    report = await _compared(story, rows[2:])
    assert (report.findings, report.unreleased) == ((), 2)


async def test_permit_of_another_custodian_is_not_counted() -> None:
    audit = Audit(honest_story().reader())
    report = await audit.compare_releases(await audit.run(), HOSPITAL.address, _Releases([]))
    assert report.unreleased == 0
    assert (await audit.run()).unreleased is None


PLANTED: dict[str, Plant] = {
    "for-a-denial": lambda rows, denied: rows.append(denied[0]),
    "for-nothing": lambda rows, _: rows.append(replace(rows[0], decision_id=samples.word(9))),
    "of-another-record": lambda rows, _: rows.append(replace(rows[0], record_id=RecordId(samples.word(9)))),
    "to-another-institution": lambda rows, _: rows.append(replace(rows[0], institution=PATIENT.address)),
    "for-another-request": lambda rows, _: rows.append(replace(rows[0], request_id=rows[1].request_id)),
}


@pytest.mark.parametrize("plant", PLANTED.values(), ids=list(PLANTED))
async def test_release_without_a_decision_is_found(plant: Plant) -> None:
    story = honest_story()
    rows = _rows(story, permitted=True)
    plant(rows, _rows(story, permitted=False))
    report = await _compared(story, rows)
    assert [finding.kind for finding in report.findings] == [Kind.RELEASE_WITHOUT_DECISION]


async def test_release_for_a_decision_after_the_head_is_no_finding() -> None:
    story = honest_story()
    last = max(i for i, e in enumerate(story.chain) if isinstance(e, AccessDecided) and e.entry.reason == Reason.NONE)
    before = story.chain[last].place.block.number
    cut = next(i for i, e in enumerate(story.chain) if e.place.block.number == before)
    report = await _compared(story, _rows(story, permitted=True), events=cut)
    assert report.head.number < before
    assert report.findings == ()
