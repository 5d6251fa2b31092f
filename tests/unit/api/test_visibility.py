"""What an institution may know of a subject ends with its standing and with time, blocks or no blocks."""

from __future__ import annotations

import time

import pytest

from consentry.api.policy import WINDOW_SECONDS
from consentry.core.codes import Standing
from consentry.evidence.notation import hex_of
from consentry.gateway.last_look import LEASE_SECONDS
from tests.support.gateway_world import World, done

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
