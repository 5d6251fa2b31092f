"""An honest chain that goes on while it is audited has no findings, and what is wrong is found all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

from consentry.audit.audit import NO_STORAGE, WENT_ON, Audit, Span
from consentry.audit.columns import Segment
from consentry.audit.findings import Kind
from consentry.core.chain import BlockReference
from consentry.core.codes import ConsentStatus
from consentry.core.terms import Material, SubjectId
from consentry.core.typed_data import consent_id
from consentry.errors import LedgerUnavailableError
from tests.support.memory_reader import FIRST_BLOCK, HOSPITAL, MemoryReader, Story, honest_story


@dataclass
class Live(MemoryReader):
    """Has an early head at first, and states of the newest block alone; ``gone`` questions find even those gone."""

    early: list[BlockReference] = field(default_factory=list)
    gone: int = 0
    asked: list[int] = field(default_factory=list)

    async def head(self) -> BlockReference:
        return self.early.pop(0) if self.early else await super().head()

    async def _now(self) -> int:
        return (await MemoryReader.head(self)).time

    def at(self, block: int) -> MemoryReader:
        self.asked.append(block)
        if len(self.asked) <= self.gone or block != max(e.place.block.number for e in self.chain):
            return Gone([], self.state, {})
        return self


class Gone(MemoryReader):
    """A node that has no such state any more."""

    async def subject_head(self, subject_id: SubjectId) -> bytes:
        raise LedgerUnavailableError(f"node refuses (no state for {subject_id.hex()})")


def goes_on(gone: int = 0) -> tuple[Story, Live]:
    """Gives a chain on which an access and a revocation come after the audit took its head."""
    story = honest_story()
    leaf, terms = story.leaf(77), story.terms(nonce=777)
    story.anchor(leaf)
    story.grant(terms)
    early = story.chain[-1].place.block
    story.decide((story.request(900, leaf, terms), Material(leaf, terms), HOSPITAL))
    story.revoke(terms)
    return story, Live([*story.chain], story.state, story.calldata, early=[early], gone=gone)


async def test_a_chain_that_goes_on_has_no_findings() -> None:
    story, live = goes_on()
    report = await Audit(live).run()
    assert (report.findings, report.head.number) == ((), story.number)
    assert not {NO_STORAGE, WENT_ON} & set(report.limits)
    assert report.decisions == (await Audit(story.reader()).run()).decisions
    assert live.asked == [story.number]


async def test_states_that_are_gone_are_asked_for_again() -> None:
    story, live = goes_on(gone=2)
    report = await Audit(live).run()
    assert (report.findings, live.asked) == ((), [story.number] * 3)


async def test_what_could_not_be_compared_is_a_limit_and_no_finding() -> None:
    _, live = goes_on(gone=100)
    report = await Audit(live).run()
    assert report.findings == ()
    assert WENT_ON in report.limits


async def test_what_the_contract_holds_otherwise_is_found_on_a_chain_that_goes_on() -> None:
    story, live = goes_on()
    known = consent_id(story.terms(nonce=777))
    story.state.consents[known] = replace(story.state.consents[known], status=ConsentStatus.ACTIVE)
    report = await Audit(live).run()
    assert [(one.kind, one.about) for one in report.findings] == [(Kind.CONSENT_STATE, "0x" + known.hex())]


async def test_a_span_up_to_head_stays_within_itself() -> None:
    _, live = goes_on()
    (early,) = live.early
    report = await Audit(live, span=Span(last=early.number)).run()
    assert report.head == early
    assert report.findings == ()
    assert WENT_ON in report.limits


class NoBulk:
    """Reads nothing, and keeps that it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    async def stretches(self, first: int, last: int, key: bytes) -> AsyncIterator[tuple[int, Sequence[Segment]]]:
        self.asked.append((first, last))
        yield last, [[] for _ in key[:0]]


async def test_few_blocks_are_read_without_starting_processes() -> None:
    story, live = goes_on()
    bulk, first = NoBulk(), FIRST_BLOCK
    await Audit(story.reader(), bulk=bulk).run()
    assert bulk.asked == [(first, story.number)]
    # Those that came meanwhile, by themselves, are few.
    audit = Audit(live, bulk=bulk)
    [early] = live.early
    seen = [segment async for _, segments in audit._segments(early.number + 1, story.number) for segment in segments]
    assert any(seen)
    assert len(bulk.asked) == 1
