"""The end of a record over HTTP: restricted, erased, attested; and what others make of results."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from consentry.api.act_schemas import ActItem, ErasureItem, RecognitionCounts
from consentry.core.act_table import name_of
from consentry.core.codes import Category, ErasureReason, MarkScope, RecordStatus, RefusalReason, RestrictionReason
from consentry.core.erasures import (
    CorrectionRequest,
    DeletionAttestation,
    Erasure,
    ErasureOfficerAdmission,
    ErasureRequest,
    Restriction,
)
from consentry.core.recognitions import Recognition, ResultMark, StudyRegistration
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, RecordId, SubjectId
from consentry.crypto.signing import AccountKey, SigningKey, sign
from consentry.errors import ConflictError, VaultUnavailableError
from consentry.evidence.notation import hex_of, write
from tests.support.gateway_world import Institution, Json, MemoryParts, World, done

OFFICERS = (AccountKey(b"\x01" * 32), AccountKey(b"\x02" * 32))
ITEM = 250_101


def end() -> tuple[int, int]:
    return time.time_ns(), int(time.time()) + 600


def body_of(world: World, act: SignedAct, keys: Sequence[SigningKey]) -> Json:
    domain = world.context.ledger.domain(act.FORM.contract)
    return {"act": write(act), "signatures": [hex_of(sign(key, domain, act)) for key in keys]}


async def take(world: World, by: Institution, act: SignedAct, *keys: SigningKey, status: int = 201) -> Json:
    caller = world.institution(by)
    return done(await caller.post(f"/v1/acts/{name_of(type(act))}", body_of(world, act, keys)), status)


async def staff(world: World) -> None:
    own = world.people.custodian
    for officer in OFFICERS:
        act = ErasureOfficerAdmission(own.address, officer.signer, *end())
        await take(world, own, act, own.key, officer)


def erasure(world: World, record: RecordId, subject: SubjectId, report: bytes, **changes: Any) -> Erasure:  # noqa: ANN401 - members by name
    own, signers = world.people.custodian.address, [officer.signer for officer in OFFICERS]
    reason = ErasureReason.WRONG_PATIENT
    return replace(Erasure(record, own, subject, reason, report, signers[0], signers[1], *end()), **changes)


async def shown(world: World, record: RecordId) -> ErasureItem:
    found = done(await world.institution(world.people.custodian).get(f"/v1/records/{hex_of(record)}/erasure"), 200)
    return ErasureItem.model_validate(found)


async def erased(world: World, record: RecordId, subject: SubjectId) -> Erasure:
    report = bytes.fromhex((await shown(world, record)).report_digest[2:])
    act = erasure(world, record, subject, report)
    own = world.institution(world.people.custodian)
    answer = await own.post(f"/v1/records/{hex_of(record)}/erasure", body_of(world, act, OFFICERS))
    assert done(answer, 201)["keysDestroyed"] is True
    return act


async def record_of(world: World, **changes: Any) -> tuple[SubjectId, RecordId]:  # noqa: ANN401 - members of a leaf
    subject = await world.enrol(world.people.patient)
    return subject, await world.add_record(subject, **changes)


async def test_record_is_erased_by_two_officers_and_its_deletion_attested(world: World) -> None:
    people = world.people
    subject, record = await record_of(world)
    consent = await world.grant(people.patient, world.terms(subject))
    await staff(world)
    before = await shown(world, record)
    assert hashlib.sha256(before.report.encode()).hexdigest() == before.report_digest[2:]
    assert (before.status, before.keys_destroyed, before.deleted_at) == ("CURRENT", False, 0)

    await erased(world, record, subject)

    after = await shown(world, record)
    assert (after.status, after.keys_destroyed, after.report) == ("ERASED", True, before.report)
    refused = await world.ask(world.request(record, consent, people.hospital), people.hospital)
    assert (refused.status_code, refused.json()["reason"]) == (403, "RECORD_ERASED")
    content = await world.institution(people.custodian).get(f"/v1/records/{hex_of(record)}/ciphertext")
    assert content.status_code == 410
    listed = done(await world.signer(people.patient).get(f"/v1/records/{hex_of(record)}"), 200)
    assert listed["status"] == "ERASED"
    act = DeletionAttestation(record, people.custodian.address, subject, after.deleted_at, 1, *end())
    await take(world, people.custodian, act, people.custodian.key)
    kinds = [
        item["kind"]
        for item in done(await world.signer(people.patient).get(f"/v1/subjects/{hex_of(subject)}/acts"), 200)["items"]
    ]
    assert kinds == ["erasure", "deletion-attestation"]


async def test_erasure_of_another_report_or_by_another_gateway_destroys_nothing(world: World) -> None:
    people = world.people
    subject, record = await record_of(world)
    await staff(world)
    target = f"/v1/records/{hex_of(record)}/erasure"
    wrong = erasure(world, record, subject, b"\x01" * 32)
    report = bytes.fromhex((await shown(world, record)).report_digest[2:])

    refused = await world.institution(people.custodian).post(target, body_of(world, wrong, OFFICERS))
    foreign = await world.institution(people.hospital).post(target, body_of(world, wrong, OFFICERS))
    elsewhere = erasure(world, RecordId(ZERO_32), subject, report)
    other = await world.institution(people.custodian).post(target, body_of(world, elsewhere, OFFICERS))
    early = erasure(world, record, subject, report, reason_code=ErasureReason.RETENTION_OVER)
    running = await world.institution(people.custodian).post(target, body_of(world, early, OFFICERS))

    assert [a.status_code for a in (refused, foreign, other, running)] == [422, 404, 422, 403]
    assert (await world.institution(people.hospital).get(target)).status_code == 404
    after = await shown(world, record)
    assert (after.status, after.keys_destroyed) == ("CURRENT", False)


async def test_erasure_passed_on_elsewhere_is_carried_out_unasked(world: World, parts: MemoryParts) -> None:
    people = world.people
    subject, record = await record_of(world)
    other = await world.add_record(subject, b"another")
    await staff(world)
    await take(world, people.hospital, erasure(world, record, subject, b"\x01" * 32), *OFFICERS)
    assert (await parts.vault.remains(record)).keys_destroyed is False

    assert await world.context.erasures.carry_out() == 1

    assert (await parts.vault.remains(record)).keys_destroyed
    assert not (await parts.vault.remains(other)).keys_destroyed
    assert await world.context.erasures.carry_out() == 0


async def test_erasure_that_meets_a_fault_is_finished_later(world: World, parts: MemoryParts) -> None:
    people = world.people
    subject, record = await record_of(world)
    await staff(world)
    await take(world, people.custodian, erasure(world, record, subject, b"\x01" * 32), *OFFICERS)
    parts.vault.down = True
    with pytest.raises(VaultUnavailableError):
        await world.context.erasures.carry_out()
    parts.vault.down = False

    assert await world.context.erasures.carry_out() == 1

    assert (await parts.vault.remains(record)).keys_destroyed


async def test_keys_are_destroyed_for_the_chain_s_sake_alone(world: World, parts: MemoryParts) -> None:
    """A row of the projection that somebody wrote must not make the gateway destroy anything."""
    _, record = await record_of(world)

    with pytest.raises(ConflictError):
        await world.context.erasures.finish(record)

    assert not (await parts.vault.remains(record)).keys_destroyed


async def test_restricted_record_is_opened_to_nobody_until_that_is_lifted(world: World) -> None:
    people = world.people
    subject, record = await record_of(world)
    consent = await world.grant(people.patient, world.terms(subject))
    about = (record, people.custodian.address, subject)
    done(await world.ask(world.request(record, consent, people.hospital), people.hospital), 200)
    target = f"/v1/records/{hex_of(record)}/ciphertext"

    reason = RestrictionReason.RETENTION_RUNS
    await take(world, people.custodian, Restriction(*about, True, reason, *end()), people.custodian.key)  # noqa: FBT003 - a member of the act
    refused = await world.ask(world.request(record, consent, people.hospital), people.hospital)
    content = [await world.institution(who).get(target) for who in (people.hospital, people.custodian)]
    listed = done(await world.signer(people.patient).get(f"/v1/records/{hex_of(record)}"), 200)
    await take(world, people.custodian, Restriction(*about, False, reason, *end()), people.custodian.key)  # noqa: FBT003 - a member of the act

    assert (refused.status_code, listed["status"]) == (403, "RESTRICTED")
    assert [answer.status_code for answer in content] == [403, 403]
    done(await world.ask(world.request(record, consent, people.hospital), people.hospital), 200)


async def test_record_restricted_between_decision_and_release_is_not_released(world: World, parts: MemoryParts) -> None:
    people = world.people
    subject, record = await record_of(world)
    consent = await world.grant(people.patient, world.terms(subject))
    about = (record, people.custodian.address, subject)
    act = Restriction(*about, True, RestrictionReason.LEGAL_CLAIM, *end())  # noqa: FBT003 - a member of the act

    async def meanwhile() -> None:
        domain = world.context.ledger.domain("Records")
        await world.context.ledger.perform(act, [sign(people.custodian.key, domain, act)])

    parts.vault.on_write = meanwhile
    refused = await world.ask(world.request(record, consent, people.hospital), people.hospital)

    assert (refused.status_code, parts.vault.released) == (403, [])


async def test_requests_of_a_patient_stand_beside_what_became_of_them(world: World) -> None:
    people = world.people
    subject, record = await record_of(world)
    about = (record, people.custodian.address, subject, ZERO_32)
    await take(world, people.custodian, ErasureRequest(*about, *end()), people.patient)
    await take(world, people.custodian, CorrectionRequest(*about, b"\x01" * 32, *end()), people.patient)
    await take(world, people.custodian, CorrectionRequest(*about, b"\x01" * 32, *end()), people.stranger, status=401)

    target = f"/v1/institutions/{hex_of(people.custodian.address)}/acts"
    listed = done(await world.institution(people.custodian).get(target), 200)["items"]

    assert [item["kind"] for item in listed] == ["erasure-request", "correction-request"]
    assert await world.context.ledger.record_status(record) == RecordStatus.CURRENT


# Results.


async def test_marked_result_is_accepted_or_not_and_counted_for_both(world: World) -> None:
    people = world.people
    subject, first = await record_of(world, category=Category.LABORATORY)
    second = await world.add_record(subject, b"another")
    for record in (first, second):
        about = (record, people.custodian.address, subject)
        mark = ResultMark(*about, ITEM, MarkScope.NATIONAL, 0, int(time.time()), *end())
        await take(world, people.custodian, mark, people.custodian.key)
    shown = done(await world.institution(people.hospital).get(f"/v1/records/{hex_of(first)}/mark"), 200)
    assert ActItem.model_validate(shown).act["itemCode"] == ITEM
    for record, accepted in ((first, False), (first, True), (second, False)):
        reason = 0 if accepted else RefusalReason.QUALITY_DOUBTED
        who = (record, people.hospital.address, subject, b"\x09" * 32)
        said = Recognition(*who, accepted, reason, not accepted, *end())
        await take(world, people.hospital, said, people.hospital.key)

    counts = {}
    for institution in (people.hospital, people.custodian, people.clinic):
        target = f"/v1/institutions/{hex_of(institution.address)}/recognitions"
        found = RecognitionCounts.model_validate(done(await world.institution(institution).get(target), 200))
        counts[institution.address] = [tuple(item.model_dump().values()) for item in found.items]

    assert counts[people.hospital.address] == [(ITEM, 1, 1, 0, 0)]
    assert counts[people.custodian.address] == [(ITEM, 0, 0, 1, 1)]
    assert counts[people.clinic.address] == []
    target = f"/v1/institutions/{hex_of(people.hospital.address)}/recognitions"
    assert (await world.institution(people.clinic).get(target)).status_code == 404
    done(await world.signer(people.province).get(target), 200)


async def test_registered_study_is_shown_to_members_and_not_to_strangers(world: World) -> None:
    people = world.people
    subject, record = await record_of(world)
    target = f"/v1/records/{hex_of(record)}/study"
    assert (await world.institution(people.hospital).get(target)).status_code == 404
    about = (record, people.custodian.address, subject)
    act = StudyRegistration(*about, b"\x01" * 32, b"\x02" * 32, 3, *end())

    await take(world, people.custodian, act, people.custodian.key)

    found = ActItem.model_validate(done(await world.institution(people.hospital).get(target), 200))
    assert (found.kind, found.act["instances"]) == ("study-registration", 3)
    assert (await world.signer(people.stranger).get(target)).status_code == 404
