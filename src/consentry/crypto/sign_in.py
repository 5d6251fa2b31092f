"""What is signed to prove who calls: EIP-4361 messages, passkey sign-ins, signed HTTP requests.

Each form has a label or prefix of its own, so that nobody can be led to sign a consent by signing in: the other side
never chooses the 32 bytes that are signed.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from eth_utils.address import to_checksum_address

from consentry.core.keccak import keccak
from consentry.core.terms import Address
from consentry.crypto.framing import length_prefixed
from consentry.errors import InvalidInputError

STATEMENT: Final = "Sign in to Consentry. This gives no consent."
_PASSKEY_LABEL: Final = b"consentry.sign-in/v1"
_REQUEST_LABEL: Final = b"consentry.http-request/v1"
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_MESSAGE: Final = re.compile(
    r"(?P<domain>[^\s]{1,255}) wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n\n"
    r"(?P<statement>[^\n]{1,200})\n\n"
    r"URI: (?P<uri>[^\s]{1,255})\n"
    r"Version: 1\n"
    r"Chain ID: (?P<chain_id>[1-9][0-9]{0,19})\n"
    r"Nonce: (?P<nonce>[0-9a-zA-Z]{8,64})\n"
    r"Issued At: (?P<issued_at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\n"
    r"Expiration Time: (?P<expires_at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"
)


@dataclass(frozen=True, slots=True)
class SignInMessage:
    """An EIP-4361 message; times in seconds since the epoch."""

    domain: str
    address: Address
    uri: str
    chain_id: int
    nonce: str
    issued_at: int
    expires_at: int

    def text(self) -> str:
        """Gives the message as a wallet shows and signs it. Source: EIP-4361, "Message Format"."""
        return (
            f"{self.domain} wants you to sign in with your Ethereum account:\n"
            f"{to_checksum_address(self.address)}\n\n{STATEMENT}\n\n"
            f"URI: {self.uri}\nVersion: 1\nChain ID: {self.chain_id}\nNonce: {self.nonce}\n"
            f"Issued At: {_moment(self.issued_at)}\nExpiration Time: {_moment(self.expires_at)}"
        )

    @classmethod
    def parse(cls, text: str) -> SignInMessage:
        """Reads a message; only what ``text`` writes is accepted.

        Raises:
            InvalidInputError: it has another form, statement or letter case.
        """
        found = _MESSAGE.fullmatch(text)
        if found is None:
            raise InvalidInputError("sign-in message does not have the form of EIP-4361")
        try:
            message = cls(
                domain=found["domain"],
                address=Address(bytes.fromhex(found["address"][2:])),
                uri=found["uri"],
                chain_id=int(found["chain_id"]),
                nonce=found["nonce"],
                issued_at=_seconds(found["issued_at"]),
                expires_at=_seconds(found["expires_at"]),
            )
        except ValueError:
            raise InvalidInputError("times of the sign-in message cannot be read") from None
        if message.text() != text:
            raise InvalidInputError("sign-in message does not match its own members")
        return message


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_TIME)


def _seconds(text: str) -> int:
    return int(datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp())


def personal_digest(text: str) -> bytes:
    """Gives the 32 bytes a wallet signs for a text (EIP-191, version 0x45)."""
    content = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(content)).encode() + content)


def passkey_digest(origin: str, challenge: bytes) -> bytes:
    """Gives the 32 bytes a passkey or P-256 key signs to sign in at an origin."""
    return keccak(length_prefixed(_PASSKEY_LABEL, origin.encode(), challenge))


BOUND_HEADERS: Final = ("Consentry-Subject", "Consentry-Record-Version", "Content-Type")
"""Headers that say what a body is: an upload under another subject, version or type is another upload."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The parts of an HTTP request an institution signs; the format document ``http-request`` lists them.

    Attributes:
        institution: who asks.
        method: the HTTP method.
        host: the ``Host`` header.
        target: path and query.
        body_sha256: digest of the body as sent.
        created: when it was signed, in seconds since the epoch.
        nonce: drawn for this request.
        bound: the values of `BOUND_HEADERS` in their order; empty text for a header that is not sent.
    """

    institution: Address
    method: str
    host: str
    target: str
    body_sha256: bytes
    created: int
    nonce: str
    bound: tuple[str, ...] = ("",) * len(BOUND_HEADERS)

    def digest(self) -> bytes:
        """Gives the 32 bytes to sign."""
        parts = (self.method, self.host, self.target, str(self.created), self.nonce, *self.bound)
        return keccak(length_prefixed(_REQUEST_LABEL, self.institution, *(p.encode() for p in parts), self.body_sha256))

    def header(self, signature: bytes) -> str:
        """Gives the value of the header ``Consentry-Signature``."""
        return (
            f'institution="0x{self.institution.hex()}", created={self.created}, nonce="{self.nonce}", '
            f'signature="0x{signature.hex()}"'
        )


_HEADER: Final = re.compile(
    r'institution="0x(?P<institution>[0-9a-f]{40})", created=(?P<created>[0-9]{1,12}), '
    r'nonce="(?P<nonce>[0-9a-zA-Z_-]{16,64})", signature="0x(?P<signature>([0-9a-f]{2}){1,2048})"'
)
_CONTENT_DIGEST: Final = re.compile(r"sha-256=:(?P<digest>[A-Za-z0-9+/]{43}=):")


def bound_headers(sent: Mapping[str, str]) -> tuple[str, ...]:
    """Gives the values a signature binds out of the headers of a request, written as in `BOUND_HEADERS`."""
    return tuple(sent.get(name, "") for name in BOUND_HEADERS)


def parse_signature_header(value: str) -> tuple[Address, int, str, bytes]:
    """Gives institution, created, nonce and signature of the header ``Consentry-Signature``.

    Raises:
        InvalidInputError: it has another form.
    """
    found = _HEADER.fullmatch(value)
    if found is None:
        raise InvalidInputError("header Consentry-Signature cannot be read")
    institution = Address(bytes.fromhex(found["institution"]))
    return institution, int(found["created"]), found["nonce"], bytes.fromhex(found["signature"])


def content_digest(body_sha256: bytes) -> str:
    """Gives the value of the header ``Content-Digest`` (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(body_sha256).decode()}:"


def parse_content_digest(value: str) -> bytes:
    """Gives the SHA-256 of the header ``Content-Digest``.

    Raises:
        InvalidInputError: it has another form or algorithm.
    """
    found = _CONTENT_DIGEST.fullmatch(value)
    if found is None:
        raise InvalidInputError("header Content-Digest cannot be read")
    return base64.b64decode(found["digest"])


def body_sha256(body: bytes) -> bytes:
    """Gives the digest of a whole body."""
    return hashlib.sha256(body).digest()
