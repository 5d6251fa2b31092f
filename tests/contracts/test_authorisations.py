"""Behaviour of `Authorisations`: given and withdrawn by authorities, and every refusal in its order."""

from __future__ import annotations

import dataclasses

import pytest

from consentry.core.authorisations import AuthorisationWithdrawal, StandingAuthorisation, authorisation_id
from consentry.core.codes import (
    AUTHORISATION_PERIOD,
    Action,
    AuthorisationStatus,
    Category,
    LegalBasis,
    Purpose,
    bits,
)
from consentry.core.terms import ZERO_32, Address
from consentry.core.typed_data import struct_hash
from tests.contracts.consent_acts import UNKNOWN, checksummed
from tests.contracts.debt_cases import OTHER, authority_of
from tests.support.contract_suite import Value, by_two
from tests.support.contract_world import BEIJING, GUANGDONG, World, values_of
from tests.support.signers import AccountSigner, Signer

Act = StandingAuthorisation | AuthorisationWithdrawal


@pytest.fixture
def authority(world: World) -> AccountSigner:
    """Appoints the authority over the hospital."""
    return authority_of(world, "authority", BEIJING)


def terms(world: World, by: Signer, **changes: Value) -> StandingAuthorisation:
    """Gives terms for the hospital: laboratory reports of some years, for public health, for a year."""
    now = world.suite.now()
    act = StandingAuthorisation(
        authority=Address(by.identity),
        institution=world.hospital.address,
        basis=LegalBasis.PUBLIC_HEALTH,
        purposes=bits(Purpose.PUBHLTH),
        categories=bits(Category.LABORATORY),
        actions=bits(Action.VIEW),
        max_sensitivity=4,
        data_from=600,
        data_until=700,
        valid_from=now,
        valid_until=now + AUTHORISATION_PERIOD,
        basis_text_hash=OTHER,
        nonce=1,
        sign_before=now + 3600,
    )
    return dataclasses.replace(act, **changes)


def withdrawal(world: World, given: StandingAuthorisation, **changes: Value) -> AuthorisationWithdrawal:
    """Gives the withdrawal by the authority that gave."""
    parties = given.authority, given.institution
    act = AuthorisationWithdrawal(authorisation_id(given), *parties, world.suite.now() + 3600)
    return dataclasses.replace(act, **changes)


def send(world: World, act: Act, signer: Signer) -> list[Value]:
    """Has an act taken; gives its events."""
    signature = world.sign("Authorisations", act, signer)
    receipt = world.suite.send("Authorisations", act.FORM.function, values_of(act), [signature], sender=world.relay)
    return list(world.suite.events(receipt))


def refusal(world: World, act: Act, signer: Signer, **options: Value) -> tuple[str, tuple[Value, ...]]:
    """Gives the error with which an act is refused."""
    signatures = options.get("signatures", [world.sign("Authorisations", act, signer)])
    sender = options.get("sender", world.relay)
    return world.suite.refusal("Authorisations", act.FORM.function, values_of(act), signatures, sender=sender)


def state(world: World, given: StandingAuthorisation) -> tuple[Value, ...]:
    [found] = world.suite.read("Authorisations", "statesOf", [authorisation_id(given)])
    return tuple(found)


# Giving


def test_authority_authorises(world: World, authority: AccountSigner) -> None:
    act = terms(world, authority)
    assert state(world, act)[0] == AuthorisationStatus.NONE
    now = world.suite.now()

    [event] = send(world, act, authority)

    assert event.name == "AuthorisationGiven"
    assert event.args["actHash"] == authorisation_id(act) == struct_hash(act)
    assert (event.args["subjectId"], event.args["institution"]) == (ZERO_32, checksummed(act.institution))
    assert state(world, act) == (AuthorisationStatus.ACTIVE, now, 0, checksummed(act.authority))
    assert refusal(world, act, authority) == ("ActRepeated", (struct_hash(act),))
    assert world.suite.read("Authorisations", "isPerformed", struct_hash(act)) is True


def test_national_authority_authorises_everywhere(world: World) -> None:
    nation = authority_of(world, "nation", 0)
    for hospital in (world.hospital, world.custodian):
        act = terms(world, nation, institution=hospital.address)
        send(world, act, nation)
        assert state(world, act)[0] == AuthorisationStatus.ACTIVE


