"""Checkpoints of the ledger log (C2SP ``tlog-checkpoint``), the log's signature, and cosignatures of witnesses.

A checkpoint says how many leaves a log has and which root. The log signs it as a note; a witness signs it with the time
at which it was the largest tree of that log the witness had seen (C2SP ``tlog-cosignature``, Ed25519 or ML-DSA-44).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from consentry.core.log_tree import EMPTY_ROOT, HASH_SIZE, MAX_SIZE
from consentry.crypto import ed25519, ml_dsa
from consentry.crypto.ed25519 import Ed25519Key
from consentry.crypto.framing import uint64
from consentry.crypto.ml_dsa import MlDsa44Key
from consentry.errors import ConsentryError, InvalidInputError, VerificationError
from consentry.evidence.note import (
    KeyKind,
    NoteSignature,
    SignedNote,
    VerifierKey,
    check_text,
    from_base64,
    to_base64,
)

MAX_TIME: Final = (1 << 63) - 1
_TIME_SIZE: Final = 8
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_NEEDED_LINES: Final = 3
_LONGEST_NAME: Final = 255
"""Bytes of a name or origin that an ML-DSA-44 cosignature can name."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: whose, how many leaves, which root, and lines of its own that nobody vouches for.

    Raises:
        InvalidInputError: a line is empty or holds a control character, the size does not fit 63 bits, the root has not
            32 bytes, or an empty log has another root than an empty tree.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for line in (self.origin, *self.extensions):
            if not line or any(ord(c) < ord(" ") for c in line):
                raise InvalidInputError(f"line of a checkpoint does not match (got {line!r:.80}, expected some text)")
        if not 0 <= self.size <= MAX_SIZE:
            raise InvalidInputError(f"tree size does not match (got {self.size}, expected a number in 63 bits)")
        if len(self.root) != HASH_SIZE or (self.size == 0 and self.root != EMPTY_ROOT):
            raise InvalidInputError(
                f"root of a checkpoint does not match (got 0x{self.root.hex():.64} for {self.size} leaves, "
                "expected 32 bytes, those of the empty tree for none)"
            )

    @property
    def text(self) -> bytes:
        """The text of the note, its last line end included."""
        lines = (self.origin, str(self.size), to_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines).encode()

    @classmethod
    def parse(cls, text: bytes) -> Checkpoint:
        """Reads the text of a note.

        Raises:
            InvalidInputError: it is no checkpoint, or not in the one form it has.
        """
        check_text(text)
        lines = text.decode().split("\n")[:-1]
        if len(lines) < _NEEDED_LINES:
            raise InvalidInputError(f"lines of a checkpoint do not match (got {len(lines)}, expected 3 at least)")
        origin, size, root, *extensions = lines
        if not _NUMBER.fullmatch(size):
            raise InvalidInputError(f"tree size does not match (got {size!r:.80}, expected decimal without zeros)")
        return cls(origin, int(size), from_base64("root of a checkpoint", root), tuple(extensions))


def cosigned_message(text: bytes, time: int) -> bytes:
    """Gives what a witness signs with Ed25519.

    Args:
        text: text of the checkpoint's note.
        time: seconds since the epoch.

    Raises:
        InvalidInputError: the time is negative or beyond 63 bits.
    """
    _check_time(time)
    return b"cosignature/v1\ntime %d\n" % time + text


def cosigned_head(name: str, text: bytes, time: int) -> bytes:
    """Gives what a witness signs with ML-DSA-44: its own name, and the head without any extension lines.

    Args:
        name: of the witness.
        text: text of the checkpoint's note.
        time: seconds since the epoch; 0 does not say that no larger tree was seen.

    Raises:
        InvalidInputError: the text is no checkpoint, name or origin is too long, or the time does not fit 63 bits.
    """
    _check_time(time)
    head = Checkpoint.parse(text)
    named, log = _short("name of a witness", name), _short("origin", head.origin)
    return b"subtree/v1\n\0" + named + uint64(time) + log + uint64(0) + uint64(head.size) + head.root


