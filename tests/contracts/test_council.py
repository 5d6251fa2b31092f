"""Signatures of councils: the contract and the verifier without a chain give the same answer to everything."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_tester.exceptions import TransactionFailed

from consentry.core.typed_data import digest
from consentry.crypto.council import Council, CouncilKey
from consentry.crypto.p256 import P256Key
from consentry.crypto.signing import AccountKey, SigningKey, Verifiers, verify
from consentry.crypto.webauthn import SoftwarePasskey
from consentry.errors import NotAuthenticError
from consentry.ledger.abi import VERIFIERS
from tests.contracts.guardian_acts import appointment, perform
from tests.support.contract_world import World

DIGEST = keccak(b"what a council signs")
VALID, INVALID = bytes.fromhex("024ad318"), b"\xff" * 4


def verifiers_of(world: World) -> Verifiers:
    return Verifiers(*(world.suite.address(name) for name in VERIFIERS))


def people(world: World, count: int = 3) -> list[SigningKey]:
    """Gives an account, a P-256 key, a passkey, then accounts."""
    at = verifiers_of(world)
    kinds: list[SigningKey] = [AccountKey.generate(), P256Key.generate(at.p256), SoftwarePasskey.generate(at.webauthn)]
    return [*kinds, *(AccountKey.generate() for _ in range(count))][:count]


def both(world: World, key: bytes, signature: bytes) -> bool:
    """Asks contract and Python whether a council signed, who must agree."""
    at = verifiers_of(world)
    found = world.suite.contracts["CouncilVerifier"].functions.verify(key, DIGEST, signature)
    try:
        answer = found.call()
    except TransactionFailed:
        answer = INVALID
    assert answer in {VALID, INVALID}
    try:
        verify(at.council + key, DIGEST, signature, at)
        held = True
    except NotAuthenticError:
        held = False
    assert held == (answer == VALID)
    return held


def signed(keys: list[SigningKey]) -> dict[bytes, bytes]:
    return {key.signer: key.sign_digest(DIGEST) for key in keys}


def key_of(threshold: int, members: list[bytes]) -> bytes:
    return encode(["uint64", "bytes[]"], [threshold, members])


def signature_of(pairs: list[tuple[bytes, bytes]]) -> bytes:
    return encode(["bytes[]", "bytes[]"], [[signer for signer, _ in pairs], [made for _, made in pairs]])


@pytest.mark.parametrize(("threshold", "count"), [(1, 2), (2, 2), (2, 3), (3, 3), (8, 8), (1, 8)])
def test_enough_members_of_any_kind_sign(world: World, threshold: int, count: int) -> None:
    keys = people(world, count)
    council = Council(threshold, tuple(key.signer for key in keys))
    council.check((verifiers_of(world).p256, verifiers_of(world).webauthn))

    assert both(world, council.key, council.signature(signed(keys[:threshold])))
    assert both(world, council.key, council.signature(signed(keys)))
    if threshold > 1:
        few = signature_of(list(signed(keys[: threshold - 1]).items()))
        assert not both(world, council.key, few)


def test_order_of_signers_does_not_matter(world: World) -> None:
    keys = people(world)
    key = key_of(2, [each.signer for each in keys])
    pairs = list(signed(keys).items())
    assert both(world, key, signature_of(pairs))
    assert both(world, key, signature_of(pairs[::-1]))


def spoiled(world: World) -> dict[str, tuple[bytes, bytes]]:
    """Gives keys and signatures of which each has one fault."""
    keys = people(world, 4)
    at, stranger = verifiers_of(world), AccountKey.generate()
    members = [key.signer for key in keys]
    pairs = list(signed(keys).items())
    key, good = key_of(2, members), signature_of(pairs[:2])
    inner = at.council + key_of(1, members[:2])
    alone = signature_of([(inner, signature_of(pairs[:1])), pairs[2]])
    foreign = world.suite.address("Participants") + bytes(64)
    swapped = signature_of([(members[0], pairs[3][1]), (members[3], pairs[0][1])])
    return {
        "nobody": (key, signature_of([])),
        "one twice": (key, signature_of([pairs[0], pairs[0]])),
        "one twice, apart": (key, signature_of([pairs[0], pairs[3], pairs[0]])),
        "a stranger": (key, signature_of([pairs[0], (stranger.signer, stranger.sign_digest(DIGEST))])),
        "another's signature": (key, swapped),
        "a wrong one beyond enough": (key, signature_of([*pairs[:2], (members[3], bytes(65))])),
        "signers without signatures": (key, encode(["bytes[]", "bytes[]"], [members[:2], [pairs[0][1]]])),
        "threshold of none": (key_of(0, members), good),
        "threshold beyond": (key_of(5, members), signature_of(pairs)),
        "a council of one": (key_of(1, members[:1]), signature_of(pairs[:1])),
        "a council of nobody": (key_of(0, []), signature_of([])),
        "a council of nine": (key_of(2, [*members, *(bytes([i]) * 20 for i in range(1, 6))]), good),
        "a member twice": (key_of(2, [*members, members[0]]), good),
        "a member too short": (key_of(2, [*members, b"\x01" * 19]), good),
        "a member of a foreign verifier": (key_of(2, [*members, foreign]), good),
        "a council in a council": (key_of(2, [inner, members[2]]), alone),
        "a key with a tail": (key + bytes(32), good),
        "a signature with a tail": (key, good + bytes(32)),
        "a key cut off": (key[:-1], good),
        "a signature cut off": (key, good[:-32]),
        "no key": (b"", good),
        "no signature": (key, b""),
        "words of nonsense": (b"\xff" * 128, b"\xff" * 128),
        "padding with content": (key[:-1] + b"\x01", good),
    }


NAMES = (
    *("nobody", "one twice", "one twice, apart", "a stranger", "another's signature", "a wrong one beyond enough"),
    *("signers without signatures", "threshold of none", "threshold beyond", "a council of one"),
    *("a council of nobody", "a council of nine", "a member twice", "a member too short"),
    *("a member of a foreign verifier", "a council in a council", "a key with a tail", "a signature with a tail"),
    *("a key cut off", "a signature cut off", "no key", "no signature", "words of nonsense", "padding with content"),
)


@pytest.mark.parametrize("name", NAMES)
def test_fault_is_found_on_chain_and_without_one(world: World, name: str) -> None:
    found = spoiled(world)
    assert set(found) == set(NAMES)
    assert not both(world, *found[name])


def test_council_is_a_guardian(world: World) -> None:
    keys = people(world)
    council = CouncilKey(verifiers_of(world).council, Council(2, tuple(k.signer for k in keys)), tuple(keys[1:]))

    class Grandparents:
        identity = council.signer

        @staticmethod
        def sign(hashed: bytes) -> bytes:
            return council.sign_digest(hashed)

    act = appointment(world, guardian=council.signer)
    signers: Any = Grandparents()
    perform(world, act, signers, world.patient.signer)
    made = council.sign_digest(digest(world.suite.domain("Subjects"), act))
    verify(council.signer, digest(world.suite.domain("Subjects"), act), made, verifiers_of(world))


def test_contract_that_answers_for_its_owner_counts_for_nothing(world: World) -> None:
    owner, other = AccountKey.generate(), AccountKey.generate()
    account = bytes.fromhex(world.suite.deploy("SmartAccount", owner.address).address[2:])
    pairs = [(account, owner.sign_digest(DIGEST)), (other.signer, other.sign_digest(DIGEST))]

    assert not both(world, key_of(2, [account, other.signer]), signature_of(pairs))
