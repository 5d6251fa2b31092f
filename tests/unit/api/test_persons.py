"""One person under several codes and as several subjects, over HTTP."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from consentry.api import person_schemas as schemas
from consentry.core.codes import Category, ExclusionKind, Standing
from consentry.core.exclusions import Exclusion, is_excluded, target_of_institution
from consentry.core.persons import LinkStatus, SubjectLink, SubjectUnlink
from consentry.core.terms import ZERO_32, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.crypto.person_links import commit_link, verify_link, verify_unlink
from consentry.crypto.signing import AccountKey, sign
from consentry.evidence.notation import bytes_of, hex_of, read, write
from tests.support.gateway_world import DAY, Institution, Json, MemoryParts, World, done

ID_NUMBER, OTHER_ID, INSURANCE = "11010519491231002X", "440524188001010014", "440106000012345"
REASON = "two patients of one name"


def coded(kind: str, code: str, **more: str) -> Json:
    return {"kind": kind, "code": code, "salt": hex_of(secrets.token_bytes(32)), **more}


@dataclass(frozen=True)
class Desk:
    """What people do about persons at the gateway of a world."""

    world: World

    async def post(self, who: Institution, path: str, body: Json, key: str | None = None) -> httpx.Response:
        return await self.world.institution(who).post(path, body, key)

    async def identify(self, subject: SubjectId, kind: str, code: str) -> None:
        body = coded(kind, code, subjectId=hex_of(subject))
        done(await self.post(self.world.people.custodian, "/v1/identifiers", body), 201)

    async def resolved(self, who: Institution, kind: str, code: str) -> list[tuple[str, bool]] | None:
        """Gives the subjects an institution is told of; None if the answer is that of nobody."""
        answer = await self.post(who, "/v1/identifiers/resolve", coded(kind, code))
        if answer.status_code == 404:
            assert answer.json()["detail"] == "person is not known"
            return None
        found = schemas.ResolveAnswer.model_validate(done(answer, 200))
        return [(one.subject_id, one.linked) for one in found.subjects]

    async def prepared(self, *subjects: SubjectId) -> schemas.PreparedLink:
        people = self.world.people
        body = {"authority": hex_of(people.province.address), "subjects": [hex_of(one) for one in subjects]}
        return schemas.PreparedLink.model_validate(
            done(await self.post(people.custodian, "/v1/persons/links/prepare", body), 200)
        )

    def signed(self, act: SubjectLink | SubjectUnlink, key: AccountKey | None = None) -> Json:
        signature = sign(key or self.world.people.province, self.world.context.ledger.domain("Persons"), act)
        return {"act": write(act), "signatures": [hex_of(signature)]}

    async def link(self, *subjects: SubjectId) -> str:
        made = await self.prepared(*subjects)
        act = read(SubjectLink, made.act)
        answer = await self.world.signer(self.world.people.province).post("/v1/persons/links", self.signed(act))
        assert schemas.LinkAnswer.model_validate(done(answer, 201)).act_hash == made.act_hash
        return made.act_hash

    async def unlink(self, link: str) -> str:
        authority = self.world.signer(self.world.people.province)
        body = {"authority": hex_of(self.world.people.province.address), "link": link, "reason": REASON}
        answer = await authority.post("/v1/persons/unlinks/prepare", body)
        made = schemas.PreparedUnlink.model_validate(done(answer, 200))
        done(await authority.post("/v1/persons/unlinks", self.signed(read(SubjectUnlink, made.act))), 201)
        return made.act_hash

    async def links(self, who: Any, subject: SubjectId) -> list[schemas.LinkItem]:  # noqa: ANN401 - any caller
        answer = done(await who.get(f"/v1/persons/{hex_of(subject)}/links"), 200)
        return schemas.LinkList.model_validate(answer).items


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


async def test_grant_made_under_one_code_is_honoured_when_another_is_presented(desk: Desk) -> None:
    world, people = desk.world, desk.world.people
    subject = await world.enrol(people.patient)
    await desk.identify(subject, "ID_NUMBER", ID_NUMBER)
    record = await world.add_record(subject)
    granted = await world.grant(people.patient, world.terms(subject))
    await desk.identify(subject, "INSURANCE", INSURANCE)

    found = await desk.resolved(people.hospital, "INSURANCE", "4401 0600 0012 345")

    assert found == [(hex_of(subject), False)]
    told = done(await world.institution(people.hospital).get(f"/v1/subjects/{found[0][0]}/consents"), 200)
    assert [line["consentId"] for line in told["items"]] == [hex_of(granted)]
    done(await world.ask(world.request(record, granted, people.hospital), people.hospital), 200)


async def test_linked_subjects_are_found_together_and_keep_their_own_consents_and_exclusions(
    desk: Desk, parts: MemoryParts
) -> None:
    world, people = desk.world, desk.world.people
    first, second = await world.enrol(people.patient), await world.enrol(people.passkey)
    await desk.identify(first, "ID_NUMBER", ID_NUMBER)
    await desk.identify(second, "INSURANCE", INSURANCE)
    records = [await world.add_record(subject) for subject in (first, second)]
    consents = [
        await world.grant(key, world.terms(subject))
        for key, subject in ((people.patient, first), (people.passkey, second))
    ]
    await desk.link(first, second)
    everybody = [(hex_of(second), False), (hex_of(first), True)]
    assert await desk.resolved(people.custodian, "INSURANCE", INSURANCE) == everybody
    assert await desk.resolved(people.hospital, "INSURANCE", INSURANCE) == everybody

    # A consent of one subject opens nothing of the other.
    refused = await world.ask(world.request(records[1], consents[0], people.hospital), people.hospital)
    assert (refused.status_code, refused.json()["code"]) == (403, "access.denied")

    act = Exclusion(
        first,
        ZERO_32,
        ExclusionKind.INSTITUTION,
        target_of_institution(people.hospital.address),
        1,
        (await world.context.ledger.head()).time + DAY,
    )
    signature = sign(people.patient, world.context.ledger.domain("Consents"), act)
    body = {"act": write(act), "signatures": [hex_of(signature)]}
    done(await world.signer(people.patient).post("/v1/acts/exclusion", body), 201)

    assert await desk.resolved(people.hospital, "INSURANCE", INSURANCE) == everybody[:1]
    assert await desk.resolved(people.custodian, "INSURANCE", INSURANCE) == everybody
    asked = people.hospital.address, ZERO_32, Category.IMAGING
    assert [is_excluded(parts.ledger.state, one, *asked) for one in (first, second)] == [True, False]
    done(await world.ask(world.request(records[1], consents[1], people.hospital), people.hospital), 200)


async def test_link_that_was_undone_joins_nobody_and_stays_in_the_history(desk: Desk) -> None:
    world, people = desk.world, desk.world.people
    first, second = await world.enrol(people.patient), await world.enrol(people.passkey)
    await desk.identify(first, "ID_NUMBER", ID_NUMBER)
    link = await desk.link(first, second)
    assert await desk.resolved(people.custodian, "ID_NUMBER", ID_NUMBER) == [
        (hex_of(first), False),
        (hex_of(second), True),
    ]

    unlink = await desk.unlink(link)

    assert await desk.resolved(people.custodian, "ID_NUMBER", ID_NUMBER) == [(hex_of(first), False)]
    seen = [
        await desk.links(who, subject)
        for who in (world.institution(people.custodian), world.signer(people.province))
        for subject in (first, second)
    ]
    seen.append(await desk.links(world.signer(people.patient), first))
    assert all(lines == seen[0] for lines in seen)
    (line,) = seen[0]
    assert (line.act_hash, line.status, sorted(line.subjects)) == (
        link,
        "UNDONE",
        sorted([hex_of(first), hex_of(second)]),
    )
    assert line.undone is not None
    assert (line.undone.act_hash, line.undone.reason) == (unlink, REASON)
    assert line.place.block_number < line.undone.place.block_number
    act, undone = read(SubjectLink, line.act), read(SubjectUnlink, line.undone.act)
    verify_link(act.commitment, bytes_of(line.blinding), [bytes_of(one) for one in line.subjects])
    verify_unlink(undone.commitment, bytes_of(line.undone.blinding), undone.link, REASON)


async def test_links_are_followed_as_far_as_they_lead(desk: Desk) -> None:
    world, people = desk.world, desk.world.people
    subjects = [await world.enrol(AccountKey.generate()) for _ in range(4)]
    await desk.identify(subjects[0], "ID_NUMBER", ID_NUMBER)
    await desk.link(subjects[0], subjects[1])
    between = await desk.link(subjects[1], subjects[2])
    await desk.prepared(subjects[0], subjects[3])  # never signed

    found = await desk.resolved(people.custodian, "ID_NUMBER", ID_NUMBER)
    assert found is not None
    assert {one for one, _ in found} == {hex_of(one) for one in subjects[:3]}
    await desk.unlink(between)
    found = await desk.resolved(people.custodian, "ID_NUMBER", ID_NUMBER)
    assert found == [(hex_of(subjects[0]), False), (hex_of(subjects[1]), True)]


async def test_opening_that_was_changed_in_the_directory_joins_nobody(desk: Desk, parts: MemoryParts) -> None:
    world, people = desk.world, desk.world.people
    first, second, other = [await world.enrol(AccountKey.generate()) for _ in range(3)]
    await desk.identify(first, "ID_NUMBER", ID_NUMBER)
    link = bytes_of(await desk.link(first, second))
    kept = await parts.persons.link(link)
    assert kept is not None

    await parts.persons.keep_link(replace(kept, subjects=(*kept.subjects, other)))

    assert await desk.resolved(people.custodian, "ID_NUMBER", ID_NUMBER) == [(hex_of(first), False)]


async def test_institution_learns_nothing_of_who_is_a_patient(desk: Desk) -> None:
    world, people = desk.world, desk.world.people
    subject = await world.enrol(people.patient)
    await desk.identify(subject, "ID_NUMBER", ID_NUMBER)
    unknown = await desk.post(people.hospital, "/v1/identifiers/resolve", coded("ID_NUMBER", OTHER_ID))

    async def same() -> None:
        known = await desk.post(people.hospital, "/v1/identifiers/resolve", coded("ID_NUMBER", ID_NUMBER))
        bodies = [answer.json() | {"trace_id": ""} for answer in (known, unknown)]
        assert (known.status_code, bodies[0]) == (404, bodies[1])

    await same()
    now = (await world.context.ledger.head()).time
    await world.grant(people.patient, world.terms(subject, institution=people.clinic.address))
    await world.grant(people.patient, world.terms(subject, valid_from=now + DAY))
    await same()
    terms = world.terms(subject)
    await world.grant(people.patient, terms)
    assert await desk.resolved(people.hospital, "ID_NUMBER", ID_NUMBER) == [(hex_of(subject), False)]
    await world.revoke(people.patient, terms)
    await same()
    once_only = world.terms(subject, max_uses=1)
    consent, record = await world.grant(people.patient, once_only), await world.add_record(subject)
    assert await desk.resolved(people.hospital, "ID_NUMBER", ID_NUMBER) is not None
    done(await world.ask(world.request(record, consent, people.hospital), people.hospital), 200)
    await same()


async def test_nobody_but_active_institutions_resolves(desk: Desk) -> None:
    world, people = desk.world, desk.world.people
    subject = await world.enrol(people.patient)
    await desk.identify(subject, "ID_NUMBER", ID_NUMBER)
    await world.grant(people.patient, world.terms(subject))
    await world.chain.set_standing(people.hospital, Standing.SUSPENDED)

    for code in (ID_NUMBER, OTHER_ID):
        body = coded("ID_NUMBER", code)
        refused = [await desk.post(people.hospital, "/v1/identifiers/resolve", body)]
        others = [world.signer(key) for key in (people.patient, people.stranger, people.province)]
        refused += [await other.post("/v1/identifiers/resolve", body) for other in others]
        assert [answer.status_code for answer in refused] == [403] * 4
    assert (await world.anyone().post("/v1/identifiers/resolve", coded("ID_NUMBER", ID_NUMBER))).status_code == 401


async def test_nobody_but_the_custodian_enters_and_ends_codes(desk: Desk) -> None:
    world, people = desk.world, desk.world.people
    subject = await world.enrol(people.patient)
    body = coded("ID_NUMBER", ID_NUMBER, subjectId=hex_of(subject))

    for path in ("/v1/identifiers", "/v1/identifiers/end"):
        callers = [world.institution(people.hospital), world.signer(people.patient), world.signer(people.province)]
        assert [(await caller.post(path, body)).status_code for caller in callers] == [403] * 3
    for prepared in ("links", "unlinks"):
        made = {"authority": hex_of(people.province.address), "subjects": [hex_of(subject), "0x" + "5c" * 32]}
        made = made if prepared == "links" else {**made, "link": "0x" + "5c" * 32, "reason": REASON}
        made.pop("subjects" if prepared == "unlinks" else "", None)
        assert (await desk.post(people.hospital, f"/v1/persons/{prepared}/prepare", made)).status_code == 403


async def test_code_of_a_subject_of_nobody_or_that_stands_already_is_refused(desk: Desk) -> None:
    custodian, path = desk.world.people.custodian, "/v1/identifiers"
    unknown = await desk.post(custodian, path, coded("ID_NUMBER", ID_NUMBER, subjectId="0x" + "5c" * 32))
    subject = await desk.world.enrol(desk.world.people.patient)
    await desk.identify(subject, "ID_NUMBER", ID_NUMBER)
    body = coded("ID_NUMBER", ID_NUMBER.lower(), subjectId=hex_of(subject))
    twice = await desk.post(custodian, path, body)
    malformed = await desk.post(custodian, path, body | {"code": ID_NUMBER[:-1] + "1"})

    assert [answer.status_code for answer in (unknown, twice, malformed)] == [404, 409, 422]
    assert ID_NUMBER[:-1] not in unknown.text + twice.text + malformed.text


async def test_same_entry_under_one_key_is_entered_once(desk: Desk) -> None:
    subject = await desk.world.enrol(desk.world.people.patient)
    body, custodian = coded("ID_NUMBER", ID_NUMBER, subjectId=hex_of(subject)), desk.world.people.custodian

    answers = [await desk.post(custodian, "/v1/identifiers", body, "key-of-the-desk") for _ in range(2)]

    assert done(answers[0], 201) == done(answers[1], 201)
    assert schemas.IdentifierAnswer.model_validate(answers[0].json()).until is None
    ended = [await desk.post(custodian, "/v1/identifiers/end", body, "end-of-the-desk") for _ in range(2)]
    assert done(ended[0], 200) == done(ended[1], 200)
    assert ended[0].json()["until"] is not None
    assert (await desk.post(custodian, "/v1/identifiers/end", body)).status_code == 404
    assert await desk.resolved(custodian, "ID_NUMBER", ID_NUMBER) is None


async def test_no_log_key_or_answer_repeats_a_code(desk: Desk, parts: MemoryParts) -> None:
    world, people = desk.world, desk.world.people
    subject = await world.enrol(people.patient)
    body, key = coded("ID_NUMBER", ID_NUMBER, subjectId=hex_of(subject)), "key-of-the-desk"
    answers = [await desk.post(people.custodian, "/v1/identifiers", body, key)]
    answers.append(await desk.post(people.custodian, "/v1/identifiers", body | {"extra": ID_NUMBER}))
    answers.append(await desk.post(people.custodian, "/v1/identifiers/resolve", coded("ID_NUMBER", ID_NUMBER)))

    assert ID_NUMBER not in world.lines.getvalue() + "".join(answer.text for answer in answers)
    claim = next(claim for (_, named), claim in parts.keys.claims.items() if named == key)
    assert claim.request_sha256 == parts.persons.fingerprint(b"POST\n/v1/identifiers\n" + answers[0].request.content)


async def test_link_is_taken_as_prepared_and_signed_or_not_at_all(desk: Desk) -> None:
    world, people = desk.world, desk.world.people
    first, second = await world.enrol(people.patient), await world.enrol(people.passkey)
    made = await desk.prepared(second, first)
    act = read(SubjectLink, made.act)
    assert made.subjects == sorted([hex_of(first), hex_of(second)])
    authority = world.signer(people.province)

    foreign = replace(act, commitment=commit_link(bytes(32), [first, second]))
    unknown = await authority.post("/v1/persons/links", desk.signed(foreign))
    forged = await authority.post("/v1/persons/links", desk.signed(act, people.national))
    by_another = await desk.post(people.hospital, "/v1/persons/links", desk.signed(act))
    by_patient = await world.signer(people.patient).post("/v1/persons/links", desk.signed(act))
    assert [answer.status_code for answer in (unknown, forged, by_another, by_patient)] == [404, 401, 403, 403]
    assert await desk.links(world.signer(people.patient), first) == []

    taken = await desk.post(people.custodian, "/v1/persons/links", desk.signed(act))
    again = await desk.post(people.custodian, "/v1/persons/links", desk.signed(act))
    assert (taken.status_code, again.status_code) == (201, 409)
    assert await world.context.ledger.link_status(struct_hash(act)) == LinkStatus.STANDING  # type: ignore[attr-defined]  # of the memory ledger


async def test_preparing_what_cannot_stand_is_refused(desk: Desk) -> None:
    world, people = desk.world, desk.world.people
    first, second = await world.enrol(people.patient), await world.enrol(people.passkey)
    path, nobody = "/v1/persons/links/prepare", "0x" + "5c" * 32
    authority = hex_of(people.province.address)
    cases = [
        ([hex_of(first)], authority, 422),
        ([hex_of(first)] * 2, authority, 422),
        ([hex_of(first)] * 17, authority, 422),
        ([hex_of(first), nobody], authority, 404),
        ([hex_of(first), hex_of(second)], hex_of(people.stranger.address), 404),
    ]
    for subjects, signer, status in cases:
        answer = await desk.post(people.custodian, path, {"authority": signer, "subjects": subjects})
        assert answer.status_code == status, (subjects, answer.text)
    link = await desk.link(first, second)
    await desk.unlink(link)
    body = {"authority": authority, "link": link, "reason": REASON}
    path = "/v1/persons/unlinks/prepare"
    for change, status in (({}, 409), ({"link": nobody}, 404), ({"reason": "  "}, 422)):
        assert (await desk.post(people.custodian, path, body | change)).status_code == status


async def test_links_of_a_subject_do_not_exist_for_others(desk: Desk) -> None:
    world, people = desk.world, desk.world.people
    first, second = await world.enrol(people.patient), await world.enrol(people.passkey)
    await desk.link(first, second)
    path = f"/v1/persons/{hex_of(first)}/links"

    others = [world.institution(people.hospital), world.signer(people.stranger), world.signer(people.passkey)]
    assert [(await other.get(path)).status_code for other in others] == [404] * 3
    absent = await world.signer(people.province).get(f"/v1/persons/0x{'5c' * 32}/links")
    assert absent.status_code == 404
    assert (await world.anyone().get(path)).status_code == 401


async def test_unlink_passed_on_elsewhere_counts_and_has_no_reason_here(desk: Desk) -> None:
    world, people = desk.world, desk.world.people
    first, second = await world.enrol(people.patient), await world.enrol(people.passkey)
    await desk.identify(first, "ID_NUMBER", ID_NUMBER)
    link = await desk.link(first, second)
    now = (await world.context.ledger.head()).time
    act = SubjectUnlink(people.national.address, bytes_of(link), b"\x77" * 32, now + DAY)

    done(await world.signer(people.national).post("/v1/acts/subject-unlink", desk.signed(act, people.national)), 201)

    assert await desk.resolved(people.custodian, "ID_NUMBER", ID_NUMBER) == [(hex_of(first), False)]
    (line,) = await desk.links(world.signer(people.patient), first)
    assert line.undone is not None
    assert (line.status, line.undone.reason, line.undone.blinding) == ("UNDONE", None, None)


async def test_opening_of_a_link_prepared_elsewhere_is_kept_once_the_chain_has_it(
    desk: Desk, parts: MemoryParts
) -> None:
    world, people = desk.world, desk.world.people
    first, second = await world.enrol(people.patient), await world.enrol(people.passkey)
    await desk.identify(first, "ID_NUMBER", ID_NUMBER)
    blinding, now = b"\x66" * 32, (await world.context.ledger.head()).time
    act = SubjectLink(people.province.address, commit_link(blinding, [first, second]), now + DAY)
    body: Json = {"act": write(act), "subjects": [hex_of(first), hex_of(second)], "blinding": hex_of(blinding)}
    path = "/v1/persons/links/openings"
    assert (await desk.post(people.custodian, path, body)).status_code == 404
    done(await world.signer(people.province).post("/v1/acts/subject-link", desk.signed(act)), 201)

    wrong = await desk.post(people.custodian, path, body | {"blinding": "0x" + "67" * 32})
    stranger = await desk.post(people.hospital, path, body)
    assert (wrong.status_code, stranger.status_code) == (422, 403)
    assert await parts.persons.link(struct_hash(act)) is None
    assert done(await desk.post(people.custodian, path, body), 201) == {"actHash": hex_of(struct_hash(act))}
    assert await desk.resolved(people.custodian, "ID_NUMBER", ID_NUMBER) == [
        (hex_of(first), False),
        (hex_of(second), True),
    ]


async def test_forgotten_subject_is_found_under_no_code_and_joined_with_nobody(desk: Desk, parts: MemoryParts) -> None:
    world, people = desk.world, desk.world.people
    first, second = await world.enrol(people.patient), await world.enrol(people.passkey)
    for subject, kind, code in ((first, "ID_NUMBER", ID_NUMBER), (second, "INSURANCE", INSURANCE)):
        await desk.identify(subject, kind, code)
    await desk.link(first, second)

    await parts.persons.forget(first)

    assert await desk.resolved(people.custodian, "ID_NUMBER", ID_NUMBER) is None
    assert await desk.resolved(people.custodian, "INSURANCE", INSURANCE) == [(hex_of(second), False)]
    (line,) = await desk.links(world.signer(people.passkey), second)
    assert (line.blinding, line.subjects) == (None, [hex_of(second)])
