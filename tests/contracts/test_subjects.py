"""Behaviour of `Subjects`: enrolment by signers of every kind, and every refusal."""

from __future__ import annotations

import dataclasses

import pytest
from web3 import Web3

from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address, Enrolment, SubjectId
from consentry.core.typed_data import digest
from tests.support.contract_suite import Event, Value
from tests.support.contract_world import World, key_of, values_of
from tests.support.signers import AccountSigner, P256Signer, PasskeySigner, Signer, SmartAccountSigner

SIGNERS = ("account", "smart account", "P-256", "passkey")
DIGEST = bytes(range(32))


def signer_of(world: World, kind: str) -> Signer:
    owner = AccountSigner(key_of("newcomer"))
    if kind == "smart account":
        deployed = world.suite.deploy("SmartAccount", owner.identity)
        return SmartAccountSigner(Address(bytes.fromhex(deployed.address[2:])), owner)
    if kind == "P-256":
        return P256Signer(world.suite.address("ERC7913P256Verifier"), b"newcomer")
    if kind == "passkey":
        return PasskeySigner(world.suite.address("ERC7913WebAuthnVerifier"), b"newcomer")
    return owner


def refusal(
    world: World, act: Enrolment, signer: Signer, custodian: Signer | None = None, sender: str | None = None
) -> tuple[str, tuple[Value, ...]]:
    own = world.sign("Subjects", act, signer)
    theirs = world.sign("Subjects", act, custodian or world.custodian.signer)
    return world.suite.refusal("Subjects", "enrol", values_of(act), own, theirs, sender=sender or world.relay)


@pytest.mark.parametrize("kind", SIGNERS)
def test_enrol_with_a_signer_of_any_kind_keeps_it(world: World, kind: str) -> None:
    signer = signer_of(world, kind)
    act = world.enrolment("newcomer", signer)
    signatures = [world.sign("Subjects", act, each) for each in (signer, world.custodian.signer)]

    receipt = world.suite.send("Subjects", "enrol", values_of(act), *signatures, sender=world.relay)

    custodian = Web3.to_checksum_address(world.custodian.address)
    args = {"subjectId": act.subject_id, "custodian": custodian, "signer": signer.identity}
    assert world.suite.events(receipt) == [Event("SubjectEnrolled", args)]
    assert world.suite.read("Subjects", "signerOf", act.subject_id) == signer.identity
    assert world.suite.read("Subjects", "custodianOf", act.subject_id) == custodian


@pytest.mark.parametrize("kind", SIGNERS)
def test_is_signed_by_tells_the_signer_from_another(world: World, kind: str) -> None:
    signer = signer_of(world, kind)
    patient = world.enrol("newcomer", signer)
    signature = signer.sign(DIGEST)

    assert world.suite.read("Subjects", "isSignedBy", patient.subject_id, DIGEST, signature)
    assert not world.suite.read("Subjects", "isSignedBy", patient.subject_id, DIGEST[::-1], signature)
    assert not world.suite.read("Subjects", "isSignedBy", world.patient.subject_id, DIGEST, signature)


@pytest.mark.parametrize(
    ("flags", "kind"),
    [(b"\x00", "webauthn.get"), (b"\x01", "webauthn.get"), (b"\x04", "webauthn.get"), (b"\x05", "webauthn.create")],
)
def test_assertion_without_presence_verification_or_type_is_no_signature(world: World, flags: bytes, kind: str) -> None:
    verifier = world.suite.address("ERC7913WebAuthnVerifier")
    patient = world.enrol("newcomer", PasskeySigner(verifier, b"newcomer"))
    unfit = PasskeySigner(verifier, b"newcomer", flags, kind)

    assert not world.suite.read("Subjects", "isSignedBy", patient.subject_id, DIGEST, unfit.sign(DIGEST))


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(65), bytes(66), b"\xff" * 500])
@pytest.mark.parametrize("kind", SIGNERS)
def test_malformed_signature_is_none(world: World, kind: str, signature: bytes) -> None:
    patient = world.enrol("newcomer", signer_of(world, kind))

    assert not world.suite.read("Subjects", "isSignedBy", patient.subject_id, DIGEST, signature)


def test_unknown_subject_has_no_signer(world: World) -> None:
    unknown = ZERO_32[:-1] + b"\x01"
    signature = world.patient.signer.sign(DIGEST)

    assert world.suite.read("Subjects", "signerOf", unknown) == b""
    assert world.suite.read("Subjects", "custodianOf", unknown) == Web3.to_checksum_address(ZERO_ADDRESS)
    assert not world.suite.read("Subjects", "isSignedBy", unknown, DIGEST, signature)


