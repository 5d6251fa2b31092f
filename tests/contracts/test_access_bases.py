"""Behaviour of `AccessLedger` where no consent is the basis, with exclusions and limits of a day."""

from __future__ import annotations

import dataclasses

import pytest

from consentry.core.authorisations import StandingAuthorisation, authorisation_id
from consentry.core.codes import (
    DAY,
    EMERGENCY_WINDOW,
    Action,
    Category,
    EmergencyReason,
    ExclusionKind,
    LegalBasis,
    Purpose,
    Reason,
    bits,
)
from consentry.core.emergencies import debt_id
from consentry.core.exclusions import Exclusion, target_of_institution
from consentry.core.terms import ZERO_32, Address
from tests.contracts.debt_cases import OTHER, authority_of
from tests.support.contract_suite import Value, by_two
from tests.support.contract_world import BEIJING, Item, World, batch_of, reason_of, values_of
from tests.support.signers import AccountSigner


def emergency(world: World, number: int = 1, **changes: Value) -> Item:
    """Gives a request in an emergency that is permitted."""
    now = world.suite.now()
    usual: dict[str, Value] = {
        "request_id": number,
        "purpose": Purpose.ETREAT,
        "legal_basis": LegalBasis.EMERGENCY,
        "reason_code": EmergencyReason.UNCONSCIOUS,
        "reason_hash": OTHER,
        "issued_at": now,
        "expires_at": now + EMERGENCY_WINDOW,
    }
    return world.item(world.leaf(), None, **(usual | changes))


def given(world: World, by: AccountSigner, **changes: Value) -> StandingAuthorisation:
    """Has the hospital authorised."""
    now = world.suite.now()
    act = StandingAuthorisation(
        authority=Address(by.identity),
        institution=world.hospital.address,
        basis=LegalBasis.STATUTORY_DUTY,
        purposes=bits(Purpose.HLEGAL),
        categories=bits(*Category),
        actions=bits(Action.VIEW),
        max_sensitivity=4,
        data_from=0,
        data_until=65_535,
        valid_from=now,
        valid_until=now + DAY,
        basis_text_hash=OTHER,
        nonce=1,
        sign_before=now + DAY,
    )
    act = dataclasses.replace(act, **changes)
    signature = world.sign("Authorisations", act, by)
    world.suite.send("Authorisations", "authorise", values_of(act), [signature], sender=world.relay)
    return act


def under(world: World, terms: StandingAuthorisation, **changes: Value) -> Item:
    """Gives a request under an authorisation."""
    usual: dict[str, Value] = {
        "authorisation_id": authorisation_id(terms),
        "legal_basis": terms.basis,
        "purpose": Purpose.HLEGAL,
    }
    item = world.item(world.leaf(), None, **(usual | changes))
    return dataclasses.replace(item, authorisation=terms)


AUDIT = 5


@pytest.fixture
def world(world: World) -> World:
    """Anchors the record that is asked for."""
    world.anchor(world.leaf())
    return world


def consented(world: World) -> Item:
    terms = world.terms()
    world.grant(terms)
    return world.item(world.leaf(), terms)


def limit(world: World, daily: int, in_emergency: int) -> None:
    by_two(world.suite, world.administrators(AUDIT), "limitInstitution", world.hospital.address, daily, in_emergency)


def counts(world: World) -> tuple[int, int]:
    accesses, in_emergency = world.suite.read("AccessLedger", "permitsToday", world.hospital.address)
    return accesses, in_emergency


def test_permitted_emergency_opens_its_debt_behind_the_decision(world: World) -> None:
    item = emergency(world)

    decided, opened = world.suite.events(world.decide([item]))

    assert (decided.name, reason_of(decided), opened.name) == ("AccessDecided", Reason.NONE, "DebtOpened")
    assert decided.args["entry"]["ground"] == ZERO_32
    assert opened.args["debtId"] == debt_id(world.hospital.address, 1)
    assert opened.args["subjectId"] == world.patient.subject_id
    assert world.suite.read("Emergencies", "openCount", world.hospital.address) == 1
    assert counts(world) == (1, 1)


def test_emergency_in_a_batch_signed_as_a_whole_opens_its_debt(world: World) -> None:
    items = [emergency(world, number) for number in (1, 2)]

    names = [event.name for event in world.suite.events(world.decide_batch(items, world.sign_batch(items)))]

    assert names == ["BatchSubmitted", "AccessDecided", "DebtOpened", "AccessDecided", "DebtOpened"]


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": Purpose.TREAT},
        {"purpose": Purpose.COC},
        {"action": Action.STORE},
        {"actor_kind": 2},
        {"reason_code": 0},
        {"reason_code": 5},
        {"reason_hash": ZERO_32},
    ],
)
def test_incomplete_emergency_is_denied_and_owes_nothing(world: World, change: dict[str, int]) -> None:
    events = world.suite.events(world.decide([emergency(world, **change)]))
    assert [reason_of(event) for event in events] == [Reason.EMERGENCY_INCOMPLETE]
    assert counts(world) == (0, 0)


