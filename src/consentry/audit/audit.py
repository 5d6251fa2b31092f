"""The audit: reads a node from the first block of the deployment to head, and everything it is given to compare.

What was read is decided again, written if a folder is given, and forgotten: in memory stays what decisions to come
depend on. What others keep is compared with the chain in a second reading.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final, Protocol

from consentry.audit.batches import check_batch
from consentry.audit.checkpoint import Checkpoints, Saved
from consentry.audit.columns import BulkReader, Plain, Segment
from consentry.audit.compare import Releases, compare_objects, compare_rows
from consentry.audit.debts import RowPlace
from consentry.audit.erasures import late_releases, missing_attestations
from consentry.audit.findings import Finding, Kind, Report
from consentry.audit.named import Named
from consentry.audit.ports import LedgerReader, ObjectReader, ProjectionReader, ReleaseReader, SubmittedRequest
from consentry.audit.reading import read_again, stretches
from consentry.audit.replay import Replay
from consentry.audit.storage import compare_storage
from consentry.audit.swift import Swift
from consentry.audit.unread import Unread
from consentry.core import events
from consentry.core.act_table import ACTS
from consentry.core.chain import BlockReference, ChainIdentity
from consentry.core.events import LedgerEvent
from consentry.core.state import LedgerState
from consentry.core.terms import Address
from consentry.crypto.signing import ACCOUNT_SIZE
from consentry.errors import InvalidInputError, LedgerUnavailableError

SIGNED_IN: Final = tuple(sorted({"Consents", "AccessLedger", *(act.FORM.contract for act in ACTS)}))
"""Contracts in whose domain something is signed that the log shows."""
Answer = events.AccessDecided | events.RequestRejected

NO_CALLER: Final = (
    "which account submitted a signed act, removed a relay or changed a group is not in the events and is not checked"
)
NO_SIGNATURES: Final = "signatures of enrolments and record leaves are not in the events and are not checked again"
NO_TRACE: Final = (
    "what leaves nothing in the contracts is taken as the node gives it: a suspension lifted again, a rejected "
    "request, a participant or consent that no other event names"
)
SMART_ACCOUNT: Final = "signatures of smart accounts cannot be checked again; those of {} are taken as they are"
NO_CALLDATA: Final = "calldata was not read: signatures of requests and scope proofs are not checked again"
TAKEN_UP: Final = "blocks up to {} were taken from a checkpoint of this auditor"
WENT_ON: Final = "the chain went on too fast to compare some facts of the events with what the contracts hold"
NO_STORAGE: Final = "the audit ends before head: what the contracts hold by now was not compared with the events"


_LOOKS: Final = 5
"""So often what came meanwhile is decided before it is given up to compare."""
_FEW_BLOCKS: Final = 16
"""Which are read sooner than processes that read in bulk are started."""


@dataclass(frozen=True, slots=True)
class Span:
    """Blocks an audit is about; none stands for the first of the deployment, and for head.

    What stands before ``first`` is read and decided again all the same, for the state it leads to; it is not reported.
    """

    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an audit has come."""

    block: int
    head: int
    events: int
    decisions: int
    findings: int


class RowSink(Protocol):
    """Where tables are written: `audit.rows`, which an audit without tables need not load."""

    def take(self, number: int, event: LedgerEvent, replay: Replay, *, reported: bool) -> None:
        """Takes an event after the replay did."""
        ...

    def take_plain(self, number: int, plain: Plain, expected: Sequence[int], state: LedgerState) -> None:
        """Takes the decisions of a plain transaction."""
        ...

    def place(self) -> RowPlace:
        """Gives the place that can be gone back to."""
        ...

    def go_back_to(self, place: RowPlace | None) -> None:
        """Goes back to a place, or to the start."""
        ...

    def finish(self, state: LedgerState, head: BlockReference) -> None:
        """Writes what stands at head."""
        ...

    def conclude(self, report: Report, identity: ChainIdentity, first: int) -> None:
        """Writes what was found, and that the tables are whole."""
        ...


