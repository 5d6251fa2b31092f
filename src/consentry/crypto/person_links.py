"""Blinded commitments of links between the subjects of one person: ``docs/formats/person-link.md``.

The chain shows that an authority linked or unlinked something. What it was opens with the blinding value, which the
directories of the custodians concerned keep.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Final

from consentry.crypto.commitment import BLINDING_SIZE
from consentry.crypto.framing import check_length, length_prefixed
from consentry.errors import InvalidInputError, VerificationError

FEWEST_SUBJECTS: Final = 2
_LINK: Final = b"consentry/person-link/v1"
_UNLINK: Final = b"consentry/person-unlink/v1"
_ID_SIZE: Final = 32


def commit_link(blinding: bytes, subjects: Sequence[bytes]) -> bytes:
    """Commits to the subjects of a link, in whatever order they are given.

    Returns:
        HMAC-SHA-256 under ``blinding`` of ``length_prefixed(label, subject, subject, …)``, subjects ascending.

    Raises:
        InvalidInputError: fewer than two subjects, one twice, or a field of the wrong length.
    """
    check_length("blinding value", blinding, BLINDING_SIZE)
    for subject in subjects:
        check_length("subject id", subject, _ID_SIZE)
    if len(subjects) < FEWEST_SUBJECTS or len(set(subjects)) != len(subjects):
        raise InvalidInputError("subjects of a link do not match (expected two at least, each once)")
    return hmac.digest(blinding, length_prefixed(_LINK, *sorted(subjects)), "sha256")


def commit_unlink(blinding: bytes, link: bytes, reason: str) -> bytes:
    """Commits to why a link was undone.

    Returns:
        HMAC-SHA-256 under ``blinding`` of ``length_prefixed(label, link, reason as UTF-8)``.

    Raises:
        InvalidInputError: a field of the wrong length.
    """
    check_length("blinding value", blinding, BLINDING_SIZE)
    check_length("link", link, _ID_SIZE)
    return hmac.digest(blinding, length_prefixed(_UNLINK, link, reason.encode()), "sha256")


def verify_link(commitment: bytes, blinding: bytes, subjects: Sequence[bytes]) -> None:
    """Checks that a link is about these subjects and no other.

    Raises:
        VerificationError: it is not.
        InvalidInputError: as for `commit_link`.
    """
    _compare("link", commit_link(blinding, subjects), commitment)


def verify_unlink(commitment: bytes, blinding: bytes, link: bytes, reason: str) -> None:
    """Checks that a link was undone for this reason.

    Raises:
        VerificationError: it was not.
        InvalidInputError: as for `commit_unlink`.
    """
    _compare("unlink", commit_unlink(blinding, link, reason), commitment)


def _compare(what: str, got: bytes, expected: bytes) -> None:
    if not hmac.compare_digest(got, expected):
        raise VerificationError(
            f"commitment of the {what} does not match (got {got.hex()}, expected {expected.hex()})",
            expected=expected.hex(),
            got=got.hex(),
        )