def test_only_an_active_authority_over_the_institution_authorises(world: World, authority: AccountSigner) -> None:
    far, shown = authority_of(world, "far", GUANGDONG), checksummed(world.hospital.address)
    for signer in (far, world.hospital.signer):
        act = terms(world, signer)
        expected = ("AuthorisationsAuthorityForbidden", (checksummed(signer.identity), shown))
        assert refusal(world, act, signer) == expected
    act = terms(world, authority)
    for signer in (far, world.hospital.signer, world.patient.signer):
        assert refusal(world, act, signer) == ("ActSignatureInvalid", (struct_hash(act), 0))
    gone = checksummed(authority.identity)
    by_two(world.suite, (world.suite.national, world.suite.second), "suspendAuthority", gone, ZERO_32)
    assert refusal(world, act, authority) == ("AuthorisationsAuthorityForbidden", (gone, shown))


def test_institution_must_be_known(world: World, authority: AccountSigner) -> None:
    found = refusal(world, terms(world, authority, institution=UNKNOWN), authority)
    assert found == ("AuthorisationsInstitutionUnknown", (checksummed(UNKNOWN),))


@pytest.mark.parametrize("basis", [0, LegalBasis.CONSENT, LegalBasis.EMERGENCY, 5])
def test_other_bases_need_no_authorisation(world: World, authority: AccountSigner, basis: int) -> None:
    assert refusal(world, terms(world, authority, basis=basis), authority) == ("AuthorisationsBasisInvalid", (basis,))


def test_duty_is_a_basis(world: World, authority: AccountSigner) -> None:
    act = terms(world, authority, basis=LegalBasis.STATUTORY_DUTY)
    send(world, act, authority)
    assert state(world, act)[0] == AuthorisationStatus.ACTIVE


def test_text_of_the_law_is_named(world: World, authority: AccountSigner) -> None:
    act = terms(world, authority, basis_text_hash=ZERO_32)
    assert refusal(world, act, authority) == ("AuthorisationsBasisTextMissing", ())


@pytest.mark.parametrize(
    "change",
    [
        {"purposes": 0},
        {"purposes": 1},
        {"purposes": 1 << 16},
        {"categories": 0},
        {"categories": 1},
        {"categories": 1 << 13},
        {"actions": 0},
        {"actions": 1},
        {"actions": 8},
        {"max_sensitivity": 0},
        {"max_sensitivity": 5},
    ],
)
def test_scope_is_of_known_codes_and_never_of_level_five(
    world: World, authority: AccountSigner, change: dict[str, int]
) -> None:
    act = terms(world, authority, **change)
    scope = (act.purposes, act.categories, act.actions, act.max_sensitivity)
    assert refusal(world, act, authority) == ("AuthorisationsScopeInvalid", scope)


def test_widest_scope_is_taken(world: World, authority: AccountSigner) -> None:
    widest = {"purposes": bits(*Purpose), "categories": bits(*Category), "actions": bits(*Action)}
    act = terms(world, authority, **widest, max_sensitivity=1, data_from=9, data_until=9)
    send(world, act, authority)
    assert state(world, act)[0] == AuthorisationStatus.ACTIVE


def test_data_period_does_not_end_before_it_begins(world: World, authority: AccountSigner) -> None:
    act = terms(world, authority, data_from=10, data_until=9)
    assert refusal(world, act, authority) == ("AuthorisationsDataPeriodInvalid", (10, 9))


def test_period_is_a_year_at_most_and_not_over(world: World, authority: AccountSigner) -> None:
    now = world.suite.now()
    year = AUTHORISATION_PERIOD
    periods = [(now, now, True), (now + 1, now, True), (now - 9, now + 1, False), (now, now + year + 1, True)]
    for number, (start, end, refused) in enumerate([*periods, (now + 5, now + 5 + year, False)]):
        act = terms(world, authority, valid_from=start, valid_until=end, nonce=number)
        if refused:
            assert refusal(world, act, authority) == ("AuthorisationsPeriodInvalid", (start, end, now))
        else:
            signature = world.sign("Authorisations", act, authority)
            world.suite.read("Authorisations", "authorise", values_of(act), [signature], sender=world.relay)


# Withdrawing


def test_authority_that_gave_withdraws(world: World, authority: AccountSigner) -> None:
    given = terms(world, authority)
    send(world, given, authority)
    _, since, _, giver = state(world, given)
    act, now = withdrawal(world, given), world.suite.now()
    signature = world.sign("Authorisations", act, authority)

    receipt = world.suite.send("Authorisations", "withdraw", values_of(act), [signature], sender=world.relay)

    [event] = world.suite.events(receipt)
    assert event.name == "AuthorisationWithdrawn"
    assert event.args["institution"] == checksummed(given.institution)
    assert state(world, given) == (AuthorisationStatus.WITHDRAWN, since, now, giver)
    later = withdrawal(world, given, sign_before=act.sign_before + 1)
    assert refusal(world, later, authority) == ("AuthorisationsAlreadyWithdrawn", (authorisation_id(given),))


