"""Which terms `Consents` grants: every rule, its borders, and the order of the errors."""

from __future__ import annotations

import dataclasses

import pytest

from consentry.core.codes import UNLIMITED_USES, Action, ConsentStatus
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, ConsentTerms, SubjectId
from tests.contracts.consent_acts import OTHER, UNKNOWN, checksummed, grant_refusal, state_of
from tests.support.contract_suite import Value
from tests.support.contract_world import DAY, World, values_of


@pytest.mark.parametrize("member", [field.name for field in dataclasses.fields(ConsentTerms)])
def test_grant_of_other_terms_than_signed_is_refused(world: World, member: str) -> None:
    signed = world.storing(practitioner=OTHER)
    signature = world.sign("Consents", signed, world.patient.signer)
    terms = dataclasses.replace(signed, **CHANGED[member])
    if member == "subject_id":
        world.enrol("another", world.patient.signer)
        other = world.enrolment("another", world.patient.signer).subject_id
        terms = dataclasses.replace(terms, subject_id=other)

    refused = world.suite.refusal("Consents", "grant", values_of(terms), signature, sender=world.relay)

    # Members with a single admissible value are refused for that value, the others for the signature.
    by_value = {"onward_disclosure": "ConsentsOnwardDisclosureRefused", "guardian": "ConsentsAssuranceRefused"}
    assert refused[0] == by_value.get(member, "ConsentsSignatureInvalid")


# Every change alone gives terms that would be granted if they were signed (group and root with their counterpart).
CHANGED: dict[str, dict[str, Value]] = {
    "subject_id": {},
    "guardian": {"guardian": OTHER},
    "institution": {"institution": ZERO_ADDRESS, "group": OTHER, "practitioner": ZERO_32},
    "group": {"institution": ZERO_ADDRESS, "group": OTHER, "practitioner": ZERO_32},
    "practitioner": {"practitioner": ZERO_32},
    "records_root": {"records_root": OTHER, "categories": 0},
    "categories": {"categories": 1 << 1},
    "purposes": {"purposes": 1 << 2},
    "actions": {"actions": 1 << Action.STORE},
    "max_sensitivity": {"max_sensitivity": 4},
    "data_from": {"data_from": 0},
    "data_until": {"data_until": 65_535},
    "valid_from": {"valid_from": 0},
    "valid_until": {"valid_until": 2**64 - 1},
    "max_uses": {"max_uses": 1},
    "onward_disclosure": {"onward_disclosure": True},
    "erase_by": {"erase_by": 2**64 - 1},
    "notice_hash": {"notice_hash": OTHER},
    "notice_version": {"notice_version": 2},
    "assurance": {"assurance": 2},
    "nonce": {"nonce": 8},
}


@pytest.mark.parametrize(
    "changes",
    [
        {"institution": ZERO_ADDRESS},
        {"group": OTHER},
        {"institution": ZERO_ADDRESS, "practitioner": OTHER},
        {"institution": ZERO_ADDRESS, "group": OTHER, "practitioner": OTHER},
    ],
)
def test_grant_to_an_invalid_grantee_is_refused(world: World, changes: dict[str, Value]) -> None:
    terms = world.terms(**changes)

    refused = grant_refusal(world, terms)

    assert refused == ("ConsentsGranteeInvalid", (checksummed(terms.institution), terms.group, terms.practitioner))


def test_grant_to_an_unknown_institution_is_refused(world: World) -> None:
    refused = grant_refusal(world, world.terms(institution=UNKNOWN))

    assert refused == ("ConsentsGranteeUnknown", (checksummed(UNKNOWN),))


def test_grant_to_a_suspended_institution_succeeds(world: World) -> None:
    # Suspension is a matter of the access, not of the patient's will.
    world.suspend(world.hospital)
    terms = world.terms()

    world.grant(terms)

    assert state_of(world, terms)[0] == ConsentStatus.ACTIVE


@pytest.mark.parametrize(
    ("changes", "error", "arguments"),
    [
        ({"categories": 0}, "ConsentsScopeInvalid", (ZERO_32, 0)),
        ({"records_root": OTHER}, "ConsentsScopeInvalid", (OTHER, 1 << 4)),
        ({"categories": 1}, "ConsentsScopeInvalid", (ZERO_32, 1)),
        ({"categories": 1 << 13}, "ConsentsScopeInvalid", (ZERO_32, 1 << 13)),
        ({"categories": 1 << 31 | 1 << 4}, "ConsentsScopeInvalid", (ZERO_32, 1 << 31 | 1 << 4)),
        ({"purposes": 0}, "ConsentsPurposesInvalid", (0,)),
        ({"purposes": 1}, "ConsentsPurposesInvalid", (1,)),
        ({"purposes": 1 << 16}, "ConsentsPurposesInvalid", (1 << 16,)),
        ({"actions": 0}, "ConsentsActionsInvalid", (0,)),
        ({"actions": 1}, "ConsentsActionsInvalid", (1,)),
        ({"actions": 8}, "ConsentsActionsInvalid", (8,)),
        ({"max_sensitivity": 0}, "ConsentsSensitivityInvalid", (0,)),
        ({"max_sensitivity": 5}, "ConsentsSensitivityInvalid", (5,)),
        ({"max_sensitivity": 6, "records_root": OTHER, "categories": 0}, "ConsentsSensitivityInvalid", (6,)),
        ({"data_from": 701}, "ConsentsDataPeriodInvalid", (701, 700)),
        ({"max_uses": 0}, "ConsentsUsesInvalid", (0,)),
        ({"onward_disclosure": True}, "ConsentsOnwardDisclosureRefused", ()),
        ({"erase_by": 1}, "ConsentsEraseDateInvalid", (1, 0)),
        ({"notice_hash": ZERO_32}, "ConsentsNoticeMissing", (ZERO_32, 1)),
        ({"notice_hash": OTHER, "notice_version": 0}, "ConsentsNoticeMissing", (OTHER, 0)),
        ({"assurance": 0}, "ConsentsAssuranceRefused", (0,)),
        ({"assurance": 5}, "ConsentsAssuranceRefused", (5,)),
        ({"assurance": 255}, "ConsentsAssuranceRefused", (255,)),
    ],
)
def test_grant_of_invalid_terms_is_refused(
    world: World, changes: dict[str, Value], error: str, arguments: tuple[Value, ...]
) -> None:
    assert grant_refusal(world, world.terms(**changes)) == (error, arguments)


