"""Who signs a grant at each level of assurance, and what age and directive of the subject do to a decision."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consentry.core.codes import Assurance, ConsentStatus, DirectiveAnswer, GuardianKind, GuardianScope, Reason
from consentry.core.guardianship import Directive
from consentry.core.signer_keys import CardRegistration, CardRemoval
from consentry.core.terms import ZERO_32, ConsentTerms
from consentry.core.typed_data import consent_id
from tests.contracts.consent_acts import grant_refusal, revoke_refusal, state_of
from tests.contracts.guardian_acts import MOTHER, QUARTER, appoint, note, perform
from tests.contracts.test_access_bases import emergency
from tests.support.contract_suite import Value
from tests.support.contract_world import DAY, World, key_of
from tests.support.life_world import assistance_for, assisted_terms
from tests.support.life_world import perform as perform_life
from tests.support.signers import AccountSigner, Signer

CARD = AccountSigner(key_of("card"))


@pytest.fixture
def world(world: World) -> World:
    """Gives the patient a card, and anchors the record that is asked for."""
    act = CardRegistration(world.patient.subject_id, CARD.identity, 1, world.suite.now() + DAY)
    perform(world, act, world.patient.signer, CARD)
    world.anchor(world.leaf())
    return world


def unsigned(terms: ConsentTerms) -> tuple[str, tuple[bytes, bytes]]:
    return "ConsentsSignatureInvalid", (consent_id(terms), terms.subject_id)


def prepared(world: World, **changes: Value) -> ConsentTerms:
    terms = assisted_terms(world, **changes)
    perform_life(world, assistance_for(world, terms), world.hospital.signer)
    return terms


def test_card_grants_at_its_level_and_the_device_does_not(world: World) -> None:
    terms = world.terms(assurance=Assurance.CARD_AND_CODE)

    by_device = grant_refusal(world, terms)
    world.grant(terms, CARD)

    assert by_device == unsigned(terms)
    assert state_of(world, terms)[0] == ConsentStatus.ACTIVE


def test_card_does_not_grant_at_the_level_of_the_device(world: World) -> None:
    terms = world.terms()
    assert grant_refusal(world, terms, CARD) == unsigned(terms)


def test_card_that_was_removed_grants_nothing(world: World) -> None:
    act = CardRemoval(world.patient.subject_id, 2, world.suite.now() + DAY)
    perform(world, act, world.patient.signer)
    terms = world.terms(assurance=Assurance.CARD_AND_CODE)

    assert grant_refusal(world, terms, CARD) == unsigned(terms)


@pytest.mark.parametrize("level", [Assurance.CARD_AND_CODE, Assurance.DEVICE_KEY])
def test_card_takes_back_whatever_the_subject_granted(world: World, level: Assurance) -> None:
    terms = world.terms(assurance=level)
    world.grant(terms, CARD if level == Assurance.CARD_AND_CODE else world.patient.signer)

    world.revoke(terms, CARD)

    assert state_of(world, terms)[0] == ConsentStatus.REVOKED


def test_device_takes_back_what_the_card_granted(world: World) -> None:
    terms = world.terms(assurance=Assurance.CARD_AND_CODE)
    world.grant(terms, CARD)
    world.revoke(terms)

    assert state_of(world, terms)[0] == ConsentStatus.REVOKED


def test_card_that_is_not_the_subjects_or_was_removed_takes_nothing_back(world: World) -> None:
    terms = world.terms(assurance=Assurance.CARD_AND_CODE)
    world.grant(terms, CARD)
    other = replace(terms, subject_id=world.enrol("other", MOTHER).subject_id)

    assert revoke_refusal(world, other, CARD) == unsigned(other)
    assert revoke_refusal(world, terms, MOTHER) == unsigned(terms)
    perform(world, CardRemoval(world.patient.subject_id, 2, world.suite.now() + DAY), world.patient.signer)
    assert revoke_refusal(world, terms, CARD) == unsigned(terms)


def test_card_takes_nothing_back_for_a_guardian(world: World) -> None:
    name = appoint(world)
    terms = world.terms(guardian=name, assurance=Assurance.GUARDIAN)
    world.grant(terms, MOTHER)

    assert revoke_refusal(world, terms, CARD, guardian=name) == unsigned(terms)
    assert revoke_refusal(world, terms, CARD, guardian=b"\x01" * 32) == unsigned(terms)
    world.revoke(terms, CARD)


def test_card_of_a_minor_takes_back_and_that_of_the_dead_does_not(world: World) -> None:
    first, second = (world.terms(assurance=Assurance.CARD_AND_CODE, nonce=nonce) for nonce in (1, 2))
    world.grant(first, CARD)
    world.grant(second, CARD)
    note(world)
    world.revoke(first, CARD)
    note(world, deceased=True)

    assert revoke_refusal(world, second, CARD) == unsigned(second)


@pytest.mark.parametrize("level", [Assurance.CARD_AND_CODE, Assurance.STAFF_ASSISTED])
def test_card_of_an_unshielded_minor_grants_nothing(world: World, level: Assurance) -> None:
    terms = prepared(world) if level == Assurance.STAFF_ASSISTED else world.terms(assurance=level)
    note(world)

    assert grant_refusal(world, terms, CARD) == unsigned(terms)


def test_assisted_grant_is_signed_by_device_or_card(world: World) -> None:
    for number, signer in enumerate((world.patient.signer, CARD)):
        terms = prepared(world, nonce=number)
        world.grant(terms, signer)
        assert state_of(world, terms)[0] == ConsentStatus.ACTIVE


def test_assisted_grant_of_a_guardian_is_signed_by_that_guardian_alone(world: World) -> None:
    terms = prepared(world, guardian=appoint(world))
    others: tuple[Signer, ...] = (world.patient.signer, CARD, world.hospital.signer)

    refused = [grant_refusal(world, terms, signer) for signer in others]
    world.grant(terms, MOTHER)

    assert refused == [unsigned(terms)] * 3
    assert state_of(world, terms)[0] == ConsentStatus.ACTIVE


@pytest.mark.parametrize("level", [0, Assurance.DEVICE_KEY, Assurance.CARD_AND_CODE, 5, 255])
def test_guardian_grants_at_no_level_of_the_subject(world: World, level: int) -> None:
    terms = replace(world.terms(), guardian=appoint(world), assurance=level)
    assert grant_refusal(world, terms, MOTHER) == ("ConsentsAssuranceRefused", (level,))


# Age


def minors_consent(world: World, **changes: Value) -> ConsentTerms:
    note(world)
    name = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    terms = world.terms(guardian=name, assurance=Assurance.GUARDIAN, valid_until=QUARTER + 30 * DAY, **changes)
    world.grant(terms, MOTHER)
    return terms


def asked_at(world: World, terms: ConsentTerms, time: int) -> list[Reason]:
    world.suite.travel(time)
    return world.reasons([world.item(world.leaf(), terms, issued_at=time - 60, expires_at=time + 600)])


@pytest.mark.parametrize(
    ("time", "reason"),
    [(QUARTER - 1, Reason.NONE), (QUARTER, Reason.RECONSENT_NEEDED), (QUARTER + DAY, Reason.RECONSENT_NEEDED)],
)
def test_what_a_parent_granted_ends_with_the_minority(world: World, time: int, reason: Reason) -> None:
    assert asked_at(world, minors_consent(world), time) == [reason]


def test_what_a_grown_up_has_a_delegate_grant_does_not_end(world: World) -> None:
    note(world)
    world.suite.travel(QUARTER)
    name = appoint(world, nonce=2)
    terms = world.terms(guardian=name, assurance=Assurance.GUARDIAN)
    world.grant(terms, MOTHER)

    assert asked_at(world, terms, QUARTER + DAY) == [Reason.NONE]


def test_what_a_shielded_minor_granted_itself_does_not_end(world: World) -> None:
    note(world, shielded=True)
    terms = world.terms(valid_until=QUARTER + 30 * DAY)
    world.grant(terms)

    assert asked_at(world, terms, QUARTER + DAY) == [Reason.NONE]


def test_used_up_consent_says_so_before_age_is_looked_at(world: World) -> None:
    terms = minors_consent(world, max_uses=1)

    assert asked_at(world, terms, QUARTER - 2) == [Reason.NONE]
    item = world.item(world.leaf(), terms, request_id=999, issued_at=QUARTER, expires_at=QUARTER + 600)
    world.suite.travel(QUARTER)
    assert world.reasons([item]) == [Reason.USES_EXHAUSTED]


# Directive


def direct(world: World, answer: DirectiveAnswer, nonce: int) -> None:
    subject, until = world.patient.subject_id, world.suite.now() + DAY
    act = Directive(subject, ZERO_32, answer, DirectiveAnswer.ALLOW, nonce, until)
    perform(world, act, world.patient.signer)


def test_directive_forbids_emergencies_until_it_is_changed(world: World) -> None:
    direct(world, DirectiveAnswer.FORBID, 1)
    refused = world.reasons([emergency(world, 1)])
    direct(world, DirectiveAnswer.ALLOW, 2)

    decided, _ = world.suite.events(world.decide([emergency(world, 2)]))

    assert refused == [Reason.EMERGENCY_FORBIDDEN]
    assert decided.name == "AccessDecided"


def test_incomplete_emergency_says_so_before_the_directive(world: World) -> None:
    direct(world, DirectiveAnswer.FORBID, 1)
    assert world.reasons([emergency(world, reason_code=0)]) == [Reason.EMERGENCY_INCOMPLETE]


def test_directive_forbids_no_access_by_consent(world: World) -> None:
    direct(world, DirectiveAnswer.FORBID, 1)
    terms = world.terms()
    world.grant(terms)

    assert world.reasons([world.item(world.leaf(), terms)]) == [Reason.NONE]


def test_scope_of_grants_is_needed_for_a_grant(world: World) -> None:
    name = appoint(world, scopes=1 << GuardianScope.REVOKE)
    terms = world.terms(guardian=name, assurance=Assurance.GUARDIAN)
    assert grant_refusal(world, terms, MOTHER) == unsigned(terms)
