"""Officers that erase: one person each, by the one key that the chain can see."""

from __future__ import annotations

import dataclasses

from consentry.core.terms import InstitutionKeys
from consentry.crypto.council import Council
from tests.contracts.act_calls import perform, refused
from tests.contracts.erasure_acts import FIRST, SECOND, admission, erasure, old_leaf
from tests.support.contract_world import World, values_of
from tests.support.signers import P256Signer, PasskeySigner


def _two_kinds_of_one_key(world: World) -> tuple[P256Signer, PasskeySigner]:
    return (
        P256Signer(world.suite.address("ERC7913P256Verifier"), b"officer"),
        PasskeySigner(world.suite.address("ERC7913WebAuthnVerifier"), b"officer"),
    )


def test_council_is_no_officer(world: World) -> None:
    council = bytes(world.suite.address("CouncilVerifier")) + Council(1, (FIRST.identity, SECOND.identity)).key
    act = dataclasses.replace(admission(world), officer=council)

    assert refused(world, act, world.custodian.signer, FIRST) == ("ErasuresOfficerInvalid", (council,))


def test_one_key_under_two_verifiers_is_one_officer(world: World) -> None:
    plain, passkey = _two_kinds_of_one_key(world)
    for officer in (plain, passkey):
        perform(world, admission(world, officer), world.custodian.signer, officer)
    act = erasure(world, old_leaf(world), first_officer=plain.identity, second_officer=passkey.identity)

    assert refused(world, act, plain, passkey) == ("ErasuresOfficersAlike", (plain.identity,))


def test_key_of_the_institution_is_no_officer_under_another_verifier(world: World) -> None:
    plain, passkey = _two_kinds_of_one_key(world)
    new = InstitutionKeys(world.custodian.address, plain.identity, b"new release key", world.suite.now() + 3600)
    signatures = [world.sign("Participants", new, signer) for signer in (world.custodian.signer, plain)]
    world.suite.send("Participants", "rotateInstitutionKeys", values_of(new), *signatures, sender=world.relay)
    act = admission(world, passkey)

    assert refused(world, act, plain, passkey) == ("ErasuresOfficerInvalid", (passkey.identity,))
