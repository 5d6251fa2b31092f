"""Behaviour of `Consents`: grant, revoke and count, and every refusal in its order."""

from __future__ import annotations

import dataclasses

import pytest

from consentry.core.asks import COOL_DOWN
from consentry.core.codes import ConsentStatus
from consentry.core.terms import ZERO_32, Address, Revocation, SubjectId
from consentry.core.typed_data import consent_id, digest
from tests.contracts.consent_acts import OTHER, SIGNERS, UNKNOWN, checksummed, grant_refusal, revoke_refusal, state_of
from tests.support.contract_suite import Event, artifact
from tests.support.contract_world import DAY, World, key_of, values_of
from tests.support.signers import AccountSigner, P256Signer, PasskeySigner, Signer, SmartAccountSigner


def patient_of(world: World, kind: str) -> Signer:
    owner = AccountSigner(key_of("newcomer"))
    signer: Signer = owner
    if kind == "smart account":
        deployed = world.suite.deploy("SmartAccount", owner.identity)
        signer = SmartAccountSigner(Address(bytes.fromhex(deployed.address[2:])), owner)
    elif kind == "P-256":
        signer = P256Signer(world.suite.address("ERC7913P256Verifier"), b"newcomer")
    elif kind == "passkey":
        signer = PasskeySigner(world.suite.address("ERC7913WebAuthnVerifier"), b"newcomer")
    world.patient = world.enrol("newcomer", signer)
    return signer


# Granting


def test_states_of_several_consents_come_in_their_order(world: World) -> None:
    first, second = world.terms(nonce=41), world.terms(nonce=42)
    for terms in (first, second):
        world.grant(terms)
    world.revoke(second)
    ids = [consent_id(second), OTHER, consent_id(first)]

    states = world.suite.read("Consents", "statesOf", ids)

    assert states == [world.suite.read("Consents", "stateOf", each) for each in ids]
    assert [state[0] for state in states] == [ConsentStatus.REVOKED, ConsentStatus.NONE, ConsentStatus.ACTIVE]


def test_grant_brings_a_consent_into_force(world: World) -> None:
    terms = world.terms()
    signature = world.sign("Consents", terms, world.patient.signer)
    before = state_of(world, terms)

    returned = world.suite.read("Consents", "grant", values_of(terms), signature, sender=world.relay)
    receipt = world.suite.send("Consents", "grant", values_of(terms), signature, sender=world.relay)

    [entry] = [entry for entry in artifact("Consents")["abi"] if entry.get("name") == "grant"]
    names = [member["name"] for member in entry["inputs"][0]["components"]]
    shown = dict(zip(names, values_of(terms), strict=True))
    shown["institution"] = checksummed(terms.institution)
    args = {"consentId": consent_id(terms), "subjectId": terms.subject_id, "terms": shown, "signature": signature}
    time = world.suite.w3.eth.get_block(receipt["blockNumber"])["timestamp"]
    assert world.suite.events(receipt) == [Event("ConsentGranted", args)]
    assert returned == consent_id(terms)
    assert (before, state_of(world, terms)) == ((0, 0, 0, 0), (ConsentStatus.ACTIVE, 0, time, 0))


@pytest.mark.parametrize("kind", SIGNERS)
def test_grant_and_revocation_by_a_signer_of_any_kind_count(world: World, kind: str) -> None:
    signer = patient_of(world, kind)
    terms = world.terms()

    world.grant(terms, signer)
    granted = state_of(world, terms)[0]
    world.revoke(terms, signer)

    assert (granted, state_of(world, terms)[0]) == (ConsentStatus.ACTIVE, ConsentStatus.REVOKED)


@pytest.mark.parametrize("kind", SIGNERS)
def test_grant_signed_by_another_is_refused(world: World, kind: str) -> None:
    stranger = world.patient.signer
    patient_of(world, kind)
    terms = world.terms()

    refused = grant_refusal(world, terms, signer=stranger)

    assert refused == ("ConsentsSignatureInvalid", (consent_id(terms), terms.subject_id))


