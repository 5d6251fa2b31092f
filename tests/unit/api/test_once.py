"""Idempotency keys: needed, bound to their content, kept, and resumed after a crash."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from consentry import errors
from consentry.core.terms import Address
from consentry.core.typed_data import consent_id, record_id
from consentry.errors import LedgerUnavailableError, VaultUnavailableError
from consentry.evidence.notation import hex_of
from tests.support.callers import encoded
from tests.support.gateway_world import MemoryParts, World, done

KEY = "key-of-the-caller"


@pytest.mark.parametrize("key", ["", "short", "x" * 129, "with space in it", "caf\u00e9-caf\u00e9"])
async def test_call_without_a_usable_key_is_refused(world: World, key: str) -> None:
    enrolment, body = world.enrolment(world.people.patient)
    content = encoded(body)
    sent = {"Content-Type": "application/json"}
    proof = await world.institution(world.people.custodian).proof("POST", "/v1/subjects", content, sent)
    headers = httpx.Headers({**sent, **proof})
    if key:
        headers = httpx.Headers([*headers.raw, (b"Idempotency-Key", key.encode("latin-1"))])
    answer = await world.http.post("/v1/subjects", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key-missing")
    assert await world.context.projection.subject(enrolment.subject_id) is None


async def test_same_call_again_gives_the_same_answer_and_does_nothing(world: World) -> None:
    custodian, (_, body) = world.institution(world.people.custodian), world.enrolment(world.people.patient)
    first = await custodian.post("/v1/subjects", body, KEY)
    head = await world.context.ledger.head()
    second = await custodian.post("/v1/subjects", body, KEY)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert await world.context.ledger.head() == head
    third = await custodian.post("/v1/subjects", body)
    assert (third.status_code, third.json()["code"]) == (409, "conflict")


async def test_key_with_other_content_is_refused(world: World) -> None:
    custodian = world.institution(world.people.custodian)
    done(await custodian.post("/v1/subjects", world.enrolment(world.people.patient)[1], KEY), 201)
    answer = await custodian.post("/v1/subjects", world.enrolment(world.people.patient)[1], KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency.key-reused")


async def test_keys_of_two_callers_are_two_keys(world: World) -> None:
    _, body = world.enrolment(world.people.patient)
    done(await world.institution(world.people.custodian).post("/v1/subjects", body, KEY), 201)
    answer = await world.institution(world.people.clinic).post("/v1/subjects", body, KEY)
    assert answer.json()["code"] == "conflict"


async def test_refused_call_leaves_its_key_free(world: World) -> None:
    subject = await world.enrol(world.people.patient)
    patient, terms = world.signer(world.people.patient), world.terms(subject)
    forged = world.grant_body(world.people.stranger, terms)
    assert (await patient.post("/v1/consents", forged, KEY)).status_code == 401
    done(await patient.post("/v1/consents", world.grant_body(world.people.patient, terms), KEY), 201)


REFUSALS = (
    errors.InvalidInputError,
    errors.NotAuthenticError,
    errors.NotPermittedError,
    errors.NotFoundError,
    errors.ConflictError,
    errors.LedgerRejectedError,
)


def every(root: type[errors.ConsentryError] = errors.ConsentryError) -> list[type[errors.ConsentryError]]:
    """Gives a class of errors and all below it."""
    return [root, *(below for child in root.__subclasses__() for below in every(child))]


@pytest.mark.parametrize("kind", [*every(), RuntimeError], ids=lambda kind: kind.__name__)
async def test_only_an_error_after_which_nothing_can_have_changed_leaves_its_key_free(
    world: World, parts: MemoryParts, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    custodian, (_, body) = world.institution(world.people.custodian), world.enrolment(world.people.patient)
    error = kind("refused") if kind is not errors.AccessDeniedError else kind("denied", reason="", receipt=None)

    async def fails(*_: object) -> object:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(parts.ledger, "enrol", fails)
        assert (await custodian.post("/v1/subjects", body, KEY)).status_code >= 400
    claims = [claim for (_, key), claim in parts.keys.claims.items() if key == KEY]
    if issubclass(kind, REFUSALS):
        assert claims == []
    else:
        assert [(claim.answer, claim.open) for claim in claims] == [(None, False)]
    done(await custodian.post("/v1/subjects", body, KEY), 201)


async def test_call_that_is_under_way_is_a_conflict(
    world: World, parts: MemoryParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = await world.enrol(world.people.patient)
    patient, body = world.signer(world.people.patient), world.grant_body(world.people.patient, world.terms(subject))
    await patient.get("/v1/subjects")
    entered, gate, grant = asyncio.Event(), asyncio.Event(), parts.ledger.grant

    async def slow(*values: object) -> object:
        entered.set()
        await gate.wait()
        return await grant(*values)  # type: ignore[arg-type]  # as they come

    monkeypatch.setattr(parts.ledger, "grant", slow)
    first = asyncio.create_task(patient.post("/v1/consents", body, KEY))
    await entered.wait()
    second = await patient.post("/v1/consents", body, KEY)
    assert (second.status_code, second.json()["code"]) == (409, "conflict")
    gate.set()
    assert (await first).status_code == 201


def loses_answers(parts: MemoryParts, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Has one act go through without an answer."""
    act = getattr(parts.ledger, method)

    async def lost(*values: object) -> object:
        monkeypatch.setattr(parts.ledger, method, act)
        await act(*values)
        raise LedgerUnavailableError("answer was lost")

    monkeypatch.setattr(parts.ledger, method, lost)