def _check_time(time: int) -> None:
    if not 0 <= time <= MAX_TIME:
        raise InvalidInputError(f"time of a cosignature does not match (got {time}, expected a number in 63 bits)")


def _short(what: str, text: str) -> bytes:
    """Writes a text behind its length in one byte (RFC 8446, section 3.4)."""
    content = text.encode()
    if len(content) > _LONGEST_NAME:
        raise InvalidInputError(f"{what} does not match (got {len(content)} bytes, expected {_LONGEST_NAME} at most)")
    return bytes([len(content)]) + content


@dataclass(frozen=True, slots=True)
class LogSigner:
    """Signs checkpoints for a log, under its origin as a rule."""

    name: str
    key: Ed25519Key

    @property
    def verifier_key(self) -> VerifierKey:
        """What others need to check the signature."""
        return VerifierKey(self.name, KeyKind.ED25519, self.key.public)

    def sign(self, checkpoint: Checkpoint) -> NoteSignature:
        """Signs a checkpoint; that it is consistent with all signed before is for the caller to see to."""
        return NoteSignature(self.name, self.verifier_key.key_id, self.key.sign(checkpoint.text))


@dataclass(frozen=True, slots=True)
class Cosigner:
    """Signs checkpoints for a witness."""

    name: str
    key: Ed25519Key | MlDsa44Key

    @property
    def verifier_key(self) -> VerifierKey:
        """What others need to check the cosignature."""
        kind = KeyKind.ML_DSA_COSIGNATURE if isinstance(self.key, MlDsa44Key) else KeyKind.COSIGNATURE
        return VerifierKey(self.name, kind, self.key.public)

    def cosign(self, checkpoint: Checkpoint, time: int) -> NoteSignature:
        """Signs a checkpoint with a time in seconds; that it is consistent with all before is for the caller to check.

        Raises:
            InvalidInputError: the time is negative or beyond 63 bits, or ML-DSA-44 cannot name the log or the witness.
        """
        key = self.verifier_key
        signature = self.key.sign(_message(key, checkpoint.text, time))
        return NoteSignature(self.name, key.key_id, time.to_bytes(_TIME_SIZE, "big") + signature)


def _message(key: VerifierKey, text: bytes, time: int) -> bytes:
    """Gives what the holder of a key signs as a witness; each kind of key has a message of its own."""
    if key.kind is KeyKind.ML_DSA_COSIGNATURE:
        return cosigned_head(key.name, text, time)
    return cosigned_message(text, time)


def verify_signature(key: VerifierKey, text: bytes, signature: NoteSignature) -> int | None:
    """Checks one line of a note against the key it names.

    Returns:
        The time of a cosignature in seconds; None for a signature without one.

    Raises:
        VerificationError: the line names another key, or the signature is not that of the key over the text.
    """
    if not signature.is_of(key):
        raise VerificationError(
            f"key of a signature does not match (got {signature.name}+{signature.key_id.hex()}, "
            f"expected {key.name}+{key.key_id.hex()})"
        )
    try:
        if key.kind is KeyKind.ED25519:
            ed25519.verify(key.public, text, signature.value)
            return None
        time = int.from_bytes(signature.value[:_TIME_SIZE], "big")
        verify = ml_dsa.verify if key.kind is KeyKind.ML_DSA_COSIGNATURE else ed25519.verify
        verify(key.public, _message(key, text, time), signature.value[_TIME_SIZE:])
    except ConsentryError as error:
        raise VerificationError(f"signature of {key.name} does not hold: {error.message}") from error
    return time


def checkpoint_note(checkpoint: Checkpoint, *signatures: NoteSignature) -> SignedNote:
    """Gives the note of a checkpoint with its signatures, the log's first as a rule."""
    return SignedNote(checkpoint.text, signatures)
