"""Log, then release, under a crash or interference at every point (promises P2, P4, P5).

The sabotaged desks at the end show that each promise is watched: every one of them must be caught.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import ConsentStatus
from consentry.core.receipts import LEDGER_SEAL, FinalReceipt
from consentry.core.terms import AccessEntry, AccessRequest, Material
from consentry.errors import ConflictError, ConsentryError, LedgerUnavailableError
from consentry.gateway.access import Access, AccessDesk, Found
from consentry.gateway.last_look import denied
from consentry.gateway.outbox_ports import StoredBatch, StoredRequest, Wanted
from consentry.gateway.ports import Conditions
from consentry.gateway.together import batch_over, each
from tests.property.desk_histories import (
    BATCH_POINTS,
    CONSENTS,
    PATIENCES,
    POINTS,
    Ask,
    AskMany,
    BrokenPromiseError,
    Restart,
    Step,
    histories,
    run,
)
from tests.support.sabotage import ReleasesBehind

PLAIN = Ask(hospital=0, record=0, consent=0, repeats=None, deed="none", point=0)
MANY = AskMany(hospital=0, wanted=((0, 0), (1, 2), (0, CONSENTS)), repeats=None, deed="none", point=0)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEARCH = settings(max_examples=3_000, deadline=None, database=None, phases=[Phase.generate], derandomize=True)


@QUICK
@given(histories)
def test_promises_hold_in_every_history(history: list[Step]) -> None:
    run(history)


@pytest.mark.parametrize("deed", ["crash", "lose-answer", "revoke", "suspend", "node-down", "vault-down", "slow"])
@pytest.mark.parametrize("patience", PATIENCES)
def test_promises_hold_at_every_point_of_a_request(deed: str, patience: float | None) -> None:
    for point in range(POINTS):
        step = replace(PLAIN, deed=deed, point=point, patience=patience)
        again = replace(PLAIN, repeats=0)
        run([step, Restart("none", 0), again])


@pytest.mark.parametrize("deed", ["crash", "lose-answer", "revoke", "suspend", "node-down", "vault-down"])
def test_promises_hold_at_every_point_of_a_batch(deed: str) -> None:
    for point in range(BATCH_POINTS):
        run([replace(MANY, deed=deed, point=point), Restart("none", 0), replace(MANY, repeats=0)])


def test_promises_hold_at_every_point_of_a_restart_that_takes_up_a_batch() -> None:
    lost = [replace(MANY, deed="crash", point=point) for point in range(12, 22)]
    for point in range(BATCH_POINTS):
        run([*lost, Restart("crash", point), Restart("none", 0)])


def test_batch_passes_the_points_in_the_order_of_the_promise() -> None:
    bench = run([])
    requests, signature = bench._batch(MANY)
    answers = asyncio.run(bench.desk.request_batch([Wanted(request) for request in requests], signature))
    passed = bench.fuse.passed
    once = ["outbox.keep_batch:after", "ledger.decide_batch:before", "ledger.decide_batch:after"]
    of_each = ["vault.release:before", "ledger.seen:after", "vault.release:after"]
    assert [isinstance(answer, Access) for answer in answers] == [True, True, False]
    assert [name for name in passed if name in (*once, *of_each)] == [*once, *of_each, *of_each], passed
    assert len(passed) < BATCH_POINTS


def test_promises_hold_at_every_point_of_a_restart() -> None:
    lost = [Ask(hospital=0, record=0, consent=0, repeats=None, deed="crash", point=point) for point in range(4, 12)]
    for point in range(BATCH_POINTS):
        run([*lost, Restart("crash", point), Restart("none", 0)])


def test_request_passes_the_points_in_the_order_of_the_promise() -> None:
    bench = run([])
    asyncio.run(bench.desk.request(*bench._request(PLAIN)))
    passed = bench.fuse.passed
    order = ["outbox.keep:after", "ledger.decide:before", "ledger.decide:after", "vault.release:before"]
    order += ["ledger.seen:after", "vault.release:after"]
    assert [name for name in passed if name in order] == order, passed
    assert len(passed) < POINTS


async def no_look() -> None:
    """Looks at nothing."""


@dataclass(frozen=True, slots=True)
class ReleasesFirst(AccessDesk):
    """Releases while the decision is still on its way."""

    async def request_within(
        self, seconds: float | None, request: AccessRequest, signature: bytes, scope_proof: tuple[bytes, ...] = ()
    ) -> Access:
        del seconds
        record, material = await self._material(request, scope_proof)
        await self.outbox.keep(StoredRequest(request, signature, request.consent_id, scope_proof))
        nowhere = EventPlace(BlockReference(0, bytes(32), 0), bytes(32), 0)
        entry = AccessEntry(request, material.leaf.subject_id, 0, 0, 1, 1)
        hoped = FinalReceipt(entry, nowhere, "hoped for", LEDGER_SEAL)
        release_key, domain = await self._release_key(request), self.ledger.domain("AccessLedger")
        key = await self.vault.release(hoped, record.leaf, release_key, domain, no_look)
        receipt = await self._decided(request, signature, material)
        if not receipt.permitted:
            raise denied(receipt)
        return Access(receipt, record, key)


@dataclass(frozen=True, slots=True)
class KeepsNothing(AccessDesk):
    """Sends what it has not kept."""

    async def request_within(
        self, seconds: float | None, request: AccessRequest, signature: bytes, scope_proof: tuple[bytes, ...] = ()
    ) -> Access:
        del seconds
        record, material = await self._material(request, scope_proof)
        receipt = await self._decided(request, signature, material)
        if not receipt.permitted:
            raise denied(receipt)
        release_key, domain = await self._release_key(request), self.ledger.domain("AccessLedger")
        last_look = partial(self._check_still_in_force, receipt, material)
        return Access(receipt, record, await self.vault.release(receipt, record.leaf, release_key, domain, last_look))


@dataclass(frozen=True, slots=True)
class SettlesFirst(AccessDesk):
    """Calls a request settled before the chain has answered."""

    async def _decided(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        await self.outbox.settle(request.institution, request.request_id)
        return await self.ledger.decide(request, signature, material)


@dataclass(frozen=True, slots=True)
class LooksNoMore(AccessDesk):
    """Does not look again before it releases."""

    async def _check_still_in_force(self, receipt: FinalReceipt, material: Material) -> None:
        del receipt, material


@dataclass(frozen=True, slots=True)
class LooksTooEarly(AccessDesk):
    """Looks before the vault has written the release down, not after."""

    async def request_within(
        self, seconds: float | None, request: AccessRequest, signature: bytes, scope_proof: tuple[bytes, ...] = ()
    ) -> Access:
        del seconds
        record, material = await self._material(request, scope_proof)
        await self.outbox.keep(StoredRequest(request, signature, request.consent_id, scope_proof))
        receipt = await self._decided(request, signature, material)
        if not receipt.permitted:
            raise denied(receipt)
        release_key, domain = await self._release_key(request), self.ledger.domain("AccessLedger")
        await self._check_still_in_force(receipt, material)
        return Access(receipt, record, await self.vault.release(receipt, record.leaf, release_key, domain, no_look))


@dataclass(frozen=True, slots=True)
class ForgetsTheStanding(AccessDesk):
    """Looks again at the consent, not at the institution."""

    async def _check_still_in_force(self, receipt: FinalReceipt, material: Material) -> None:
        asked, leaf = receipt.entry.request, material.leaf
        if (await self.ledger.seen(Conditions(asked, leaf.subject_id, leaf.category))).consent != ConsentStatus.ACTIVE:
            raise denied(receipt)


@dataclass(frozen=True, slots=True)
class BelievesItself(AccessDesk):
    """Answers with a decision of its own when the node does not."""

    async def _decided(self, request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        try:
            return await AccessDesk._decided(self, request, signature, material)
        except LedgerUnavailableError:
            nowhere = EventPlace(BlockReference(0, bytes(32), 0), bytes(32), 0)
            entry = AccessEntry(request, material.leaf.subject_id, 16, 0, 1, 1)
            return FinalReceipt(entry, nowhere, "believed", LEDGER_SEAL)


@dataclass(frozen=True, slots=True)
class NeverResumes(AccessDesk):
    """Begins again as if nothing were left over."""

    async def resume(self) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class StopsWithItsCaller(AccessDesk):
    """Goes on with no decision for which nobody waits any more."""

    async def request_within(  # type: ignore[override]  # gives nothing to whoever stops waiting
        self, seconds: float | None, request: AccessRequest, signature: bytes, scope_proof: tuple[bytes, ...] = ()
    ) -> Access | None:
        access = await AccessDesk.request_within(self, seconds, request, signature, scope_proof)
        if access is None:
            for task in self._behind.under_way:
                task.cancel()
        return access


@dataclass(frozen=True, slots=True)
class KeepsNoBatch(AccessDesk):
    """Sends a batch it has not kept."""

    async def request_batch(self, items: Sequence[Wanted], signature: bytes) -> list[Access | ConsentryError]:
        stored = StoredBatch(batch_over(items), tuple(items), signature)
        found = await self._materials(stored)
        answers = await self._decided_batch(stored, found)
        return await each(list(zip(found, answers, strict=True)), self._answered)


@dataclass(frozen=True, slots=True)
class DropsTooEarly(AccessDesk):
    """Drops a batch before the chain has answered."""

    async def _decided_batch(
        self, stored: StoredBatch, found: Sequence[Found]
    ) -> Sequence[FinalReceipt | ConsentryError]:
        await self.outbox.drop_batch(stored)
        pairs = [(item.request, material) for item, (_, material) in zip(stored.items, found, strict=True)]
        return await self.ledger.decide_batch(pairs, stored.signature)


@dataclass(frozen=True, slots=True)
class LooksOnceForAll(AccessDesk):
    """Looks once at the consents of a batch, not before each release."""

    async def request_batch(self, items: Sequence[Wanted], signature: bytes) -> list[Access | ConsentryError]:
        stored = StoredBatch(batch_over(items), tuple(items), signature)
        found = await self._materials(stored)
        await self.outbox.keep_batch(stored)
        answers = await self._decided_batch(stored, found)

        async def look(decided: tuple[Found, FinalReceipt | ConsentryError]) -> FinalReceipt:
            (_, material), answer = decided
            if isinstance(answer, ConsentryError) or not answer.permitted:
                raise ConflictError("nothing is released")
            await self._check_still_in_force(answer, material)
            return answer

        async def release(looked: tuple[Found, FinalReceipt | ConsentryError]) -> Access:
            (record, _), answer = looked
            if isinstance(answer, ConsentryError):
                raise answer
            release_key, domain = await self._release_key(answer.entry.request), self.ledger.domain("AccessLedger")
            return Access(answer, record, await self.vault.release(answer, record.leaf, release_key, domain, no_look))

        looked = await each(list(zip(found, answers, strict=True)), look)
        return await each(list(zip(found, looked, strict=True)), release)


@dataclass(frozen=True, slots=True)
class MixesUp(AccessDesk):
    """Hands the answers of a batch out in another order."""

    async def request_batch(self, items: Sequence[Wanted], signature: bytes) -> list[Access | ConsentryError]:
        return list(reversed(await AccessDesk.request_batch(self, items, signature)))


@dataclass(frozen=True, slots=True)
class TakesUpNoBatch(AccessDesk):
    """Leaves batches alone that were left over."""

    async def _resume_batch(self, stored: StoredBatch) -> None:
        del stored


SABOTAGED = (
    (ReleasesFirst, "without a permit"),
    (KeepsNothing, "before it was kept"),
    (SettlesFirst, "never decided"),
    (LooksNoMore, "before the last look"),
    (LooksTooEarly, "before the last look"),
    (ForgetsTheStanding, "suspended before the last look"),
    (BelievesItself, "does not stand in the log"),
    (NeverResumes, "never decided"),
    (ReleasesBehind, "nobody waited"),
    (StopsWithItsCaller, "was not decided"),
    (KeepsNoBatch, "before it was kept"),
    (DropsTooEarly, "never decided"),
    (LooksOnceForAll, "before the last look"),
    (MixesUp, "about another request"),
    (TakesUpNoBatch, "never decided"),
)


@pytest.mark.parametrize(("desk", "promise"), SABOTAGED, ids=lambda value: getattr(value, "__name__", ""))
def test_sabotaged_desk_is_caught(desk: type[AccessDesk], promise: str) -> None:
    def is_caught(history: list[Step]) -> bool:
        try:
            run(history, desk)
        except BrokenPromiseError as violation:
            return promise in str(violation)
        return False

    assert find(histories, is_caught, settings=SEARCH)
