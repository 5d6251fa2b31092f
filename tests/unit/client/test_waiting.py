"""A hospital's client waits for a slow decision by itself, and gives up in time."""

from __future__ import annotations

import httpx
import pytest

from consentry.client import waiting
from consentry.client.hospital import Hospital
from consentry.client.transport import MOST_RETRY_SECONDS, Later, Transport
from consentry.core.terms import AccessRequest
from consentry.errors import LedgerRejectedError, LedgerUnavailableError
from tests.support.slow_ledger import Slowness, slowed
from tests.support.waiting import until
from tests.unit.client.conftest import Callers


@pytest.fixture
def slow(callers: Callers, monkeypatch: pytest.MonkeyPatch) -> Slowness:
    """The ledger's slowness; calls wait for nothing."""
    monkeypatch.setattr(waiting, "CALL_SECONDS", 0)
    return slowed(callers.parts.ledger, monkeypatch)


async def _asking(callers: Callers) -> tuple[Hospital, AccessRequest]:
    people, world = callers.world.people, callers.world
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    consent = await world.grant(people.patient, world.terms(subject))
    hospital = callers.hospital(people.hospital)
    return hospital, hospital.new_request(record, consent, practitioner=b"\x9a" * 32)


def _nights(
    callers: Callers, monkeypatch: pytest.MonkeyPatch, slow: Slowness, *, opens_after: int = 10**6
) -> list[float]:
    """Has every sleep be over at once; after so many of them the ledger has decided."""
    slept: list[float] = []
    desk = callers.world.context.desk

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == opens_after:
            slow.gate.set()
            await until(lambda: not desk._behind.under_way)

    monkeypatch.setattr(waiting, "sleep", sleep)
    return slept


async def test_slow_decision_is_waited_for_and_opened(
    callers: Callers, slow: Slowness, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = _nights(callers, monkeypatch, slow, opens_after=3)
    hospital, request = await _asking(callers)

    permitted = await hospital.access(request)

    assert permitted.entry.request == request
    assert slept == [1, 1, 1], "as often as the gateway said, and as long"
    assert slow.asked == 2, "decided once, and looked up once"


async def test_rejection_behind_its_back_is_told(
    callers: Callers, slow: Slowness, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow.error = LedgerRejectedError("decision was refused by the ledger")
    monkeypatch.setattr(waiting, "CALL_SECONDS", 1)
    slept = _nights(callers, monkeypatch, slow, opens_after=1)
    hospital, request = await _asking(callers)

    with pytest.raises(LedgerRejectedError):
        await hospital.access(request)

    assert slept == [1]


async def test_decision_that_never_comes_is_given_up(
    callers: Callers, slow: Slowness, monkeypatch: pytest.MonkeyPatch
) -> None:
    _nights(callers, monkeypatch, slow)
    clock = iter(range(10**6))
    monkeypatch.setattr(waiting, "monotonic", lambda: float(next(clock)))
    hospital, request = await _asking(callers)

    with pytest.raises(LedgerUnavailableError, match=f"request {request.request_id} is not decided yet"):
        await hospital.access(request)

    slow.gate.set()


@pytest.mark.parametrize(
    ("told", "seconds"), [("7", 7), ("0", 1), ("", 1), ("soon", 1), ("-5", 1), ("99999", MOST_RETRY_SECONDS)]
)
async def test_retry_after_is_followed_within_reason(told: str, seconds: int) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(202, json={"state": "pending"}, headers={"Retry-After": told, "Location": "//evil.test"})

    asked = Transport("http://gateway.test", carrier=httpx.MockTransport(answer))

    assert await asked.get_patiently("/v1/access/1") == Later(seconds)
    await asked.close()
