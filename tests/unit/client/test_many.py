"""Many requests at a time: as few calls and signatures as the gateway takes, and no answer believed unlooked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consentry.client import bulk, chain, hospital
from consentry.client.bulk import Sought
from consentry.client.decisions import Permitted
from consentry.client.hospital import Hospital
from consentry.core import events
from consentry.core.codes import Category, Reason
from consentry.core.merkle import proof_of, root_of
from consentry.core.terms import AccessRequest, ConsentId, RecordId
from consentry.errors import (
    AccessDeniedError,
    ConsentryError,
    GatewayUnavailableError,
    InvalidInputError,
    LedgerUnavailableError,
    NotFoundError,
    VerificationError,
)
from consentry.evidence.notation import Json
from tests.support.gateway_world import CONTENT
from tests.unit.client.conftest import Callers

BATCH = "/v1/access:batch"
SOMEBODY = b"\x9a" * 32


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "LAG_SECONDS", 0.2)


async def sought(callers: Callers) -> list[Sought]:
    """Gives two images that a consent covers, and a laboratory bundle that it does not."""
    world, people = callers.world, callers.world.people
    subject = await world.enrol(people.patient)
    records = [await world.add_record(subject), await world.add_record(subject, b"second")]
    records.append(await world.add_record(subject, b"other", category=Category.LABORATORY))
    consent = await world.grant(people.patient, world.terms(subject))
    return [Sought(record, consent) for record in records]


def asking(callers: Callers) -> Hospital:
    """Gives the client of the hospital that asks."""
    return callers.hospital(callers.world.people.hospital)


def decided(callers: Callers) -> list[AccessRequest]:
    """Gives what the chain decided."""
    return [e.entry.request for e in callers.parts.ledger.log if isinstance(e, events.AccessDecided)]


def batches(callers: Callers) -> list[int]:
    """Gives the sizes of the batches on chain."""
    return [e.size for e in callers.parts.ledger.log if isinstance(e, events.BatchSubmitted)]


def kinds(answers: list[bulk.Answer]) -> list[str]:
    """Names what came of each request."""
    return [type(answer).__name__ for answer in answers]


@pytest.mark.parametrize("one_signature", [True, False], ids=["one signature", "each signed"])
async def test_each_record_is_opened_or_its_denial_told(
    callers: Callers, tmp_path: Path, *, one_signature: bool
) -> None:
    client, wanted = asking(callers), await sought(callers)

    answers = await client.request_many(wanted, practitioner=SOMEBODY, one_signature=one_signature)

    assert kinds(answers) == ["Permitted", "Permitted", "AccessDeniedError"]
    for number, (answer, content) in enumerate(zip(answers, (CONTENT, b"second"), strict=False)):
        assert isinstance(answer, Permitted)
        target = tmp_path / str(number)
        await client.download(answer, target)
        assert target.read_bytes() == content
    assert isinstance(answers[2], AccessDeniedError)
    assert answers[2].details["reason"] == Reason.RECORD_NOT_IN_SCOPE.name
    assert batches(callers) == ([3] if one_signature else [])
    assert [url.path for url in callers.between.asked].count(BATCH) == 1


async def test_request_ids_stand_side_by_side(callers: Callers) -> None:
    wanted = (await sought(callers))[:1] * 300
    made = asking(callers).new_requests(wanted, practitioner=SOMEBODY)
    ids = [one.request.request_id for one in made]
    assert len(set(ids)) == 300
    assert len({number >> 8 for number in ids}) == 2
    other = asking(callers).new_requests(wanted[:1], practitioner=SOMEBODY)
    assert other[0].request.request_id not in ids


async def test_same_requests_again_give_the_same_decisions(callers: Callers) -> None:
    client = asking(callers)
    asked = client.new_requests(await sought(callers), practitioner=SOMEBODY)
    first, second = await client.access_many(asked), await client.access_many(asked, one_signature=False)
    told = [[answer.entry for answer in each if isinstance(answer, Permitted)] for each in (first, second)]
    assert told[0] == told[1]
    assert decided(callers) == [one.request for one in asked]


async def test_records_a_consent_names_are_asked_for_with_their_proofs(callers: Callers) -> None:
    world, people = callers.world, callers.world.people
    subject = await world.enrol(people.patient)
    records = [await world.add_record(subject, content) for content in (b"1", b"2", b"3")]
    named = world.terms(subject, records_root=root_of(records), categories=0)
    consent = await world.grant(people.patient, named)
    wanted = [Sought(record, consent, proof_of(records, record)) for record in records]
    assert kinds(await asking(callers).request_many(wanted, practitioner=SOMEBODY)) == ["Permitted"] * 3


async def test_more_requests_than_a_gateway_takes_are_signed_in_several_batches(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = (await sought(callers))[:1] * 7
    callers.parts.ledger.most = 3
    monkeypatch.setattr(hospital, "MOST_TOGETHER", 5)
    answers = await asking(callers).request_many(wanted, practitioner=SOMEBODY)
    assert kinds(answers) == ["Permitted"] * 7
    assert batches(callers) == [3, 3, 1]


@pytest.mark.parametrize("most", [0, 3, 7, -1, None, "2", True, 1.5, [1]])
async def test_number_that_does_not_help_is_no_reason_to_sign_again(callers: Callers, most: object) -> None:
    wanted = await sought(callers)
    await asking(callers).gateway()
    callers.between.invented[BATCH] = {"code": "input.invalid", "detail": "too much", "most": most}
    callers.between.status = 422
    with pytest.raises(InvalidInputError):
        await asking(callers).request_many(wanted, practitioner=SOMEBODY)
    assert [url.path for url in callers.between.asked].count(BATCH) == 1


async def test_error_of_a_later_call_leaves_what_was_answered_before(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, decide = (await sought(callers))[:1] * 5, callers.parts.ledger.decide_batch
    monkeypatch.setattr(hospital, "MOST_TOGETHER", 2)
    calls = list[int]()

    async def once(*values: Any) -> object:  # noqa: ANN401 - as they come
        calls.append(len(calls))
        if len(calls) > 1:
            raise LedgerUnavailableError("node does not answer")
        return await decide(*values)

    monkeypatch.setattr(callers.parts.ledger, "decide_batch", once)
    answers = await asking(callers).request_many(wanted, practitioner=SOMEBODY)
    assert kinds(answers) == ["Permitted"] * 2 + ["LedgerUnavailableError"] * 3
    assert len(calls) == 2


async def test_problem_of_the_first_call_is_raised(callers: Callers) -> None:
    wanted = [*await sought(callers), Sought(RecordId(b"\x44" * 32), ConsentId(bytes(32)))]
    with pytest.raises(NotFoundError, match="requests 3 of the batch") as caught:
        await asking(callers).request_many(wanted, practitioner=SOMEBODY)
    assert caught.value.details["places"] == ["body.requests.3"]
    assert not decided(callers)
    answers = await asking(callers).request_many(wanted, practitioner=SOMEBODY, one_signature=False)
    assert kinds(answers) == ["Permitted", "Permitted", "AccessDeniedError", "NotFoundError"]


def _changed(place: int, **members: object) -> Callable[[list[Json]], list[Json]]:
    return lambda items: [{**item, **(members if at == place else {})} for at, item in enumerate(items)]


def _denied_instead(items: list[Json]) -> list[Json]:
    made_up = {name: items[0][name] for name in ("requestId",)}
    receipt = items[0]["decision"]["receipt"]
    return [{**made_up, "outcome": "denied", "reason": "CONSENT_REVOKED", "receipt": receipt}, *items[1:]]


def _rejected_with(code: str) -> Callable[[list[Json]], list[Json]]:
    problem = {
        **dict.fromkeys(("type", "title", "detail", "instance", "trace_id"), "x"),
        "code": code,
        "status": 403,
        "reason": "CONSENT_REVOKED",
    }
    return lambda items: [{"outcome": "rejected", "requestId": items[0]["requestId"], "problem": problem}, *items[1:]]


LIES: dict[str, Callable[[list[Json]], list[Json]]] = {
    "one left out": lambda items: items[1:],
    "one more": lambda items: [*items, items[0]],
    "another order": lambda items: [items[1], items[0], items[2]],
    "the key of another": lambda items: [{**items[1], "requestId": items[0]["requestId"]}, *items[1:]],
    "the record of another": lambda items: [{**items[0], "record": items[1]["record"]}, *items[1:]],
    "another time": lambda items: [{**items[0], "decision": {**items[0]["decision"], "decidedAt": 1}}, *items[1:]],
    "another reason": _changed(2, reason="USES_EXHAUSTED"),
    "denied instead": _denied_instead,
    "denial of another": lambda items: [*items[:2], {**_denied_instead(items)[0], "requestId": items[2]["requestId"]}],
    "denied without a receipt": _rejected_with("access.denied"),
    "unknown outcome": _changed(1, outcome="maybe"),
    "no outcome": lambda items: [{}, *items[1:]],
    "no object": lambda items: [*items[:2], 7],  # type: ignore[list-item]  # a lie
}


@pytest.mark.parametrize("lie", LIES.values(), ids=list(LIES))
async def test_answers_that_are_not_the_chains_are_refused(
    callers: Callers, lie: Callable[[list[Json]], list[Json]]
) -> None:
    callers.between.lies[BATCH] = lambda body: {"items": lie(body["items"])}
    with pytest.raises(VerificationError):
        await asking(callers).request_many(await sought(callers), practitioner=SOMEBODY)


async def test_permits_that_were_never_mined_are_noticed(callers: Callers) -> None:
    """A gateway that decides by itself, with everything else as it should be."""
    client = asking(callers)
    asked = client.new_requests((await sought(callers))[:2], practitioner=SOMEBODY)
    log = callers.parts.ledger.log
    before, kept = len(log), list[Json]()

    def keep(body: Json) -> Json:
        kept.append(body)
        return body

    callers.between.lies[BATCH] = keep
    await client.access_many(asked)
    del log[before:]
    callers.between.invented[BATCH] = kept[0]
    with pytest.raises(VerificationError, match="no such decision"):
        await client.access_many(asked)


@pytest.mark.parametrize("code", ["ledger.unavailable", "conflict", "no-such-code"])
async def test_rejection_is_told_as_the_error_it_stands_for(callers: Callers, code: str) -> None:
    callers.between.lies[BATCH] = lambda body: {"items": _rejected_with(code)(body["items"])}
    answers = await asking(callers).request_many(await sought(callers), practitioner=SOMEBODY)
    assert isinstance(answers[0], ConsentryError)
    assert not isinstance(answers[0], AccessDeniedError)
    assert kinds(answers)[1:] == ["Permitted", "AccessDeniedError"]


async def test_gateway_that_does_not_answer_is_one_error(callers: Callers) -> None:
    client, wanted = asking(callers), await sought(callers)
    await client.gateway()
    callers.between.invented[BATCH] = {}
    callers.between.status = 503
    with pytest.raises(GatewayUnavailableError):
        await client.request_many(wanted, practitioner=SOMEBODY)