@pytest.mark.parametrize(
    "changes",
    [
        {"categories": 1 << 1},
        {"categories": 1 << 12},
        {"purposes": 1 << 1},
        {"purposes": 1 << 15},
        {"max_sensitivity": 1},
        {"max_sensitivity": 4},
        {"max_sensitivity": 5, "records_root": OTHER, "categories": 0},
        {"data_from": 700, "data_until": 700},
        {"max_uses": 1},
        {"max_uses": UNLIMITED_USES},
        {"institution": ZERO_ADDRESS, "group": OTHER},
        {"practitioner": OTHER},
    ],
)
def test_grant_of_outermost_terms_succeeds(world: World, changes: dict[str, Value]) -> None:
    terms = world.terms(**changes)

    world.grant(terms)

    assert state_of(world, terms)[0] == ConsentStatus.ACTIVE


def test_grant_of_an_empty_period_is_refused(world: World) -> None:
    now = world.suite.now()
    start = now + DAY
    terms = world.terms(valid_from=start, valid_until=start)

    assert grant_refusal(world, terms) == ("ConsentsPeriodInvalid", (start, start, now))


def test_grant_of_a_period_that_is_over_is_refused(world: World) -> None:
    now = world.suite.now()
    terms = world.terms(valid_from=now - DAY, valid_until=now)

    assert grant_refusal(world, terms) == ("ConsentsPeriodInvalid", (now - DAY, now, now))


def test_grant_in_the_last_second_of_its_period_succeeds(world: World) -> None:
    now = world.suite.now()
    terms = world.terms(valid_from=now - DAY, valid_until=now + 1)

    world.grant(terms)

    assert state_of(world, terms)[0] == ConsentStatus.ACTIVE


@pytest.mark.parametrize("start", ["earlier", "later"])
def test_grant_to_store_without_a_fit_erase_date_is_refused(world: World, start: str) -> None:
    now = world.suite.now()
    valid_from = now - DAY if start == "earlier" else now + DAY
    floor = max(valid_from, now)
    terms = world.storing(valid_from=valid_from, erase_by=floor)

    assert grant_refusal(world, terms) == ("ConsentsEraseDateInvalid", (floor, floor + 1))
    world.grant(dataclasses.replace(terms, erase_by=floor + 10))


def test_grant_reports_the_first_error_in_the_documented_order(world: World) -> None:
    # From terms that break every rule, the rules are mended one by one.
    now = world.suite.now()
    sound = world.storing()
    broken = dataclasses.replace(
        sound, subject_id=SubjectId(OTHER), group=OTHER, institution=UNKNOWN, categories=1, purposes=0, actions=0,
        max_sensitivity=0, data_from=701, valid_until=now, max_uses=0, onward_disclosure=True, erase_by=0,
        notice_version=0, assurance=9,
    )  # fmt: skip
    steps: list[tuple[str, dict[str, Value]]] = [
        ("ConsentsSubjectUnknown", {"subject_id": sound.subject_id}),
        ("ConsentsGranteeInvalid", {"group": ZERO_32}),
        ("ConsentsGranteeUnknown", {"institution": sound.institution}),
        ("ConsentsScopeInvalid", {"categories": sound.categories}),
        ("ConsentsPurposesInvalid", {"purposes": sound.purposes}),
        ("ConsentsActionsInvalid", {"actions": sound.actions}),
        ("ConsentsSensitivityInvalid", {"max_sensitivity": sound.max_sensitivity}),
        ("ConsentsDataPeriodInvalid", {"data_from": sound.data_from}),
        ("ConsentsPeriodInvalid", {"valid_until": sound.valid_until}),
        ("ConsentsUsesInvalid", {"max_uses": sound.max_uses}),
        ("ConsentsOnwardDisclosureRefused", {"onward_disclosure": False}),
        ("ConsentsEraseDateInvalid", {"erase_by": sound.erase_by}),
        ("ConsentsNoticeMissing", {"notice_version": sound.notice_version}),
        ("ConsentsAssuranceRefused", {"assurance": sound.assurance}),
    ]
    terms = broken
    for error, mended in steps:
        assert grant_refusal(world, terms, signer=world.hospital.signer)[0] == error
        terms = dataclasses.replace(terms, **mended)
    assert terms == sound
    assert grant_refusal(world, terms, signer=world.hospital.signer)[0] == "ConsentsSignatureInvalid"
