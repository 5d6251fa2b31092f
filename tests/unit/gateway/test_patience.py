"""Decisions that outlast their callers: kept, decided behind their backs, released only to who asks again."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from consentry.core.terms import AccessRequest
from consentry.errors import AccessDeniedError, LedgerRejectedError, LedgerUnavailableError
from consentry.gateway.access import Access, AccessDesk
from tests.property.desk_histories import Ask, Bench
from tests.support.slow_ledger import Slowness, slowed
from tests.support.waiting import until

STEP = Ask(hospital=0, record=0, consent=0, repeats=None, deed="none", point=0)


@pytest.fixture
async def bench() -> Bench:
    """A desk with a patient, her records and consents."""
    made = Bench(AccessDesk)
    await made.set_up()
    return made


@pytest.fixture
def slow(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Slowness:
    """The ledger's slowness."""
    return slowed(bench.ledger, monkeypatch)


def _asked(bench: Bench) -> tuple[AccessRequest, bytes]:
    return bench._request(STEP)


async def _is_waiting(bench: Bench, request: AccessRequest) -> bool:
    return await bench.desk.is_waiting(request.institution, request.request_id)


async def test_decision_in_time_gives_the_key(bench: Bench) -> None:
    assert isinstance(await bench.desk.request_within(30, *_asked(bench)), Access)


async def test_denial_in_time_is_one(bench: Bench) -> None:
    await bench.do("revoke")
    with pytest.raises(AccessDeniedError):
        await bench.desk.request_within(30, *_asked(bench))


async def test_decision_that_is_late_goes_on_and_releases_nothing_until_it_is_asked_for_again(
    bench: Bench, slow: Slowness
) -> None:
    released: list[object] = []
    bench.vault.on_release = released.append
    request, signature = _asked(bench)

    assert await bench.desk.request_within(0, request, signature) is None
    assert [item.request for item in await bench.outbox.unsettled()] == [request], "kept before it is answered"
    assert await _is_waiting(bench, request)
    slow.gate.set()
    await until(lambda: not bench.desk._behind.under_way)

    assert not await bench.outbox.unsettled()
    assert not await _is_waiting(bench, request)
    assert await bench.ledger.find_decision(request.institution, request.request_id) is not None
    assert released == []
    access = await bench.desk.request_within(30, request, signature)
    assert access is not None
    assert released == [access.receipt]


async def test_resume_leaves_a_late_decision_alone(bench: Bench, slow: Slowness) -> None:
    assert await bench.desk.request_within(0, *_asked(bench)) is None
    await until(lambda: slow.asked == 1)

    assert await bench.desk.resume() == 0

    assert slow.asked == 1
    slow.gate.set()
    await until(lambda: not bench.desk._behind.under_way)
    assert not await bench.outbox.unsettled()


async def test_late_decision_whose_answer_is_lost_stays_kept_and_is_taken_up(bench: Bench, slow: Slowness) -> None:
    request, signature = _asked(bench)
    assert await bench.desk.request_within(0, request, signature) is None
    slow.error = LedgerUnavailableError("answer was lost")
    slow.gate.set()
    await until(lambda: not bench.desk._behind.under_way)

    assert await _is_waiting(bench, request)
    slow.error = None
    assert await bench.desk.resume() == 1
    assert not await _is_waiting(bench, request)


async def test_late_decision_that_is_rejected_is_forgotten_and_told_when_asked_again(
    bench: Bench, slow: Slowness
) -> None:
    request, signature = _asked(bench)
    assert await bench.desk.request_within(0, request, signature) is None
    slow.error = LedgerRejectedError("decision was refused by the ledger")
    slow.gate.set()
    await until(lambda: not bench.desk._behind.under_way)

    assert not await _is_waiting(bench, request)
    with pytest.raises(LedgerRejectedError):
        await bench.desk.request_within(30, request, signature)


async def test_caller_that_goes_away_does_not_end_the_decision(bench: Bench, slow: Slowness) -> None:
    request, signature = _asked(bench)
    caller = asyncio.create_task(bench.desk.request_within(30, request, signature))
    await until(lambda: slow.asked == 1)
    caller.cancel()
    with suppress(asyncio.CancelledError):
        await caller

    assert await _is_waiting(bench, request)
    slow.gate.set()
    await until(lambda: not bench.desk._behind.under_way)
    assert await bench.ledger.find_decision(request.institution, request.request_id) is not None
