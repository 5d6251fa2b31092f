"""The story over HTTP: enrol, take in, grant, decide, release, open, refuse, revoke, look back."""

from __future__ import annotations

import hashlib

import pytest

from consentry.api import schemas
from consentry.core import heads
from consentry.core.codes import Category, Standing, bits
from consentry.core.terms import ZERO_32, AccessEntry, RecordLeaf
from consentry.core.typed_data import consent_id, record_id
from consentry.crypto.commitment import verify_commitment
from consentry.crypto.keywrap import ReleaseContext, unwrap_record_keys
from consentry.crypto.sealing import Opener, sealing_context
from consentry.evidence.notation import bytes_of, hex_of, read, write
from consentry.gateway.ports import RecordView
from tests.support.gateway_world import CONTENT, World, done


async def opened(world: World, answer: dict[str, object], ciphertext: bytes) -> bytes:
    """Opens what an institution got, from the chain's word alone."""
    permitted = schemas.AccessAnswer.model_validate(answer)
    request, leaf = permitted.decision.request.value(), permitted.record.leaf.value()
    entry = AccessEntry(
        request=request,
        subject_id=leaf.subject_id,
        reason=0,
        decided_at=permitted.decision.decided_at,
        subject_sequence=permitted.decision.receipt.subject_sequence,
        institution_sequence=permitted.decision.receipt.institution_sequence,
    )
    domain = world.context.ledger.domain("AccessLedger")
    context = ReleaseContext(
        chain_id=domain.chain_id,
        access_ledger=domain.verifying_contract,
        record_id=request.record_id,
        record_version=leaf.version,
        consent_id=request.consent_id,
        request_id=request.request_id,
        decision_id=heads.hash_of(entry),
        release_key_hash=request.release_key_hash,
    )
    keys = unwrap_record_keys(bytes_of(permitted.key.wrapped), world.people.hospital.seed, context)
    object_id = bytes_of(permitted.key.object_id, 32)
    opener = Opener(keys.data_key, sealing_context(object_id, leaf.version))
    plaintext = opener.update(ciphertext) + opener.finalize()
    verify_commitment(
        leaf.commitment,
        keys.blinding,
        object_id=object_id,
        version=leaf.version,
        size=len(plaintext),
        plaintext_sha256=hashlib.sha256(plaintext).digest(),
    )
    return plaintext


