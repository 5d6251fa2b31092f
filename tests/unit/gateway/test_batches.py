"""Many requests at a time, under one signature or each signed: what is refused as a whole, and what is one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from consentry.core import events
from consentry.core.access import MOST_PROOF_NODES, MOST_SIGNATURE_BYTES
from consentry.core.batch_tree import batch_of
from consentry.core.codes import Purpose
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import AccessRequest, Material, RecordId
from consentry.core.typed_data import consent_id
from consentry.crypto.keywrap import release_key_hash
from consentry.errors import (
    AccessDeniedError,
    ConflictError,
    ConsentryError,
    InvalidInputError,
    LedgerRejectedError,
    LedgerUnavailableError,
    NotAuthenticError,
    NotFoundError,
    NotPermittedError,
    ObjectMissingError,
    VaultUnavailableError,
)
from consentry.gateway.access import Access, AccessDesk
from consentry.gateway.outbox_ports import StoredBatch, StoredRequest, Wanted
from consentry.gateway.together import MOST_REQUESTS
from tests.property.desk_histories import HOSPITALS, RELEASE_KEY, Bench
from tests.support import samples
from tests.support.waiting import until

Answers = Sequence[Access | ConsentryError]


@pytest.fixture
async def bench() -> Bench:
    """A desk with records and consents, no request yet."""
    made = Bench(AccessDesk)
    await made.set_up()
    return made


def request(bench: Bench, number: int, **changes: Any) -> AccessRequest:  # noqa: ANN401 - any member
    """Gives a request of the first hospital that is permitted."""
    plain = samples.request(bench.records[0], consent_id(bench.consents[0]), release_key_hash(RELEASE_KEY))
    own = {"request_id": number, "institution": HOSPITALS[0].address}
    return replace(plain, **{**own, "issued_at": bench.now, "expires_at": bench.now + 300, **changes})


def requests(bench: Bench, count: int = 3) -> list[AccessRequest]:
    """Gives some of them."""
    return [request(bench, number + 1) for number in range(count)]


def stored(bench: Bench, asked: Sequence[AccessRequest], signer: int = 0) -> StoredBatch:
    """Gives the batch that a hospital signs over requests."""
    batch = batch_of(asked[0].institution, asked)
    signature = bench.signed(HOSPITALS[signer], "AccessLedger", batch)
    return StoredBatch(batch, tuple(Wanted(each) for each in asked), signature)


async def ask(bench: Bench, asked: Sequence[AccessRequest], signer: int = 0) -> Answers:
    """Asks under one signature."""
    made = stored(bench, asked, signer)
    return await bench.desk.request_batch(made.items, made.signature)


def decisions(bench: Bench) -> list[AccessRequest]:
    """Gives what the chain decided, in its order."""
    return [e.entry.request for e in bench.ledger.log if isinstance(e, events.AccessDecided)]


def kinds(answers: Answers) -> list[str]:
    """Names what came of each request."""
    return [type(answer).__name__ for answer in answers]


async def test_batch_is_decided_in_one_block_and_each_key_is_of_its_own_request(bench: Bench) -> None:
    asked = requests(bench)
    answers = await ask(bench, asked)
    receipts = [answer.receipt for answer in answers if isinstance(answer, Access)]
    assert [receipt.entry.request for receipt in receipts] == asked
    assert len({receipt.place.block for receipt in receipts}) == 1
    assert bench.vault.released == [(each.institution, each.request_id) for each in asked]
    assert not await bench.outbox.batches()


async def test_denied_item_carries_its_receipt_and_costs_no_other_its_key(bench: Bench) -> None:
    asked = requests(bench)
    asked[1] = replace(asked[1], purpose=Purpose.HRESCH)
    answers = await ask(bench, asked)
    assert kinds(answers) == ["Access", "AccessDeniedError", "Access"]
    [denial] = [answer for answer in answers if isinstance(answer, AccessDeniedError)]
    assert denial.details["reason"] == "PURPOSE_NOT_GRANTED"
    assert denial.details["receipt"].entry.request == asked[1]


async def test_same_batch_again_and_twice_at_once_gives_the_same_decisions(bench: Bench) -> None:
    asked = requests(bench)
    first = await ask(bench, asked)
    both = await asyncio.gather(ask(bench, asked), ask(bench, asked))
    told = [[answer.receipt for answer in each if isinstance(answer, Access)] for each in (first, *both)]
    assert told[0] == told[1] == told[2]
    assert len(told[0]) == 3
    assert decisions(bench) == asked


async def test_batch_whose_requests_were_decided_one_by_one_before_gives_those_decisions(bench: Bench) -> None:
    asked = requests(bench)
    alone = await bench.desk.request(asked[1], bench.signed(HOSPITALS[0], "AccessLedger", asked[1]))
    answers = await ask(bench, asked)
    assert [answer.receipt for answer in answers if isinstance(answer, Access)][1] == alone.receipt
    assert decisions(bench) == [asked[1], asked[0], asked[2]]


async def test_request_id_of_another_request_is_a_conflict_of_that_item_alone(bench: Bench) -> None:
    asked = requests(bench)
    await ask(bench, [replace(asked[2], record_id=bench.records[1])])
    assert kinds(await ask(bench, asked)) == ["Access", "Access", "ConflictError"]
    assert not await bench.outbox.batches()


async def test_revocation_between_two_releases_stops_the_second(bench: Bench) -> None:
    async def revoke_after_the_first() -> None:
        if bench.vault.released:
            await bench.do("revoke", 0)

    bench.vault.on_write = revoke_after_the_first
    answers = await ask(bench, requests(bench))
    assert kinds(answers) == ["Access", "AccessDeniedError", "AccessDeniedError"]
    assert [a.details["reason"] for a in answers if isinstance(a, AccessDeniedError)] == ["CONSENT_REVOKED"] * 2
    assert len(bench.vault.released) == 1


async def test_object_that_is_lost_costs_its_own_request_the_key_alone(bench: Bench) -> None:
    asked = requests(bench)
    release, lost = bench.vault.release, asked[1]

    async def broken(receipt: FinalReceipt, *rest: Any) -> object:  # noqa: ANN401 - as it comes
        if receipt.entry.request == lost:
            raise ObjectMissingError("object is gone")
        return await release(receipt, *rest)

    bench.vault.release = broken  # type: ignore[method-assign, assignment]  # a fault
    bench.restart()
    assert kinds(await ask(bench, asked)) == ["Access", "ObjectMissingError", "Access"]


async def test_vault_that_does_not_answer_releases_nothing_and_the_same_batch_gets_its_keys_later(
    bench: Bench,
) -> None:
    bench.vault.down = True
    answers = await ask(bench, requests(bench))
    assert kinds(answers) == [VaultUnavailableError.__name__] * 3
    bench.vault.down = False
    assert kinds(await ask(bench, requests(bench))) == ["Access"] * 3
    assert len(decisions(bench)) == 3


@pytest.mark.parametrize("change", [{"record_id": RecordId(samples.word(7))}, {"consent_id": samples.word(8)}])
async def test_one_request_that_is_not_known_here_keeps_the_whole_batch_from_being_sent(
    bench: Bench, change: dict[str, Any]
) -> None:
    asked = requests(bench)
    asked[0] = replace(asked[0], **change)
    asked[2] = replace(asked[2], **change)
    with pytest.raises(NotFoundError, match=r"requests 0, 2 of the batch") as caught:
        await ask(bench, asked)
    assert caught.value.details["items"] == [0, 2]
    assert not decisions(bench)
    assert not bench.outbox.once


@pytest.mark.parametrize("fault", ["none", "too many", "two institutions", "an id twice", "signature", "proof"])
async def test_what_is_no_batch_is_refused_before_anything_is_kept(bench: Bench, fault: str) -> None:
    asked = requests(bench)
    items, signature = [Wanted(each) for each in asked], stored(bench, asked).signature
    if fault == "none":
        items = []
    elif fault == "too many":
        items = items * (MOST_REQUESTS // 3 + 1)
    elif fault == "two institutions":
        items[1] = Wanted(replace(asked[1], institution=HOSPITALS[1].address))
    elif fault == "an id twice":
        items[1] = Wanted(replace(asked[1], request_id=asked[0].request_id))
    elif fault == "signature":
        signature = b"\xff" * (MOST_SIGNATURE_BYTES + 1)
    else:
        items[1] = Wanted(asked[1], (bytes(32),) * (MOST_PROOF_NODES + 1))
    with pytest.raises(InvalidInputError):
        await bench.desk.request_batch(items, signature)
    assert not bench.outbox.once


@pytest.mark.parametrize("fault", ["another signer", "another order", "a part", "one more"])
async def test_signature_that_is_not_over_this_batch_never_reaches_the_ledger(bench: Bench, fault: str) -> None:
    asked, before = requests(bench), list(bench.ledger.log)
    signature = stored(bench, asked, 1 if fault == "another signer" else 0).signature
    items = [Wanted(each) for each in asked]
    changed = {"another order": items[::-1], "a part": items[:2], "one more": [*items, Wanted(request(bench, 9))]}
    with pytest.raises(NotAuthenticError):
        await bench.desk.request_batch(changed.get(fault, items), signature)
    assert bench.ledger.log == before
    assert not bench.outbox.once


async def test_batch_that_is_too_much_is_refused_and_not_kept(bench: Bench) -> None:
    bench.ledger.most = 2
    with pytest.raises(InvalidInputError) as caught:
        await ask(bench, requests(bench))
    assert caught.value.details["most"] == 2
    assert not decisions(bench)
    assert not await bench.outbox.batches()


async def test_answers_that_are_mixed_up_give_no_key_and_leave_the_batch_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = bench.ledger.decide_batch

    async def mixed(pairs: Sequence[tuple[AccessRequest, Material]], signature: bytes) -> Sequence[object]:
        first, second, third = await decide(pairs, signature)
        return [second, first, third]

    monkeypatch.setattr(bench.ledger, "decide_batch", mixed)
    answers = await ask(bench, requests(bench))
    assert kinds(answers) == ["LedgerUnavailableError", "LedgerUnavailableError", "Access"]
    assert len(bench.vault.released) == 1
    assert len(await bench.outbox.batches()) == 1


async def test_answers_that_are_too_few_give_no_key(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    decide = bench.ledger.decide_batch

    async def fewer(pairs: Sequence[tuple[AccessRequest, Material]], signature: bytes) -> Sequence[object]:
        return (await decide(pairs, signature))[1:]

    monkeypatch.setattr(bench.ledger, "decide_batch", fewer)
    with pytest.raises(LedgerUnavailableError, match="mixes answers up"):
        await ask(bench, requests(bench))
    assert not bench.vault.released


async def test_requests_that_are_each_signed_fail_alone(bench: Bench) -> None:
    asked = requests(bench)
    asked[0] = replace(asked[0], record_id=RecordId(samples.word(7)))
    signed = [(Wanted(each), bench.signed(HOSPITALS[0], "AccessLedger", each)) for each in asked]
    signed[2] = (signed[2][0], bench.signed(HOSPITALS[1], "AccessLedger", asked[2]))
    answers = await bench.desk.request_each(signed)
    assert kinds(answers) == ["NotFoundError", "Access", "NotAuthenticError"]
    assert decisions(bench) == [asked[1]]
    with pytest.raises(InvalidInputError, match="number of requests"):
        await bench.desk.request_each([])
    with pytest.raises(InvalidInputError, match="number of requests"):
        await bench.desk.request_each(signed * 167)


# What was left over.


async def test_batch_that_was_kept_and_never_sent_is_decided_later_and_nothing_released(bench: Bench) -> None:
    await bench.outbox.keep_batch(stored(bench, requests(bench)))
    assert await bench.desk.resume() == 3
    assert decisions(bench) == requests(bench)
    assert not bench.vault.released
    assert not await bench.outbox.batches()
    assert await bench.desk.resume() == 0


async def test_batch_that_was_decided_and_not_dropped_is_not_sent_again(bench: Bench) -> None:
    await ask(bench, requests(bench))
    await bench.outbox.keep_batch(stored(bench, requests(bench)))
    before = list(bench.ledger.log)
    assert await bench.desk.resume() == 3
    assert bench.ledger.log == before
    assert not await bench.outbox.batches()


@pytest.mark.parametrize(
    "error",
    [
        LedgerRejectedError("batch was refused by the ledger"),
        InvalidInputError("batch may need too much gas", most=1),
        NotPermittedError("relay is not admitted"),
        LedgerUnavailableError("node does not answer"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_batch_stays_kept_only_while_it_may_still_be_decided(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: ConsentryError
) -> None:
    stays = isinstance(error, NotPermittedError | LedgerUnavailableError)

    async def refusing(*_: object) -> object:
        raise error

    monkeypatch.setattr(bench.ledger, "decide_batch", refusing)
    with pytest.raises(type(error)):
        await ask(bench, requests(bench))
    assert bool(await bench.outbox.batches()) is stays
    await bench.outbox.keep_batch(stored(bench, requests(bench)))
    if stays:
        with pytest.raises(type(error)):
            await bench.desk.resume()
    else:
        assert await bench.desk.resume() == 3
    assert bool(await bench.outbox.batches()) is stays


# What is under way.


@pytest.mark.parametrize("ends", ["first", "second"])
async def test_request_that_is_under_way_twice_is_left_alone_until_both_ended(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    asked = request(bench, 1)
    signature = bench.signed(HOSPITALS[0], "AccessLedger", asked)
    gates = [asyncio.Event(), asyncio.Event()]
    entered, decide = list[int](), bench.ledger.decide

    async def slow(*values: Any) -> object:  # noqa: ANN401 - as they come
        entered.append(len(entered))
        if entered[-1] < len(gates):
            await gates[entered[-1]].wait()
            raise LedgerUnavailableError("answer was lost")
        return await decide(*values)

    monkeypatch.setattr(bench.ledger, "decide", slow)
    calls = [asyncio.create_task(bench.desk.request(asked, signature)) for _ in gates]
    await until(lambda: len(entered) == len(gates))
    order = [0, 1] if ends == "first" else [1, 0]
    gates[order[0]].set()
    with pytest.raises(LedgerUnavailableError):
        await calls[order[0]]

    assert await bench.desk.resume() == 0
    gates[order[1]].set()
    with pytest.raises(LedgerUnavailableError):
        await calls[order[1]]
    assert await bench.desk.resume() == 1
    assert decisions(bench) == [asked]


async def test_what_is_being_taken_up_is_not_taken_up_twice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = request(bench, 9)
    signature = bench.signed(HOSPITALS[0], "AccessLedger", alone)
    await bench.outbox.keep(StoredRequest(alone, signature, alone.consent_id, ()))
    await bench.outbox.keep_batch(stored(bench, requests(bench)))
    gate, sent = asyncio.Event(), list[str]()

    def hold(name: str) -> None:
        act = getattr(bench.ledger, name)

        async def held(*values: Any) -> object:  # noqa: ANN401 - as they come
            sent.append(name)
            await gate.wait()
            return await act(*values)

        monkeypatch.setattr(bench.ledger, name, held)

    hold("decide")
    hold("decide_batch")
    first = asyncio.create_task(bench.desk.resume())
    await until(lambda: len(sent) == 1)
    second = asyncio.create_task(bench.desk.resume())
    await until(lambda: len(sent) == 2)
    gate.set()
    assert await first + await second == 4
    assert sorted(sent) == ["decide", "decide_batch"]


async def test_batch_that_is_under_way_is_left_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, entered, decide = asyncio.Event(), asyncio.Event(), bench.ledger.decide_batch

    async def slow(*values: Any) -> object:  # noqa: ANN401 - as they come
        entered.set()
        await gate.wait()
        return await decide(*values)

    monkeypatch.setattr(bench.ledger, "decide_batch", slow)
    call = asyncio.create_task(ask(bench, requests(bench)))
    await entered.wait()
    assert await bench.desk.resume() == 0
    gate.set()
    assert kinds(await call) == ["Access"] * 3


async def test_conflict_of_every_item_is_told_to_each(bench: Bench) -> None:
    asked = requests(bench)
    await ask(bench, [replace(each, record_id=bench.records[1]) for each in asked])
    assert kinds(await ask(bench, asked)) == [ConflictError.__name__] * 3
