"""Blinded commitment to the plaintext of a record.

An unkeyed hash of clinical content can be guessed: diagnosis codes x birth dates x sex are about 2^32 values. So what
goes on chain is HMAC-SHA-256 under 32 random bytes, the *blinding value*, which travels with the data key and dies with
it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from consentry.crypto.framing import check_length, length_prefixed, uint64
from consentry.errors import VerificationError

BLINDING_SIZE = 32
_LABEL = b"consentry/plaintext-commitment/v1"


def new_blinding() -> bytes:
    """Draws a fresh 32-byte blinding value; one record version, one value."""
    return secrets.token_bytes(BLINDING_SIZE)


def commit_plaintext(blinding: bytes, *, object_id: bytes, version: int, size: int, plaintext_sha256: bytes) -> bytes:
    """Commits to a plaintext.

    Args:
        blinding: 32 secret random bytes, used for this record version alone.
        object_id: the 32-byte object id.
        version: version of the record.
        size: size of the plaintext in bytes.
        plaintext_sha256: SHA-256 of the plaintext.

    Returns:
        HMAC-SHA-256 under ``blinding`` of ``label || length_prefixed(object id, version, size, SHA-256)``.

    Raises:
        InvalidInputError: a field has the wrong length or an integer is negative.
    """
    check_length("blinding value", blinding, BLINDING_SIZE)
    check_length("object id", object_id, 32)
    check_length("plaintext digest", plaintext_sha256, hashlib.sha256().digest_size)
    message = _LABEL + length_prefixed(object_id, uint64(version), uint64(size), plaintext_sha256)
    return hmac.digest(blinding, message, "sha256")


def verify_commitment(
    commitment: bytes,
    blinding: bytes,
    *,
    object_id: bytes,
    version: int,
    size: int,
    plaintext_sha256: bytes,
    step: int | None = None,
) -> None:
    """Checks that a plaintext is the one that was committed to.

    Args:
        commitment: the 32 bytes from the record's leaf.
        blinding: the blinding value that came with the data key.
        object_id: the 32-byte object id.
        version: version of the record.
        size: size in bytes of the plaintext at hand.
        plaintext_sha256: SHA-256 of the plaintext at hand.
        step: number of this check in the caller's plan of verification; None outside of one.

    Raises:
        VerificationError: it is not. ``expected`` and ``got`` hold the two commitments, which reveal nothing.
        InvalidInputError: a field has the wrong length.
    """
    got = commit_plaintext(blinding, object_id=object_id, version=version, size=size, plaintext_sha256=plaintext_sha256)
    if not hmac.compare_digest(got, commitment):
        raise VerificationError(
            f"plaintext commitment does not match (got {got.hex()}, expected {commitment.hex()})",
            step=step,
            expected=commitment.hex(),
            got=got.hex(),
        )