def test_emergency_request_lasts_a_quarter_of_an_hour(world: World) -> None:
    now = world.suite.now()
    longer = emergency(world, 1, expires_at=now + EMERGENCY_WINDOW + 1)
    last = emergency(world, 2, purpose=Purpose.BTG, reason_code=EmergencyReason.SAFETY_OF_OTHERS)
    found = [reason_of(e) for e in world.suite.events(world.decide([longer, last])) if e.name == "AccessDecided"]
    assert found == [Reason.EMERGENCY_INCOMPLETE, Reason.NONE]


def test_exclusion_beats_grant_and_emergency_but_not_a_law(world: World) -> None:
    item = consented(world)
    authority = authority_of(world, "authority", BEIJING)
    terms = given(world, authority)
    target = target_of_institution(world.hospital.address)
    act = Exclusion(world.patient.subject_id, ZERO_32, ExclusionKind.INSTITUTION, target, 1, world.suite.now() + 60)
    signature = world.sign("Consents", act, world.patient.signer)
    world.suite.send("Consents", "exclude", values_of(act), [signature], sender=world.relay)

    items = [item, emergency(world, 2), under(world, terms, request_id=3)]

    assert world.reasons(items) == [Reason.EXCLUDED, Reason.EXCLUDED, Reason.NONE]


def test_emergencies_of_a_day_are_limited(world: World) -> None:
    limit(world, 100, 2)
    events = world.suite.events(world.decide([emergency(world, number) for number in range(3)]))
    found = [reason_of(event) for event in events if event.name == "AccessDecided"]
    assert found == [Reason.NONE, Reason.NONE, Reason.EMERGENCY_LIMIT]
    assert counts(world) == (2, 2)
    world.suite.travel((world.suite.now() // DAY + 1) * DAY)
    assert counts(world) == (0, 0)
    events = world.suite.events(world.decide([emergency(world, 9)]))
    assert reason_of(events[0]) == Reason.NONE
    assert counts(world) == (1, 1)


def test_permitted_accesses_of_a_day_are_limited_over_batches(world: World) -> None:
    limit(world, 3, 3)
    item = consented(world)
    more = [world.item(item.leaf, item.terms, request_id=number) for number in range(10, 15)]
    assert world.reasons(more[:2]) == [Reason.NONE, Reason.NONE]
    denied = world.item(item.leaf, item.terms, request_id=99, action=Action.STORE)
    assert world.reasons([denied, *more[2:]]) == [
        Reason.ACTION_NOT_GRANTED,
        Reason.NONE,
        Reason.INSTITUTION_LIMIT,
        Reason.INSTITUTION_LIMIT,
    ]
    assert counts(world) == (3, 0)


def test_authorisation_is_the_ground_in_the_log(world: World) -> None:
    terms = given(world, authority_of(world, "authority", BEIJING))

    [event] = world.suite.events(world.decide([under(world, terms)]))

    assert reason_of(event) == Reason.NONE
    assert event.args["entry"]["ground"] == authorisation_id(terms)
    assert counts(world) == (1, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"purpose": Purpose.TREAT}, Reason.AUTHORISATION_SCOPE),
        ({"action": Action.STORE}, Reason.AUTHORISATION_SCOPE),
        ({"legal_basis": LegalBasis.PUBLIC_HEALTH}, Reason.AUTHORISATION_SCOPE),
        ({"legal_basis": LegalBasis.CONSENT}, Reason.SIGNATURE_INVALID),
        ({"legal_basis": LegalBasis.EMERGENCY}, Reason.SIGNATURE_INVALID),
    ],
)
def test_authorisation_covers_what_it_says(world: World, change: dict[str, int], reason: Reason) -> None:
    terms = given(world, authority_of(world, "authority", BEIJING))
    assert world.reasons([under(world, terms, **change)]) == [reason]


def test_place_beyond_the_known_bits_changes_nothing(world: World) -> None:
    """Bits above the tenth place are nobody's: an item must not pass for the one before it."""
    terms = given(world, authority_of(world, "authority", BEIJING))
    first, second = under(world, terms, request_id=1), emergency(world, 2)
    requests, signatures, tables = batch_of([first, second])
    members = list(requests[1])
    members[2] |= 1 << 160 | 1 << 254 | 1 << 255
    spoiled = [requests[0], tuple(members)]

    receipt = world.suite.send("AccessLedger", "decide", spoiled, signatures, tables, sender=world.relay)

    found = [reason_of(event) for event in world.suite.events(receipt) if event.name != "DebtOpened"]
    assert found == [Reason.NONE, Reason.NONE]
