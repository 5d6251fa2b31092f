"""P-256 signatures for OpenZeppelin's ``ERC7913P256Verifier``.

The verifier checks the given digest as it is, so the digest must not be hashed again, and it refuses s in the upper
half of the order, so s is brought down after signing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature

from consentry.core.terms import Address
from consentry.errors import InvalidInputError, NotAuthenticError

ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
KEY_SIZE: Final = 64
SIGNATURE_SIZE: Final = 64
_HALF: Final = 32
_RAW: Final = Prehashed(hashes.SHA256())


def public_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    """Gives a public key as x and y, 64 bytes.

    Raises:
        InvalidInputError: the key is on another curve.
    """
    if not isinstance(key.curve, ec.SECP256R1):
        raise InvalidInputError(f"curve does not match (got {key.curve.name}, expected secp256r1)")
    numbers = key.public_numbers()
    return numbers.x.to_bytes(_HALF, "big") + numbers.y.to_bytes(_HALF, "big")


def low_s(signature: bytes) -> bytes:
    """Gives r and s as 64 bytes from a DER signature, with s in the lower half; authenticators do not do that."""
    r, s = decode_dss_signature(signature)
    return r.to_bytes(_HALF, "big") + min(s, ORDER - s).to_bytes(_HALF, "big")


def sign(key: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    """Signs 32 bytes as they are: r and s, 64 bytes, deterministic (RFC 6979)."""
    return low_s(key.sign(digest, ec.ECDSA(_RAW, deterministic_signing=True)))


def verify(key: bytes, digest: bytes, signature: bytes) -> None:
    """Checks a signature over 32 bytes; like the verifier it looks at the first 64 bytes of the signature alone.

    Args:
        key: x and y of the public key, 64 bytes.
        digest: what was signed, 32 bytes.
        signature: r and s, 64 bytes.

    Raises:
        NotAuthenticError: the signature is not the key's, is malleable, or the key is no point of the curve.
    """
    if len(key) != KEY_SIZE or len(signature) < SIGNATURE_SIZE:
        raise NotAuthenticError(
            f"sizes of key and signature do not match (got {len(key)} and {len(signature)}, expected 64 and 64)"
        )
    r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:SIGNATURE_SIZE], "big")
    if s > ORDER // 2:
        raise NotAuthenticError("signature s does not match (got a value above half the order, expected the lower one)")
    x, y = int.from_bytes(key[:_HALF], "big"), int.from_bytes(key[_HALF:], "big")
    try:
        public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        public.verify(encode_dss_signature(r, s), digest, ec.ECDSA(_RAW))
    except (InvalidSignature, ValueError) as error:
        raise NotAuthenticError("signature does not match (got another key's, expected the signer's)") from error


@dataclass(frozen=True, slots=True)
class P256Key:
    """A P-256 private key that signs for one verifier deployment."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    verifier: Address

    @classmethod
    def generate(cls, verifier: Address) -> P256Key:
        """Draws a fresh key."""
        return cls(ec.generate_private_key(ec.SECP256R1()), verifier)

    @property
    def signer(self) -> bytes:
        """ERC-7913 signer: verifier address and public key."""
        return self.verifier + public_bytes(self.private.public_key())

    def sign_digest(self, digest_: bytes) -> bytes:
        """Signs 32 bytes as they are."""
        return sign(self.private, digest_)
