"""Accesses without a consent, over HTTP: emergencies with what they owe, and authorisations."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import Any

import pytest

from consentry.api import act_schemas
from consentry.core.authorisations import AuthorisationWithdrawal, StandingAuthorisation, authorisation_id
from consentry.core.codes import (
    Action,
    Category,
    EmergencyReason,
    ExclusionKind,
    LegalBasis,
    NoticeBy,
    Purpose,
    ReviewerRole,
    ReviewOutcome,
    bits,
)
from consentry.core.emergencies import EmergencyNotice, EmergencyReview, debt_id
from consentry.core.exclusions import Exclusion, target_of_institution
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, AccessRequest, RecordId, SubjectId
from consentry.evidence.notation import hex_of
from tests.support.gateway_world import DAY, MONTH, Institution, World, done
from tests.unit.api.test_consent_life import send, soon

REVIEWER = b"\x9b" * 32
REASON = b"\x9c" * 32


def emergency(world: World, record: RecordId, **changes: Any) -> AccessRequest:  # noqa: ANN401 - members
    usual: dict[str, Any] = {
        "purpose": Purpose.ETREAT,
        "legal_basis": LegalBasis.EMERGENCY,
        "reason_code": EmergencyReason.LIFE_THREATENING,
        "reason_hash": REASON,
    }
    return world.request(record, ZERO_32, world.people.hospital, **(usual | changes))


async def debts(world: World, by: Institution) -> list[act_schemas.DebtItem]:
    answer = done(await world.institution(by).get(f"/v1/institutions/{hex_of(by.address)}/debts"), 200)
    return act_schemas.DebtList.model_validate(answer).items


async def emergencies(caller: Any, subject: SubjectId) -> list[act_schemas.DebtItem]:  # noqa: ANN401 - any caller
    answer = done(await caller.get(f"/v1/subjects/{hex_of(subject)}/emergencies"), 200)
    return act_schemas.DebtList.model_validate(answer).items


def became(item: act_schemas.DebtItem) -> tuple[bool, bool, bool]:
    return item.noticed, item.referred, item.reviewed


async def test_emergency_is_a_debt_until_notice_and_review_are_there(world: World) -> None:
    people, subject = world.people, await world.enrol(world.people.patient)
    hospital, record = people.hospital, await world.add_record(subject)
    request = emergency(world, record)

    done(await world.ask(request, hospital), 200)

    named = debt_id(hospital.address, request.request_id)
    [owed] = await debts(world, hospital)
    assert (owed.debt_id, owed.due_at - owed.opened_at) == (hex_of(named), 72 * 3600)
    assert (became(owed), owed.overdue) == ((False, False, False), False)
    notice = EmergencyNotice(
        named, subject, hospital.address, ZERO_32, REASON, owed.opened_at, NoticeBy.CUSTODIAN, soon()
    )
    done(await send(world, notice, people.custodian.key, people.custodian), 201)
    [between] = await emergencies(world.signer(people.patient), subject)
    assert became(between) == (True, False, False)
    review = EmergencyReview(
        named,
        subject,
        hospital.address,
        ZERO_ADDRESS,
        REVIEWER,
        ReviewerRole.PRIVACY_OFFICER,
        ReviewOutcome.JUSTIFIED,
        REASON,
        soon(),
    )
    done(await send(world, review, hospital.key, hospital), 201)

    assert await debts(world, hospital) == []
    for caller in (world.signer(people.patient), world.institution(people.custodian)):
        [after] = await emergencies(caller, subject)
        assert became(after) == (True, False, True)


async def test_debts_are_shown_to_who_owes_and_to_authorities(world: World) -> None:
    people, subject = world.people, await world.enrol(world.people.patient)
    done(await world.ask(emergency(world, await world.add_record(subject)), people.hospital), 200)
    target = f"/v1/institutions/{hex_of(people.hospital.address)}/debts"

    assert len(done(await world.signer(people.province).get(target), 200)["items"]) == 1
    assert (await world.institution(people.custodian).get(target)).status_code == 404
    assert (await world.signer(people.patient).get(target)).status_code == 403
    own = f"/v1/subjects/{hex_of(subject)}/emergencies"
    assert (await world.institution(people.hospital).get(own)).status_code == 404
    assert (await world.signer(people.stranger).get(own)).status_code in {403, 404}


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"reason_code": 0}, "EMERGENCY_INCOMPLETE"), ({"purpose": Purpose.TREAT}, "EMERGENCY_INCOMPLETE")],
)
async def test_emergency_that_lacks_something_is_denied(world: World, change: dict[str, Any], reason: str) -> None:
    subject = await world.enrol(world.people.patient)
    request = emergency(world, await world.add_record(subject), **change)

    answer = await world.ask(request, world.people.hospital)

    assert (answer.status_code, answer.json()["reason"]) == (403, reason)
    assert await debts(world, world.people.hospital) == []


async def test_excluded_institution_gets_nothing_even_in_an_emergency(world: World) -> None:
    people, subject = world.people, await world.enrol(world.people.patient)
    record, target = await world.add_record(subject), target_of_institution(people.hospital.address)
    act = Exclusion(subject, ZERO_32, ExclusionKind.INSTITUTION, target, secrets.randbits(64), soon())
    done(await send(world, act, people.patient), 201)

    answer = await world.ask(emergency(world, record), people.hospital)

    assert (answer.status_code, answer.json()["reason"]) == (403, "EXCLUDED")


# Authorisations


def terms(world: World, **changes: Any) -> StandingAuthorisation:  # noqa: ANN401 - members
    now = int(time.time())
    usual = StandingAuthorisation(
        authority=world.people.national.address,
        institution=world.people.hospital.address,
        basis=LegalBasis.PUBLIC_HEALTH,
        purposes=bits(Purpose.PUBHLTH),
        categories=bits(*Category),
        actions=bits(Action.VIEW),
        max_sensitivity=4,
        data_from=MONTH - 24,
        data_until=MONTH + 24,
        valid_from=now - 60,
        valid_until=now + 30 * DAY,
        basis_text_hash=REASON,
        nonce=secrets.randbits(64),
        sign_before=soon(),
    )
    return replace(usual, **changes)


def under(world: World, record: RecordId, given: StandingAuthorisation) -> AccessRequest:
    return world.request(
        record,
        ZERO_32,
        world.people.hospital,
        authorisation_id=authorisation_id(given),
        legal_basis=given.basis,
        purpose=Purpose.PUBHLTH,
    )


async def test_authorised_institution_sees_until_it_is_withdrawn(world: World) -> None:
    people, subject = world.people, await world.enrol(world.people.patient)
    record, given = await world.add_record(subject), terms(world)
    unknown = await world.ask(under(world, record, given), people.hospital)
    assert unknown.status_code == 404
    done(await send(world, given, people.national), 201)

    request = under(world, record, given)
    done(await world.ask(request, people.hospital), 200)
    withdrawal = AuthorisationWithdrawal(authorisation_id(given), given.authority, given.institution, soon())
    done(await send(world, withdrawal, people.national), 201)

    again = await world.ask(request, people.hospital)
    assert (again.status_code, again.json()["reason"]) == (403, "AUTHORISATION_WITHDRAWN")
    new = await world.ask(under(world, record, given), people.hospital)
    assert (new.status_code, new.json()["reason"]) == (403, "AUTHORISATION_WITHDRAWN")
    [line, denied] = done(await world.signer(people.patient).get(f"/v1/subjects/{hex_of(subject)}/accesses"), 200)[
        "items"
    ]
    assert line["request"]["authorisationId"] == hex_of(authorisation_id(given))
    assert line["request"]["consentId"] == hex_of(ZERO_32)
    assert (line["permitted"], denied["permitted"]) == (True, False)
