"""Guardians and keys over HTTP: appointed, granting, seeing, kept from what a minor shields; rotated, recovered."""

from __future__ import annotations

import time
from typing import Any

import pytest

from consentry.core.act_table import name_of
from consentry.core.calendar import begins_quarter
from consentry.core.codes import (
    DAY,
    Assurance,
    ConsentStatus,
    GuardianKind,
    GuardianScope,
    RecoveryObjector,
    RecoveryProposer,
    bits,
)
from consentry.core.exclusions import Exclusion
from consentry.core.guardianship import Circumstances, GuardianAppointment
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import (
    CardRegistration,
    CardRemoval,
    RecoveryCompletion,
    RecoveryObjection,
    RecoveryProposal,
    SignerRotation,
)
from consentry.core.subject_facts import RECOVERY_DELAY
from consentry.core.terms import ZERO_32, ConsentTerms, Revocation, SubjectId
from consentry.core.typed_data import consent_id, struct_hash
from consentry.crypto.signing import AccountKey, SigningKey, sign
from consentry.evidence.notation import hex_of, write
from tests.support.gateway_world import Json, MemoryParts, World, done

SEEING = bits(GuardianScope.GRANT, GuardianScope.REVOKE, GuardianScope.SEE)


def later() -> int:
    """Gives when acts must be sent."""
    return int(time.time()) + DAY


def next_quarter() -> int:
    """Gives the second quarter from now on, so that there is time until then."""
    day = int(time.time()) // DAY + 100
    while not begins_quarter(day * DAY):
        day += 1
    return day * DAY


def body(world: World, act: SignedAct, *keys: SigningKey) -> Json:
    domain = world.context.ledger.domain(act.FORM.contract)
    return {"act": write(act), "signatures": [hex_of(sign(key, domain, act)) for key in keys]}


async def perform(world: World, act: SignedAct, *keys: SigningKey, status: int = 201) -> bytes:
    """Sends an act as the custodian does; gives its hash."""
    target = f"/v1/acts/{name_of(type(act))}"
    done(await world.institution(world.people.custodian).post(target, body(world, act, *keys)), status)
    return struct_hash(act)


async def note(world: World, subject: SubjectId, *, shielded: bool = False) -> int:
    """Notes a minority; gives its end."""
    end = next_quarter()
    act = Circumstances(subject, end, shielded, deceased=False, evidence_hash=b"\1" * 32, nonce=1, sign_before=later())
    await perform(world, act, world.people.custodian.key)
    return end


def appointment(subject: SubjectId, guardian: SigningKey, kind: int, until: int) -> GuardianAppointment:
    return GuardianAppointment(subject, guardian.signer, kind, SEEING, 0, until, b"\1" * 32, 1, later())


async def parent_of(world: World, subject: SubjectId, until: int) -> tuple[AccountKey, bytes]:
    """Appoints a parent; gives the key and the appointment."""
    parent = AccountKey.generate()
    act = appointment(subject, parent, GuardianKind.PARENT, until)
    return parent, await perform(world, act, parent, world.people.custodian.key)


def under(world: World, subject: SubjectId, name: bytes, **changes: Any) -> ConsentTerms:  # noqa: ANN401 - any member
    return world.terms(subject, guardian=name, assurance=Assurance.GUARDIAN, **changes)


async def listed(world: World, key: SigningKey, subject: SubjectId, what: str) -> list[Json]:
    answer = done(await world.signer(key).get(f"/v1/subjects/{hex_of(subject)}/{what}"), 200)
    items: list[Json] = answer["items"]
    return items


