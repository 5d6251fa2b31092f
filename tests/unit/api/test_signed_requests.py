"""Institutions sign each HTTP request; nothing of it can be changed, repeated, aged or taken elsewhere."""

from __future__ import annotations

import time
from typing import Any

import pytest

from consentry.api.policy import WINDOW_SECONDS
from consentry.crypto.sign_in import body_sha256, bound_headers, content_digest
from consentry.crypto.signing import AccountKey
from consentry.evidence.notation import hex_of
from tests.support.callers import HOST, Signing, encoded
from tests.support.gateway_world import MemoryParts, World, done


def own_target(world: World) -> str:
    """Gives what the hospital may ask for."""
    return f"/v1/institutions/{hex_of(world.people.hospital.address)}/accesses"


async def test_signed_request_is_served_once(world: World) -> None:
    hospital, target = world.institution(world.people.hospital), own_target(world)
    headers = hospital.headers("GET", target, b"")
    assert (await world.http.get(target, headers=headers)).status_code == 200
    again = await world.http.get(target, headers=headers)
    assert (again.status_code, again.json()["detail"]) == (401, "nonce was seen before")


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "POST"},
        {"host": "elsewhere.test"},
        {"target": "/v1/institutions"},
        {"body_sha256": body_sha256(b"other")},
        {"institution": b"\x11" * 20},
        {"created": 0},
        {"bound": ("0x" + "77" * 32, "", "")},
        {"bound": ("", "2", "")},
        {"bound": ("", "", "text/plain")},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_signature_over_anything_else_is_refused(world: World, changes: dict[str, Any]) -> None:
    hospital, target = world.institution(world.people.hospital), own_target(world)
    headers = hospital.headers("GET", target, b"", **changes)
    answer = await world.http.get(target, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.not-authentic")
    assert answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(("offset", "status"), [(-62, 401), (-55, 200), (55, 200), (62, 401)])
async def test_signed_request_outside_the_window_is_refused(world: World, offset: int, status: int) -> None:
    hospital, target = world.institution(world.people.hospital), own_target(world)
    headers = hospital.headers("GET", target, b"", created=int(time.time()) + offset)
    assert (await world.http.get(target, headers=headers)).status_code == status


@pytest.mark.parametrize("offset", [-55, 0, 55])
async def test_nonce_is_kept_until_nobody_could_take_the_request_for_fresh(
    world: World, parts: MemoryParts, offset: int
) -> None:
    hospital, target, created = world.institution(world.people.hospital), own_target(world), int(time.time()) + offset
    headers = hospital.headers("GET", target, b"", created=created)
    assert (await world.http.get(target, headers=headers)).status_code == 200
    assert set(parts.nonces.seen.values()) == {created + 2 * WINDOW_SECONDS}


async def test_query_is_part_of_what_is_signed(world: World) -> None:
    hospital, target = world.institution(world.people.hospital), own_target(world)
    headers = hospital.headers("GET", target, b"")
    assert (await world.http.get(f"{target}?limit=1", headers=headers)).status_code == 401
    assert (await hospital.get(f"{target}?limit=1")).status_code == 200


async def test_body_that_was_not_signed_is_refused(world: World) -> None:
    hospital = world.institution(world.people.hospital)
    body, changed = encoded({"terms": 1}), encoded({"terms": 2})
    headers = hospital.headers("POST", "/v1/consents/prepare", body)
    answer = await world.http.post("/v1/consents/prepare", content=changed, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.not-authentic")
    swapped = headers | {"Content-Digest": content_digest(body_sha256(changed))}
    assert (await world.http.post("/v1/consents/prepare", content=changed, headers=swapped)).status_code == 401


async def test_upload_that_was_not_signed_is_not_kept(world: World) -> None:
    subject = await world.enrol(world.people.patient)
    custodian = world.institution(world.people.custodian)
    sent = {"Consentry-Subject": hex_of(subject), "Content-Type": "text/plain"}
    headers = sent | custodian.headers("POST", "/v1/records/content", b"signed", bound=bound_headers(sent))
    answer = await world.http.post("/v1/records/content", content=b"another", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.not-authentic")


async def test_upload_of_another_institution_is_refused_and_nothing_sealed(world: World, parts: MemoryParts) -> None:
    subject = await world.enrol(world.people.patient)
    headers = {"Consentry-Subject": hex_of(subject), "Content-Type": "application/dicom"}
    answer = await world.institution(world.people.hospital).send("/v1/records/content", b"planted", **headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.not-permitted")
    assert not parts.vault._objects


async def test_anchoring_by_another_institution_is_refused_and_nothing_anchored(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    sealed = await world.upload(subject)
    body = world.anchor_body(sealed, world.leaf(subject, sealed))
    answer = await world.institution(people.hospital).post("/v1/records", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.not-permitted")
    done(await world.institution(people.custodian).post("/v1/records", body), 201)


@pytest.mark.parametrize(
    "changed",
    [
        {"Consentry-Subject": "another"},
        {"Consentry-Record-Version": "2"},
        {"Consentry-Record-Version": ""},
        {"Content-Type": "text/html"},
    ],
    ids=lambda changed: "-".join(changed) + next(iter(changed.values())),
)
async def test_upload_under_another_description_is_refused(world: World, changed: dict[str, str]) -> None:
    subject, another = await world.enrol(world.people.patient), await world.enrol(world.people.p256)
    sent = {"Consentry-Subject": hex_of(subject), "Consentry-Record-Version": "1", "Content-Type": "text/plain"}
    custodian, target = world.institution(world.people.custodian), "/v1/records/content"
    proof = custodian.headers("POST", target, b"content", bound=bound_headers(sent))
    for name, value in changed.items():
        sent[name] = hex_of(another) if value == "another" else value
    described = {name: value for name, value in sent.items() if value}

    answer = await world.http.post(target, content=b"content", headers=described | proof)

    assert (answer.status_code, answer.json()["code"]) == (401, "auth.not-authentic")
    done(await custodian.send(target, b"content", **described), 201)


async def test_header_sent_twice_is_not_the_one_that_was_signed(world: World) -> None:
    subject, another = await world.enrol(world.people.patient), await world.enrol(world.people.p256)
    sent = {"Consentry-Subject": hex_of(subject), "Content-Type": "text/plain"}
    custodian, target = world.institution(world.people.custodian), "/v1/records/content"
    proof = custodian.headers("POST", target, b"content", bound=bound_headers(sent))
    headers = [("Consentry-Subject", hex_of(another)), *sent.items(), *proof.items()]

    assert (await world.http.post(target, content=b"content", headers=headers)).status_code == 401


async def test_signature_of_another_key_is_refused(world: World) -> None:
    hospital = world.people.hospital
    forged = Signing(world.http, address=hospital.address, key=AccountKey.generate())
    assert (await forged.get(own_target(world))).status_code == 401


async def test_host_that_is_not_this_gateways_is_refused(world: World) -> None:
    target = own_target(world)
    hospital = world.people.hospital
    signing = Signing(world.http, address=hospital.address, key=hospital.key, host="evil.test")
    headers = signing.headers("GET", target, b"") | {"Host": "evil.test"}
    assert (await world.http.get(target, headers=headers)).status_code == 401
    assert HOST in world.context.hosts


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        'institution="0x00", created=1, nonce="0123456789abcdef", signature="0x00"',
        'institution="0x' + "11" * 20 + '", created=1, nonce="short", signature="0x00"',
        'institution="0x' + "11" * 20 + '", created=99999999999999, nonce="0123456789abcdef", signature="0x00"',
        'institution="0x' + "11" * 20 + '", created=1, nonce="0123456789abcdef", signature="0x' + "00" * 3_000 + '"',
    ],
    ids=range(6),
)
async def test_malformed_signature_header_is_refused(world: World, header: str) -> None:
    headers = {"Consentry-Signature": header, "Content-Digest": content_digest(body_sha256(b""))}
    answer = await world.http.get(own_target(world), headers=headers)
    assert answer.status_code == 422


@pytest.mark.parametrize("digest", ["", "sha-256=::", "sha-512=:AAAA:", "md5=:" + "A" * 43 + "=:"])
async def test_malformed_content_digest_is_refused(world: World, digest: str) -> None:
    target = own_target(world)
    headers = world.institution(world.people.hospital).headers("GET", target, b"") | {"Content-Digest": digest}
    assert (await world.http.get(target, headers=headers)).status_code == 422


async def test_request_of_another_institution_is_refused_before_anything_is_decided(world: World) -> None:
    people = world.people
    subject = await world.enrol(people.patient)
    record = await world.add_record(subject)
    request = world.request(record, bytes(32), people.hospital)
    answer = await world.institution(people.clinic).post("/v1/access", world.access_body(request, people.hospital))
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.not-permitted")
    page = done(await world.institution(people.hospital).get(own_target(world)), 200)
    assert page["items"] == []