@pytest.mark.parametrize("who", ["custodian", "hospital"])
def test_grant_signed_by_an_institution_is_refused(world: World, who: str) -> None:
    terms = world.terms()
    signer = world.custodian.signer if who == "custodian" else world.hospital.signer

    assert grant_refusal(world, terms, signer=signer)[0] == "ConsentsSignatureInvalid"


def test_grant_signed_for_another_contract_is_refused(world: World) -> None:
    terms = world.terms()
    signature = world.sign("Records", terms, world.patient.signer)

    refused = world.suite.refusal("Consents", "grant", values_of(terms), signature, sender=world.relay)

    assert refused == ("ConsentsSignatureInvalid", (consent_id(terms), terms.subject_id))


def test_grant_signed_for_another_chain_is_refused(world: World) -> None:
    terms = world.terms()
    foreign = dataclasses.replace(world.suite.domain("Consents"), chain_id=1)
    signature = world.patient.signer.sign(digest(foreign, terms))

    refused = world.suite.refusal("Consents", "grant", values_of(terms), signature, sender=world.relay)

    assert refused == ("ConsentsSignatureInvalid", (consent_id(terms), terms.subject_id))


def test_revocation_is_no_grant(world: World) -> None:
    terms = world.terms()
    act = Revocation(consent_id(terms), terms.subject_id)
    signature = world.sign("Consents", act, world.patient.signer)

    refused = world.suite.refusal("Consents", "grant", values_of(terms), signature, sender=world.relay)

    assert refused == ("ConsentsSignatureInvalid", (consent_id(terms), terms.subject_id))


def test_grant_by_anyone_but_a_relay_is_refused(world: World) -> None:
    assert grant_refusal(world, world.terms(), sender=world.stranger) == ("ConsentsRelayRequired", (world.stranger,))


def test_grant_through_the_relay_of_another_member_succeeds(world: World) -> None:
    terms = world.terms()
    world.relay = world.hospital.relay

    world.grant(terms)

    assert state_of(world, terms)[0] == ConsentStatus.ACTIVE


def test_grant_twice_is_refused(world: World) -> None:
    terms = world.terms()
    world.grant(terms)

    assert grant_refusal(world, terms) == ("ConsentsAlreadyGranted", (consent_id(terms),))


def test_grant_after_revocation_is_refused(world: World) -> None:
    terms = world.terms()
    world.grant(terms)
    world.revoke(terms)

    assert grant_refusal(world, terms) == ("ConsentsAlreadyRevoked", (consent_id(terms),))


def test_equal_terms_with_another_nonce_are_another_consent(world: World) -> None:
    terms = world.terms()
    world.grant(terms)
    world.revoke(terms)

    world.grant(dataclasses.replace(terms, nonce=8))

    assert state_of(world, terms)[0] == ConsentStatus.REVOKED


def test_grant_of_an_unknown_subject_is_refused(world: World) -> None:
    refused = grant_refusal(world, world.terms(subject_id=SubjectId(OTHER)))

    assert refused == ("ConsentsSubjectUnknown", (OTHER,))


# Revoking


def test_revoke_takes_a_consent_back(world: World) -> None:
    terms = world.terms()
    world.grant(terms)
    granted_at = state_of(world, terms)[2]
    act = Revocation(consent_id(terms), terms.subject_id)
    signature = world.sign("Consents", act, world.patient.signer)

    returned = world.suite.read("Consents", "revoke", values_of(terms), ZERO_32, signature, sender=world.relay)
    receipt = world.revoke(terms)

    ids = {"consentId": consent_id(terms), "subjectId": terms.subject_id}
    args = {**ids, "guardian": ZERO_32, "signature": signature}
    time = world.suite.w3.eth.get_block(receipt["blockNumber"])["timestamp"]
    assert world.suite.events(receipt) == [Event("ConsentRevoked", args)]
    assert returned == consent_id(terms)
    assert state_of(world, terms) == (ConsentStatus.REVOKED, 0, granted_at, time)


def test_revoke_before_the_grant_makes_it_impossible(world: World) -> None:
    terms = world.terms()

    world.revoke(terms)

    assert state_of(world, terms)[:3] == (ConsentStatus.REVOKED, 0, 0)
    assert grant_refusal(world, terms) == ("ConsentsAlreadyRevoked", (consent_id(terms),))


