"""ML-DSA-44 signatures (FIPS 204), pure and without a context, of witnesses who vouch for the ledger log.

They hold against a quantum computer, which Ed25519 does not. Nothing on chain is signed with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from consentry.crypto.framing import check_length
from consentry.errors import InvalidInputError, NotAuthenticError

SEED_SIZE: Final = 32
PUBLIC_SIZE: Final = 1312
SIGNATURE_SIZE: Final = 2420

_T1: Final = 32
"""Where the vector t1 begins in a public key, behind the seed of the matrix."""
_COEFFICIENTS: Final = 1024
"""Of the vector t1: four polynomials of 256."""
_BITS: Final = 10
_NEAR: Final = 12
"""A coefficient below it, or as close to 1024, adds less to what is signed than rounding takes away."""
_MOST_NEAR: Final = 256
"""Of an honest key about 24 are near, and that more than 256 are does not happen."""


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

    Where most of the vector t1 is near zero, rounding hides it from whoever checks, and zeros pass as a signature.

    Raises:
        InvalidInputError: the key has another size, or most of its coefficients are near zero.
    """
    check_length("ML-DSA-44 public key", public, PUBLIC_SIZE)
    near = _near_zero(public)
    if near > _MOST_NEAR:
        raise InvalidInputError(
            f"ML-DSA-44 public key does not match (got {near} coefficients near zero, expected at most {_MOST_NEAR})"
        )


@lru_cache(maxsize=128)
def _near_zero(public: bytes) -> int:
    """Counts; what was counted is remembered, since a verifier meets the same few witnesses again and again."""
    packed, modulus = int.from_bytes(public[_T1:], "little"), 1 << _BITS
    coefficients = (packed >> place & modulus - 1 for place in range(0, _COEFFICIENTS * _BITS, _BITS))
    return sum(not _NEAR <= one < modulus - _NEAR for one in coefficients)


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
