"""WebAuthn assertions for OpenZeppelin's ``ERC7913WebAuthnVerifier``, and an authenticator in software.

The challenge is the EIP-712 digest. The verifier on chain checks type, challenge, the flags and the signature; it
checks neither origin nor relying party, so a gateway does that with `check_origin`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from eth_abi.abi import encode

from consentry.core.nesting import parse_json
from consentry.core.terms import Address
from consentry.crypto import p256
from consentry.errors import InvalidInputError, NotAuthenticError

WORD: Final = 32
_FLAGS_AT: Final = 32
_SHORTEST_AUTHENTICATOR_DATA: Final = 37
USER_PRESENT: Final = 0x01
USER_VERIFIED: Final = 0x04
BACKUP_ELIGIBLE: Final = 0x08
BACKED_UP: Final = 0x10
_TYPE: Final = b'"type":"webauthn.get"'
_HEAD_WORDS: Final = 6


def challenge_of(digest: bytes) -> str:
    """Gives the challenge of a digest as it stands in the client data: base64url without padding."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an authenticator answers, with places into ``client_data_json`` so that a contract need not parse it."""

    r: bytes
    s: bytes
    challenge_index: int
    type_index: int
    authenticator_data: bytes
    client_data_json: bytes

    @classmethod
    def of(cls, authenticator_data: bytes, client_data_json: bytes, der_signature: bytes) -> Assertion:
        """Takes the three values a browser returns; s is brought into the lower half.

        Raises:
            NotAuthenticError: the client data have no type or challenge of an assertion.
        """
        type_index, challenge_index = client_data_json.find(_TYPE), client_data_json.find(b'"challenge":"')
        if type_index < 0 or challenge_index < 0:
            raise NotAuthenticError(
                "client data do not match (got no type or challenge, expected those of webauthn.get)"
            )
        signature = p256.low_s(der_signature)
        return cls(
            signature[:WORD], signature[WORD:], challenge_index, type_index, authenticator_data, client_data_json
        )

    def encoded(self) -> bytes:
        """Gives the signature bytes a contract takes: ``abi.encode`` of the six members."""
        return encode(
            ["bytes32", "bytes32", "uint256", "uint256", "bytes", "bytes"],
            [
                self.r,
                self.s,
                self.challenge_index,
                self.type_index,
                self.authenticator_data,
                self.client_data_json,
            ],
        )


def decode(signature: bytes) -> Assertion:
    """Reads signature bytes; as on chain, places are free as long as they lie within.

    Raises:
        NotAuthenticError: they are too short, or a place lies beyond their end.
    """
    words = [signature[i * WORD : (i + 1) * WORD] for i in range(_HEAD_WORDS)]
    if len(words[-1]) != WORD:
        raise NotAuthenticError(f"assertion length does not match (got {len(signature)}, expected at least 192)")
    numbers = [int.from_bytes(word, "big") for word in words]
    return Assertion(
        r=words[0],
        s=words[1],
        challenge_index=numbers[2],
        type_index=numbers[3],
        authenticator_data=_bytes_at(signature, numbers[4]),
        client_data_json=_bytes_at(signature, numbers[5]),
    )


def _bytes_at(encoded: bytes, place: int) -> bytes:
    start = place + WORD
    if start > len(encoded):
        raise NotAuthenticError(f"place in an assertion does not match (got {place}, expected one within)")
    end = start + int.from_bytes(encoded[place:start], "big")
    if end > len(encoded):
        raise NotAuthenticError(f"end in an assertion does not match (got {end}, expected at most {len(encoded)})")
    return encoded[start:end]


def verify(key: bytes, digest: bytes, signature: bytes) -> None:
    """Checks that a passkey asserted a digest, by the rules of the verifier on chain.

    Args:
        key: x and y of the public key, 64 bytes.
        digest: the challenge, 32 bytes.
        signature: encoded assertion.

    Raises:
        NotAuthenticError: malformed, another challenge or key, user not present or not verified.
    """
    assertion = decode(signature)
    data, client = assertion.authenticator_data, assertion.client_data_json
    if len(data) < _SHORTEST_AUTHENTICATOR_DATA:
        raise NotAuthenticError(f"authenticator data do not match (got {len(data)} bytes, expected at least 37)")
    _check_text(client, assertion.type_index, _TYPE)
    _check_text(client, assertion.challenge_index, f'"challenge":"{challenge_of(digest)}"'.encode())
    _check_flags(data[_FLAGS_AT])
    signed = hashlib.sha256(data + hashlib.sha256(client).digest()).digest()
    p256.verify(key, signed, assertion.r + assertion.s)


def _check_text(client: bytes, index: int, expected: bytes) -> None:
    if not client.startswith(expected, index):
        raise NotAuthenticError(f"client data do not match (got other text at {index}, expected {expected.decode()})")


def _check_flags(flags: int) -> None:
    needed = USER_PRESENT | USER_VERIFIED
    if flags & needed != needed or flags & (BACKUP_ELIGIBLE | BACKED_UP) == BACKED_UP:
        raise NotAuthenticError(
            f"authenticator flags do not match (got 0x{flags:02x}, expected presence, verification)"
        )


def check_origin(signature: bytes, *, origins: frozenset[str], rp_id: str) -> None:
    """Checks what the chain does not: where the user was and for whom the passkey was made.

    Raises:
        NotAuthenticError: another origin or relying party, or malformed client data.
    """
    assertion = decode(signature)
    try:
        client = parse_json("client data", assertion.client_data_json)
    except InvalidInputError:
        raise NotAuthenticError("client data cannot be read") from None
    origin = client.get("origin") if isinstance(client, dict) else None
    if not isinstance(origin, str) or origin not in origins:
        raise NotAuthenticError(f"origin does not match (got {origin!r:.80}, expected one of {sorted(origins)})")
    if assertion.authenticator_data[:WORD] != hashlib.sha256(rp_id.encode()).digest():
        raise NotAuthenticError(f"relying party does not match (got another, expected {rp_id})")


@dataclass(frozen=True, slots=True)
class SoftwarePasskey:
    """A passkey without a device, for demonstrations and tests; it claims a verified user without asking one."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    verifier: Address
    rp_id: str = "localhost"
    origin: str = "http://localhost"

    @classmethod
    def generate(cls, verifier: Address) -> SoftwarePasskey:
        """Draws a fresh key."""
        return cls(ec.generate_private_key(ec.SECP256R1()), verifier)

    @property
    def signer(self) -> bytes:
        """ERC-7913 signer: verifier address and public key."""
        return self.verifier + p256.public_bytes(self.private.public_key())

    def sign_digest(self, digest_: bytes) -> bytes:
        """Asserts a digest as a browser would, and encodes the assertion for the contract."""
        client = json.dumps(
            {
                "type": "webauthn.get",
                "challenge": challenge_of(digest_),
                "origin": self.origin,
                "crossOrigin": False,
            },
            separators=(",", ":"),
        ).encode()
        flags = USER_PRESENT | USER_VERIFIED
        data = hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + bytes(4)
        signed = hashlib.sha256(data + hashlib.sha256(client).digest()).digest()
        raw = p256.sign(self.private, signed)
        return Assertion(
            raw[:WORD], raw[WORD:], client.find(b'"challenge":"'), client.find(_TYPE), data, client
        ).encoded()
