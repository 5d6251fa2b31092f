"""The audit: reads a node from the first block of the deployment to head, and everything it is given to compare."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

from consentry.audit.batches import check_batch
from consentry.audit.compare import compare_objects, compare_releases, compare_rows, releases_permitted
from consentry.audit.erasures import late_releases, missing_attestations
from consentry.audit.findings import Finding, Kind, Report
from consentry.audit.ports import LedgerReader, ObjectReader, ProjectionReader, ReleaseReader, SubmittedRequest
from consentry.audit.replay import Replay
from consentry.audit.storage import compare_storage
from consentry.core import events
from consentry.core.act_table import ACTS
from consentry.core.chain import BlockReference
from consentry.core.events import LedgerEvent
from consentry.core.terms import Address
from consentry.crypto.signing import ACCOUNT_SIZE
from consentry.errors import InvalidInputError

BLOCKS_A_READ: Final = 2_000
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
UNREAD_CALLDATA: Final = "transaction {} is no call of decide; what it decided is checked from events alone"
UNREAD_REJECTION: Final = (
    "what came with request {} of transaction {} cannot be read; why it was rejected is checked from events alone"
)
NO_CALLDATA: Final = "calldata was not read: signatures of requests and scope proofs are not checked again"


@dataclass
class Audit:
    """One audit of one deployment.

    Attributes:
        reader: the chain.
        with_calldata: whether to read what was submitted, for signatures of requests and scope proofs.
        chain: every event, in order, once `run` is done.
        replay: the state the events amount to.
    """

    reader: LedgerReader
    with_calldata: bool = True
    chain: list[LedgerEvent] = field(default_factory=list)
    replay: Replay = field(init=False)
    _unread: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        domains = {name: self.reader.domain(name) for name in SIGNED_IN}
        self.replay = Replay(domains, self.reader.verifiers())

    async def run(self) -> Report:
        """Decides every access again and compares the outcome with the contracts' state.

        Returns:
            What was found. The report is true for the head it names.

        Raises:
            LedgerError: the node does not answer, or serves another chain.
        """
        identity = await self.reader.identity()
        head = await self.reader.head()
        async for found in self._read(identity.deployed_in, head):
            await self._take(found)
        self.replay.finish()
        stored = await compare_storage(self.reader, self.replay.state, self.chain, head.time)
        overdue = missing_attestations(self.replay.state, head)
        findings, limits = await self._without_smart_accounts([*self.replay.findings, *stored, *overdue])
        limits = [
            NO_CALLER,
            NO_SIGNATURES,
            NO_TRACE,
            *limits,
            *self._unread,
            *([] if self.with_calldata else [NO_CALLDATA]),
        ]
        replay = self.replay
        return Report(head, replay.taken, replay.decisions, replay.signatures, tuple(findings), tuple(limits))

    async def compare_projection(self, report: Report, rows: ProjectionReader) -> Report:
        """Adds what the database says differently from the chain."""
        kept = [row async for row in rows.rows()]
        more = compare_rows(self.chain, kept, await rows.position(), report.head)
        return replace(report, findings=(*report.findings, *more))

    async def compare_vault(self, report: Report, custodian: Address, objects: ObjectReader) -> Report:
        """Adds what a custodian's vault holds differently from the chain."""
        more = await compare_objects(self.replay.state, custodian, objects.measured())
        return replace(report, findings=(*report.findings, *more))

    async def compare_releases(self, report: Report, custodian: Address, releases: ReleaseReader) -> Report:
        """Adds what a custodian's vault gave out without a decision, and counts what it never gave out.

        A gateway may go on serving meanwhile: decisions that came after the head of the report count as well.
        """
        kept = [release async for release in releases.releases()]
        head = await self.reader.head()
        later = [event async for found in self._read(report.head.number + 1, head) for event in found]
        permitted = releases_permitted([*self.chain, *later])
        records = self.replay.state.records
        own = {record for record, known in records.items() if known.leaf.custodian == custodian}
        unreleased = {decided for decided in releases_permitted(self.chain) if decided.record_id in own} - {*kept}
        more = [*compare_releases(kept, permitted), *late_releases(self.replay.state, kept)]
        return replace(report, findings=(*report.findings, *more), unreleased=len(unreleased))

    async def _read(self, first: int, head: BlockReference) -> AsyncIterator[Sequence[LedgerEvent]]:
        for start in range(first, head.number + 1, BLOCKS_A_READ):
            yield await self.reader.events(start, min(head.number, start + BLOCKS_A_READ - 1))

    async def _take(self, found: Sequence[LedgerEvent]) -> None:
        self.chain += found
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
                self.replay.take(event, item)

    def _unreadable(self, answer: Answer) -> None:
        """Says that an item cannot be read: the contract decides none of that kind, and rejects some unread."""
        transaction = "0x" + answer.place.transaction_hash.hex()
        if isinstance(answer, events.RequestRejected):
            self._unread.append(UNREAD_REJECTION.format(answer.request_id, transaction))
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
            self._unread.append(UNREAD_CALLDATA.format(about))
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
