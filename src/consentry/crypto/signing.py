"""Signatures over typed data: made and checked as the contracts check them.

A *signer* is an ERC-7913 byte string: an account of 20 bytes, or the address of an admitted verifier followed by a
P-256 public key of 64 bytes, or by the members of a council. secp256k1 is done by libsecp256k1 (coincurve); without it
this module does not import.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final, Protocol

from coincurve import PrivateKey, PublicKey

from consentry.core.keccak import keccak
from consentry.core.terms import Address
from consentry.core.typed_data import Domain, SignedStruct, digest
from consentry.crypto import council, p256, webauthn
from consentry.errors import NotAuthenticError

ACCOUNT_SIZE: Final = 20
SIGNATURE_SIZE: Final = 65
_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HIGHEST_S: Final = (_ORDER // 2).to_bytes(32, "big")
_RECOVERY: Final = {27: b"\0", 28: b"\1"}


class SigningKey(Protocol):
    """A key that signs for one signer."""

    @property
    def signer(self) -> bytes:
        """The ERC-7913 signer the key stands for."""
        ...

    def sign_digest(self, digest_: bytes) -> bytes:
        """Signs 32 bytes in the form the signer's verifier expects."""
        ...


def sign(key: SigningKey, domain: Domain, value: SignedStruct) -> bytes:
    """Signs typed data."""
    return key.sign_digest(digest(domain, value))


@dataclass(frozen=True, slots=True)
class AccountKey:
    """Private key of an account (secp256k1), 32 bytes; never shown."""

    secret: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> AccountKey:
        """Draws a fresh key."""
        while True:
            secret = secrets.token_bytes(32)
            if 0 < int.from_bytes(secret, "big") < _ORDER:
                return cls(secret)

    @property
    def address(self) -> Address:
        """The account."""
        return _address_of(PrivateKey(self.secret).public_key)

    @property
    def signer(self) -> bytes:
        """The account as an ERC-7913 signer."""
        return self.address

    def sign_digest(self, digest_: bytes) -> bytes:
        """Signs 32 bytes: r, s in the lower half, v of 27 or 28; 65 bytes, deterministic (RFC 6979)."""
        signature = PrivateKey(self.secret).sign_recoverable(digest_, hasher=None)
        return signature[:-1] + bytes([27 + signature[-1]])


def _address_of(key: PublicKey) -> Address:
    return Address(keccak(key.format(compressed=False)[1:])[-ACCOUNT_SIZE:])


def recover(digest_: bytes, signature: bytes) -> Address:
    """Gives the account that signed 32 bytes; whether it is the right one is for the caller to compare.

    Source: OpenZeppelin ``ECDSA.tryRecover``: 65 bytes, s in the lower half, v of 27 or 28.

    Raises:
        NotAuthenticError: no account can have made this signature.
    """
    if len(signature) != SIGNATURE_SIZE:
        raise NotAuthenticError(f"signature length does not match (got {len(signature)}, expected {SIGNATURE_SIZE})")
    if signature[32:64] > _HIGHEST_S:
        raise NotAuthenticError("signature s does not match (got a value above half the order, expected the lower one)")
    recovery = _RECOVERY.get(signature[64])
    if recovery is None:
        raise NotAuthenticError(f"signature v does not match (got {signature[64]}, expected 27 or 28)")
    try:
        return _address_of(PublicKey.from_signature_and_message(signature[:64] + recovery, digest_, hasher=None))
    except Exception as error:  # libsecp256k1 raises plain exceptions
        raise NotAuthenticError("signature does not match (got no point on the curve, expected one)") from error


@dataclass(frozen=True, slots=True)
class Verifiers:
    """Addresses of the admitted ERC-7913 verifiers of one deployment."""

    p256: Address
    webauthn: Address
    council: Address


def verify(signer: bytes, digest_: bytes, signature: bytes, verifiers: Verifiers) -> None:
    """Checks that a signer signed 32 bytes, as the contracts do but without asking the chain.

    A smart account (ERC-1271) cannot be checked off chain: its 20 bytes are taken for a plain account's.

    Args:
        signer: ERC-7913 signer.
        digest_: EIP-712 digest, 32 bytes.
        signature: in the form the signer's verifier expects.
        verifiers: which verifier address stands for what.

    Raises:
        NotAuthenticError: the signature is not the signer's, or the signer names another verifier.
    """
    head, key = signer[:ACCOUNT_SIZE], signer[ACCOUNT_SIZE:]
    if len(signer) == ACCOUNT_SIZE:
        recovered = recover(digest_, signature)
        if recovered != head:
            raise NotAuthenticError(f"account does not match (got 0x{recovered.hex()}, expected 0x{head.hex()})")
    elif head == verifiers.p256:
        p256.verify(key, digest_, signature)
    elif head == verifiers.webauthn:
        webauthn.verify(key, digest_, signature)
    elif head == verifiers.council:
        members = verifiers.p256, verifiers.webauthn
        council.verify(key, signature, members, lambda member, made: verify(member, digest_, made, verifiers))
    else:
        raise NotAuthenticError(f"verifier does not match (got 0x{head.hex()}, expected an admitted one)")
