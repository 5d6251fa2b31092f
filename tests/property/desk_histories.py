"""Histories of an access desk: requests, retries, crashes, lost answers, revocations in between, restarts.

A caller waits as long as it takes, not at all or for a while; who stopped waiting comes back with the same request.
`run` plays a history on memory adapters and raises `BrokenPromiseError` at the first broken promise.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from hypothesis import strategies as st

from consentry.core import events
from consentry.core.batch_tree import batch_of
from consentry.core.codes import Category, ConsentStatus, Standing
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import (
    ZERO_32,
    AccessRequest,
    Address,
    ConsentTerms,
    Enrolment,
    RecordId,
    Revocation,
    SubjectId,
)
from consentry.core.typed_data import SignedStruct, consent_id, record_id
from consentry.crypto.keywrap import release_key_hash, release_public_key
from consentry.crypto.signing import AccountKey, sign
from consentry.errors import AccessDeniedError, ConsentryError, LedgerUnavailableError
from consentry.gateway.access import Access, AccessDesk
from consentry.gateway.outbox_ports import Wanted
from tests.faults.virtual import play
from tests.support import samples
from tests.support.interference import Crash, Fuse, fused
from tests.support.memory_ledger import VERIFIERS, MemoryLedger
from tests.support.memory_projection import MemoryProjection
from tests.support.memory_vault import MemoryOutbox, MemoryVault

CUSTODIAN: Final = AccountKey(samples.word(0xA1))
HOSPITALS: Final = (AccountKey(samples.word(0xB1)), AccountKey(samples.word(0xB2)))
PATIENT: Final = AccountKey(samples.word(0xC1))
SEED: Final = samples.word(0x5EED)
RELEASE_KEY: Final = release_public_key(SEED)
CONSENTS: Final = 3
RECORDS: Final = 2
POINTS: Final = 24
"""No request passes more points than that."""
MOST_TOGETHER: Final = 3
BATCH_POINTS: Final = 60
"""No batch of so few passes more points than that; few restarts do."""
SLOW: Final = 2.0
"""Seconds that a slow answer takes."""
PATIENCES: Final = (None, 0.0, SLOW / 2)
"""How long a caller may wait: as long as it takes, not at all, shorter than a slow answer takes."""

Key = tuple[Address, int]


class BrokenPromiseError(AssertionError):
    """A promise is broken."""


@dataclass(frozen=True)
class Ask:
    """A request, new if ``repeats`` is none; ``deed`` happens at a point of it; its caller waits for ``patience``."""

    hospital: int
    record: int
    consent: int
    repeats: int | None
    deed: str
    point: int
    patience: float | None = None


@dataclass(frozen=True)
class AskMany:
    """A batch under one signature, new if ``repeats`` is none; ``deed`` happens at a point of it."""

    hospital: int
    wanted: tuple[tuple[int, int], ...]
    """Record and consent of each request."""
    repeats: int | None
    deed: str
    point: int


@dataclass(frozen=True)
class Restart:
    """The process ends and begins again; ``deed`` happens at a point of its beginning."""

    deed: str
    point: int


@dataclass(frozen=True)
class Change:
    """Something else happens on chain."""

    deed: str
    which: int


Step = Ask | AskMany | Restart | Change

_points = st.integers(0, POINTS)
_far_points = st.integers(0, BATCH_POINTS)
_records, _consents = st.integers(0, RECORDS - 1), st.integers(0, CONSENTS)
_deeds = st.sampled_from(["none", "crash", "lose-answer", "revoke", "suspend", "node-down", "vault-down", "slow"])
_asks = st.builds(
    Ask,
    hospital=st.integers(0, len(HOSPITALS) - 1),
    record=_records,
    consent=_consents,
    repeats=st.none() | st.integers(0, 5),
    deed=_deeds,
    point=_points,
    patience=st.sampled_from(PATIENCES),
)
_batches = st.builds(
    AskMany,
    hospital=st.integers(0, len(HOSPITALS) - 1),
    wanted=st.lists(st.tuples(_records, _consents), min_size=1, max_size=MOST_TOGETHER).map(tuple),
    repeats=st.none() | st.integers(0, 2),
    deed=_deeds,
    point=_far_points,
)
_restarts = st.builds(Restart, deed=st.sampled_from(["none", "crash", "node-down"]), point=_far_points)
_changes = st.builds(
    Change, deed=st.sampled_from(["revoke", "suspend", "reinstate", "pass-lease"]), which=st.integers(0, CONSENTS - 1)
)
histories = st.lists(st.one_of(_asks, _asks, _batches, _restarts, _changes), min_size=1, max_size=12)


@dataclass
class Bench:
    """A desk on memory adapters that outlive it."""

    desk_class: type[AccessDesk]
    now: int = samples.NOW
    ledger: MemoryLedger = field(init=False)
    vault: MemoryVault = field(default_factory=MemoryVault)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    fuse: Fuse = field(default_factory=Fuse)
    records: list[RecordId] = field(default_factory=list)
    consents: list[ConsentTerms] = field(default_factory=list)
    asked: list[tuple[AccessRequest, bytes]] = field(default_factory=list)
    batches: list[tuple[tuple[AccessRequest, ...], bytes]] = field(default_factory=list)
    acknowledged: list[FinalReceipt] = field(default_factory=list)
    desk: AccessDesk = field(init=False)
    _drawn: int = 0
    _gone: set[Key] = field(default_factory=set)
    """For what a caller stopped waiting, until it is asked for again."""
    _left: dict[Key, tuple[AccessRequest, bytes]] = field(default_factory=dict)
    """What goes on although its caller stopped waiting; nothing that something failed beside."""
    _ended: bool = False
    _behind: set[asyncio.Task[FinalReceipt]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(lambda: self.now)
        self.vault.on_release = self._check_release
        self.restart()

    def restart(self) -> None:
        """Ends the process, and what goes on in it, and begins a new one."""
        for task in self._behind:
            task.cancel()
        self._left.clear()
        self._ended = False
        ledger = fused(self.ledger, "ledger", self.fuse)
        self.desk = self.desk_class(
            ledger,
            fused(MemoryProjection(self.ledger), "projection", self.fuse),
            fused(self.vault, "vault", self.fuse),
            fused(self.outbox, "outbox", self.fuse),
            CUSTODIAN.address,
            VERIFIERS,
            clock=lambda: self.now,
        )
        self._behind = self.desk._behind.under_way

    def signed(self, key: AccountKey, contract: str, value: SignedStruct) -> bytes:
        """Signs for a contract of the chain."""
        return sign(key, self.ledger.domain(contract), value)

    async def set_up(self) -> None:
        """Admits hospitals, enrols a patient, anchors records, grants consents."""
        for key in (CUSTODIAN, *HOSPITALS):
            self.ledger.admit_institution(key.address, 440_100, key.signer, RELEASE_KEY)
        subject = SubjectId(samples.word(0x51))
        enrolment = Enrolment(subject, PATIENT.signer, CUSTODIAN.address, self.now + 60)
        signatures = self.signed(PATIENT, "Subjects", enrolment), self.signed(CUSTODIAN, "Subjects", enrolment)
        await self.ledger.enrol(enrolment, *signatures)
        await self.vault.create_subject(subject)
        for _ in range(RECORDS):
            await self._add_record(subject)
        for number in range(CONSENTS):
            terms = replace(
                samples.terms(), subject_id=subject, institution=HOSPITALS[number % 2].address, nonce=number + 1
            )
            await self.ledger.grant(terms, self.signed(PATIENT, "Consents", terms))
            self.consents.append(terms)

    async def _add_record(self, subject: SubjectId) -> None:
        async def content() -> AsyncIterator[bytes]:
            yield b"content"

        sealed = await self.vault.seal(content(), subject_id=subject, media_type="text/plain")
        leaf = replace(
            samples.leaf(),
            custodian=CUSTODIAN.address,
            subject_id=subject,
            category=Category.IMAGING,
            ciphertext_digest=sealed.ciphertext_digest,
            ciphertext_size=sealed.ciphertext_size,
            commitment=sealed.commitment,
        )
        await self.ledger.anchor(leaf, self.signed(CUSTODIAN, "Records", leaf))
        await self.vault.attach(sealed.object_id, record_id(leaf))
        self.records.append(record_id(leaf))

    # Deeds.

    async def do(self, deed: str, which: int = 0) -> None:
        """Does one deed, now."""
        if deed in ("crash", "lose-answer", "node-down"):
            self._left.clear()
        if deed == "crash":
            self._ended = True
            raise Crash
        if deed == "revoke":
            await self._revoke(which)
        elif deed in ("suspend", "reinstate"):
            standing = Standing.SUSPENDED if deed == "suspend" else Standing.ACTIVE
            self.ledger.set_standing(HOSPITALS[which % 2].address, standing)
        elif deed == "node-down":
            self.ledger.down = True
        elif deed == "vault-down":
            self.vault.down = True
        elif deed == "pass-lease":
            self.now += 901
        elif deed == "lose-answer":
            raise LedgerUnavailableError("answer was lost")
        elif deed == "slow":
            await asyncio.sleep(SLOW)

    async def _revoke(self, which: int) -> None:
        terms = self.consents[which % CONSENTS]
        if self.ledger.state.consent(consent_id(terms)).status == ConsentStatus.ACTIVE:
            act = Revocation(consent_id(terms), terms.subject_id)
            await self.ledger.revoke(terms, self.signed(PATIENT, "Consents", act))

    def _interference(self, deed: str, which: int) -> Callable[[], Awaitable[None]]:
        async def happens() -> None:
            # After the last look at head a window of one block is left, as the threat model says.
            if deed in ("revoke", "suspend") and self._looked_last():
                return
            await self.do(deed, which)

        return happens

    def _looked_last(self) -> bool:
        """Whether the look is over that follows the write of the newest release: the vault holds that request then.

        The adapters never wait, so the releases of a batch come one after the other here.
        """
        since = list(itertools.takewhile(lambda name: name != "vault.release:before", reversed(self.fuse.passed)))
        began = len(since) < len(self.fuse.passed)
        return began and "vault.release:after" not in since and "ledger.seen:after" in since

    # Steps.

    async def take(self, step: Step) -> None:
        """Takes one step, then checks every promise that must hold at any moment."""
        if isinstance(step, Ask):
            await self._ask(step)
        elif isinstance(step, AskMany):
            await self._ask_many(step)
        elif isinstance(step, Restart):
            await self._restart(step)
        else:
            await self.do(step.deed, step.which)
        if self._ended:
            self.check()
            self.restart()
        self._recover()
        self.check()

    def _request(self, step: Ask) -> tuple[AccessRequest, bytes]:
        if step.repeats is not None and self.asked:
            return self.asked[step.repeats % len(self.asked)]
        request = self._made(step.hospital, step.record, step.consent)
        self.asked.append((request, self.signed(HOSPITALS[step.hospital], "AccessLedger", request)))
        return self.asked[-1]

    def _made(self, hospital: int, record: int, consent: int) -> AccessRequest:
        named = consent_id(self.consents[consent]) if consent < CONSENTS else ZERO_32
        self._drawn += 1
        return replace(
            samples.request(self.records[record], named, release_key_hash(RELEASE_KEY)),
            request_id=self._drawn,
            institution=HOSPITALS[hospital].address,
            issued_at=self.now - 10,
            expires_at=self.now + 300,
        )

    def _batch(self, step: AskMany) -> tuple[tuple[AccessRequest, ...], bytes]:
        if step.repeats is not None and self.batches:
            return self.batches[step.repeats % len(self.batches)]
        hospital = HOSPITALS[step.hospital]
        requests = tuple(self._made(step.hospital, record, consent) for record, consent in step.wanted)
        signature = self.signed(hospital, "AccessLedger", batch_of(hospital.address, requests))
        self.batches.append((requests, signature))
        # Its requests may come again one by one, each with a signature of its own.
        self.asked += [(request, self.signed(hospital, "AccessLedger", request)) for request in requests]
        return self.batches[-1]

    async def _ask_many(self, step: AskMany) -> None:
        requests, signature = self._batch(step)
        self.fuse.set(step.point, self._interference(step.deed, step.wanted[0][1]))
        try:
            self._gone -= {_key(request) for request in requests}
            answers = await self.desk.request_batch([Wanted(request) for request in requests], signature)
        except (ConsentryError, Crash):
            pass
        except BaseExceptionGroup as group:
            _only_crashed(group)
        else:
            for request, answer in zip(requests, answers, strict=True):
                self._take_answer(request, answer)

    def _take_answer(self, request: AccessRequest, answer: Access | ConsentryError) -> None:
        receipt = answer.details["receipt"] if isinstance(answer, AccessDeniedError) else None
        receipt = answer.receipt if isinstance(answer, Access) else receipt
        if isinstance(receipt, FinalReceipt):
            _demand(receipt.entry.request == request, "an answer is about another request")
            self.acknowledged.append(receipt)

    async def _ask(self, step: Ask) -> None:
        request, signature = self._request(step)
        self.fuse.set(step.point, self._interference(step.deed, step.consent))
        with suppress(ConsentryError, Crash):
            await self._tell(request, signature, step.patience)

    async def _tell(self, request: AccessRequest, signature: bytes, patience: float | None) -> None:
        """Asks for one request, and takes note of what its caller was told."""
        try:
            self._gone.discard(_key(request))
            answer = await self.desk.request_within(patience, request, signature)
        except AccessDeniedError as denial:
            self._take_answer(request, denial)
            return
        if answer is None:
            _demand(patience is not None, "who waits as long as it takes was given nothing")
            self._gone.add(_key(request))
            self._left[_key(request)] = request, signature
        else:
            self._take_answer(request, answer)

    async def _restart(self, step: Restart) -> None:
        self.restart()
        self.fuse.set(step.point, self._interference(step.deed, 0))
        try:
            await self.desk.resume()
        except (ConsentryError, Crash):
            pass
        except BaseExceptionGroup as group:
            _only_crashed(group)

    def _recover(self) -> None:
        self.fuse.clear()
        self.ledger.down = self.vault.down = False

    # Promises.

    def _decisions(self) -> dict[Key, list[events.AccessDecided]]:
        found: dict[Key, list[events.AccessDecided]] = {}
        for event in self.ledger.log:
            if isinstance(event, events.AccessDecided):
                request = event.entry.request
                found.setdefault(_key(request), []).append(event)
        return found

    def _check_release(self, receipt: FinalReceipt) -> None:
        """At the moment of a release: P2 and P4."""
        request = receipt.entry.request
        _demand(_key(request) not in self._gone, "released although nobody waited for the decision any more")
        decided = self._decisions().get(_key(request), [])
        _demand(bool(decided) and decided[0].entry.reason == 0, "released without a permit in the log")
        active = self.ledger.state.consent(request.consent_id).status == ConsentStatus.ACTIVE
        _demand(active, "released under a consent that was revoked before the last look")
        standing = self.ledger.state.institution_standing(request.institution, self.ledger.blocks[-1].time)
        _demand(standing == Standing.ACTIVE, "released to an institution that was suspended before the last look")

    def check(self) -> None:
        """At any moment: P2 and P5, and that every answer stands in the log."""
        decisions = self._decisions()
        permitted = {key for key, (event, *_) in decisions.items() if event.entry.reason == 0}
        _demand(set(self.vault.released) <= permitted, "released without a permit in the log")
        _demand(all(len(found) == 1 for found in decisions.values()), "a request was decided twice")
        kept = self.outbox.kept.keys() | self.outbox.once
        _demand(decisions.keys() <= kept, "a request was sent before it was kept")
        places = {event.place for found in decisions.values() for event in found}
        _demand(all(receipt.place in places for receipt in self.acknowledged), "an answer does not stand in the log")

    async def finish(self) -> None:
        """At the end everything works again: what was kept is decided, and nothing is left over."""
        self._recover()
        await self._come_back()
        self.restart()
        await self.desk.resume()
        self.check()
        decisions = self._decisions()
        kept = self.outbox.kept.keys() | self.outbox.once
        _demand(kept <= decisions.keys(), "a kept request was never decided")
        _demand(not await self.outbox.unsettled(), "a decided request is not settled")
        _demand(not await self.outbox.batches(), "a decided batch is not dropped")

    async def _come_back(self) -> None:
        """Those who stopped waiting ask once more, after a while in which nothing failed."""
        await asyncio.sleep(POINTS * SLOW)
        left = dict(self._left)
        kept = {_key(item.request) for item in await self.outbox.unsettled()}
        _demand(not left.keys() & kept, "what nobody waited for any more was not decided")
        for request, signature in left.values():
            with suppress(ConsentryError):
                await self._tell(request, signature, None)
        self.check()


def _key(request: AccessRequest) -> Key:
    return request.institution, request.request_id


def _only_crashed(group: BaseExceptionGroup[BaseException]) -> None:
    """What ends work side by side comes in a group; a broken promise is to be told as such."""
    if not isinstance(group.exceptions[0], Crash):
        raise group.exceptions[0] from None


def _demand(held: bool, promise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not held:
        raise BrokenPromiseError(promise)


def run(history: list[Step], desk_class: type[AccessDesk] = AccessDesk) -> Bench:
    """Plays a history; its time passes only while nobody has anything to do.

    Raises:
        BrokenPromiseError: a promise is broken.
    """
    return play(_run(history, desk_class))


async def _run(history: list[Step], desk_class: type[AccessDesk]) -> Bench:
    bench = Bench(desk_class)
    await bench.set_up()
    for step in history:
        await bench.take(step)
    await bench.finish()
    return bench