def test_enrol_by_anyone_but_a_relay_is_refused(world: World) -> None:
    signer = signer_of(world, "account")

    refused = refusal(world, world.enrolment("newcomer", signer), signer, sender=world.stranger)

    assert refused == ("SubjectsRelayRequired", (world.stranger,))


def test_enrol_through_the_relay_of_another_member_succeeds(world: World) -> None:
    world.relay = world.hospital.relay

    patient = world.enrol("newcomer", signer_of(world, "account"))

    assert world.suite.read("Subjects", "signerOf", patient.subject_id) == patient.signer.identity


def test_enrol_twice_is_refused(world: World) -> None:
    act = world.enrolment("patient", world.patient.signer)

    assert refusal(world, act, world.patient.signer) == ("SubjectsAlreadyEnrolled", (act.subject_id,))


def test_enrol_of_id_zero_is_refused(world: World) -> None:
    signer = signer_of(world, "account")
    act = dataclasses.replace(world.enrolment("newcomer", signer), subject_id=SubjectId(ZERO_32))

    assert refusal(world, act, signer) == ("SubjectsZeroId", ())


@pytest.mark.parametrize("custodian", ["unknown", "suspended"])
def test_enrol_by_an_inactive_custodian_is_refused(world: World, custodian: str) -> None:
    signer = signer_of(world, "account")
    act = world.enrolment("newcomer", signer)
    if custodian == "unknown":
        act = dataclasses.replace(act, custodian=Address(b"\x77" * 20))
    else:
        world.suspend(world.custodian)
    address = Web3.to_checksum_address(act.custodian)

    assert refusal(world, act, signer, sender=world.hospital.relay) == ("SubjectsCustodianInactive", (address,))


@pytest.mark.parametrize("identity", [b"", bytes(19), bytes(20), b"\x66" * 84])
def test_enrol_with_an_unfit_signer_is_refused(world: World, identity: bytes) -> None:
    signer = signer_of(world, "account")
    act = dataclasses.replace(world.enrolment("newcomer", signer), signer=identity)

    assert refusal(world, act, signer) == ("SubjectsSignerInvalid", (identity,))


def test_enrol_at_the_end_of_its_time_is_refused(world: World) -> None:
    signer = signer_of(world, "account")
    now = world.suite.now()
    act = dataclasses.replace(world.enrolment("newcomer", signer), sign_before=now)

    assert refusal(world, act, signer) == ("SubjectsEnrolmentExpired", (now, now))


def test_enrol_one_second_before_the_end_succeeds(world: World) -> None:
    signer = signer_of(world, "account")
    act = dataclasses.replace(world.enrolment("newcomer", signer), sign_before=world.suite.now() + 1)
    signatures = [world.sign("Subjects", act, each) for each in (signer, world.custodian.signer)]

    world.suite.read("Subjects", "enrol", values_of(act), *signatures, sender=world.relay)


@pytest.mark.parametrize("kind", SIGNERS)
def test_enrol_without_the_subject_s_signature_is_refused(world: World, kind: str) -> None:
    act = world.enrolment("newcomer", signer_of(world, kind))

    assert refusal(world, act, world.patient.signer) == ("SubjectsSignatureInvalid", (act.subject_id,))


def test_enrol_without_the_custodian_s_signature_is_refused(world: World) -> None:
    signer = signer_of(world, "account")
    act = world.enrolment("newcomer", signer)
    custodian = Web3.to_checksum_address(world.custodian.address)

    refused = refusal(world, act, signer, custodian=world.hospital.signer)

    assert refused == ("SubjectsCustodianSignatureInvalid", (act.subject_id, custodian))


def test_enrol_signed_in_another_domain_is_refused(world: World) -> None:
    signer = signer_of(world, "account")
    act = world.enrolment("newcomer", signer)
    foreign = dataclasses.replace(world.suite.domain("Subjects"), chain_id=1)
    signatures = [each.sign(digest(foreign, act)) for each in (signer, world.custodian.signer)]

    refused = world.suite.refusal("Subjects", "enrol", values_of(act), *signatures, sender=world.relay)

    assert refused == ("SubjectsSignatureInvalid", (act.subject_id,))


def test_domain_and_wiring_are_as_documented(world: World) -> None:
    _, name, version, chain_id, contract, _, _ = world.suite.read("Subjects", "eip712Domain")

    assert (name, version) == ("Consentry Subjects", "1")
    assert (chain_id, contract) == (world.suite.w3.eth.chain_id, world.suite["Subjects"].address)
    assert world.suite.read("Subjects", "participants") == world.suite["Participants"].address
