"""ML-DSA-44: a published key, signatures that were changed, and keys under which anybody can sign.

The seed and its verifier key are those of ``filippo.io/torchwood``, ``cmd/litewitness/testdata/mldsa.txt``; a signature
of that key is checked in ``tests/unit/evidence/test_cosignatures.py``.
"""

from __future__ import annotations

import hashlib
from itertools import combinations
from operator import ne
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from consentry.crypto import ml_dsa
from consentry.crypto.ml_dsa import MlDsa44Key
from consentry.errors import InvalidInputError, NotAuthenticError

HELD = MlDsa44Key(bytes.fromhex("2886adc2b0eabfce67c0472939127998bf886cf256bfee8ba76a253fce1146e0"))
MESSAGE = b"whatever it says"


Q, GAMMA2 = 8380417, 95232


def packed(coefficients: list[int]) -> bytes:
    """A public key with that vector t1 (FIPS 204, algorithm 22)."""
    return bytes(32) + sum(one << 10 * place for place, one in enumerate(coefficients)).to_bytes(1280, "little")


def sample_in_ball(seed: bytes) -> dict[int, int]:
    """The places of a challenge that are not zero (FIPS 204, algorithm 29)."""
    stream = hashlib.shake_256(seed).digest(512)
    signs, at, challenge = int.from_bytes(stream[:8], "little"), 8, dict[int, int]()
    for place in range(217, 256):
        while stream[at] > place:
            at += 1
        if stream[at] in challenge:
            challenge[place] = challenge[stream[at]]
        challenge[stream[at]] = -1 if signs >> place - 217 & 1 else 1
        at += 1
    return challenge


def seen(coefficients: list[int], challenge: dict[int, int]) -> list[tuple[int, int]]:
    """High and low bits of -c * t1 * 2^13, term by term (FIPS 204, algorithm 36)."""
    product = [0] * 1024
    for start in range(0, 1024, 256):
        for place, sign in challenge.items():
            for other in range(256):
                wrapped = -sign if place + other >= 256 else sign
                product[start + (place + other) % 256] -= wrapped * coefficients[start + other] << 13
    split = []
    for one in product:
        low = one % Q % (2 * GAMMA2)
        low -= 2 * GAMMA2 if low > GAMMA2 else 0
        split.append((0, low - 1) if one % Q - low == Q - 1 else ((one % Q - low) // (2 * GAMMA2), low))
    return split


def anybodys(coefficients: list[int], message: bytes) -> bytes | None:
    """A signature made without a private key: z = 0, high bits said beforehand, hints for the few that stray."""
    public = packed(coefficients)
    without_drift = [(one + 256) // 512 % 2 * 512 for one in coefficients]
    said = [high for high, _ in seen(without_drift, sample_in_ball(b"any"))]
    representative = hashlib.shake_256(hashlib.shake_256(public).digest(64) + b"\0\0" + message).digest(64)
    written = sum(one << 6 * place for place, one in enumerate(said)).to_bytes(768, "little")
    commitment = hashlib.shake_256(representative + written).digest(32)
    hints, ends = bytearray(), bytearray()
    for place, (high, low) in enumerate(seen(coefficients, sample_in_ball(commitment))):
        if high != said[place]:
            if (high + (1 if low > 0 else -1)) % 44 != said[place]:
                return None
            hints.append(place % 256)
        if place % 256 == 255:
            ends.append(min(len(hints), 255))
    zeros = sum(1 << 17 << 18 * place for place in range(1024)).to_bytes(2304, "little")
    return commitment + zeros + hints.ljust(80, b"\0") + ends if len(hints) <= 80 else None


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


FORGEABLE = {
    "zero": [0] * 1024,
    "one that rounding hides": [11, *[0] * 1023],
    "below the modulus": [1023] * 1024,
    "around the modulus": [0, 1023] * 512,
    "half": [512] * 1024,
    "about half": [512 + Random(place).choice((-1, 1)) for place in range(1024)],
    "zero and half in turn": [0, 512] * 512,
    "zero and half, two each": [0, 0, 512, 512] * 256,
}


@pytest.mark.parametrize("coefficients", FORGEABLE.values(), ids=FORGEABLE)
def test_key_under_which_anybody_can_sign_is_refused(coefficients: list[int]) -> None:
    public, messages = packed(coefficients), (MESSAGE + bytes([number]) for number in range(100))
    message, forged = next((one, made) for one in messages if (made := anybodys(coefficients, one)))

    MLDSA44PublicKey.from_public_bytes(public).verify(forged, message)
    with pytest.raises(InvalidInputError, match="high bits that depend on the challenge"):
        ml_dsa.verify(public, message, forged)


def test_what_is_counted_is_what_the_format_says() -> None:
    halves = FORGEABLE["about half"]
    shown = [[high for high, _ in seen(halves, sample_in_ball(bytes([number]) * 32))] for number in range(8)]
    least = min(sum(map(ne, one, other)) for one, other in combinations(shown, 2))

    assert least > 0
    with pytest.raises(InvalidInputError, match=rf"got {least} of 1024"):
        ml_dsa.check_public(packed(halves))


def test_one_polynomial_that_is_hidden_is_enough_to_refuse() -> None:
    public = MlDsa44Key(b"\2" * 32).public
    with pytest.raises(InvalidInputError, match="high bits"):
        ml_dsa.check_public(public[:32] + bytes(320) + public[352:])


def test_honest_keys_pass() -> None:
    for number in range(50):
        ml_dsa.check_public(MlDsa44Key(bytes([number]) * 32).public)


def test_drawn_keys_differ_and_the_secret_is_not_shown() -> None:
    one, other = MlDsa44Key.generate(), MlDsa44Key.generate()

    assert one != other
    assert one.seed.hex() not in repr(one)
    assert repr(one.seed) not in repr(one)
    with pytest.raises(InvalidInputError, match="ML-DSA-44 seed"):
        MlDsa44Key(bytes(31))