async def test_parent_grants_sees_and_takes_back_for_a_child(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    end = await note(world, subject)
    parent, name = await parent_of(world, subject, end)
    terms = under(world, subject, name)

    consent = await world.grant(parent, terms)
    done(await world.ask(world.request(record, consent, people.hospital), people.hospital), 200)

    own = done(await world.signer(parent).get("/v1/subjects"), 200)["items"]
    assert [(item["subjectId"], item["actingAs"]) for item in own] == [(hex_of(subject), "GUARDIAN")]
    [shown] = await listed(world, parent, subject, "consents")
    assert (shown["consentId"], shown["needsReconsent"]) == (hex_of(consent), False)
    assert len(await listed(world, parent, subject, "accesses")) == 1
    assert len(await listed(world, parent, subject, "records")) == 1
    kinds = [item["kind"] for item in await listed(world, parent, subject, "acts")]
    assert kinds == ["circumstances", "guardian-appointment"]
    target = f"/v1/consents/{hex_of(consent)}/revocation"
    asked = {"guardian": hex_of(name)}
    document = done(await world.signer(parent).post(f"{target}/prepare", asked), 200)["document"]
    assert document["message"]["guardian"] == hex_of(name)
    signature = sign(parent, world.context.ledger.domain("Consents"), Revocation(consent, subject, name))
    done(await world.signer(parent).post(target, {"signature": hex_of(signature), **asked}), 200)
    [shown] = await listed(world, people.patient, subject, "consents")
    assert shown["status"] == "REVOKED"


async def test_child_grants_nothing_itself(world: World) -> None:
    subject = await world.enrol(world.people.patient)
    await note(world, subject)
    terms = world.terms(subject)
    refused = await world.signer(world.people.patient).post(
        "/v1/consents", world.grant_body(world.people.patient, terms)
    )
    assert refused.status_code == 401


async def test_guardian_is_a_stranger_once_the_minority_is_over(world: World, parts: MemoryParts) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    end = await note(world, subject)
    parent, name = await parent_of(world, subject, end)
    await world.grant(parent, under(world, subject, name, valid_until=end + DAY))

    parts.ledger.clock = lambda: end
    await world.chain.admit_authority(AccountKey.generate(), 330_000)  # a block of that time

    answer = await world.signer(parent).get(f"/v1/subjects/{hex_of(subject)}/consents")
    assert answer.status_code == 404
    assert done(await world.signer(parent).get("/v1/subjects"), 200)["items"] == []
    [shown] = await listed(world, people.patient, subject, "consents")
    assert (shown["status"], shown["needsReconsent"]) == ("ACTIVE", True)
    again = under(world, subject, name, valid_until=end + DAY)
    refused = await world.signer(parent).post("/v1/consents", world.grant_body(parent, again))
    assert refused.status_code == 401


async def test_what_a_shielded_minor_does_is_kept_from_its_guardian(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    end = await note(world, subject)
    parent, name = await parent_of(world, subject, end)
    await perform(world, Exclusion(subject, name, 3, b"\x09" * 32, 2, later()), parent)
    await note(world, subject, shielded=True)
    theirs = await world.grant(parent, under(world, subject, name))
    own = await world.grant(people.patient, terms := world.terms(subject))
    done(await world.ask(world.request(record, own, people.hospital), people.hospital), 200)
    done(await world.ask(world.request(record, theirs, people.hospital), people.hospital), 200)
    exclusion = Exclusion(subject, ZERO_32, 4, (2).to_bytes(32, "big"), 1, later())
    await perform(world, exclusion, people.patient)
    await perform(world, Exclusion(subject, name, 3, b"\x08" * 32, 2, later()), parent, status=403)

    assert [item["consentId"] for item in await listed(world, parent, subject, "consents")] == [hex_of(theirs)]
    shown = [item["request"]["consentId"] for item in await listed(world, parent, subject, "accesses")]
    assert shown == [hex_of(theirs)]
    kinds = [item["kind"] for item in await listed(world, parent, subject, "acts")]
    assert kinds == ["circumstances", "guardian-appointment", "exclusion", "circumstances"]
    assert len(await listed(world, people.patient, subject, "consents")) == 2
    assert len(await listed(world, people.patient, subject, "accesses")) == 2
    target = f"/v1/consents/{hex_of(own)}/revocation"
    assert (await world.signer(parent).post(f"{target}/prepare", {})).status_code == 404
    signature = sign(parent, world.context.ledger.domain("Consents"), Revocation(own, subject, name))
    sent = {"signature": hex_of(signature), "guardian": hex_of(name), "terms": write(terms)}
    assert (await world.signer(parent).post(target, sent)).status_code == 403


async def test_guardian_who_may_not_see_sees_nothing(world: World) -> None:
    subject = await world.enrol(world.people.patient)
    delegate = world.people.stranger
    scopes = bits(GuardianScope.GRANT)
    act = GuardianAppointment(subject, delegate.signer, GuardianKind.DELEGATE, scopes, 0, later(), ZERO_32, 1, later())
    await perform(world, act, delegate, world.people.patient)
    for what in ("consents", "records", "accesses", "acts"):
        assert (await world.signer(delegate).get(f"/v1/subjects/{hex_of(subject)}/{what}")).status_code == 404


async def test_rotated_signer_loses_sight_and_the_new_one_gains_it(world: World) -> None:
    people = world.people
    subject, new = await world.enrol(people.patient), AccountKey.generate()
    old = world.signer(people.patient)
    done(await old.get(f"/v1/subjects/{hex_of(subject)}/consents"), 200)

    await perform(world, SignerRotation(subject, new.signer, 1, later()), people.patient, new)

    assert (await old.get(f"/v1/subjects/{hex_of(subject)}/consents")).status_code == 404
    assert done(await old.get("/v1/subjects"), 200)["items"] == []
    consent = await world.grant(new, world.terms(subject))
    assert [item["consentId"] for item in await listed(world, new, subject, "consents")] == [hex_of(consent)]
    assert [item["kind"] for item in await listed(world, new, subject, "acts")] == ["signer-rotation"]
    terms = world.terms(subject)
    assert (await old.post("/v1/consents", world.grant_body(people.patient, terms))).status_code == 401


async def test_recovery_shows_at_once_and_counts_after_the_delay(world: World, parts: MemoryParts) -> None:
    people = world.people
    subject, new = await world.enrol(people.patient), AccountKey.generate()
    who = people.national.address.rjust(32, b"\0")
    by = RecoveryProposer.AUTHORITY
    act = RecoveryProposal(subject, new.signer, by, who, b"\1" * 32, 1, later() + 2 * RECOVERY_DELAY)
    recovery = await perform(world, act, new, people.national)

    [shown] = await listed(world, people.patient, subject, "acts")
    assert shown["kind"] == "recovery-proposal"
    assert (await world.signer(new).get(f"/v1/subjects/{hex_of(subject)}/acts")).status_code == 404
    completion = RecoveryCompletion(subject, recovery, later() + 2 * RECOVERY_DELAY)
    await perform(world, completion, status=409)
    parts.ledger.clock = lambda: int(time.time()) + RECOVERY_DELAY + 1
    await perform(world, completion)

    assert [item["kind"] for item in await listed(world, new, subject, "acts")][-1] == "recovery-completion"
    assert (await world.signer(people.patient).get(f"/v1/subjects/{hex_of(subject)}/acts")).status_code == 404


async def test_objection_stops_a_recovery(world: World) -> None:
    people = world.people
    subject, new = await world.enrol(people.patient), AccountKey.generate()
    who = people.national.address.rjust(32, b"\0")
    act = RecoveryProposal(subject, new.signer, RecoveryProposer.AUTHORITY, who, b"\1" * 32, 1, later())
    recovery = await perform(world, act, new, people.national)
    objection = RecoveryObjection(subject, recovery, RecoveryObjector.SIGNER, 1, later())
    await perform(world, objection, people.patient)
    await perform(world, RecoveryCompletion(subject, recovery, later()), status=404)


async def test_card_takes_back_what_it_granted_though_it_sees_nothing(world: World) -> None:
    people, card = world.people, AccountKey.generate()
    subject = await world.enrol(people.patient)
    await perform(world, CardRegistration(subject, card.signer, 1, later()), people.patient, card)
    terms = world.terms(subject, assurance=Assurance.CARD_AND_CODE)
    kept = world.terms(subject)
    target = f"/v1/consents/{hex_of(await world.grant(card, terms))}/revocation"
    await world.grant(people.patient, kept)
    prepared = done(await world.signer(card).post(f"{target}/prepare", {}), 200)
    assert prepared["terms"] == write(terms)
    assert (await world.signer(card).get(f"/v1/subjects/{hex_of(subject)}/consents")).status_code == 404
    stranger = world.signer(people.stranger)
    assert (await stranger.post(f"{target}/prepare", {})).status_code == 404
    assert (await stranger.post(target, world.revocation_body(card, terms))).status_code == 404
    refused = {**world.revocation_body(people.stranger, terms), "terms": write(terms)}
    assert (await world.signer(card).post(target, refused)).status_code == 401

    await world.revoke(card, terms)
    view = await world.context.projection.consent(consent_id(terms))
    assert view is not None
    assert view.status == ConsentStatus.REVOKED

    await perform(world, CardRemoval(subject, 1, later()), people.patient)
    target = f"/v1/consents/{hex_of(consent_id(kept))}/revocation"
    assert (await world.signer(card).post(f"{target}/prepare", {})).status_code == 404
    sent = {**world.revocation_body(card, kept), "terms": write(kept)}
    assert (await world.signer(card).post(target, sent)).status_code == 401


async def shown_with(world: World, subject: SubjectId, own: SigningKey, shared: AccountKey, role: str) -> None:
    """Has a key stand for a subject, as its signer, a former one, a card, a proposed signer or a guardian's."""
    national = world.people.national
    if role == "card":
        await perform(world, CardRegistration(subject, shared.signer, 1, later()), own, shared)
    elif role == "guardian":
        await perform(world, appointment(subject, shared, GuardianKind.DELEGATE, later()), shared, own)
    elif role == "proposed":
        who, by = national.address.rjust(32, b"\0"), RecoveryProposer.AUTHORITY
        act = RecoveryProposal(subject, shared.signer, by, who, b"\1" * 32, 1, later())
        await perform(world, act, shared, national)
    else:
        await perform(world, SignerRotation(subject, shared.signer, 1, later()), own, shared)
    if role == "former":
        await perform(world, SignerRotation(subject, own.signer, 2, later()), shared, own)


@pytest.mark.parametrize("role", ["signer", "former", "card", "proposed", "guardian"])
async def test_signer_that_was_shown_with_another_subject_is_refused(world: World, role: str) -> None:
    people, shared = world.people, AccountKey.generate()
    first, second = await world.enrol(people.patient), await world.enrol(people.p256)
    await shown_with(world, first, people.patient, shared, role)
    for act in (SignerRotation(second, shared.signer, 1, later()), CardRegistration(second, shared.signer, 1, later())):
        await perform(world, act, people.p256, shared, status=409)
    delegate = appointment(second, shared, GuardianKind.DELEGATE, later())
    await perform(world, delegate, shared, people.p256, status=409)
    _, enrolment = world.enrolment(shared)
    refused = await world.institution(people.custodian).post("/v1/subjects", enrolment)
    assert refused.status_code == 409


async def test_stranger_does_not_learn_whose_key_it_is(world: World) -> None:
    """What the contract would not take is answered as it is for a key that nobody knows."""
    people, unknown, prober = world.people, AccountKey.generate(), AccountKey.generate()
    known, own = await world.enrol(people.patient), await world.enrol(prober)
    assert known != own
    caller, answers = world.signer(prober), []
    for key in (people.patient, unknown):
        rotation = SignerRotation(own, key.signer, 1, later())
        answer = await caller.post("/v1/acts/signer-rotation", body(world, rotation, prober, prober))
        enrolment, sent = world.enrolment(key)
        forged = hex_of(sign(prober, world.context.ledger.domain("Subjects"), enrolment))
        sent |= {"subjectSignature": forged, "custodianSignature": forged}
        enrolled = await caller.post("/v1/subjects", sent)
        answers.append([(each.status_code, each.json()["code"]) for each in (answer, enrolled)])

    assert answers[0] == answers[1]
    assert [status for status, _ in answers[0]] == [401, 401]


async def test_consent_of_a_guardian_carries_its_id(world: World) -> None:
    subject = await world.enrol(world.people.patient)
    end = await note(world, subject)
    parent, name = await parent_of(world, subject, end)
    wanted = write(under(world, subject, name, notice_hash=ZERO_32, notice_version=0))
    asked = {"terms": wanted, "language": "en"}
    shown = done(await world.signer(parent).post("/v1/consents/prepare", asked), 200)
    assert f"under the appointment {hex_of(name)}" in shown["notice"]["text"]
    assert consent_id(under(world, subject, name)) != consent_id(world.terms(subject))
