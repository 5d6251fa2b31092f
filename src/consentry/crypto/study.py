"""Keyed hashes of an imaging study, so that only who was given the key can tell its images.

A study's UID and the digest of an image are known to whoever has the images, so without a key they would lead from the
chain to the patient. The key is drawn for one study, stands in its manifest, and dies with it: the manifest is a record
like any other (`docs/formats/imaging-study.md`).
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from consentry.crypto.framing import check_length, length_prefixed

STUDY_KEY_SIZE: Final = 32
NO_PIXELS: Final = bytes(32)
"""Stands for the digest of the pixel data of an instance that has none."""
_DIGEST_SIZE: Final = 32
_STUDY_LABEL: Final = b"consentry/study/v1"
_INSTANCE_LABEL: Final = b"consentry/study-instance/v1"


def new_study_key() -> bytes:
    """Draws the key of one study: 32 bytes."""
    return secrets.token_bytes(STUDY_KEY_SIZE)


def study_hash(key: bytes, study_uid: str) -> bytes:
    """Gives the keyed hash of a study's UID: HMAC-SHA-256 of ``label || length_prefixed(UID)``.

    Raises:
        InvalidInputError: the key has another length.
    """
    check_length("study key", key, STUDY_KEY_SIZE)
    return hmac.digest(key, _STUDY_LABEL + length_prefixed(study_uid.encode("ascii")), "sha256")


def instance_digest(key: bytes, file_sha256: bytes, pixels_sha256: bytes) -> bytes:
    """Gives the keyed digest of an image: HMAC-SHA-256 of ``label || length_prefixed(file, pixels)``.

    Args:
        key: of the study.
        file_sha256: SHA-256 of the file as it is stored.
        pixels_sha256: SHA-256 of the value of its pixel data; `NO_PIXELS` where it has none.

    Raises:
        InvalidInputError: a value has another length.
    """
    check_length("study key", key, STUDY_KEY_SIZE)
    check_length("file digest", file_sha256, _DIGEST_SIZE)
    check_length("pixel digest", pixels_sha256, _DIGEST_SIZE)
    return hmac.digest(key, _INSTANCE_LABEL + length_prefixed(file_sha256, pixels_sha256), "sha256")
