"""What an institution may know of a subject ends with its standing and with time, blocks or no blocks."""

from __future__ import annotations

import time

import pytest

from consentry.api.policy import WINDOW_SECONDS
from consentry.core.calendar import begins_quarter
from consentry.core.codes import DAY, Assurance, Category, ExclusionKind, GuardianKind, GuardianScope, Standing, bits
from consentry.core.exclusions import Exclusion, target_of_category, target_of_institution
from consentry.core.guardianship import Circumstances, GuardianAppointment
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.crypto.signing import AccountKey, SigningKey, sign
from consentry.evidence.notation import hex_of
from consentry.gateway.last_look import LEASE_SECONDS
from tests.support.gateway_world import MemoryParts, World, done

GROUP = b"\x61" * 32
LISTS = ("/v1/subjects/{subject}/records", "/v1/subjects/{subject}/consents", "/v1/records/{record}")


@pytest.mark.parametrize("target", LISTS)
async def test_suspended_institution_sees_nothing_of_a_subject(world: World, target: str) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    consent = await world.grant(people.patient, world.terms(subject))
    done(await world.ask(world.request(record, consent, people.hospital), people.hospital), 200)
    hospital, asked = world.institution(people.hospital), target.format(subject=hex_of(subject), record=hex_of(record))
    done(await hospital.get(asked), 200)
    await world.chain.set_standing(people.hospital, Standing.SUSPENDED)

    answer = await hospital.get(asked)

    assert (answer.status_code, answer.json()["code"]) == (403, "auth.not-permitted")
    unknown = await hospital.get(target.format(subject="0x" + "77" * 32, record=hex_of(record)))
    assert unknown.status_code == 403


async def test_suspended_custodian_sees_no_accesses_either(world: World) -> None:
    subject = await world.enrol(world.people.patient)
    target = f"/v1/subjects/{hex_of(subject)}/accesses"
    custodian = world.institution(world.people.custodian)
    done(await custodian.get(target), 200)
    await world.chain.set_standing(world.people.custodian, Standing.SUSPENDED)

    assert (await custodian.get(target)).status_code == 403
    done(await world.signer(world.people.patient).get(target), 200)


