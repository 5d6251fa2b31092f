"""Signers of every kind a subject or institution may have; each signs a digest of 32 bytes."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from eth_abi.abi import encode
from eth_account import Account
from eth_hash.auto import keccak

from consentry.core.terms import Address

P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
USER_PRESENT_AND_VERIFIED: Final = b"\x05"


class Signer(Protocol):
    """Whoever can sign for a subject or an institution."""

    @property
    def identity(self) -> bytes:
        """The ERC-7913 signer as stored on chain."""
        ...

    def sign(self, digest: bytes) -> bytes:
        """Signs an EIP-712 digest of 32 bytes in the form the signer's verifier wants."""
        ...


@dataclass(frozen=True, slots=True)
class AccountSigner:
    """A secp256k1 key whose account is the signer."""

    key: bytes

    @property
    def identity(self) -> bytes:
        """The account: 20 bytes."""
        return bytes.fromhex(Account.from_key(self.key).address[2:])

    def sign(self, digest: bytes) -> bytes:
        """Signs: r, s, v in 65 bytes."""
        return bytes(Account.unsafe_sign_hash(digest, self.key).signature)


@dataclass(frozen=True, slots=True)
class SmartAccountSigner:
    """A contract account that answers for its owner's signatures (ERC-1271)."""

    account: Address
    owner: AccountSigner

    @property
    def identity(self) -> bytes:
        """The contract account: 20 bytes."""
        return bytes(self.account)

    def sign(self, digest: bytes) -> bytes:
        """Signs with the owner's key."""
        return self.owner.sign(digest)


def _p256_key(seed: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(keccak(seed), "big") % P256_ORDER, ec.SECP256R1())


def _coordinates(key: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def _sign_p256(key: ec.EllipticCurvePrivateKey, digest: bytes) -> tuple[bytes, bytes]:
    """Signs a digest, always the same way (RFC 6979); s is brought into the lower half, as the verifiers demand."""
    r, s = decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()), deterministic_signing=True)))
    return r.to_bytes(32, "big"), min(s, P256_ORDER - s).to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class P256Signer:
    """A P-256 key behind the ERC-7913 verifier of that curve; it signs the digest as it is."""

    verifier: Address
    seed: bytes

    @property
    def identity(self) -> bytes:
        """Verifier address and public key: 84 bytes."""
        return bytes(self.verifier) + _coordinates(_p256_key(self.seed))

    def sign(self, digest: bytes) -> bytes:
        """Signs: r, s in 64 bytes."""
        return b"".join(_sign_p256(_p256_key(self.seed), digest))


@dataclass(frozen=True, slots=True)
class PasskeySigner:
    """A WebAuthn authenticator in software, behind the ERC-7913 verifier for WebAuthn."""

    verifier: Address
    seed: bytes
    flags: bytes = USER_PRESENT_AND_VERIFIED
    kind: str = "webauthn.get"

    @property
    def identity(self) -> bytes:
        """Verifier address and public key: 84 bytes."""
        return bytes(self.verifier) + _coordinates(_p256_key(self.seed))

    def sign(self, digest: bytes) -> bytes:
        """Makes an assertion with the digest as its challenge and encodes it for the verifier."""
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        client_data = json.dumps(
            {"type": self.kind, "challenge": challenge, "origin": "https://consentry.example", "crossOrigin": False},
            separators=(",", ":"),
        )
        authenticator_data = keccak(b"consentry.example") + self.flags + bytes(4)
        client_hash = hashes.Hash(hashes.SHA256())
        client_hash.update(client_data.encode())
        message = hashes.Hash(hashes.SHA256())
        message.update(authenticator_data + client_hash.finalize())
        r, s = _sign_p256(_p256_key(self.seed), message.finalize())
        places = (client_data.index('"challenge"'), client_data.index('"type"'))
        return encode(
            ["bytes32", "bytes32", "uint256", "uint256", "bytes", "string"],
            [r, s, *places, authenticator_data, client_data],
        )
