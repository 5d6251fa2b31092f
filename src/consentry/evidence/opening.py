"""Shows that bytes at hand are the record a bundle is about.

Ciphertext is compared with the digest in the record's leaf. A plaintext is compared with the blinded commitment beside
it, which takes the *opening*: object id and blinding value, which came with the data key. Whoever has an opening can
try what the content may be, so it is kept like the content. ``docs/formats/bundle.md`` describes the file.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BufferedReader
from typing import Final

from consentry.core.terms import RecordLeaf
from consentry.crypto.commitment import BLINDING_SIZE, verify_commitment
from consentry.errors import InvalidInputError
from consentry.evidence.canonical import read_canonical, write_plain
from consentry.evidence.notation import bytes_of, hex_of
from consentry.evidence.steps import RECORD, present, same

FORMAT: Final = "consentry.opening/v1"
_MEMBERS: Final = {"format", "objectId", "blinding"}
_OBJECT_ID_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens the commitment of one record version: the object id and the blinding value, 32 bytes each."""

    object_id: bytes
    blinding: bytes

    def to_json(self) -> bytes:
        """Writes the file: canonical JSON (RFC 8785)."""
        return write_plain(
            {"format": FORMAT, "objectId": hex_of(self.object_id), "blinding": hex_of(self.blinding)},
        )

    @classmethod
    def from_json(cls, content: bytes) -> Opening:
        """Reads the file.

        Raises:
            InvalidInputError: it is no opening, or not in canonical form.
        """
        return read_canonical("opening", content, _read)


def _read(value: dict[str, object]) -> Opening:
    if value.keys() != _MEMBERS or value["format"] != FORMAT:
        raise InvalidInputError(f"opening does not match (expected format {FORMAT} and its members)")
    return Opening(bytes_of(value["objectId"], _OBJECT_ID_SIZE), bytes_of(value["blinding"], BLINDING_SIZE))


def check_bytes(leaf: RecordLeaf | None, content: BufferedReader, opening: Opening | None = None) -> None:
    """Checks that a file holds the record version of a leaf; it is read piece by piece.

    Args:
        leaf: of the record a verified bundle is about; none where the ledger knew no such record.
        content: ciphertext as the custodian keeps it, or with an opening the plaintext.
        opening: what opens the commitment.

    Raises:
        VerificationError: the bundle has no record, or these are not its bytes; step 6.
    """
    known = present(RECORD, "record of the bundle", leaf)
    digest = hashlib.file_digest(content, "sha256").digest()
    size = content.tell()
    if opening is None:
        same(RECORD, "size of the record's ciphertext", size, known.ciphertext_size)
        same(RECORD, "digest of the record's ciphertext", digest, known.ciphertext_digest)
        return
    verify_commitment(
        known.commitment,
        opening.blinding,
        object_id=opening.object_id,
        version=known.version,
        size=size,
        plaintext_sha256=digest,
        step=RECORD,
    )
