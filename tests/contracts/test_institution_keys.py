"""Keys of institutions: rotated by themselves, reset by two officers, and what each kind of signer needs."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest

from consentry.core.codes import Reason
from consentry.core.terms import Address, InstitutionKeys
from consentry.core.typed_data import struct_hash
from tests.contracts.officer_acts import NEWCOMER, REASON, SIGNER, ZERO, checksummed, read, refusal, send, two
from tests.support.contract_suite import Event, Value
from tests.support.contract_world import BEIJING, World, key_of, values_of
from tests.support.signers import AccountSigner, P256Signer, PasskeySigner, Signer, SmartAccountSigner

NEW_KEY = AccountSigner(key_of("new signer of the hospital"))
KINDS = ("account", "smart account", "P-256", "passkey")


def signer_of(world: World, kind: str) -> Signer:
    """Gives a new signer of a kind."""
    suite = world.suite
    if kind == "smart account":
        deployed = suite.deploy("SmartAccount", NEW_KEY.identity)
        return SmartAccountSigner(Address(bytes.fromhex(deployed.address[2:])), NEW_KEY)
    if kind == "P-256":
        return P256Signer(suite.address("ERC7913P256Verifier"), b"new")
    if kind == "passkey":
        return PasskeySigner(suite.address("ERC7913WebAuthnVerifier"), b"new")
    return NEW_KEY


def keys(world: World, new: Signer = NEW_KEY, **changes: Value) -> InstitutionKeys:
    """Gives new keys of the hospital, good for an hour."""
    made = InstitutionKeys(world.hospital.address, new.identity, b"new release key", world.suite.now() + 3_600)
    return dataclasses.replace(made, **changes)


def signed(world: World, new: InstitutionKeys, own: Signer | None = None, other: Signer = NEW_KEY) -> tuple[Value, ...]:
    """Gives the call of a rotation: keys and both signatures."""
    signatures = (world.sign("Participants", new, own or world.hospital.signer), world.sign("Participants", new, other))
    return "rotateInstitutionKeys", values_of(new), *signatures


@pytest.mark.parametrize("kind", KINDS)
def test_rotation_by_the_institution_changes_both_keys(world: World, kind: str) -> None:
    signer = signer_of(world, kind)
    new = keys(world, signer)

    events = send(world, world.relay, *signed(world, new, other=signer))

    args: dict[str, Value] = {"institution": checksummed(world.hospital.address), "authority": ZERO}
    args |= {"signer": signer.identity, "releaseKey": b"new release key", "signBefore": new.sign_before}
    assert events == [Event("InstitutionKeysRotated", args)]
    facts = read(world, "institutionForDecision", world.hospital.address)
    assert facts[1:3] == [hashlib.sha256(b"new release key").digest(), signer.identity]
    assert read(world, "institutionSigner", world.hospital.address) == signer.identity
    assert read(world, "isKeysUsed", struct_hash(new))


def test_request_under_the_old_key_is_rejected_and_under_the_new_one_decided(world: World) -> None:
    leaf, terms = world.leaf(), world.terms()
    world.anchor(leaf)
    world.grant(terms)
    send(world, world.relay, *signed(world, keys(world)))
    new_hash = hashlib.sha256(b"new release key").digest()

    reasons = world.reasons(
        [
            world.item(leaf, terms, request_id=1),
            world.item(leaf, terms, request_id=2, signer=NEW_KEY),
            world.item(leaf, terms, request_id=3, signer=NEW_KEY, release_key_hash=new_hash),
        ]
    )

    assert reasons == [Reason.SIGNATURE_INVALID, Reason.RELEASE_KEY_MISMATCH, Reason.NONE]


def test_rotation_counts_once(world: World) -> None:
    back = keys(world, world.hospital.signer, release_key=world.hospital.release_key)
    there = keys(world)
    send(world, world.relay, *signed(world, there))
    send(world, world.relay, *signed(world, back, own=NEW_KEY, other=world.hospital.signer))

    refused = refusal(world, world.relay, *signed(world, there))

    assert refused == ("ParticipantsKeysUsed", (struct_hash(there),))


def test_rotation_by_an_account_that_is_no_relay_is_refused(world: World) -> None:
    refused = refusal(world, world.stranger, *signed(world, keys(world)))

    assert refused == ("ParticipantsRelayRequired", (world.stranger,))


def test_rotation_of_an_unknown_institution_is_refused(world: World) -> None:
    new = keys(world, institution=Address(bytes.fromhex(NEWCOMER[2:])))

    assert refusal(world, world.relay, *signed(world, new)) == ("ParticipantsUnknown", (NEWCOMER,))


@pytest.mark.parametrize("in_emergency", [True, False])
def test_rotation_of_a_suspended_institution_is_refused(world: World, *, in_emergency: bool) -> None:
    institution = checksummed(world.hospital.address)
    if in_emergency:
        send(world, world.beijing, "suspendInEmergency", institution, REASON)
    else:
        world.suspend(world.hospital)

    refused = refusal(world, world.relay, *signed(world, keys(world)))

    assert refused == ("ParticipantsStandingMismatch", (institution, 2, 1))


@pytest.mark.parametrize("signer", [b"", bytes(19), bytes(20), SIGNER + b"key of an unknown verifier"])
def test_keys_with_an_unfit_signer_are_refused(world: World, signer: bytes) -> None:
    rotated = refusal(world, world.relay, *signed(world, keys(world, signer=signer)))
    reset = refusal(world, world.beijing, "resetInstitutionKeys", world.hospital.address, signer, b"key")

    assert rotated == reset == ("ParticipantsSignerInvalid", (signer,))


def test_keys_without_release_key_are_refused(world: World) -> None:
    institution = checksummed(world.hospital.address)

    rotated = refusal(world, world.relay, *signed(world, keys(world, release_key=b"")))
    reset = refusal(world, world.beijing, "resetInstitutionKeys", institution, SIGNER, b"")

    assert rotated == reset == ("ParticipantsReleaseKeyInvalid", (institution,))


def test_rotation_that_comes_too_late_is_refused(world: World) -> None:
    now = world.suite.now()

    refused = refusal(world, world.relay, *signed(world, keys(world, sign_before=now)))

    assert refused == ("ParticipantsKeysExpired", (now, now))


def test_rotation_in_the_last_second_counts(world: World) -> None:
    send(world, world.relay, *signed(world, keys(world, sign_before=world.suite.now() + 1)))

    assert read(world, "institutionSigner", world.hospital.address) == NEW_KEY.identity


def test_rotation_without_the_signature_of_today_is_refused(world: World) -> None:
    institution = checksummed(world.hospital.address)

    refused = refusal(world, world.relay, *signed(world, keys(world), own=NEW_KEY))

    assert refused == ("ParticipantsSignatureInvalid", (institution,))


def test_rotation_without_the_signature_of_the_new_signer_is_refused(world: World) -> None:
    institution = checksummed(world.hospital.address)

    refused = refusal(world, world.relay, *signed(world, keys(world), other=world.hospital.signer))

    assert refused == ("ParticipantsNewSignatureInvalid", (institution,))


def test_rotation_signed_over_other_keys_is_refused(world: World) -> None:
    call = list(signed(world, keys(world)))
    call[1] = values_of(keys(world, release_key=b"another release key"))

    name, _ = refusal(world, world.relay, *call)

    assert name == "ParticipantsSignatureInvalid"


# Lost keys


def test_reset_by_two_officers_says_who(world: World) -> None:
    institution = checksummed(world.hospital.address)

    events = two(world, world.beijing, "resetInstitutionKeys", institution, SIGNER, b"new release key")

    args: dict[str, Value] = {"institution": institution, "authority": world.beijing, "signer": SIGNER}
    assert events == [Event("InstitutionKeysRotated", {**args, "releaseKey": b"new release key", "signBefore": 0})]
    facts = read(world, "institutionForDecision", institution)
    assert facts[1:3] == [hashlib.sha256(b"new release key").digest(), SIGNER]


def test_reset_works_for_a_suspended_institution(world: World) -> None:
    world.suspend(world.hospital)

    two(world, world.beijing, "resetInstitutionKeys", world.hospital.address, SIGNER, b"new release key")

    assert read(world, "institutionSigner", world.hospital.address) == SIGNER


def test_reset_of_an_unknown_institution_is_refused(world: World) -> None:
    refused = refusal(world, world.beijing, "resetInstitutionKeys", NEWCOMER, SIGNER, b"key")

    assert refused == ("ParticipantsUnknown", (NEWCOMER,))


def test_reset_in_another_province_is_refused(world: World) -> None:
    refused = refusal(world, world.guangdong, "resetInstitutionKeys", world.hospital.address, SIGNER, b"key")

    assert refused == ("ParticipantsRegionForbidden", (world.guangdong, BEIJING))