def test_authority_for_the_whole_country_withdraws(world: World, authority: AccountSigner) -> None:
    nation, given = authority_of(world, "nation", 0), terms(world, authority)
    send(world, given, authority)
    act = withdrawal(world, given, authority=Address(nation.identity))
    assert refusal(world, act, authority) == ("ActSignatureInvalid", (struct_hash(act), 0))

    send(world, act, nation)

    assert state(world, given)[0] == AuthorisationStatus.WITHDRAWN


def test_no_other_authority_withdraws(world: World, authority: AccountSigner) -> None:
    neighbour, given = authority_of(world, "neighbour", BEIJING), terms(world, authority)
    send(world, given, authority)
    shown = checksummed(given.institution)
    gone = checksummed(authority.identity)
    by_two(world.suite, (world.suite.national, world.suite.second), "suspendAuthority", gone, ZERO_32)
    for signer in (neighbour, world.hospital.signer, authority):
        act = withdrawal(world, given, authority=Address(signer.identity))
        expected = ("AuthorisationsAuthorityForbidden", (checksummed(signer.identity), shown))
        assert refusal(world, act, signer) == expected


def test_unknown_authorisation_is_not_withdrawn(world: World, authority: AccountSigner) -> None:
    given = terms(world, authority)
    identifier, institution = authorisation_id(given), checksummed(given.institution)
    found = refusal(world, withdrawal(world, given), authority)
    assert found == ("AuthorisationsUnknown", (identifier, institution))
    send(world, given, authority)
    other = withdrawal(world, given, institution=world.custodian.address)
    found = refusal(world, other, authority)
    assert found == ("AuthorisationsUnknown", (identifier, checksummed(world.custodian.address)))


# Order


def test_every_act_goes_through_the_checks_that_all_have(world: World, authority: AccountSigner) -> None:
    given = terms(world, authority)
    for act in (given, withdrawal(world, given)):
        assert refusal(world, act, authority, sender=world.stranger) == ("ActRelayRequired", (world.stranger,))
        assert refusal(world, act, authority, signatures=[b"", b""]) == ("ActSignaturesMismatch", (2, 1))
        late, now = dataclasses.replace(act, sign_before=1), world.suite.now()
        assert refusal(world, late, authority) == ("ActExpired", (1, now))


def test_errors_come_in_their_order(world: World, authority: AccountSigner) -> None:
    """Everything is wrong at first; one mistake after the other is mended."""
    far = authority_of(world, "far", GUANGDONG)
    wrong: dict[str, Value] = {
        "authority": Address(far.identity),
        "institution": UNKNOWN,
        "basis": 0,
        "basis_text_hash": ZERO_32,
        "purposes": 0,
        "data_from": 9,
        "data_until": 8,
        "valid_until": 0,
    }
    mended: list[tuple[str, Value]] = [
        ("institution", world.hospital.address),
        ("authority", Address(authority.identity)),
        ("basis", LegalBasis.STATUTORY_DUTY),
        ("basis_text_hash", OTHER),
        ("purposes", 2),
        ("data_until", 9),
    ]
    names = [refusal(world, terms(world, authority, **wrong), far)[0]]
    for name, value in mended:
        wrong[name] = value
        names.append(refusal(world, terms(world, authority, **wrong), far)[0])
    del wrong["valid_until"]
    names.append(refusal(world, terms(world, authority, **wrong), far)[0])
    assert names == [
        "AuthorisationsInstitutionUnknown",
        "AuthorisationsAuthorityForbidden",
        "AuthorisationsBasisInvalid",
        "AuthorisationsBasisTextMissing",
        "AuthorisationsScopeInvalid",
        "AuthorisationsDataPeriodInvalid",
        "AuthorisationsPeriodInvalid",
        "ActSignatureInvalid",
    ]


def test_states_of_several_come_in_their_order(world: World, authority: AccountSigner) -> None:
    first, second = terms(world, authority), terms(world, authority, nonce=2)
    for act in (first, second):
        send(world, act, authority)
    send(world, withdrawal(world, second), authority)

    found = world.suite.read("Authorisations", "statesOf", [authorisation_id(second), OTHER, authorisation_id(first)])

    assert [each[0] for each in found] == [
        AuthorisationStatus.WITHDRAWN,
        AuthorisationStatus.NONE,
        AuthorisationStatus.ACTIVE,
    ]
