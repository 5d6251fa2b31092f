"""An audit that reads a little at a time: same findings, tables that say what the chain says, going on after a kill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from consentry.audit import tables
from consentry.audit.audit import NO_STORAGE, TAKEN_UP, Audit, Progress, Span
from consentry.audit.checkpoint import SECONDS, Checkpoints
from consentry.audit.findings import Report
from consentry.audit.parts import PartWriter, part_path
from consentry.audit.reading import EVENTS_A_READ, MOST_BLOCKS, Stride
from consentry.audit.rows import Rows
from consentry.audit.sql import open_tables
from consentry.core import events, heads
from consentry.core.chain import BlockReference, ChainIdentity
from consentry.core.codes import Reason
from consentry.core.events import LedgerEvent
from consentry.core.terms import ZERO_32
from consentry.errors import ConfigurationError, ForeignChainError, InvalidInputError, LedgerUnavailableError
from tests.support import samples
from tests.support.memory_reader import CUSTODIAN, HOSPITAL, SUBJECT, MemoryReader, Story, honest_story

KEY = bytes(range(32))


class Killed(Exception):  # noqa: N818 - no error of anything, but the end of a process
    """The process ends here."""


@dataclass
class Slow(MemoryReader):
    """Gives one block at a time, and is killed when it has given some."""

    left: int = 10**9
    read: list[tuple[int, int]] = field(default_factory=list)

    async def block(self, number: int) -> BlockReference | None:
        before = [e.place.block for e in self.chain if e.place.block.number <= number]
        return await super().block(number) or BlockReference(
            number, samples.word(number), before[-1].time if before else 0
        )

    async def events(self, first: int, last: int) -> Sequence[LedgerEvent]:
        self.left -= 1
        if self.left < 0:
            raise Killed
        self.read.append((first, last))
        return await super().events(first, last)


def slow(story: Story, left: int = 10**9) -> Slow:
    return Slow([*story.chain], story.state, story.calldata, left=left)


@pytest.fixture(autouse=True)
def one_block_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consentry.audit.reading._FIRST_BLOCKS", 1)
    monkeypatch.setattr("consentry.audit.reading.EVENTS_A_READ", 1)


def spoiled(story: Story) -> Story:
    """Has two decisions say what the rules do not."""
    decided = [i for i, e in enumerate(story.chain) if isinstance(e, events.AccessDecided)]
    for place in (decided[1], decided[-1]):
        event = story.chain[place]
        assert isinstance(event, events.AccessDecided)
        wrong = Reason.NONE if event.entry.reason else Reason.CONSENT_EXPIRED
        story.chain[place] = replace(event, entry=replace(event.entry, reason=wrong))
    return story


def writing(folder: Path) -> Rows:
    return Rows(PartWriter(folder, rows_a_part=3))


def kept(folder: Path, seconds: float = SECONDS) -> Checkpoints:
    return Checkpoints(folder / "checkpoint", KEY, seconds=seconds, clock=lambda: 0.0)


def read(folder: Path, table: tables.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / table.name).to_pylist()
    return rows


async def whole(audit: Audit) -> Report:
    report = await audit.run()
    await audit.conclude(report)
    return report


async def test_tables_say_what_the_chain_says(tmp_path: Path) -> None:
    story = honest_story()
    report = await whole(Audit(story.reader(), rows=writing(tmp_path)))
    decided = [(i, e) for i, e in enumerate(story.chain) if isinstance(e, events.AccessDecided)]

    rows = read(tmp_path, tables.DECISIONS)
    assert [row["number"] for row in rows] == [i for i, _ in decided]
    assert [row["decision"] for row in rows] == [heads.hash_of(e.entry) for _, e in decided]
    assert [row["reason"] for row in rows] == [Reason(e.entry.reason).name for _, e in decided]
    assert [row["permitted"] for row in rows] == [e.entry.reason == Reason.NONE for _, e in decided]
    assert [row["expected_code"] for row in rows] == [row["reason_code"] for row in rows]
    assert {row["custodian"] for row in rows} == {CUSTODIAN.address, None}
    assert [row["subject"] is None for row in rows] == [e.entry.subject_id == ZERO_32 for _, e in decided]
    assert len(read(tmp_path, tables.EVENTS)) == len(story.chain) == report.events
    assert [row["name"] for row in read(tmp_path, tables.EVENTS)][-1] == "AccessDecided"
    assert not (tmp_path / "findings" / "part-000000.parquet").exists()

    [run] = read(tmp_path, tables.RUN)
    assert (run["format"], run["decisions"], run["findings"]) == (tables.FORMAT, len(decided), 0)
    assert run["head_hash"] == report.head.hash


async def test_tables_hold_what_stands_at_head(tmp_path: Path) -> None:
    story = honest_story()
    await whole(Audit(story.reader(), rows=writing(tmp_path)))
    state = story.state

    consents = {row["consent"]: row for row in read(tmp_path, tables.CONSENTS)}
    assert consents.keys() == state.consents.keys()
    for key, known in state.consents.items():
        assert known.terms is not None
        row = consents[key]
        assert (row["uses"], row["granted"], row["revoked"] or 0) == (known.uses, known.granted_at, known.revoked_at)
        assert (row["notice"], row["institution"]) == (known.terms.notice_hash, known.terms.institution)
    assert {row["record"]: row["status_code"] for row in read(tmp_path, tables.RECORDS)} == {
        key: known.status for key, known in state.records.items()
    }
    [subject] = read(tmp_path, tables.SUBJECTS)
    assert (subject["subject"], subject["head"]) == (SUBJECT, state.subject_head(SUBJECT))
    institutions = {row["institution"]: row for row in read(tmp_path, tables.INSTITUTIONS)}
    assert institutions[HOSPITAL.address]["decisions"] == heads.sequence_of(state.institution_head(HOSPITAL.address))


async def test_findings_stand_in_their_table_with_their_place(tmp_path: Path) -> None:
    report = await whole(Audit(spoiled(honest_story()).reader(), rows=writing(tmp_path)))
    rows = read(tmp_path, tables.FINDINGS)
    assert [(row["kind"], row["about"]) for row in rows] == [(f.kind, f.about) for f in report.findings]
    assert len(rows) > 2
    wrong = [row for row in read(tmp_path, tables.DECISIONS) if row["expected_code"] != row["reason_code"]]
    assert [row["block"] for row in wrong] == [row["block"] for row in rows if row["kind"] == "decision.wrong"]


async def _killed(story: Story, folder: Path, left: int) -> None:
    with pytest.raises(Killed):
        await Audit(
            slow(story, left),
            rows=writing(folder),
            checkpoints=kept(folder, seconds=0),
        ).run()


@pytest.mark.parametrize("left", [1, 9, 20, 26])
async def test_audit_that_was_killed_goes_on_and_finds_the_same(tmp_path: Path, left: int) -> None:
    one, other, story = tmp_path / "one", tmp_path / "other", spoiled(honest_story())
    expected = await whole(Audit(slow(story), rows=writing(one)))
    await _killed(story, other, left)

    reader = slow(story)
    found = await whole(Audit(reader, rows=writing(other), checkpoints=kept(other, seconds=0)))
    taken_up = [limit for limit in found.limits if "checkpoint" in limit]
    assert taken_up == [TAKEN_UP.format(reader.read[0][0] - 1)]
    assert replace(found, limits=tuple(limit for limit in found.limits if limit not in taken_up)) == expected
    # It read each block once: the deployment's, and one for each transaction.
    assert left + len(reader.read) == 1 + len({e.place.block.number for e in story.chain})
    for table in set(tables.TABLES) - {tables.RUN}:
        if [*(one / table.name).iterdir()]:
            assert read(other, table) == read(one, table), table.name
    open_tables(other).close()


async def test_part_that_was_changed_before_an_audit_went_on_is_found(tmp_path: Path) -> None:
    story = honest_story()
    await _killed(story, tmp_path, 20)
    part = part_path(tmp_path, "events", 0)
    pq.write_table(pq.ParquetFile(part).read().slice(1), part)
    await whole(Audit(slow(story), rows=writing(tmp_path), checkpoints=kept(tmp_path)))
    with pytest.raises(InvalidInputError, match="digest of events/part-000000"):
        open_tables(tmp_path)


async def test_audit_that_was_over_goes_on_with_new_blocks(tmp_path: Path) -> None:
    story, checkpoints = honest_story(), kept(tmp_path)
    short = replace(slow(story), chain=[e for e in story.chain if e.place.block.number < story.number])
    await whole(Audit(short, rows=writing(tmp_path), checkpoints=checkpoints))
    reader = slow(story)
    await whole(Audit(reader, rows=writing(tmp_path), checkpoints=checkpoints))
    assert reader.read == [(story.number, story.number)]
    assert len(read(tmp_path, tables.EVENTS)) == len(story.chain)
    assert len(read(tmp_path, tables.RUN)) == 1


async def test_checkpoint_of_another_chain_is_refused(tmp_path: Path) -> None:
    class Elsewhere(MemoryReader):
        async def identity(self) -> ChainIdentity:
            return replace(await super().identity(), genesis_hash=samples.word(7))

    story = honest_story()
    await _killed(story, tmp_path, 9)
    elsewhere = Elsewhere([*story.chain], story.state, story.calldata)
    with pytest.raises(ForeignChainError, match="chain of the checkpoint"):
        await Audit(elsewhere, rows=writing(tmp_path), checkpoints=kept(tmp_path)).run()


async def test_checkpoint_of_a_block_that_was_rewritten_is_refused(tmp_path: Path) -> None:
    story = honest_story()
    await _killed(story, tmp_path, 9)
    reader = story.reader()
    reader.chain = [
        replace(e, place=replace(e.place, block=replace(e.place.block, hash=samples.word(e.place.block.number))))
        for e in reader.chain
    ]
    with pytest.raises(ForeignChainError, match="block 13 of the checkpoint"):
        await Audit(reader, rows=writing(tmp_path), checkpoints=kept(tmp_path)).run()


@pytest.mark.parametrize("asked", [{"with_calldata": False}, {"span": Span(9)}, {"rows": None}])
async def test_checkpoint_of_another_audit_is_refused(tmp_path: Path, asked: dict[str, Any]) -> None:
    story = honest_story()
    await _killed(story, tmp_path, 9)
    usual: dict[str, Any] = {"rows": writing(tmp_path), "checkpoints": kept(tmp_path)}
    with pytest.raises(ConfigurationError, match="of another audit"):
        await Audit(story.reader(), **(usual | asked)).run()


async def test_checkpoint_behind_the_end_is_refused(tmp_path: Path) -> None:
    story = honest_story()
    await _killed(story, tmp_path, 9)
    with pytest.raises(ConfigurationError, match="behind the end"):
        await Audit(
            story.reader(),
            span=Span(None, 7),
            rows=writing(tmp_path),
            checkpoints=kept(tmp_path),
        ).run()


async def test_span_reports_what_lies_within_and_decides_by_all(tmp_path: Path) -> None:
    story = spoiled(honest_story())
    everything = await Audit(story.reader()).run()
    first = max(f.place.block.number for f in everything.findings if f.place)
    report = await whole(Audit(story.reader(), span=Span(first), rows=writing(tmp_path)))
    assert report.findings == tuple(f for f in everything.findings if not f.place or f.place.block.number >= first)
    assert report.decisions == everything.decisions
    assert {row["block"] for row in read(tmp_path, tables.DECISIONS)} == {first}


async def test_span_that_ends_before_head_compares_no_storage() -> None:
    story = honest_story()
    last = story.number - 4
    report = await Audit(story.reader(), span=Span(None, last)).run()
    assert (report.head.number, report.findings, report.limits[-1]) == (last, (), NO_STORAGE)
    assert NO_STORAGE not in (await Audit(story.reader()).run()).limits


@pytest.mark.parametrize("span", [Span(None, 10_000), Span(10_000), Span(9, 8)])
async def test_span_outside_the_chain_is_refused(span: Span) -> None:
    with pytest.raises(InvalidInputError, match="span of the audit"):
        await Audit(honest_story().reader(), span=span).run()


async def test_node_that_tells_another_number_of_events_the_second_time_is_refused() -> None:
    audit, rows = Audit(honest_story().reader()), honest_story().reader()
    report = await audit.run()
    assert isinstance(audit.reader, MemoryReader)
    audit.reader.chain.pop(3)
    with pytest.raises(LedgerUnavailableError, match="number of events does not match"):
        await audit.compare_projection(report, rows)


async def test_progress_is_told_for_every_stretch() -> None:
    told: list[Progress] = []
    story = honest_story()
    report = await Audit(slow(story)).run(told.append)
    assert told[-1] == Progress(report.head.number, report.head.number, report.events, report.decisions, 0)
    assert [each.events for each in told] == sorted(each.events for each in told)
    assert len(told) > 20


def test_stride_grows_no_faster_than_it_was_quiet() -> None:
    stride, read = Stride(8, 2_000), 0
    while read < 256:
        read += stride.blocks
        stride.adapt(stride.blocks, stride.blocks)
    assert 14 <= stride.blocks <= 17
    stride.adapt(stride.blocks, 400 * stride.blocks)
    assert stride.blocks == 5
    stride.adapt(5, 0)
    assert stride.blocks == 6


def test_stride_follows_the_number_of_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consentry.audit.reading.EVENTS_A_READ", EVENTS_A_READ)
    stride = Stride(64)
    stride.adapt(64, 64 * 400)
    assert stride.blocks == EVENTS_A_READ // 400
    stride.adapt(stride.blocks, 0)
    assert stride.blocks == 56
    for _ in range(100):
        stride.adapt(stride.blocks, 0)
    assert stride.blocks == MOST_BLOCKS
    stride.adapt(MOST_BLOCKS, MOST_BLOCKS * EVENTS_A_READ * 2)
    assert stride.blocks == 1
