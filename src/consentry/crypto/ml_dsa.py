"""ML-DSA-44 signatures (FIPS 204), pure and without a context, of witnesses who vouch for the ledger log.

They hold against a quantum computer, which Ed25519 does not. Nothing on chain is signed with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import shake_256
from itertools import combinations
from struct import unpack
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from consentry.crypto.framing import check_length
from consentry.errors import InvalidInputError, NotAuthenticError

SEED_SIZE: Final = 32
PUBLIC_SIZE: Final = 1312
SIGNATURE_SIZE: Final = 2420

_T1: Final = 32
"""Where the vector t1 begins in a public key, behind the seed of the matrix: four polynomials of 256 times 10 bits."""
_Q: Final = 8_380_417
_STEP: Final = (_Q - 1) // 44
"""Twice gamma2: how wide the range is in which all have the same high bits."""
_TAU: Final = 39
_SLOT: Final = 32
"""Bits of a coefficient in a polynomial that is kept as its value at 2^32: a product is then one of two integers."""
_RING: Final = (1 << _SLOT * 256) + 1
"""x^256 + 1 at 2^32."""
_RAISED: Final = sum(1 << _SLOT * place + _SLOT - 1 for place in range(256))
"""Added to a product so that no coefficient is negative; none is beyond 39 * 1023 on either side of zero."""
_CHALLENGES: Final = 8
"""Two would not do: there are keys of which half of all challenges show one thing, and the others its opposite."""
_LEAST_CHANGED: Final = 768
"""Of 1024. Of an honest key about 1000 change, and fewer than this if one of the four polynomials is hidden."""


@dataclass(frozen=True, slots=True)
class MlDsa44Key:
    """A private key: the seed of 32 bytes of FIPS 204, algorithm 6; never shown.

    Raises:
        InvalidInputError: the seed has another size.
    """

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_length("ML-DSA-44 seed", self.seed, SEED_SIZE)

    @classmethod
    def generate(cls) -> MlDsa44Key:
        """Draws a fresh key."""
        return cls(MLDSA44PrivateKey.generate().private_bytes_raw())

    @property
    def public(self) -> bytes:
        """The public key, 1312 bytes."""
        return MLDSA44PrivateKey.from_seed_bytes(self.seed).public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Signs a message of any length: 2420 bytes, others each time."""
        return MLDSA44PrivateKey.from_seed_bytes(self.seed).sign(message)


def check_public(public: bytes) -> None:
    """Refuses a public key under which anybody can sign, so that a signature would bind nobody.

    Who checks a signature with z = 0 sees of the key only the high bits of what the challenge makes of t1. Where they
    hardly depend on the challenge (t1 near zero, or near 512, half of the modulus), anybody can say beforehand what
    will be seen. So this looks at what some challenges make of the key.

    Raises:
        InvalidInputError: the key has another size, or two challenges show nearly the same.
    """
    check_length("ML-DSA-44 public key", public, PUBLIC_SIZE)
    changed = _least_changed(public)
    if changed < _LEAST_CHANGED:
        raise InvalidInputError(
            f"ML-DSA-44 public key does not match (got {changed} of 1024 high bits that depend on the challenge, "
            f"expected at least {_LEAST_CHANGED})"
        )


@lru_cache(maxsize=128)
def _least_changed(public: bytes) -> int:
    """Counts for the two challenges most alike; remembered, since a verifier meets the same few witnesses again."""
    packed = int.from_bytes(public[_T1:], "little")
    t1 = [packed >> place & 1023 for place in range(0, 10240, 10)]
    polynomials = [_at_slot(t1[start : start + 256]) for start in range(0, 1024, 256)]
    seen = [b"".join(_high_bits(challenge * one) for one in polynomials) for challenge in _challenges()]
    return min(sum(a != b for a, b in zip(*pair, strict=True)) for pair in combinations(seen, 2))


@cache
def _challenges() -> tuple[int, ...]:
    """Gives the challenges of eight fixed strings; everyone has to refuse the same keys."""
    return tuple(_at_slot(_sample_in_ball(bytes([number]) * 32)) for number in range(_CHALLENGES))


def _sample_in_ball(seed: bytes) -> list[int]:
    """Makes a challenge: 39 coefficients are 1 or -1, the others 0 (FIPS 204, algorithm 29)."""
    stream = shake_256(seed).digest(256)
    signs, draws, challenge = int.from_bytes(stream[:8], "little"), iter(stream[8:]), [0] * 256
    for number, place in enumerate(range(256 - _TAU, 256)):
        drawn = next(one for one in draws if one <= place)
        challenge[place] = challenge[drawn]
        challenge[drawn] = 1 - 2 * (signs >> number & 1)
    return challenge


def _at_slot(coefficients: list[int]) -> int:
    return sum(one << _SLOT * place for place, one in enumerate(coefficients))


def _high_bits(product: int) -> bytes:
    """Gives the high bits of -2^13 times a product, modulo x^256 + 1 (FIPS 204, algorithms 8 and 36), a byte each."""
    slots = unpack("<256I", ((product + _RAISED) % _RING).to_bytes(1024, "little"))
    middle = 1 << _SLOT - 1
    return bytes((((middle - one << 13) % _Q + _STEP // 2 - 1) // _STEP) % 44 for one in slots)


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Checks that the holder of a key signed a message.

    Raises:
        InvalidInputError: the key or the signature has another size, or anybody can sign under the key.
        NotAuthenticError: the signature is not that of the key over the message.
    """
    check_public(public)
    check_length("ML-DSA-44 signature", signature, SIGNATURE_SIZE)
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature as error:
        raise NotAuthenticError("signature does not match (got another than the ML-DSA-44 key makes)") from error