def test_revoke_works_when_all_else_is_unfit(world: World) -> None:
    terms = world.terms()
    world.grant(terms)
    world.suspend(world.custodian)
    world.suspend(world.hospital)
    world.suite.travel(terms.valid_until + DAY)
    world.by_two(world.beijing, "admitRelay", world.stranger, world.beijing)
    world.relay = world.stranger

    world.revoke(terms)

    assert state_of(world, terms)[0] == ConsentStatus.REVOKED


def test_revoke_of_terms_that_could_never_be_granted_succeeds(world: World) -> None:
    terms = world.terms(institution=UNKNOWN, purposes=0, valid_until=0)

    world.revoke(terms)

    assert state_of(world, terms)[0] == ConsentStatus.REVOKED


def test_revoke_twice_is_refused(world: World) -> None:
    terms = world.terms()
    world.revoke(terms)

    assert revoke_refusal(world, terms) == ("ConsentsAlreadyRevoked", (consent_id(terms),))


def test_revoke_by_anyone_but_a_relay_is_refused(world: World) -> None:
    assert revoke_refusal(world, world.terms(), sender=world.stranger) == ("ConsentsRelayRequired", (world.stranger,))


def test_revoke_for_an_unknown_subject_is_refused(world: World) -> None:
    refused = revoke_refusal(world, world.terms(subject_id=SubjectId(OTHER)))

    assert refused == ("ConsentsSubjectUnknown", (OTHER,))


def test_revoke_signed_by_another_is_refused(world: World) -> None:
    terms = world.terms()
    world.grant(terms)

    refused = revoke_refusal(world, terms, signer=world.hospital.signer)

    assert refused == ("ConsentsSignatureInvalid", (consent_id(terms), terms.subject_id))


def test_grant_is_no_revocation(world: World) -> None:
    terms = world.terms()
    signature = world.sign("Consents", terms, world.patient.signer)

    refused = world.suite.refusal("Consents", "revoke", values_of(terms), ZERO_32, signature, sender=world.relay)

    assert refused == ("ConsentsSignatureInvalid", (consent_id(terms), terms.subject_id))


# Counting


def test_count_use_by_anyone_but_the_ledger_is_refused(world: World) -> None:
    terms = world.terms()
    world.grant(terms)
    ledger = world.suite["AccessLedger"].address

    for sender in (world.relay, world.suite.national, world.suite.admin):
        refused = world.suite.refusal("Consents", "countUses", consent_id(terms), 1, sender=sender)
        assert refused == ("ConsentsLedgerRequired", (sender, ledger))


@pytest.mark.parametrize("status", [ConsentStatus.NONE, ConsentStatus.REVOKED])
def test_count_use_of_a_consent_not_in_force_is_refused(world: World, status: ConsentStatus) -> None:
    # The ledger never asks for this; here its place is taken by an account.
    terms = world.terms()
    wiring = (world.suite["Participants"].address, world.suite["Subjects"].address, world.relay, COOL_DOWN)
    world.suite.contracts = {**world.suite.contracts, "Consents": world.suite.deploy("Consents", *wiring)}
    if status == ConsentStatus.REVOKED:
        world.revoke(terms)

    refused = world.suite.refusal("Consents", "countUses", consent_id(terms), 1, sender=world.relay)

    assert refused == ("ConsentsNotActive", (consent_id(terms), status))


def test_count_use_counts_one(world: World) -> None:
    terms = world.terms()
    wiring = (world.suite["Participants"].address, world.suite["Subjects"].address, world.relay, COOL_DOWN)
    world.suite.contracts = {**world.suite.contracts, "Consents": world.suite.deploy("Consents", *wiring)}
    world.grant(terms)

    for _ in range(2):
        world.suite.send("Consents", "countUses", consent_id(terms), 1, sender=world.relay)

    assert state_of(world, terms)[1] == 2


def test_domain_and_wiring_are_as_documented(world: World) -> None:
    _, name, version, *_ = world.suite.read("Consents", "eip712Domain")

    assert (name, version) == ("Consentry Consents", "1")
    for contract in ("Participants", "Subjects", "AccessLedger"):
        getter = contract[0].lower() + contract[1:]
        assert world.suite.read("Consents", getter) == world.suite[contract].address
