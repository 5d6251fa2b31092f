"""No room: nothing is kept for whom it is refused, and what was promised is not forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consentry.core.terms import AccessRequest
from consentry.core.typed_data import consent_id
from consentry.crypto.keywrap import release_key_hash
from consentry.errors import AccessDeniedError, TooManyWaitingError
from consentry.gateway.access import AccessDesk
from consentry.gateway.outbox_ports import StoredRequest, Wanted
from consentry.gateway.together import batch_over
from tests.property.desk_histories import HOSPITALS, PATIENT, RELEASE_KEY, Bench
from tests.support import samples

HOSPITAL = HOSPITALS[0].address
MONTH = 30 * samples.DAY


@pytest.fixture
async def bench() -> Bench:
    """A desk with records and consents, no request yet."""
    made = Bench(AccessDesk)
    await made.set_up()
    return made


def request(bench: Bench, number: int = 1) -> AccessRequest:
    """Gives a request of the first hospital."""
    terms = bench.consents[0]
    plain = samples.request(bench.records[0], consent_id(terms), release_key_hash(RELEASE_KEY))
    return replace(plain, request_id=number, institution=HOSPITAL, issued_at=bench.now, expires_at=bench.now + MONTH)


def fill(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the ledger have no room from the moment on at which it is asked to decide."""

    async def refuse(*_: object) -> None:
        raise TooManyWaitingError("too many")

    monkeypatch.setattr(bench.ledger, "decide", refuse)
    monkeypatch.setattr(bench.ledger, "decide_batch", refuse)


@pytest.mark.parametrize("seconds", [None, 0.0])
async def test_who_finds_no_room_is_told_so_before_anything_is_kept(bench: Bench, seconds: float | None) -> None:
    """Also who would not wait: nobody is told that a request goes on which does not."""
    bench.ledger.no_room.add((HOSPITAL, 1))
    asked = request(bench)
    with pytest.raises(TooManyWaitingError):
        await bench.desk.request_within(seconds, asked, bench.signed(HOSPITALS[0], "AccessLedger", asked))
    assert "outbox.keep:before" not in bench.fuse.passed
    assert not bench.outbox.kept


async def test_batch_that_finds_no_room_is_not_kept(bench: Bench) -> None:
    wanted = [Wanted(request(bench, number)) for number in (1, 2)]
    bench.ledger.no_room.add((HOSPITAL, 2))
    signature = bench.signed(HOSPITALS[0], "AccessLedger", batch_over(wanted))
    with pytest.raises(TooManyWaitingError):
        await bench.desk.request_batch(wanted, signature)
    assert "outbox.keep_batch:before" not in bench.fuse.passed


async def test_request_whose_room_went_while_it_was_kept_is_forgotten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bench, monkeypatch)
    asked = request(bench)
    with pytest.raises(TooManyWaitingError):
        await bench.desk.request(asked, bench.signed(HOSPITALS[0], "AccessLedger", asked))
    assert not await bench.outbox.unsettled()


async def test_request_that_was_kept_before_outlasts_a_time_without_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request(bench)
    signature = bench.signed(HOSPITALS[0], "AccessLedger", asked)
    await bench.outbox.keep(StoredRequest(asked, signature, asked.consent_id, ()))
    with monkeypatch.context() as full:
        fill(bench, full)
        with pytest.raises(TooManyWaitingError):
            await bench.desk.resume()
    assert [item.request for item in await bench.outbox.unsettled()] == [asked]
    assert await bench.desk.resume() == 1
    assert not await bench.outbox.unsettled()


async def test_node_that_answers_the_last_look_late_is_judged_by_the_time_of_its_answer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = replace(bench.consents[0], nonce=100, valid_until=bench.now + 5)
    await bench.ledger.grant(terms, bench.signed(PATIENT, "Consents", terms))
    asked = replace(request(bench), consent_id=consent_id(terms))
    seen = bench.ledger.seen

    async def late(conditions: object) -> object:
        found = await seen(conditions)  # type: ignore[arg-type]  # as it is given
        bench.now += 10
        return found

    monkeypatch.setattr(bench.ledger, "seen", late)
    with pytest.raises(AccessDeniedError, match="CONSENT_EXPIRED"):
        await bench.desk.request(asked, bench.signed(HOSPITALS[0], "AccessLedger", asked))
