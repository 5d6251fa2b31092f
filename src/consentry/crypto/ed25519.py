"""Ed25519 signatures (RFC 8032) of those who vouch for the ledger log: its operators, witnesses and root holders.

Nothing on chain is signed with it: the contracts know no such signer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from consentry.crypto.framing import check_length
from consentry.errors import InvalidInputError, NotAuthenticError

KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64

_SIGN_BIT: Final = 0x7F
_WEAK: Final = frozenset(
    bytes.fromhex(text)
    for text in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""The points of order 1, 2, 4 and 8, without their sign bit, also where they are written beyond the prime."""


@dataclass(frozen=True, slots=True)
class Ed25519Key:
    """A private key: the seed of 32 bytes of RFC 8032, section 5.1.5; never shown.

    Raises:
        InvalidInputError: the seed has another size.
    """

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_length("Ed25519 seed", self.seed, KEY_SIZE)

    @classmethod
    def generate(cls) -> Ed25519Key:
        """Draws a fresh key."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Signs a message of any length: 64 bytes, always the same."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def check_public(public: bytes) -> None:
    """Refuses a public key under which anybody can sign, so that a signature would bind nobody.

    Raises:
        InvalidInputError: the key has another size, or is a point of small order.
    """
    check_length("Ed25519 public key", public, KEY_SIZE)
    if public[:-1] + bytes([public[-1] & _SIGN_BIT]) in _WEAK:
        raise InvalidInputError(f"Ed25519 public key does not match (got 0x{public.hex()}, a point of small order)")


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Checks that the holder of a key signed a message.

    Raises:
        InvalidInputError: the key or the signature has another size, or the key is of small order.
        NotAuthenticError: the signature is not that of the key over the message.
    """
    check_public(public)
    check_length("Ed25519 signature", signature, SIGNATURE_SIZE)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:  # ValueError: the bytes are no point on the curve
        raise NotAuthenticError(f"signature does not match (got another than key 0x{public.hex()} makes)") from error
