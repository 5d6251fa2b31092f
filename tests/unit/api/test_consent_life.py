"""Asks, assisted consents and what follows a revocation, over HTTP."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from consentry.api import act_schemas, schemas
from consentry.core.act_table import name_of
from consentry.core.asks import COOL_DOWN, AskDenial, ConsentAsk, widest_answer
from consentry.core.assisted_grants import TIME_TO_UNDO, Assistance
from consentry.core.codes import Action, Assurance, Category, ExclusionKind, bits
from consentry.core.exclusions import Exclusion, ExclusionLift, target_of_institution
from consentry.core.revocations import ErasureAttestation, RevocationAcknowledgement
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, ConsentTerms, SubjectId
from consentry.core.typed_data import consent_id, struct_hash
from consentry.crypto.signing import SigningKey, sign
from consentry.evidence.notation import Json, hex_of, write
from tests.support.gateway_world import DAY, MONTH, Institution, World, done

PERSON = b"\x9a" * 32


def soon() -> int:
    return int(time.time()) + 600


async def send(world: World, act: SignedAct, key: SigningKey, by: Institution | None = None) -> httpx.Response:
    """Sends an act with the signature of a key, as an institution or as whoever signed."""
    caller: Any = world.institution(by) if by else world.signer(key)
    signature = sign(key, world.context.ledger.domain(act.FORM.contract), act)
    body = {"act": write(act), "signatures": [hex_of(signature)]}
    answer: httpx.Response = await caller.post(f"/v1/acts/{name_of(type(act))}", body)
    return answer


def ask_by(institution: Institution, subject: SubjectId, **changes: Any) -> ConsentAsk:  # noqa: ANN401 - any member
    now = int(time.time())
    ask = ConsentAsk(
        institution=institution.address,
        subject_id=subject,
        practitioner=ZERO_32,
        purpose=1,
        categories=bits(Category.IMAGING, Category.LABORATORY),
        records_root=ZERO_32,
        actions=bits(Action.VIEW),
        max_sensitivity=3,
        data_from=MONTH - 12,
        data_until=MONTH + 12,
        valid_until=now + 30 * DAY,
        max_uses=5,
        notice_hash=b"\x0e" * 32,
        notice_version=1,
        lapses_at=now + 7 * DAY,
        nonce=secrets.randbits(256),
        sign_before=soon(),
    )
    return replace(ask, **changes)


async def asked(world: World, institution: Institution, subject: SubjectId) -> ConsentAsk:
    ask = ask_by(institution, subject)
    done(await send(world, ask, institution.key, institution), 201)
    return ask


async def asks_seen(caller: Any, subject: SubjectId) -> list[act_schemas.AskItem]:  # noqa: ANN401 - any caller
    answer = done(await caller.get(f"/v1/subjects/{hex_of(subject)}/asks"), 200)
    return act_schemas.AskPage.model_validate(answer).items


async def duties_seen(world: World, caller: Any, institution: Institution) -> list[act_schemas.DutyItem]:  # noqa: ANN401 - of no type of its own
    del world
    answer = done(await caller.get(f"/v1/institutions/{hex_of(institution.address)}/duties"), 200)
    return act_schemas.DutyList.model_validate(answer).items


async def test_patient_answers_an_ask_with_less(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    ask = await asked(world, people.hospital, subject)
    record = await world.add_record(subject)
    [shown] = await asks_seen(world.signer(people.patient), subject)
    terms = replace(widest_answer(ask), categories=bits(Category.IMAGING), valid_from=int(time.time()) - 60, max_uses=1)
    prepared = done(
        await world.signer(people.patient).post("/v1/consents/prepare", {"terms": write(terms), "language": "en"}), 200
    )

    consent = await world.grant(people.patient, terms)
    permitted = await world.ask(world.request(record, consent, people.hospital), people.hospital)

    assert (shown.status, shown.ask_id) == ("OPEN", hex_of(struct_hash(ask)))
    assert prepared["terms"]["nonce"] == str(terms.nonce)
    assert permitted.status_code == 200
    assert [item.status for item in await asks_seen(world.signer(people.patient), subject)] == ["ANSWERED"]


async def test_answer_wider_than_the_ask_is_refused(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    ask = await asked(world, people.hospital, subject)
    terms = replace(widest_answer(ask), max_uses=6)

    refused = await world.signer(people.patient).post("/v1/consents", world.grant_body(people.patient, terms))

    assert (refused.status_code, refused.json()["code"]) == (422, "input.invalid")
    assert "AsksAnswerWider" in refused.json()["detail"]


async def test_second_ask_after_a_denial_has_a_problem_of_its_own(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    ask = await asked(world, people.hospital, subject)
    again = ask_by(people.hospital, subject)
    open_yet = await send(world, again, people.hospital.key, people.hospital)
    denial = AskDenial(struct_hash(ask), subject, ZERO_32, soon())
    done(await send(world, denial, people.patient), 201)

    refused = await send(world, replace(again, nonce=1), people.hospital.key, people.hospital)

    assert (open_yet.status_code, open_yet.json()["code"]) == (409, "conflict")
    problem = schemas.Problem.model_validate(refused.json())
    assert (refused.status_code, problem.code) == (429, "ask.cool-down")
    [shown] = await asks_seen(world.signer(people.patient), subject)
    assert shown.status == "DENIED"
    assert shown.cool_down_ends == shown.place.block_time + COOL_DOWN or shown.cool_down_ends > time.time()
    other = ask_by(people.hospital, subject, purpose=4)
    done(await send(world, other, people.hospital.key, people.hospital), 201)


async def test_institution_sees_its_own_asks_and_no_denial_of_others(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    ask = await asked(world, people.hospital, subject)
    await asked(world, people.clinic, subject)
    done(await send(world, AskDenial(struct_hash(ask), subject, ZERO_32, soon()), people.patient), 201)
    custodian, hospital = world.institution(people.custodian), world.institution(people.hospital)

    seen = [len(await asks_seen(caller, subject)) for caller in (custodian, hospital)]
    acts = done(await custodian.get(f"/v1/subjects/{hex_of(subject)}/acts"), 200)["items"]
    own = done(await world.signer(people.patient).get(f"/v1/subjects/{hex_of(subject)}/acts"), 200)["items"]

    assert (seen, acts) == ([0, 1], [])
    assert [item["kind"] for item in own] == ["consent-ask", "consent-ask", "ask-denial"]


async def test_asks_are_shown_to_no_stranger(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    await asked(world, people.hospital, subject)

    answer = await world.signer(people.stranger).get(f"/v1/subjects/{hex_of(subject)}/asks")

    assert answer.status_code == 404


async def test_exclusion_and_its_lift_are_listed(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    target = target_of_institution(people.hospital.address)
    act = Exclusion(subject, ZERO_32, ExclusionKind.INSTITUTION, target, 1, soon())
    by_custodian = await send(world, act, people.custodian.key, people.custodian)
    done(await send(world, act, people.patient), 201)
    again = await send(world, replace(act, nonce=2), people.patient)
    lift = ExclusionLift(subject, ZERO_32, ExclusionKind.INSTITUTION, target, 3, soon())
    done(await send(world, lift, people.patient), 201)

    listed = done(await world.signer(people.patient).get(f"/v1/subjects/{hex_of(subject)}/acts"), 200)["items"]

    assert (by_custodian.status_code, again.status_code) == (401, 409)
    assert [item["kind"] for item in listed] == ["exclusion", "exclusion-lift"]


# Assisted


def assisted_terms(world: World, subject: SubjectId, **changes: Any) -> ConsentTerms:  # noqa: ANN401 - any member
    return world.terms(subject, assurance=Assurance.STAFF_ASSISTED, **changes)


async def prepared(world: World, terms: ConsentTerms) -> None:
    clinic = world.people.clinic
    parties = consent_id(terms), terms.subject_id, clinic.address
    act = Assistance(*parties, PERSON, b"\x0f" * 32, secrets.randbits(256), soon())
    done(await send(world, act, clinic.key, clinic), 201)


async def test_assisted_consent_is_completed_by_the_patient_alone_and_can_be_undone(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    terms = assisted_terms(world, subject)
    unprepared = await world.signer(people.patient).post("/v1/consents", world.grant_body(people.patient, terms))
    await prepared(world, terms)
    by_staff = await world.institution(people.clinic).post("/v1/consents", world.grant_body(people.clinic.key, terms))

    await world.grant(people.patient, terms)
    page = done(await world.signer(people.patient).get(f"/v1/subjects/{hex_of(subject)}/consents"), 200)
    await world.revoke(people.patient, terms)

    assert (unprepared.status_code, by_staff.status_code) == (409, 401)
    [shown] = schemas.ConsentPage.model_validate(page).items
    assert shown.undo_until == shown.granted_at + TIME_TO_UNDO
    target = f"/v1/institutions/{hex_of(people.clinic.address)}/assisted-consents"
    counts = {"granted": 1, "inQuarter": 1, "undone": 1}
    for caller in (world.institution(people.clinic), world.signer(people.province)):
        assert done(await caller.get(target), 200) == counts
    assert (await world.institution(people.hospital).get(target)).status_code == 404


async def test_consent_signed_with_a_device_has_nothing_to_undo(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    await world.grant(people.patient, world.terms(subject))

    page = done(await world.signer(people.patient).get(f"/v1/subjects/{hex_of(subject)}/consents"), 200)

    assert [item["undoUntil"] for item in page["items"]] == [0]


@pytest.mark.parametrize("changes", [{"max_sensitivity": 4}, {"purposes": bits(9)}])
async def test_assisted_consent_beyond_its_caps_is_refused(world: World, changes: Json) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    terms = assisted_terms(world, subject, **changes)
    await prepared(world, terms)

    refused = await world.signer(people.patient).post("/v1/consents", world.grant_body(people.patient, terms))

    assert (refused.status_code, refused.json()["code"]) == (422, "input.invalid")


# What follows a revocation


async def test_duties_are_listed_until_they_are_done(world: World) -> None:
    people = world.people
    hospital, subject = people.hospital, await world.enrol(people.patient)
    record = await world.add_record(subject)
    actions = bits(Action.VIEW, Action.STORE)
    terms = world.terms(subject, actions=actions, erase_by=int(time.time()) + 20 * DAY)
    consent = await world.grant(people.patient, terms)
    done(await world.ask(world.request(record, consent, hospital, action=Action.STORE), hospital), 200)
    await world.revoke(people.patient, terms)
    own, custodian = world.institution(hospital), world.institution(people.custodian)
    before = await duties_seen(world, own, hospital)

    acknowledged = RevocationAcknowledgement(consent, hospital.address, subject, 1, soon())
    done(await send(world, acknowledged, hospital.key, hospital), 201)
    between = await duties_seen(world, own, hospital)
    erased = ErasureAttestation(consent, hospital.address, subject, 1, int(time.time()) - 5, PERSON, soon())
    done(await send(world, erased, hospital.key, hospital), 201)

    assert [(duty.kind, duty.overdue) for duty in before] == [("ACKNOWLEDGE", False), ("ERASE", False)]
    assert [duty.kind for duty in between] == ["ERASE"]
    assert await duties_seen(world, own, hospital) == []
    assert [duty.kind for duty in await duties_seen(world, custodian, people.custodian)] == ["ACKNOWLEDGE"]
    assert [duty.kind for duty in await duties_seen(world, world.signer(people.province), people.custodian)] == [
        "ACKNOWLEDGE"
    ]


async def test_duties_of_another_institution_are_not_shown(world: World) -> None:
    people = world.people
    target = f"/v1/institutions/{hex_of(people.custodian.address)}/duties"

    assert (await world.institution(people.hospital).get(target)).status_code == 404
    assert (await world.signer(people.patient).get(target)).status_code == 403


async def test_acknowledgement_of_what_was_not_revoked_is_refused(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    terms = world.terms(subject)
    consent = await world.grant(people.patient, terms)
    act = RevocationAcknowledgement(consent, people.hospital.address, subject, 0, soon())

    assert (await send(world, act, people.hospital.key, people.hospital)).status_code == 404