async def test_granted_access_gives_a_key_that_opens_the_record(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    consent = await world.grant(people.patient, world.terms(subject))

    answer = done(await world.ask(world.request(record, consent, people.hospital), people.hospital), 200)
    content = await world.institution(people.hospital).get(f"/v1/records/{hex_of(record)}/ciphertext")

    assert content.status_code == 200
    assert await opened(world, answer, content.content) == CONTENT


@pytest.mark.parametrize("kind", ["passkey", "p256"])
async def test_patient_without_an_account_grants_and_revokes(world: World, kind: str) -> None:
    people = world.people
    key = getattr(people, kind)
    subject = await world.enrol(key)
    record = await world.add_record(subject)
    terms = world.terms(subject)
    consent = await world.grant(key, terms)

    done(await world.ask(world.request(record, consent, people.hospital), people.hospital), 200)
    await world.revoke(key, terms)
    refused = await world.ask(world.request(record, consent, people.hospital), people.hospital)

    assert (refused.status_code, refused.json()["reason"]) == (403, "CONSENT_REVOKED")


async def test_access_outside_the_scope_is_refused_on_record(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    bundle = await world.add_record(subject, category=Category.LABORATORY)
    consent = await world.grant(people.patient, world.terms(subject))
    request = world.request(bundle, consent, people.hospital)

    refused = await world.ask(request, people.hospital)

    problem = schemas.Problem.model_validate(refused.json())
    assert (refused.status_code, problem.code, problem.reason) == (403, "access.denied", "RECORD_NOT_IN_SCOPE")
    assert problem.receipt is not None
    log = done(await world.signer(people.patient).get(f"/v1/subjects/{hex_of(subject)}/accesses"), 200)
    (line,) = schemas.AccessPage.model_validate(log).items
    assert (line.permitted, line.reason) == (False, "RECORD_NOT_IN_SCOPE")
    assert line.place.transaction_hash == problem.receipt.transaction_hash


async def test_access_without_consent_is_refused_on_record(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)

    refused = await world.ask(world.request(record, ZERO_32, people.hospital), people.hospital)

    assert (refused.status_code, refused.json()["reason"]) == (403, "CONSENT_MISSING")
    content = await world.institution(people.hospital).get(f"/v1/records/{hex_of(record)}/ciphertext")
    assert content.status_code == 404


async def test_suspended_institution_is_refused_on_record_and_gets_no_ciphertext(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    consent = await world.grant(people.patient, world.terms(subject))
    done(await world.ask(world.request(record, consent, people.hospital), people.hospital), 200)
    await world.chain.set_standing(people.hospital, Standing.SUSPENDED)
    await world.context.projection.wait_for((await world.context.ledger.head()).number)

    refused = await world.ask(world.request(record, consent, people.hospital), people.hospital)
    content = await world.institution(people.hospital).get(f"/v1/records/{hex_of(record)}/ciphertext")

    assert (refused.status_code, refused.json()["reason"]) == (403, "INSTITUTION_SUSPENDED")
    assert content.status_code == 403


async def test_same_request_again_gives_the_same_decision(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    consent = await world.grant(people.patient, world.terms(subject))
    request = world.request(record, consent, people.hospital)

    first = done(await world.ask(request, people.hospital), 200)
    second = done(await world.ask(request, people.hospital), 200)

    assert second["decision"] == first["decision"]
    shown = done(await world.institution(people.hospital).get(f"/v1/access/{request.request_id}"), 200)
    assert shown == first["decision"]
    log = done(await world.signer(people.patient).get(f"/v1/subjects/{hex_of(subject)}/accesses"), 200)
    assert len(log["items"]) == 1


async def test_request_id_used_for_another_request_is_a_conflict(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record, other = await world.add_record(subject), await world.add_record(subject, b"other")
    consent = await world.grant(people.patient, world.terms(subject))
    request = world.request(record, consent, people.hospital)
    done(await world.ask(request, people.hospital), 200)

    changed = world.request(other, consent, people.hospital, request_id=request.request_id)

    assert (await world.ask(changed, people.hospital)).status_code == 409


async def test_request_with_a_foreign_signature_is_decided_by_nobody(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    consent = await world.grant(people.patient, world.terms(subject))
    request = world.request(record, consent, people.hospital)
    body = world.access_body(request, people.clinic)

    refused = await world.institution(people.hospital).post("/v1/access", body)

    assert refused.status_code == 401
    assert await world.context.ledger.find_decision(people.hospital.address, request.request_id) is None


async def test_prepared_consent_is_what_is_shown_and_signed(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    wanted = world.terms(subject, notice_hash=ZERO_32, notice_version=0, nonce=0)
    for language in ("zh", "en"):
        body = {"terms": write(wanted), "language": language}
        shown = done(await world.signer(people.patient).post("/v1/consents/prepare", body), 200)
        prepared = schemas.PreparedAnswer.model_validate(shown)
        terms = prepared.terms.value()
        assert hashlib.sha256(prepared.notice.text.encode()).digest() == terms.notice_hash
        assert prepared.consent_id == hex_of(consent_id(terms))
        assert shown["document"]["message"]["noticeHash"] == hex_of(terms.notice_hash)

        await world.grant(people.patient, terms)

        listed = done(await world.signer(people.patient).get(f"/v1/subjects/{hex_of(subject)}/consents"), 200)
        kept = schemas.ConsentPage.model_validate(listed).items[-1]
        assert kept.notice == prepared.notice


async def test_revocation_is_prepared_for_the_subject_and_takes_effect(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    terms = world.terms(subject)
    consent = await world.grant(people.patient, terms)
    target = f"/v1/consents/{hex_of(consent)}/revocation"

    shown = done(await world.signer(people.patient).post(f"{target}/prepare", {}), 200)
    assert schemas.PreparedRevocation.model_validate(shown).terms.value() == terms
    assert shown["document"]["primaryType"] == "Revocation"
    await world.revoke(people.patient, terms)

    listed = done(await world.signer(people.patient).get(f"/v1/subjects/{hex_of(subject)}/consents"), 200)
    (kept,) = schemas.ConsentPage.model_validate(listed).items
    assert kept.status == "REVOKED"
    assert kept.revoked_at > 0


async def test_consent_refused_before_it_was_granted_cannot_be_granted(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    terms = world.terms(subject)
    body = world.revocation_body(people.patient, terms) | {"terms": write(terms)}

    target = f"/v1/consents/{hex_of(consent_id(terms))}/revocation"
    done(await world.signer(people.patient).post(target, body), 200)

    granted = await world.signer(people.patient).post("/v1/consents", world.grant_body(people.patient, terms))
    assert granted.status_code == 409


async def test_later_version_supersedes_the_earlier_one(world: World) -> None:
    people = world.people
    custodian = world.institution(people.custodian)
    subject = await world.enrol(people.patient)
    first = await world.upload(subject)
    leaf = world.leaf(subject, first)
    done(await custodian.post("/v1/records", world.anchor_body(first, leaf)), 201)
    second = await world.upload(subject, b"corrected", version=2)
    names = {"previous": record_id(leaf), "lineage": record_id(leaf)}
    later = world.leaf(subject, second, **names)

    done(await custodian.post("/v1/records", world.anchor_body(second, later, leaf)), 201)

    listed = done(await custodian.get(f"/v1/subjects/{hex_of(subject)}/records"), 200)
    items = schemas.RecordPage.model_validate(listed).items
    assert [(i.status, i.leaf.version) for i in items] == [("SUPERSEDED", 1), ("CURRENT", 2)]
    consent = await world.grant(people.patient, world.terms(subject))
    refused = await world.ask(world.request(record_id(leaf), consent, people.hospital), people.hospital)
    assert refused.json()["reason"] == "RECORD_SUPERSEDED"
    answer = done(await world.ask(world.request(record_id(later), consent, people.hospital), people.hospital), 200)
    content = await world.institution(people.hospital).get(f"/v1/records/{hex_of(record_id(later))}/ciphertext")
    assert await opened(world, answer, content.content) == b"corrected"


async def test_authorities_see_their_region_and_the_country(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    for institution in (people.hospital, people.clinic):
        await world.ask(world.request(record, ZERO_32, institution), institution)

    country = done(await world.signer(people.national).get("/v1/audit/accesses"), 200)
    region = done(await world.signer(people.province).get("/v1/audit/accesses"), 200)

    def asked_by(page: dict[str, object]) -> set[str]:
        return {item.request.institution for item in schemas.AccessPage.model_validate(page).items}

    assert asked_by(country) == {hex_of(people.hospital.address), hex_of(people.clinic.address)}
    assert asked_by(region) == {hex_of(people.clinic.address)}
    named = await world.signer(people.province).get(f"/v1/audit/accesses?institution={hex_of(people.hospital.address)}")
    assert named.status_code == 404


async def test_grantee_lists_only_what_its_consent_covers(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    seen = [await world.add_record(subject), await world.add_record(subject, b"second")]
    for changes in ({"category": Category.LABORATORY}, {"sensitivity": 4}, {"data_month": 600}):
        await world.add_record(subject, b"outside", **changes)
    target = f"/v1/subjects/{hex_of(subject)}/records"
    assert (await world.institution(people.hospital).get(target)).status_code == 404
    await world.grant(people.patient, world.terms(subject, categories=bits(Category.IMAGING)))

    listed = done(await world.institution(people.hospital).get(target), 200)

    assert [item["recordId"] for item in listed["items"]] == [hex_of(r) for r in seen]
    assert len(done(await world.signer(people.patient).get(target), 200)["items"]) == 5


async def test_pages_join_to_the_whole_list(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    for _ in range(5):
        await world.ask(world.request(record, ZERO_32, people.hospital), people.hospital)
    patient, found = world.signer(people.patient), []
    target: str | None = f"/v1/subjects/{hex_of(subject)}/accesses?limit=2"
    while target:
        page = await patient.get(target)
        found += [item["subjectSequence"] for item in done(page, 200)["items"]]
        target = page.links.get("next", {}).get("url")
    assert found == [1, 2, 3, 4, 5]


async def test_record_is_shown_to_its_own_side_as_anchored(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    view = await world.context.projection.record(record)
    assert isinstance(view, RecordView)
    for caller in (world.signer(people.patient), world.institution(people.custodian)):
        shown = done(await caller.get(f"/v1/records/{hex_of(record)}"), 200)
        assert schemas.RecordItem.model_validate(shown).leaf.value() == view.leaf
        assert record_id(read(RecordLeaf, shown["leaf"])) == record


async def test_institutions_and_about_are_public(world: World) -> None:
    anyone = world.anyone()
    listed = schemas.InstitutionPage.model_validate(done(await anyone.get("/v1/institutions"), 200))
    assert {item.region for item in listed.items} == {440_100, 330_100, 440_300}
    one = done(await anyone.get(f"/v1/institutions/{hex_of(world.people.clinic.address)}"), 200)
    assert schemas.InstitutionItem.model_validate(one).region == 440_300
    about = done(await anyone.get("/v1/about"), 200)
    assert about["custodian"] == hex_of(world.people.custodian.address)
    assert about["contracts"]["AccessLedger"] == hex_of(world.context.ledger.domain("AccessLedger").verifying_contract)


async def test_signer_of_one_subject_is_not_enrolled_for_another(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    custodian = world.institution(people.custodian)
    _, body = world.enrolment(people.patient)

    answer = await custodian.post("/v1/subjects", body)

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "draw a key for each subject" in answer.json()["detail"]
    listed = done(await world.signer(people.patient).get("/v1/subjects"), 200)
    assert [item["subjectId"] for item in listed["items"]] == [hex_of(subject)]


async def test_pages_of_institutions_join_to_all_of_them(world: World) -> None:
    anyone, found = world.anyone(), []
    target: str | None = "/v1/institutions?limit=1"
    while target:
        page = await anyone.get(target)
        (item,) = schemas.InstitutionPage.model_validate(done(page, 200)).items
        found.append(item.address)
        target = page.links.get("next", {}).get("url")
    people = world.people
    assert found == [hex_of(one.address) for one in (people.custodian, people.hospital, people.clinic)]
    assert (await anyone.get("/v1/institutions?limit=100000")).status_code == 422


async def test_own_subjects_are_listed_to_their_signer(world: World) -> None:
    subject = await world.enrol(world.people.patient)
    listed = done(await world.signer(world.people.patient).get("/v1/subjects"), 200)
    assert [item.subject_id for item in schemas.SubjectList.model_validate(listed).items] == [hex_of(subject)]
    assert done(await world.signer(world.people.stranger).get("/v1/subjects"), 200) == {"items": []}
