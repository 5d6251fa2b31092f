"""Many requests in one call: an answer for each, in order; a problem for all only when nothing was decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from consentry.api import schemas
from consentry.api.batch_schemas import BatchAnswer, BatchBody, DeniedItem, PermittedItem, RejectedItem
from consentry.core import events
from consentry.core.codes import Category
from consentry.core.terms import ZERO_32, AccessRequest, ConsentId, RecordId, SubjectId
from consentry.errors import LedgerUnavailableError
from consentry.evidence.notation import hex_of
from consentry.gateway.once_ports import Answer
from consentry.gateway.together import MOST_REQUESTS
from tests.support.gateway_world import CONTENT, Json, MemoryParts, World, done
from tests.unit.api.test_story import opened

KEY = "key-of-the-caller"
BATCH = "/v1/access:batch"


async def granted(world: World) -> tuple[SubjectId, list[RecordId], ConsentId]:
    """Gives a subject with two images and a laboratory bundle, and a consent for the images."""
    subject = await world.enrol(world.people.patient)
    records = [await world.add_record(subject), await world.add_record(subject, b"second")]
    records.append(await world.add_record(subject, b"other", category=Category.LABORATORY))
    return subject, records, await world.grant(world.people.patient, world.terms(subject))


async def three(world: World) -> list[AccessRequest]:
    """Gives requests for two images and for what the consent does not cover."""
    _, records, consent = await granted(world)
    return [world.request(record, consent, world.people.hospital) for record in records]


def items_of(
    answer: Json,
) -> list[PermittedItem | DeniedItem | RejectedItem]:
    """Reads the answers, as documented."""
    return BatchAnswer.model_validate(answer).items


@pytest.mark.parametrize("one_signature", [True, False], ids=["one signature", "each signed"])
async def test_each_request_gets_its_own_answer_in_order(world: World, *, one_signature: bool) -> None:
    requests = await three(world)
    hospital = world.people.hospital

    answer = done(await world.ask_many(requests, hospital, one_signature=one_signature), 200)

    found = items_of(answer)
    assert [item.outcome for item in found] == ["permitted", "permitted", "denied"]
    assert [item.request_id for item in found] == [str(asked.request_id) for asked in requests]
    denied = found[2]
    assert isinstance(denied, DeniedItem)
    assert denied.reason == "RECORD_NOT_IN_SCOPE"
    target = f"/v1/records/{hex_of(requests[0].record_id)}/ciphertext"
    content = await world.institution(hospital).get(target)
    own = {name: answer["items"][0][name] for name in ("decision", "record", "key")}
    assert await opened(world, own, content.content) == CONTENT
    shown = done(await world.institution(hospital).get(f"/v1/access/{requests[2].request_id}"), 200)
    assert (shown["permitted"], shown["receipt"]) == (False, answer["items"][2]["receipt"])


async def test_one_signature_is_one_batch_on_chain_and_each_request_a_line_of_the_log(world: World) -> None:
    requests = await three(world)
    answer = done(await world.ask_many(requests, world.people.hospital), 200)
    receipts = [item.get("receipt") or item["decision"]["receipt"] for item in answer["items"]]
    assert len({receipt["transactionHash"] for receipt in receipts}) == 1
    assert [receipt["subjectSequence"] for receipt in receipts] == [1, 2, 3]


async def test_request_that_is_rejected_alone_has_a_problem_and_its_neighbours_their_keys(world: World) -> None:
    requests = await three(world)
    hospital = world.people.hospital
    done(await world.ask(replace(requests[1], practitioner=b"\x33" * 32), hospital), 200)
    unknown = replace(requests[2], record_id=RecordId(b"\x44" * 32))

    found = items_of(done(await world.ask_many([*requests[:2], unknown], hospital, one_signature=False), 200))

    assert [item.outcome for item in found] == ["permitted", "rejected", "rejected"]
    problems = [item.problem for item in found if isinstance(item, RejectedItem)]
    assert [(problem.code, problem.status) for problem in problems] == [("conflict", 409), ("not-found", 404)]
    assert problems[0].instance == BATCH


async def test_batch_with_a_record_nobody_knows_here_is_a_problem_and_nothing_is_decided(world: World) -> None:
    requests = await three(world)
    requests[1] = replace(requests[1], record_id=RecordId(b"\x44" * 32))

    refused = await world.ask_many(requests, world.people.hospital)

    problem = schemas.Problem.model_validate(refused.json())
    assert (refused.status_code, problem.code) == (404, "not-found")
    assert problem.places == ["body.requests.1"]
    assert all([await _undecided(world, asked) for asked in requests])


async def _undecided(world: World, asked: AccessRequest) -> bool:
    return await world.context.ledger.find_decision(asked.institution, asked.request_id) is None


async def test_batch_that_is_too_much_at_a_time_says_how_many_fit(world: World, parts: MemoryParts) -> None:
    requests = await three(world)
    parts.ledger.most = 2

    refused = await world.ask_many(requests, world.people.hospital)

    problem = schemas.Problem.model_validate(refused.json())
    assert (refused.status_code, problem.code, problem.most) == (422, "input.invalid", 2)
    assert all([await _undecided(world, asked) for asked in requests])


def _without_signature(body: Json) -> Json:
    return {"requests": body["requests"]}


def _both(body: Json) -> Json:
    return {**body, "requests": [{**item, "signature": body["signature"]} for item in body["requests"]]}


def _one_of_them(body: Json) -> Json:
    first, *others = body["requests"]
    return {"requests": [{**first, "signature": body["signature"]}, *others]}


def _too_many(body: Json) -> Json:
    slim = {**body["requests"][0]}
    return {**body, "requests": [slim] * (MOST_REQUESTS + 1)}


MALFORMED: dict[str, Callable[[Json], Json]] = {
    "no signature": _without_signature,
    "one for all and one for each": _both,
    "some signed": _one_of_them,
    "none": lambda body: {**body, "requests": []},
    "unknown member": lambda body: {**body, "root": "0x" + "11" * 32},
    "request no request": lambda body: {**body, "requests": [{}]},
    "an id twice": lambda body: {**body, "requests": [body["requests"][0]] * 2},
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=list(MALFORMED))
async def test_malformed_body_is_refused_and_nothing_decided(world: World, change: Callable[[Json], Json]) -> None:
    requests = await three(world)
    body = change(world.batch_body(requests, world.people.hospital))
    refused = await world.institution(world.people.hospital).post(BATCH, body)
    assert (refused.status_code, refused.json()["code"]) == (422, "input.invalid")
    assert all([await _undecided(world, asked) for asked in requests])


async def test_more_requests_than_a_call_takes_are_refused(world: World) -> None:
    body = _too_many(world.batch_body(await three(world), world.people.hospital))
    with pytest.raises(ValueError, match="at most 500"):
        BatchBody.model_validate(body)


async def test_requests_of_another_institution_are_refused(world: World) -> None:
    people, requests = world.people, await three(world)
    body = world.batch_body(requests, people.hospital)
    refused = await world.institution(people.clinic).post(BATCH, body)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.not-permitted")
    assert (await world.signer(people.patient).post(BATCH, body)).status_code == 403
    assert (await world.anyone().post(BATCH, body)).status_code == 401


async def test_signature_of_another_is_refused_as_a_whole(world: World) -> None:
    people, requests = world.people, await three(world)
    body = world.batch_body(requests, people.clinic)
    refused = await world.institution(people.hospital).post(BATCH, body)
    assert (refused.status_code, refused.json()["code"]) == (401, "auth.not-authentic")
    assert all([await _undecided(world, asked) for asked in requests])


async def test_same_call_again_gives_the_same_decisions_and_no_key_after_a_revocation(
    world: World, parts: MemoryParts
) -> None:
    """No key is kept under an idempotency key: what is given out again is looked at again."""
    subject, records, _ = await granted(world)
    terms = world.terms(subject, nonce=9)
    consent = await world.grant(world.people.patient, terms)
    hospital = world.institution(world.people.hospital)
    requests = [world.request(record, consent, world.people.hospital) for record in records]
    body = world.batch_body(requests, world.people.hospital)

    first, second = [done(await hospital.post(BATCH, body, KEY), 200)["items"] for _ in range(2)]
    await world.revoke(world.people.patient, terms)
    third = done(await hospital.post(BATCH, body, KEY), 200)["items"]

    assert [item.get("decision") for item in first] == [item.get("decision") for item in second]
    assert [(item["outcome"], item["reason"]) for item in third] == [
        *[("denied", "CONSENT_REVOKED")] * 2,
        ("denied", "RECORD_NOT_IN_SCOPE"),
    ]
    assert sum(isinstance(event, events.AccessDecided) for event in parts.ledger.log) == 3
    (kept,) = [claim.answer for (_, key), claim in parts.keys.claims.items() if key == KEY]
    assert kept == Answer(200, b"")
    changed = world.batch_body(requests[:2], world.people.hospital)
    assert (await hospital.post(BATCH, changed, KEY)).json()["code"] == "idempotency.key-reused"


async def test_call_whose_answer_was_lost_is_resumed_with_the_same_decisions(
    world: World, parts: MemoryParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = await three(world)
    hospital, body = world.institution(world.people.hospital), world.batch_body(requests, world.people.hospital)
    decide = parts.ledger.decide_batch

    async def lost(*values: object) -> object:
        monkeypatch.setattr(parts.ledger, "decide_batch", decide)
        await decide(*values)  # type: ignore[arg-type]  # as they come
        raise LedgerUnavailableError("answer was lost")

    monkeypatch.setattr(parts.ledger, "decide_batch", lost)
    assert (await hospital.post(BATCH, body, KEY)).status_code == 503
    again = items_of(done(await hospital.post(BATCH, body, KEY), 200))
    assert [item.outcome for item in again] == ["permitted", "permitted", "denied"]
    assert sum(isinstance(event, events.AccessDecided) for event in parts.ledger.log) == 3


async def test_keys_that_cannot_be_given_out_now_are_given_out_by_the_next_call(
    world: World, parts: MemoryParts
) -> None:
    requests = await three(world)
    hospital, body = world.institution(world.people.hospital), world.batch_body(requests, world.people.hospital)
    parts.vault.down = True
    found = items_of(done(await hospital.post(BATCH, body, KEY), 200))
    assert [item.outcome for item in found] == ["rejected", "rejected", "denied"]
    assert {item.problem.code for item in found if isinstance(item, RejectedItem)} == {"vault.unavailable"}
    parts.vault.down = False
    found = items_of(done(await hospital.post(BATCH, body, KEY), 200))
    assert [item.outcome for item in found] == ["permitted", "permitted", "denied"]


async def test_requests_without_a_consent_are_denied_on_record(world: World) -> None:
    _, records, _ = await granted(world)
    requests = [world.request(record, ZERO_32, world.people.hospital) for record in records]
    found = items_of(done(await world.ask_many(requests, world.people.hospital), 200))
    assert [item.reason for item in found if isinstance(item, DeniedItem)] == ["CONSENT_MISSING"] * 3