@dataclass
class Audit:
    """One audit of one deployment.

    Attributes:
        reader: the chain.
        with_calldata: whether to read what was submitted, for signatures of requests and scope proofs.
        span: blocks it is about.
        rows: where to write tables, if anywhere.
        checkpoints: where to write how far it has come, if anywhere.
        bulk: the same chain in bulk, if it can be had; only for an audit with calldata.
        replay: the state the events amount to.
    """

    reader: LedgerReader
    with_calldata: bool = True
    span: Span = Span()
    rows: RowSink | None = None
    checkpoints: Checkpoints | None = None
    bulk: BulkReader | None = None
    replay: Replay = field(init=False)
    _named: Named = field(default_factory=Named)
    _unread: Unread = field(default_factory=Unread)
    _taken_up: BlockReference | None = None
    _swift: Swift = field(init=False)

    def __post_init__(self) -> None:
        domains = {name: self.reader.domain(name) for name in SIGNED_IN}
        self.replay = Replay(domains, self.reader.verifiers())
        self._swift = Swift(self.replay)

    async def run(self, progress: Callable[[Progress], None] = lambda _: None) -> Report:
        """Decides every access again and compares the outcome with the contracts' state.

        Returns:
            What was found. The report is true for the head it names.

        Raises:
            LedgerError: the node does not answer, or serves another chain.
            InvalidInputError: the span does not fit the chain.
            ForeignChainError: what was written down before is of another chain, or of blocks that were rewritten.
            ConfigurationError: what was written down before is damaged, of another auditor, version or audit.
        """
        identity, newest = await self.reader.identity(), await self.reader.head()
        head = await self._end(identity, newest)
        await self._decide(identity, await self._go_on(identity, head), head, progress)
        stored, limits = list[Finding](), [NO_STORAGE]
        if head.number == newest.number:
            head, stored, limits = await self._compared(identity, head, progress)
        self.replay.finish()
        report = await self._report(head, stored, limits)
        if self.rows:
            self.rows.finish(self.replay.state, head)
        return report

    async def _decide(
        self, identity: ChainIdentity, first: int, head: BlockReference, progress: Callable[[Progress], None]
    ) -> None:
        """Decides again what stands in blocks from ``first`` to ``head``."""
        async for last, segments in self._segments(first, head.number):
            for segment in segments:
                await (self._take_plain(segment) if isinstance(segment, Plain) else self._take(segment))
            progress(Progress(last, head.number, self.replay.taken, self.replay.decisions, self._found()))
            if self.checkpoints and self.checkpoints.is_due():
                await self._save(identity, last)
        if self.checkpoints:
            await self._save(identity, head.number)
        self._swift.settle()

    async def _compared(
        self, identity: ChainIdentity, head: BlockReference, progress: Callable[[Progress], None]
    ) -> tuple[BlockReference, list[Finding], list[str]]:
        """Compares the state with that of the contracts; gives the head it is of, findings, and limits.

        A chain goes on while it is audited, and what the contracts hold by now may be later than the state. So where
        they differ, what came meanwhile is decided as well, and they are asked once more as of that block.
        """
        state, now = self.replay.state, head.time
        differing = await compare_storage(self.reader, state, self._named, now)
        for _ in range(_LOOKS if differing else 0):
            newest = head if self.span.last is not None else await self.reader.head()
            if newest.number > head.number:
                await self._decide(identity, head.number + 1, newest, progress)
                head = newest
            about = {(finding.kind, finding.about) for finding in differing}
            try:
                pinned = self.reader.at(head.number)
                return head, await compare_storage(pinned, state, self._named, head.time, about), []
            except LedgerUnavailableError:
                # Gone already, on a node that keeps what held after few blocks.
                continue
        return head, [], [WENT_ON] if differing else []

    async def conclude(self, report: Report) -> None:
        """Writes what was found, once everything was compared; the tables are whole from then on."""
        if self.rows:
            identity = await self.reader.identity()
            self.rows.conclude(report, identity, self.span.first or identity.deployed_in)

    async def _segments(self, first: int, last: int) -> AsyncIterator[tuple[int, Sequence[Segment]]]:
        """Reads the chain, in bulk if that can be: the last block of each stretch, and what is in it."""
        if self.bulk is None or not self.with_calldata or last - first < _FEW_BLOCKS:
            async for stretch in stretches(self.reader, first, last):
                yield stretch.last, [stretch.events]
            return
        async for reached, segments in self.bulk.stretches(first, last, self._swift.used.key):
            yield reached, segments

    async def _end(self, identity: ChainIdentity, newest: BlockReference) -> BlockReference:
        first, last = self.span.first or identity.deployed_in, self.span.last
        head = newest if last is None or last == newest.number else await self.reader.block(last)
        if head is None or head.number < first:
            shown = f"from block {first} to {last if last is not None else newest.number}"
            raise InvalidInputError(f"span of the audit does not fit the chain (got {shown}, head is {newest.number})")
        return head

    def _found(self) -> int:
        return len(self.replay.findings)

    async def _report(self, head: BlockReference, stored: Sequence[Finding], compared: Sequence[str]) -> Report:
        replay = self.replay
        overdue = missing_attestations(replay.state, head)
        findings, limits = await self._without_smart_accounts([*replay.findings, *stored, *overdue])
        limits = [
            NO_CALLER,
            NO_SIGNATURES,
            NO_TRACE,
            *([TAKEN_UP.format(self._taken_up.number)] if self._taken_up else []),
            *limits,
            *self._unread.limits(),
            *([] if self.with_calldata else [NO_CALLDATA]),
            *compared,
        ]
        kept = tuple(finding for finding in findings if self._is_within(finding))
        return Report(head, replay.taken, replay.decisions, replay.signatures, kept, tuple(limits))

    def _is_within(self, finding: Finding) -> bool:
        return finding.place is None or self._is_reported(finding.place.block.number)

    async def _go_on(self, identity: ChainIdentity, head: BlockReference) -> int:
        """Takes up what was written down before, if there is anything; gives the first block to read."""
        saved = self.checkpoints.load() if self.checkpoints else None
        if saved is None:
            if self.rows:
                self.rows.go_back_to(None)
            return identity.deployed_in
        saved.check(identity, (self.with_calldata, self.span.first, self.rows is not None), head)
        reached = await self.reader.block(saved.block.number)
        saved.check_block(reached)
        self._taken_up = saved.block
        self.replay, self._named, self._unread = saved.replay, saved.named, saved.unread
        self._swift = Swift(self.replay)
        if self.rows:
            self.rows.go_back_to(saved.rows)
        return saved.block.number + 1

    async def _save(self, identity: ChainIdentity, number: int) -> None:
        """Writes down how far the audit has come."""
        self._swift.settle()
        block = await self.reader.block(number)
        if block is None or self.checkpoints is None:
            raise LedgerUnavailableError(f"node does not give block {number}")
        asked = self.with_calldata, self.span.first, self.rows is not None
        place = self.rows.place() if self.rows else None
        self.checkpoints.save(Saved(identity, asked, block, self.replay, self._named, self._unread, place))

    async def compare_projection(self, report: Report, rows: ProjectionReader) -> Report:
        """Adds what the database says differently from the chain.

        Raises:
            LedgerUnavailableError: the node does not tell the same as before.
        """
        chain = read_again(self.reader, await self._deployed_in(), report.head.number, report.events)
        more = await compare_rows(chain, rows.rows(), await rows.position(), report.head)
        return replace(report, findings=(*report.findings, *more))

    async def compare_vault(self, report: Report, custodian: Address, objects: ObjectReader) -> Report:
        """Adds what a custodian's vault holds differently from the chain."""
        more = await compare_objects(self.replay.state, custodian, objects.measured())
        return replace(report, findings=(*report.findings, *more))

    async def compare_releases(self, report: Report, custodian: Address, releases: ReleaseReader) -> Report:
        """Adds what a custodian's vault gave out without a decision, and counts what it never gave out.

        A gateway may go on serving meanwhile: decisions that came after the head of the report count as well.

        Raises:
            LedgerUnavailableError: the node does not tell the same as before.
        """
        judged, records, late = Releases(custodian), self.replay.state.records, list[Finding]()
        async for release in releases.releases():
            judged.keep(release)
            late += late_releases(self.replay.state, [release])
        async for event in read_again(self.reader, await self._deployed_in(), report.head.number, report.events):
            if isinstance(event, events.AccessDecided):
                record = records.get(event.entry.request.record_id)
                within = event.place.block.number <= report.head.number
                judged.permit(event, record.leaf.custodian if record else None, counted=within)
        more = [finding async for release in releases.releases() for finding in judged.judge(release)]
        return replace(report, findings=(*report.findings, *more, *late), unreleased=judged.unreleased)

    async def _deployed_in(self) -> int:
        return (await self.reader.identity()).deployed_in

    async def _take(self, found: Sequence[LedgerEvent]) -> None:
        for transaction, group in groupby(found, key=lambda event: event.place.transaction_hash):
            together = list(group)
            answers = [event for event in together if isinstance(event, Answer)]
            submitted = await self._items(transaction, answers)
            self.replay.findings += check_batch(together, submitted)
            items = iter(submitted if submitted is not None else [None] * len(answers))
            for event in together:
                item = next(items) if isinstance(event, Answer) else None
                if isinstance(event, Answer) and submitted is not None and item is None:
                    self._unreadable(event)
                self._take_one(event, item)

    async def _take_plain(self, plain: Plain) -> None:
        """Takes a plain transaction the short way, or the long way if it is not as plain to the state."""
        if not self._swift.can_take(plain):
            await self._take(plain.events())
            return
        if plain.batch is not None:
            self._take_one(plain.batch, None)
        number = self.replay.taken

        async def submitted() -> Sequence[SubmittedRequest | None] | None:
            return await self._items(plain.place.transaction_hash, [plain.event(row) for row in range(len(plain))])

        expected = await self._swift.take(plain, submitted)
        if self.rows and self._is_reported(plain.place.block.number):
            self.rows.take_plain(number, plain, expected, self.replay.state)

    def _is_reported(self, block: int) -> bool:
        return self.span.first is None or block >= self.span.first

    def _take_one(self, event: LedgerEvent, item: SubmittedRequest | None) -> None:
        self._swift.before(event)
        self._named.take(event)
        number = self.replay.taken
        self.replay.take(event, item)
        if self.rows:
            self.rows.take(number, event, self.replay, reported=self._is_reported(event.place.block.number))

    def _unreadable(self, answer: Answer) -> None:
        """Says that an item cannot be read: the contract decides none of that kind, and rejects some unread."""
        transaction = "0x" + answer.place.transaction_hash.hex()
        if isinstance(answer, events.RequestRejected):
            self._unread.rejection(answer.request_id, transaction)
            return
        request, message = answer.entry.request, "a decided request cannot be read in its transaction"
        about = "0x" + (request.institution + request.request_id.to_bytes(32, "big")).hex()
        finding = Finding(Kind.MATERIAL, about, message, "the request", "what leads nowhere", answer.place)
        self.replay.findings.append(finding)

    async def _items(self, transaction: bytes, answers: Sequence[Answer]) -> Sequence[SubmittedRequest | None] | None:
        """Gives the submitted item of each answer: the contract answers every item of a batch once, in order."""
        if not answers or not self.with_calldata:
            return None
        about = "0x" + transaction.hex()
        try:
            submitted = await self.reader.submitted(transaction)
        except InvalidInputError as error:
            # The contract read it; an honest relay codes calls so that everybody can.
            message = f"calldata of a decision cannot be read: {error.message}"
            place = answers[0].place
            self.replay.findings.append(Finding(Kind.MATERIAL, about, message, "a plain call", "another", place))
            return None
        if submitted is None:
            self._unread.transaction(about)
            return None
        if len(submitted) != len(answers):
            message = "a transaction answered another number of requests than were submitted"
            expected, got, place = str(len(submitted)), str(len(answers)), answers[0].place
            self.replay.findings.append(Finding(Kind.MATERIAL, about, message, expected, got, place))
            return None
        return submitted

    async def _without_smart_accounts(self, findings: Sequence[Finding]) -> tuple[list[Finding], list[str]]:
        """Turns signatures that only their account could check into a limit of the audit."""
        kept, limits = [], []
        for finding in findings:
            signer = bytes.fromhex(finding.about[2:]) if finding.kind == Kind.SIGNATURE else b""
            if len(signer) == ACCOUNT_SIZE and await self._is_smart_account(Address(signer)):
                limits.append(SMART_ACCOUNT.format(finding.about))
            else:
                kept.append(finding)
        return kept, sorted(set(limits))

    async def _is_smart_account(self, signer: Address) -> bool:
        """Tells whether an account is a contract and, by the contracts, the signer of every subject said to have it."""
        state, reader = self.replay.state, self.reader
        said = [subject for subject, known in state.subjects.items() if known.signer == signer]
        real = [(await reader.subject_state(subject)).signer == signer for subject in said]
        return bool(said) and all(real) and await reader.has_code(signer)