async def test_enrolment_whose_answer_was_lost_is_resumed(
    world: World, parts: MemoryParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    custodian, (enrolment, body) = world.institution(world.people.custodian), world.enrolment(world.people.patient)
    loses_answers(parts, monkeypatch, "enrol")
    assert (await custodian.post("/v1/subjects", body, KEY)).status_code == 503
    answer = done(await custodian.post("/v1/subjects", body, KEY), 201)
    assert answer["subjectId"] == hex_of(enrolment.subject_id)
    await world.add_record(enrolment.subject_id)


async def test_call_whose_answer_could_not_be_kept_is_resumed(
    world: World, parts: MemoryParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    custodian, (enrolment, body) = world.institution(world.people.custodian), world.enrolment(world.people.patient)

    async def full(*_: object) -> None:
        raise VaultUnavailableError("disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(parts.keys, "finish", full)
        assert (await custodian.post("/v1/subjects", body, KEY)).status_code == 503
    answer = done(await custodian.post("/v1/subjects", body, KEY), 201)
    assert answer["subjectId"] == hex_of(enrolment.subject_id)


async def test_anchoring_whose_answer_was_lost_is_resumed_and_tied(
    world: World, parts: MemoryParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = world.people
    custodian = world.institution(people.custodian)
    subject = await world.enrol(people.patient)
    sealed = await world.upload(subject)
    leaf = world.leaf(subject, sealed)
    loses_answers(parts, monkeypatch, "anchor")
    assert (await custodian.post("/v1/records", world.anchor_body(sealed, leaf), KEY)).status_code == 503
    answer = done(await custodian.post("/v1/records", world.anchor_body(sealed, leaf), KEY), 201)
    assert answer["recordId"] == hex_of(record_id(leaf))
    consent = await world.grant(people.patient, world.terms(subject))
    done(await world.ask(world.request(record_id(leaf), consent, people.hospital), people.hospital), 200)


async def test_record_that_was_anchored_but_not_tied_is_tied_by_the_next_call(
    world: World, parts: MemoryParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    custodian = world.institution(world.people.custodian)
    subject = await world.enrol(world.people.patient)
    sealed = await world.upload(subject)
    leaf = world.leaf(subject, sealed)

    async def fails(*_: object) -> None:
        raise VaultUnavailableError("disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(parts.vault, "attach", fails)
        assert (await custodian.post("/v1/records", world.anchor_body(sealed, leaf), KEY)).status_code == 503
    done(await custodian.post("/v1/records", world.anchor_body(sealed, leaf), KEY), 201)
    content = await custodian.get(f"/v1/records/{hex_of(record_id(leaf))}/ciphertext")
    assert content.status_code == 200


async def test_grant_and_revocation_whose_answers_were_lost_are_resumed(
    world: World, parts: MemoryParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = world.people.patient
    subject = await world.enrol(key)
    patient, terms = world.signer(key), world.terms(subject)
    loses_answers(parts, monkeypatch, "grant")
    assert (await patient.post("/v1/consents", world.grant_body(key, terms), KEY)).status_code == 503
    done(await patient.post("/v1/consents", world.grant_body(key, terms), KEY), 201)

    target, body = f"/v1/consents/{hex_of(consent_id(terms))}/revocation", world.revocation_body(key, terms)
    loses_answers(parts, monkeypatch, "revoke")
    assert (await patient.post(target, body, KEY + "-2")).status_code == 503
    answer = done(await patient.post(target, body, KEY + "-2"), 200)
    view = await world.context.projection.consent(consent_id(terms))
    assert view is not None
    assert view.revocation is not None
    assert answer["anchor"]["transactionHash"] == hex_of(view.revocation.transaction_hash)


async def test_resumed_enrolment_of_somebody_else_is_a_conflict(
    world: World, parts: MemoryParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = world.people
    custodian = world.institution(people.custodian)
    enrolment, body = world.enrolment(people.patient)
    _, other = world.enrolment(people.stranger, enrolment.subject_id)
    enrol = parts.ledger.enrol

    async def overtaken(*_: object) -> object:
        monkeypatch.setattr(parts.ledger, "enrol", enrol)
        done(await custodian.post("/v1/subjects", other), 201)
        raise LedgerUnavailableError("answer was lost")

    monkeypatch.setattr(parts.ledger, "enrol", overtaken)
    assert (await custodian.post("/v1/subjects", body, KEY)).status_code == 503
    assert (await custodian.post("/v1/subjects", body, KEY)).status_code == 409
    found = await world.context.projection.subject(enrolment.subject_id)
    assert found is not None
    assert (found.signer, found.custodian) == (people.stranger.signer, Address(people.custodian.address))
