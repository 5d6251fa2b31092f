"""Signed notes (C2SP ``signed-note``): a text, and lines that sign it, each ignored by whoever does not know its key.

Reading is strict: one note has one form. ``docs/formats/checkpoint.md`` says what is refused beyond the standard.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from consentry.crypto import ed25519, ml_dsa
from consentry.errors import InvalidInputError

LARGEST: Final = 1 << 19
"""Bytes of the largest note that is read: enough for a hundred lines of ML-DSA-44."""

MOST_SIGNATURES: Final = 100

_DASH: Final = "\N{EM DASH}"
_KEY_ID_SIZE: Final = 4
_VKEY: Final = re.compile(r"([^+]+)\+([0-9a-f]{8})\+(.+)")


class KeyKind(IntEnum):
    """What a key signs; the byte that stands in front of it in a verifier key."""

    ED25519 = 0x01
    """The text of a note, with Ed25519."""

    COSIGNATURE = 0x04
    """A checkpoint and the time it was seen, with Ed25519 (C2SP ``tlog-cosignature``)."""

    ML_DSA_COSIGNATURE = 0x06
    """The head of a log and the time it was seen, with ML-DSA-44 (C2SP ``tlog-cosignature``)."""


COSIGNATURES: Final = frozenset({KeyKind.COSIGNATURE, KeyKind.ML_DSA_COSIGNATURE})
"""Kinds of key a witness may have."""

_CHECKED_BY: Final = {
    KeyKind.ED25519: ed25519.check_public,
    KeyKind.COSIGNATURE: ed25519.check_public,
    KeyKind.ML_DSA_COSIGNATURE: ml_dsa.check_public,
}


def check_name(name: str) -> None:
    """Refuses what cannot be the name of a key.

    Raises:
        InvalidInputError: it is empty, or has a space, a plus or a control character.
    """
    if not name or "+" in name or any(c.isspace() or ord(c) < ord(" ") for c in name) or not _is_text(name):
        raise InvalidInputError(f"key name does not match (got {name!r:.80}, expected no space, plus or control)")


def _is_text(text: str) -> bool:
    """Tells whether there are bytes for a text: a lone surrogate has none in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_base64(content: bytes) -> str:
    """Writes bytes in standard Base 64 (RFC 4648, section 4)."""
    return base64.b64encode(content).decode("ascii")


def from_base64(what: str, text: str) -> bytes:
    """Reads standard Base 64 with its padding.

    Raises:
        InvalidInputError: it is none, or not in the one form these bytes have.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError(f"{what} does not match (got {text!r:.80}, expected Base 64)") from error
    if to_base64(content) != text:
        raise InvalidInputError(f"{what} does not match (got {text!r:.80}, expected {to_base64(content):.80})")
    return content


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name it signs under.

    Raises:
        InvalidInputError: the name cannot be one, or the key has another size than its kind, or anybody can sign under
            it.
    """

    name: str
    kind: KeyKind
    public: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        _CHECKED_BY[self.kind](self.public)

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell which key a line is of; no protection, only a hint."""
        hashed = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(hashed).digest()[:_KEY_ID_SIZE]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Reads a verifier key: name, key id in hexadecimal, kind and public key in Base 64, joined by plus signs.

        Raises:
            InvalidInputError: it is none, of a kind not known here, or its key id is another.
        """
        found = _VKEY.fullmatch(text)
        if found is None:
            raise InvalidInputError(f"verifier key does not match (got {text!r:.120}, expected name+id+key)")
        content = from_base64("verifier key", found[3])
        if content[:1] not in {bytes([kind]) for kind in KeyKind}:
            raise InvalidInputError(
                f"kind of a verifier key does not match (got 0x{content[:1].hex()}, expected 1, 4 or 6)"
            )
        key = cls(found[1], KeyKind(content[0]), content[1:])
        if str(key) != text:
            raise InvalidInputError(f"key id does not match (got {found[2]}, expected {key.key_id.hex()})")
        return key


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One line: whose key it says it is of, and what follows the key id."""

    name: str
    key_id: bytes
    value: bytes

    def is_of(self, key: VerifierKey) -> bool:
        """Tells whether name and key id are those of a key; whether the signature holds is another question."""
        return self.name == key.name and self.key_id == key.key_id

    def line(self) -> str:
        """Writes the line, its line end included."""
        return f"{_DASH} {self.name} {to_base64(self.key_id + self.value)}\n"

    @classmethod
    def parse(cls, line: str) -> NoteSignature:
        """Reads a line without its line end.

        Raises:
            InvalidInputError: it is no signature line.
        """
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != _DASH:  # noqa: PLR2004 - dash, name, signature
            raise InvalidInputError(f"signature line does not match (got {line!r:.80}, expected dash, name, signature)")
        check_name(parts[1])
        content = from_base64("signature", parts[2])
        if len(content) <= _KEY_ID_SIZE:
            raise InvalidInputError(f"length of a signature does not match (got {len(content)}, expected over 4 bytes)")
        return cls(parts[1], content[:_KEY_ID_SIZE], content[_KEY_ID_SIZE:])


_CONTROL: Final = re.compile(rb"[\x00-\x09\x0b-\x1f]")
"""Control characters other than the line end."""


def check_text(text: bytes) -> None:
    """Refuses what cannot be the text of a note.

    Raises:
        InvalidInputError: it is no UTF-8, has a control character other than the line end, or does not end with one.
    """
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError("text of a note does not match (got bytes that are no UTF-8)") from error
    if not text.endswith(b"\n") or _CONTROL.search(text):
        raise InvalidInputError("text of a note does not match (got a control character or no line end at its end)")


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A text and its signatures, none of them checked yet.

    Raises:
        InvalidInputError: the text cannot be signed, or signatures are missing, too many, or two of one key.
    """

    text: bytes
    signatures: tuple[NoteSignature, ...]

    def __post_init__(self) -> None:
        check_text(self.text)
        if not 1 <= len(self.signatures) <= MOST_SIGNATURES:
            raise InvalidInputError(
                f"number of signatures does not match (got {len(self.signatures)}, expected 1 to {MOST_SIGNATURES})"
            )
        keys = {(signature.name, signature.key_id) for signature in self.signatures}
        if len(keys) != len(self.signatures):
            raise InvalidInputError("signatures do not match (got two of one key, expected one each)")

    def to_bytes(self) -> bytes:
        """Writes the note."""
        return self.text + b"\n" + "".join(signature.line() for signature in self.signatures).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> SignedNote:
        """Reads a note.

        Raises:
            InvalidInputError: it is none, or too large.
        """
        if len(content) > LARGEST:
            raise InvalidInputError(f"size of a note does not match (got {len(content)}, expected at most {LARGEST})")
        check_text(content)
        # The text may hold empty lines itself: what divides is the last one.
        text, divider, signed = content.rpartition(b"\n\n")
        if not divider:
            raise InvalidInputError("note does not match (got no empty line, expected one before its signatures)")
        lines = signed.decode().split("\n")[:-1]
        return cls(text + b"\n", tuple(NoteSignature.parse(line) for line in lines[: MOST_SIGNATURES + 1]))

    def signature_of(self, key: VerifierKey) -> NoteSignature | None:
        """Gives the line that names a key, if there is one; it is not checked."""
        return next((signature for signature in self.signatures if signature.is_of(key)), None)
