"""Taking up what was left over: one request that cannot be decided must not stand in the way of the others."""

from __future__ import annotations

import pytest

from consentry.core.access import MOST_PROOF_NODES, MOST_SIGNATURE_BYTES
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import AccessRequest, Material
from consentry.errors import InvalidInputError, LedgerRejectedError, NotAuthenticError, NotPermittedError
from consentry.gateway.access import AccessDesk
from consentry.gateway.outbox_ports import StoredRequest
from tests.property.desk_histories import Ask, Bench

FIRST = Ask(hospital=0, record=0, consent=0, repeats=None, deed="none", point=0)
SECOND = Ask(hospital=0, record=1, consent=0, repeats=None, deed="none", point=0)


@pytest.fixture
async def bench() -> Bench:
    """A desk with two requests that were kept and never sent."""
    made = Bench(AccessDesk)
    await made.set_up()
    for step in (FIRST, SECOND):
        request, signature = made._request(step)
        await made.outbox.keep(StoredRequest(request, signature, request.consent_id, ()))
    return made


def refuse_first(bench: Bench, monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[AccessRequest]:
    decide, asked = bench.ledger.decide, list[AccessRequest]()

    async def refusing(request: AccessRequest, signature: bytes, material: Material) -> FinalReceipt:
        asked.append(request)
        if len(asked) == 1:
            raise error
        return await decide(request, signature, material)

    monkeypatch.setattr(bench.ledger, "decide", refusing)
    return asked


async def test_request_the_ledger_refuses_for_good_is_given_up_and_the_next_decided(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = refuse_first(bench, monkeypatch, LedgerRejectedError("decision was refused by the ledger"))

    assert await bench.desk.resume() == 2

    assert len(asked) == 2
    assert not await bench.outbox.unsettled()


async def test_requests_stay_kept_while_the_relay_may_pass_nothing_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_first(bench, monkeypatch, NotPermittedError("relay is not admitted"))

    with pytest.raises(NotPermittedError):
        await bench.desk.resume()

    assert len(await bench.outbox.unsettled()) == 2
    assert await bench.desk.resume() == 2


async def test_wrong_signature_is_refused_before_anything_is_kept_or_sent(bench: Bench) -> None:
    request, signature = bench._request(FIRST)
    kept = len(bench.outbox.kept)

    with pytest.raises(NotAuthenticError):
        await bench.desk.request(request, signature[:-2] + bytes([signature[-2] ^ 1]) + signature[-1:])

    assert len(bench.outbox.kept) == kept
    assert bench.ledger.log[-1].place.block.number == (await bench.ledger.head()).number


@pytest.mark.parametrize(
    ("signature", "proof"),
    [(b"\xff" * (MOST_SIGNATURE_BYTES + 1), ()), (b"\xff" * 65, (bytes(32),) * (MOST_PROOF_NODES + 1))],
)
async def test_request_longer_than_any_needs_is_refused_before_anything_is_kept_or_sent(
    bench: Bench, signature: bytes, proof: tuple[bytes, ...]
) -> None:
    request, _ = bench._request(FIRST)
    kept = len(bench.outbox.kept)

    with pytest.raises(InvalidInputError, match="too long"):
        await bench.desk.request(request, signature, proof)

    assert len(bench.outbox.kept) == kept