async def test_consent_that_ended_shows_nothing_though_no_block_came(world: World) -> None:
    people, now = world.people, int(time.time())
    subject = await world.enrol(people.patient)
    await world.add_record(subject)
    await world.grant(people.patient, world.terms(subject, valid_until=now + WINDOW_SECONDS // 2))
    target = f"/v1/subjects/{hex_of(subject)}/records"
    hospital = world.institution(people.hospital)
    done(await hospital.get(target), 200)

    world.app.state.sessions.now = lambda: now + WINDOW_SECONDS // 2 + 1

    assert (await hospital.get(target)).status_code == 404


async def test_record_permitted_long_ago_is_not_shown_though_no_block_came(world: World) -> None:
    people, now = world.people, int(time.time())
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    consent = await world.grant(people.patient, world.terms(subject))
    done(await world.ask(world.request(record, consent, people.hospital), people.hospital), 200)
    later = now + LEASE_SECONDS + WINDOW_SECONDS
    world.app.state.sessions.now = lambda: later
    hospital = world.institution(people.hospital)

    for target in (f"/v1/records/{hex_of(record)}", f"/v1/records/{hex_of(record)}/ciphertext"):
        headers = hospital.headers("GET", target, b"", created=later)
        assert (await world.http.get(target, headers=headers)).status_code == 404


async def _taken(world: World, act: SignedAct, *keys: SigningKey) -> bytes:
    domain = world.context.ledger.domain(act.FORM.contract)
    await world.context.ledger.perform(act, [sign(key, domain, act) for key in keys])
    return struct_hash(act)


async def _exclude(world: World, subject: SubjectId, kind: int, target: bytes) -> None:
    await _taken(world, Exclusion(subject, ZERO_32, kind, target, 1, int(time.time()) + DAY), world.people.patient)


async def _is_told_of(world: World, subject: SubjectId) -> list[bool]:
    """Tells whether the hospital gets the list of a subject's records, and is told whose an ID number is."""
    hospital, code = world.institution(world.people.hospital), "11010519491231002X"
    body = {"kind": "ID_NUMBER", "code": code, "salt": "0x" + "07" * 32}
    own = {**body, "subjectId": hex_of(subject)}
    entered = await world.institution(world.people.custodian).post("/v1/identifiers", own)
    assert entered.status_code in (201, 409)
    listed = await hospital.get(f"/v1/subjects/{hex_of(subject)}/records")
    resolved = await hospital.post("/v1/identifiers/resolve", body)
    assert {listed.status_code, resolved.status_code} <= {200, 404}
    return [answer.status_code == 200 for answer in (listed, resolved)]


async def test_grant_of_a_guardian_shows_nothing_once_the_child_came_of_age(world: World, parts: MemoryParts) -> None:
    people, now = world.people, int(time.time())
    subject = await world.enrol(people.patient)
    await world.add_record(subject)
    end = next(day * DAY for day in range(now // DAY + 100, now // DAY + 300) if begins_quarter(day * DAY))
    noted = Circumstances(subject, end, shielded=False, deceased=False, evidence_hash=GROUP, nonce=1, sign_before=end)
    await _taken(world, noted, people.custodian.key)
    parent, scopes = AccountKey.generate(), bits(GuardianScope.GRANT, GuardianScope.SEE)
    made = GuardianAppointment(subject, parent.signer, GuardianKind.PARENT, scopes, 0, end, GROUP, 1, end)
    name = await _taken(world, made, parent, people.custodian.key)
    terms = world.terms(subject, guardian=name, assurance=Assurance.GUARDIAN, valid_until=end + DAY)
    await world.grant(parent, terms)
    assert await _is_told_of(world, subject) == [True, True]

    parts.ledger.clock = lambda: end
    await world.chain.admit_authority(AccountKey.generate(), 330_000)  # a block of that time

    assert await _is_told_of(world, subject) == [False, False]


@pytest.mark.parametrize("kind", [ExclusionKind.INSTITUTION, ExclusionKind.GROUP])
async def test_excluded_institution_is_not_told_of_a_subject(
    world: World, parts: MemoryParts, kind: ExclusionKind
) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    await world.add_record(subject)
    await world.grant(people.patient, world.terms(subject))
    parts.ledger.set_membership(GROUP, people.hospital.address, member=True)
    assert await _is_told_of(world, subject) == [True, True]

    by_name = kind == ExclusionKind.INSTITUTION
    await _exclude(world, subject, kind, target_of_institution(people.hospital.address) if by_name else GROUP)

    assert await _is_told_of(world, subject) == [False, False]


async def test_records_of_an_excluded_class_are_not_listed(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    kept = await world.add_record(subject)
    await world.add_record(subject, category=Category.PATHOLOGY)
    await world.grant(people.patient, world.terms(subject, categories=bits(Category.IMAGING, Category.PATHOLOGY)))
    target = f"/v1/subjects/{hex_of(subject)}/records"
    hospital = world.institution(people.hospital)
    assert len(done(await hospital.get(target), 200)["items"]) == 2

    await _exclude(world, subject, ExclusionKind.CATEGORY, target_of_category(Category.PATHOLOGY))

    assert [item["recordId"] for item in done(await hospital.get(target), 200)["items"]] == [hex_of(kept)]


async def test_guardian_whose_time_is_over_sees_nothing_though_no_block_came(world: World) -> None:
    people, now = world.people, int(time.time())
    subject, delegate = await world.enrol(people.patient), people.stranger
    scopes, until = bits(GuardianScope.SEE), now + WINDOW_SECONDS // 2
    named = subject, delegate.signer, GuardianKind.DELEGATE, scopes, 0, until, ZERO_32, 1, now + DAY
    await _taken(world, GuardianAppointment(*named), delegate, people.patient)
    caller, lists = world.signer(delegate), ("emergencies", "records", "consents", "accesses", "acts")
    targets = [f"/v1/subjects/{hex_of(subject)}/{what}" for what in lists]
    assert [(await caller.get(target)).status_code for target in targets] == [200] * len(lists)

    world.app.state.sessions.now = lambda: until

    assert [(await caller.get(target)).status_code for target in targets] == [404] * len(lists)
