"""Consents that guardians grant and take back."""

from __future__ import annotations

from typing import Any

import pytest

from consentry.core.codes import Assurance, ConsentStatus, GuardianKind, GuardianScope, bits
from consentry.core.terms import ZERO_32, ConsentTerms
from consentry.core.typed_data import consent_id
from tests.contracts.consent_acts import grant_refusal, revoke_refusal, state_of
from tests.contracts.guardian_acts import ALL, MOTHER, QUARTER, appoint, note
from tests.support.contract_world import World

GUARDIAN = Assurance.GUARDIAN


def guarded(world: World, guardian: bytes, **changes: Any) -> ConsentTerms:  # noqa: ANN401 - members of the terms
    return world.terms(**{"guardian": guardian, "assurance": GUARDIAN, "nonce": 5, **changes})


def unsigned(terms: ConsentTerms) -> tuple[str, tuple[bytes, bytes]]:
    return "ConsentsSignatureInvalid", (consent_id(terms), terms.subject_id)


def test_grant_and_revoke_by_a_guardian_count(world: World) -> None:
    name = appoint(world)
    terms = guarded(world, name)
    world.grant(terms, MOTHER)
    assert state_of(world, terms)[0] == ConsentStatus.ACTIVE

    [event] = world.suite.events(world.revoke(terms, MOTHER, name))

    assert (event.name, event.args["guardian"]) == ("ConsentRevoked", name)
    assert state_of(world, terms)[0] == ConsentStatus.REVOKED


@pytest.mark.parametrize("assurance", [0, Assurance.DEVICE_KEY, Assurance.CARD_AND_CODE, 5])
def test_grant_by_a_guardian_with_another_assurance_is_refused(world: World, assurance: int) -> None:
    terms = guarded(world, appoint(world), assurance=assurance)
    assert grant_refusal(world, terms, MOTHER) == ("ConsentsAssuranceRefused", (assurance,))


def test_grant_by_the_subject_with_the_assurance_of_guardians_is_refused(world: World) -> None:
    terms = world.terms(assurance=GUARDIAN)
    assert grant_refusal(world, terms) == ("ConsentsAssuranceRefused", (GUARDIAN,))


def test_grant_needs_the_very_guardian_in_force_with_that_scope(world: World) -> None:
    revoking = appoint(world, scopes=bits(GuardianScope.REVOKE), nonce=1)
    granting = appoint(world, scopes=bits(GuardianScope.GRANT), nonce=2)
    for terms, signer in (
        (guarded(world, granting), world.patient.signer),
        (guarded(world, revoking), MOTHER),
        (guarded(world, b"\x01" * 32), MOTHER),
        (guarded(world, granting, subject_id=world.enrol("other", MOTHER).subject_id), MOTHER),
    ):
        assert grant_refusal(world, terms, signer) == unsigned(terms)
    terms = guarded(world, granting)
    world.grant(terms, MOTHER)
    assert revoke_refusal(world, terms, MOTHER, guardian=granting) == unsigned(terms)
    assert revoke_refusal(world, terms, MOTHER) == unsigned(terms)
    world.revoke(terms, MOTHER, revoking)


def test_subject_takes_back_what_its_guardian_granted(world: World) -> None:
    terms = guarded(world, appoint(world))
    world.grant(terms, MOTHER)
    world.revoke(terms)
    assert state_of(world, terms)[0] == ConsentStatus.REVOKED


def test_minor_revokes_but_does_not_grant_until_the_second_it_is_of_age(world: World) -> None:
    own = world.terms(nonce=1, valid_until=QUARTER + 100)
    world.grant(own)
    note(world)
    later = world.terms(nonce=2, valid_until=QUARTER + 100)
    assert grant_refusal(world, later) == unsigned(later)
    world.revoke(own)
    world.suite.travel(QUARTER - 1)
    assert grant_refusal(world, later) == unsigned(later)
    world.suite.travel(QUARTER)
    world.grant(later)


def test_guardian_cannot_take_back_what_a_shielded_minor_granted(world: World) -> None:
    note(world, shielded=True)
    parent = appoint(world, GuardianKind.PARENT, scopes=ALL, valid_until=QUARTER)
    own, theirs = world.terms(nonce=1), guarded(world, parent, nonce=2)
    world.grant(own)
    world.grant(theirs, MOTHER)

    shielded = ("ConsentsShielded", (consent_id(own), parent))
    assert revoke_refusal(world, own, MOTHER, guardian=parent) == shielded
    assert revoke_refusal(world, own, world.custodian.signer, guardian=b"\x01" * 32)[0] == "ConsentsShielded"
    world.revoke(theirs, MOTHER, parent)
    world.revoke(own)
    again = ("ConsentsAlreadyRevoked", (consent_id(own),))
    assert revoke_refusal(world, own, MOTHER, guardian=parent) == again


def test_guardian_takes_back_what_an_unshielded_minor_granted_before(world: World) -> None:
    own = world.terms(nonce=1)
    world.grant(own)
    note(world)
    parent = appoint(world, GuardianKind.PARENT, valid_until=QUARTER)
    world.revoke(own, MOTHER, parent)
    assert state_of(world, own)[0] == ConsentStatus.REVOKED


def test_deceased_subject_grants_and_revokes_nothing_a_relative_revokes(world: World) -> None:
    own = world.terms(nonce=1)
    world.grant(own)
    note(world, minor_until=0, deceased=True)
    later = world.terms(nonce=2)
    assert grant_refusal(world, later) == unsigned(later)
    assert revoke_refusal(world, own) == unsigned(own)
    relative = appoint(world, GuardianKind.NEAR_RELATIVE)
    world.revoke(own, MOTHER, relative)
    assert world.suite.read("Subjects", "signerFor", own.subject_id, ZERO_32, GuardianScope.REVOKE) == b""
