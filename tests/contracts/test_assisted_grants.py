"""Behaviour of assisted consents: prepared, granted by the subject, counted, undone, and every refusal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from consentry.core.assisted_grants import ACTIONS, HIGHEST_LEVEL, LONGEST, PURPOSES, TIME_TO_GRANT, TIME_TO_UNDO
from consentry.core.calendar import quarter_of
from consentry.core.codes import ConsentStatus
from consentry.core.terms import ZERO_32, ConsentTerms, SubjectId
from consentry.core.typed_data import consent_id, struct_hash
from tests.contracts.consent_acts import OTHER, UNKNOWN, checksummed, grant_refusal, state_of
from tests.support.contract_suite import Value
from tests.support.contract_world import DAY, World
from tests.support.life_world import (
    STAFF,
    assistance_for,
    assisted_terms,
    changed,
    event_of,
    perform,
    refusal,
)


def counts(world: World) -> tuple[int, int]:
    read, who = world.suite.read, world.hospital.address
    return read("Consents", "assistedCount", who), read("Consents", "assistedUndone", who)


def prepared(world: World, **changes: Value) -> ConsentTerms:
    terms = assisted_terms(world, **changes)
    perform(world, assistance_for(world, terms), world.hospital.signer)
    return terms


def test_staff_prepare_and_the_subject_grants(world: World) -> None:
    terms = assisted_terms(world)
    act = assistance_for(world, terms)
    event = event_of(world, perform(world, act, world.hospital.signer))
    made = world.suite.w3.eth.get_block("latest")["timestamp"]
    standing = world.suite.read("Consents", "assistanceOf", consent_id(terms), terms.subject_id)
    before = state_of(world, terms)[0]

    world.grant(terms)

    assert (event.name, event.args["institution"]) == ("ConsentPrepared", checksummed(world.hospital.address))
    assert (event.args["actHash"], event.args["subjectId"]) == (struct_hash(act), terms.subject_id)
    assert tuple(standing) == (checksummed(world.hospital.address), made + TIME_TO_GRANT, False)
    assert (before, state_of(world, terms)[0]) == (ConsentStatus.NONE, ConsentStatus.ACTIVE)
    assert world.suite.read("Consents", "assistanceOf", consent_id(terms), terms.subject_id)[2]
    quarter = quarter_of(world.suite.now())
    assert world.suite.read("Consents", "assistedCountIn", world.hospital.address, quarter) == 1
    assert world.suite.read("Consents", "assistedCountIn", world.hospital.address, quarter - 1) == 0
    assert counts(world) == (1, 0)


@pytest.mark.parametrize("who", ["hospital", "custodian"])
def test_staff_never_complete_a_consent(world: World, who: str) -> None:
    terms = prepared(world)

    refused = grant_refusal(world, terms, signer=getattr(world, who).signer)

    assert refused == ("ConsentsSignatureInvalid", (consent_id(terms), terms.subject_id))


def test_level_of_a_card_takes_no_device_signature(world: World) -> None:
    terms = world.terms(assurance=2)

    assert grant_refusal(world, terms) == ("ConsentsSignatureInvalid", (consent_id(terms), terms.subject_id))


def test_assisted_grant_that_nobody_prepared_is_refused(world: World) -> None:
    terms = assisted_terms(world)

    assert grant_refusal(world, terms) == ("AssistedGrantsNotPrepared", (consent_id(terms),))


def test_terms_prepared_in_the_name_of_another_subject_are_not_prepared(world: World) -> None:
    other = world.enrol("another", world.patient.signer)
    terms = assisted_terms(world)
    act = changed(assistance_for(world, terms), subject_id=other.subject_id)
    perform(world, act, world.hospital.signer)

    assert grant_refusal(world, terms) == ("AssistedGrantsNotPrepared", (consent_id(terms),))


def test_other_terms_than_prepared_are_not_prepared(world: World) -> None:
    prepared(world)
    other = assisted_terms(world, max_uses=5)

    assert grant_refusal(world, other) == ("AssistedGrantsNotPrepared", (consent_id(other),))


def test_preparation_lapses_after_a_day_and_can_be_made_again(world: World) -> None:
    terms = prepared(world, valid_until=world.suite.now() + 9 * DAY)
    _, lapses_at, _ = world.suite.read("Consents", "assistanceOf", consent_id(terms), terms.subject_id)
    again = assistance_for(world, terms, sign_before=lapses_at + 99, nonce=4)
    early = refusal(world, again, world.hospital.signer)

    world.suite.travel(lapses_at)
    late = grant_refusal(world, terms)
    perform(world, again, world.hospital.signer)
    world.grant(terms)

    assert early == ("AssistedGrantsAlreadyPrepared", (consent_id(terms), lapses_at))
    assert late == ("AssistedGrantsNotPrepared", (consent_id(terms),))


def test_preparation_counts_in_its_last_second(world: World) -> None:
    terms = prepared(world, valid_until=world.suite.now() + 9 * DAY)
    _, lapses_at, _ = world.suite.read("Consents", "assistanceOf", consent_id(terms), terms.subject_id)

    world.suite.travel(lapses_at - 1)
    world.grant(terms)

    assert state_of(world, terms)[0] == ConsentStatus.ACTIVE


# Caps


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"max_sensitivity": 4}, ("AssistedGrantsSensitivityExceeded", (4, HIGHEST_LEVEL))),
        ({"actions": 1 << 2}, ("AssistedGrantsActionsExceeded", (1 << 2, ACTIONS))),
        ({"actions": 1 << 1 | 1 << 2}, ("AssistedGrantsActionsExceeded", (1 << 1 | 1 << 2, ACTIONS))),
        *(
            ({"purposes": 1 << 1 | 1 << code}, ("AssistedGrantsPurposesExceeded", (1 << 1 | 1 << code, PURPOSES)))
            for code in (2, 3, *range(8, 16))
        ),
    ],
)
def test_prepared_terms_beyond_the_caps_are_refused(
    world: World, changes: dict[str, Value], error: tuple[str, tuple[Value, ...]]
) -> None:
    if "actions" in changes:
        changes = {**changes, "erase_by": world.suite.now() + DAY}
    terms = prepared(world, **changes)

    assert grant_refusal(world, terms) == error


def test_prepared_terms_at_the_caps_are_granted(world: World) -> None:
    now = world.suite.now()
    # Prepared in the block before, so that the grant is mined at `now` at the earliest.
    terms = prepared(world, purposes=PURPOSES, valid_until=now + LONGEST)

    world.grant(terms)

    assert state_of(world, terms)[0] == ConsentStatus.ACTIVE


def test_assisted_consent_longer_than_ninety_days_is_refused(world: World) -> None:
    terms = prepared(world, valid_until=world.suite.now() + LONGEST + DAY)
    latest = world.suite.now() + LONGEST

    assert grant_refusal(world, terms) == ("AssistedGrantsPeriodExceeded", (terms.valid_until, latest))


def test_order_of_refusals_of_an_assisted_grant(world: World) -> None:
    wrong: dict[str, Value] = {
        "valid_until": world.suite.now() + LONGEST + DAY,
        "max_sensitivity": 4,
        "actions": 1 << 2,
        "purposes": 1 << 2,
    }
    seen = []
    for member in (*wrong, "nothing"):
        erase_by = world.suite.now() + DAY if "actions" in wrong else 0
        seen.append(grant_refusal(world, assisted_terms(world, **wrong, erase_by=erase_by), world.hospital.signer)[0])
        wrong.pop(member, None)

    assert seen == [
        "AssistedGrantsPeriodExceeded",
        "AssistedGrantsSensitivityExceeded",
        "AssistedGrantsActionsExceeded",
        "AssistedGrantsPurposesExceeded",
        "AssistedGrantsNotPrepared",
    ]


# Who prepares


def test_assistance_by_a_suspended_or_unknown_institution_is_refused(world: World) -> None:
    terms = assisted_terms(world)
    unknown = refusal(world, assistance_for(world, terms, institution=UNKNOWN), world.hospital.signer)
    world.suspend(world.hospital)

    suspended = refusal(world, assistance_for(world, terms), world.hospital.signer)

    assert unknown == ("AssistedGrantsInstitutionInactive", (checksummed(UNKNOWN),))
    assert suspended == ("AssistedGrantsInstitutionInactive", (checksummed(world.hospital.address),))


def test_assistance_for_an_unknown_subject_is_refused(world: World) -> None:
    act = assistance_for(world, assisted_terms(world), subject_id=SubjectId(OTHER))

    assert refusal(world, act, world.hospital.signer) == ("AssistedGrantsSubjectUnknown", (OTHER,))


@pytest.mark.parametrize("missing", ["practitioner", "evidence_hash"])
def test_assistance_without_helper_or_evidence_is_refused(world: World, missing: str) -> None:
    act = assistance_for(world, assisted_terms(world), **{missing: ZERO_32})

    expected = ("AssistedGrantsEvidenceMissing", (act.practitioner, act.evidence_hash))
    assert refusal(world, act, world.hospital.signer) == expected


@pytest.mark.parametrize("status", [ConsentStatus.ACTIVE, ConsentStatus.REVOKED])
def test_assistance_for_a_known_consent_is_refused(world: World, status: ConsentStatus) -> None:
    terms = world.terms()
    world.grant(terms)
    if status == ConsentStatus.REVOKED:
        world.revoke(terms)

    refused = refusal(world, assistance_for(world, terms), world.hospital.signer)

    assert refused == ("AssistedGrantsTooLate", (consent_id(terms), status))


def test_assistance_signed_by_another_is_refused(world: World) -> None:
    act = assistance_for(world, assisted_terms(world))

    assert refusal(world, act, world.custodian.signer) == ("ActSignatureInvalid", (struct_hash(act), 0))
    assert refusal(world, act, world.patient.signer) == ("ActSignatureInvalid", (struct_hash(act), 0))


def test_order_of_refusals_of_an_assistance(world: World) -> None:
    terms = assisted_terms(world)
    granted = world.terms()
    world.grant(granted)
    wrong: dict[str, Value] = {
        "institution": UNKNOWN,
        "subject_id": SubjectId(OTHER),
        "practitioner": ZERO_32,
        "consent_id": consent_id(granted),
    }
    seen = []
    for member in (*wrong, "nothing"):
        act = assistance_for(world, terms, **wrong)
        seen.append(refusal(world, act, world.patient.signer)[0])
        wrong.pop(member, None)

    assert seen == [
        "AssistedGrantsInstitutionInactive",
        "AssistedGrantsSubjectUnknown",
        "AssistedGrantsEvidenceMissing",
        "AssistedGrantsTooLate",
        "ActSignatureInvalid",
    ]


# Undoing


@pytest.mark.parametrize(("after", "undone"), [(TIME_TO_UNDO - 1, 1), (TIME_TO_UNDO, 0)])
def test_revocation_within_72_hours_counts_as_undone(world: World, after: int, undone: int) -> None:
    terms = prepared(world)
    world.grant(terms)
    granted_at = state_of(world, terms)[2]

    world.suite.travel(granted_at + after)
    world.revoke(terms)

    assert counts(world) == (1, undone)
    assert state_of(world, terms)[0] == ConsentStatus.REVOKED


def test_revocation_of_another_consent_undoes_nothing(world: World) -> None:
    prepared_only, plain = prepared(world), world.terms(nonce=77)
    world.grant(plain)
    world.revoke(plain)
    world.revoke(prepared_only)

    assert counts(world) == (0, 0)


def test_plain_grant_of_prepared_terms_counts_for_nobody(world: World) -> None:
    terms = world.terms()
    perform(world, assistance_for(world, terms), world.hospital.signer)
    world.grant(terms)

    assert counts(world) == (0, 0)
    assert STAFF != ZERO_32


@pytest.mark.parametrize(
    "day",
    [(2034, 12, 31), (2035, 1, 1), (2035, 3, 31), (2035, 4, 1), (2036, 2, 29), (2036, 9, 30), (2036, 10, 1)],
)
def test_grants_are_counted_in_the_quarter_of_the_calendar(world: World, day: tuple[int, int, int]) -> None:
    moment = int(datetime(*day, tzinfo=UTC).timestamp())
    world.suite.travel(moment)
    terms = prepared(world)
    world.grant(terms)

    quarter = (day[0] - 1970) * 4 + (day[1] - 1) // 3
    read = [world.suite.read("Consents", "assistedCountIn", world.hospital.address, quarter + n) for n in (-1, 0, 1)]
    assert read == [0, 1, 0]
