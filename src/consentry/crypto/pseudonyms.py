"""Pseudonyms: keyed hashes that stand for people where they must not be named (promise P6).

People inside an institution stand so on chain, the codes of patients in the directory of one custodian alone.
"""

from __future__ import annotations

import hmac
from typing import Final

from consentry.crypto.framing import length_prefixed
from consentry.errors import InvalidInputError

SECRET_SIZE: Final = 32
_PRACTITIONER: Final = b"consentry/practitioner/v1"
_IDENTIFIER: Final = b"consentry/identifier/v1"
_REASON: Final = b"consentry/reason/v1"


def practitioner_of(secret: bytes, staff_id: str) -> bytes:
    """Gives the pseudonym of a person or agent of an institution: HMAC-SHA-256 of its staff id, 32 bytes.

    Whoever holds the secret can name the person behind a log line, nobody else; staff ids are few, so a hash without a
    secret would be guessed in a moment.

    Args:
        secret: 32 bytes that the institution keeps; another secret makes other pseudonyms.
        staff_id: the institution's own id of the person or agent, as it is written there.

    Raises:
        InvalidInputError: the secret has another size, or the staff id is empty.
    """
    _check_secret(secret)
    if not staff_id:
        raise InvalidInputError("staff id is empty")
    return hmac.digest(secret, length_prefixed(_PRACTITIONER, staff_id.encode()), "sha256")


def identifier_of(secret: bytes, kind: int, code: str) -> bytes:
    """Gives what stands for a code of a person in a directory: HMAC-SHA-256 of kind and code, 32 bytes.

    There are few ID numbers: a hash without a secret would be guessed in a moment, and one under a secret of all
    custodians would let each look up the patients of the others. So every custodian has a secret of its own.

    Args:
        secret: 32 bytes of this custodian's directory; another secret finds nothing again.
        kind: number of the kind.
        code: in the one form of its kind.

    Raises:
        InvalidInputError: the secret has another size, or the code is empty.
    """
    _check_secret(secret)
    if not code:
        raise InvalidInputError("code is empty")
    return hmac.digest(secret, length_prefixed(_IDENTIFIER, bytes([kind]), code.encode()), "sha256")


def reason_of(secret: bytes, text: str) -> bytes:
    """Gives what stands on chain for a reason in words: HMAC-SHA-256 of the text, 32 bytes.

    The institution keeps text and secret; shown together, they prove what was said at the time.

    Args:
        secret: 32 bytes that the institution keeps.
        text: the reason.

    Raises:
        InvalidInputError: the secret has another size, or the text is empty.
    """
    _check_secret(secret)
    if not text:
        raise InvalidInputError("reason is empty")
    return hmac.digest(secret, length_prefixed(_REASON, text.encode()), "sha256")


def _check_secret(secret: bytes) -> None:
    if len(secret) != SECRET_SIZE:
        raise InvalidInputError(
            f"secret of pseudonyms does not match (got {len(secret)} bytes, expected {SECRET_SIZE})"
        )
