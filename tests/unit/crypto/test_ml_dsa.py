"""ML-DSA-44: a published key, signatures that were changed, and keys under which anybody can sign.

The seed and its verifier key are those of ``filippo.io/torchwood``, ``cmd/litewitness/testdata/mldsa.txt``; a signature
of that key is checked in ``tests/unit/evidence/test_cosignatures.py``.
"""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from consentry.crypto import ml_dsa
from consentry.crypto.ml_dsa import MlDsa44Key
from consentry.errors import InvalidInputError, NotAuthenticError

HELD = MlDsa44Key(bytes.fromhex("2886adc2b0eabfce67c0472939127998bf886cf256bfee8ba76a253fce1146e0"))
MESSAGE = b"whatever it says"


def packed(coefficients: list[int]) -> bytes:
    """A public key with that vector t1 (FIPS 204, algorithm 22)."""
    return bytes(32) + sum(one << 10 * place for place, one in enumerate(coefficients)).to_bytes(1280, "little")


def anybodys(public: bytes) -> bytes:
    """The signature of zeros: right wherever rounding takes the key away (FIPS 204, algorithm 8)."""
    representative = hashlib.shake_256(hashlib.shake_256(public).digest(64) + b"\0\0" + MESSAGE).digest(64)
    zeros = sum(1 << 17 << 18 * place for place in range(1024)).to_bytes(2304, "little")
    return hashlib.shake_256(representative + bytes(768)).digest(32) + zeros + bytes(84)


def test_public_key_of_the_published_seed_is_the_published_one() -> None:
    assert hashlib.sha256(b"example.com/mldsa-log\n\x06" + HELD.public).hexdigest().startswith("b5df45c5")


def test_signature_holds_for_its_message_and_key_alone() -> None:
    made = HELD.sign(MESSAGE)

    ml_dsa.verify(HELD.public, MESSAGE, made)
    for public, message in ((HELD.public, MESSAGE + b"\0"), (MlDsa44Key(b"\1" * 32).public, MESSAGE)):
        with pytest.raises(NotAuthenticError):
            ml_dsa.verify(public, message, made)


def test_signature_with_a_bit_flipped_in_any_byte_does_not_hold() -> None:
    made = HELD.sign(MESSAGE)
    for place in range(len(made)):
        flipped = bytearray(made)
        flipped[place] ^= 1 << place % 8
        with pytest.raises(NotAuthenticError):
            ml_dsa.verify(HELD.public, MESSAGE, bytes(flipped))


@pytest.mark.parametrize(("key", "signature"), [(1311, 2420), (1313, 2420), (32, 2420), (1312, 2419), (1312, 64)])
def test_key_or_signature_of_another_size_is_refused(key: int, signature: int) -> None:
    with pytest.raises(InvalidInputError, match="length of ML-DSA-44"):
        ml_dsa.verify((HELD.public * 2)[:key], MESSAGE, bytes(signature))


@pytest.mark.parametrize(
    "coefficients", [[0] * 1024, [1, *[0] * 1023], [11, *[0] * 1023], [1023] * 1024, [0, 1023] * 512]
)
def test_key_near_zero_would_let_anybody_sign(coefficients: list[int]) -> None:
    public = packed(coefficients)

    MLDSA44PublicKey.from_public_bytes(public).verify(anybodys(public), MESSAGE)
    with pytest.raises(InvalidInputError, match="coefficients near zero"):
        ml_dsa.verify(public, MESSAGE, anybodys(public))


def test_honest_keys_are_far_from_zero() -> None:
    for number in range(32):
        ml_dsa.check_public(MlDsa44Key(bytes([number]) * 32).public)
    with pytest.raises(NotAuthenticError):
        ml_dsa.verify(HELD.public, MESSAGE, anybodys(HELD.public))


def test_drawn_keys_differ_and_the_secret_is_not_shown() -> None:
    one, other = MlDsa44Key.generate(), MlDsa44Key.generate()

    assert one != other
    assert one.seed.hex() not in repr(one)
    assert repr(one.seed) not in repr(one)
    with pytest.raises(InvalidInputError, match="ML-DSA-44 seed"):
        MlDsa44Key(bytes(31))
