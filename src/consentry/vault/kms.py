"""The key service as the vault needs it: one key a subject, every use bound to a context.

Data keys are wrapped under the subject's key, so destroying that one key makes every record of the subject unreadable.
Implementations: `consentry.vault.keyring` (local folder), `consentry.vault.pkcs11_kms` (a token),
`consentry.vault.openbao_kms` (OpenBao's transit engine). The behaviour suite in ``tests/ports`` runs on each.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from consentry.errors import InvalidInputError

_SUBJECT_REF_LIMIT: Final = 64


class KeyState(StrEnum):
    """Life of a subject key. A destroyed key never comes back, not even under the same name."""

    LIVE = "live"
    DESTROYED = "destroyed"


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """What may be told of a subject key: no key material.

    ``active_version`` wraps; older ones of ``versions`` only unwrap. Both are empty (0, none) once destroyed.
    """

    state: KeyState
    active_version: int
    versions: tuple[int, ...]


class Kms(Protocol):
    """Wraps small secrets under subject keys.

    Every method raises `VaultUnavailableError` where the service does not answer. ``context`` is authenticated and MUST
    NOT be empty (`InvalidInputError`): what was wrapped under one context never unwraps under another.
    """

    async def create_subject_key(self, subject_ref: bytes) -> None:
        """Creates the key of a subject.

        Raises:
            ConflictError: the subject has a key.
            KeyDestroyedError: the subject's key was destroyed.
        """
        ...

    async def rotate_subject_key(self, subject_ref: bytes) -> int:
        """Adds a version that wraps from now on; older versions go on unwrapping.

        Returns:
            The new version.

        Raises:
            NotFoundError: the subject has no key.
            KeyDestroyedError: the subject's key was destroyed.
        """
        ...

    async def wrap(self, subject_ref: bytes, plaintext: bytes, context: bytes) -> bytes:
        """Wraps a secret under the active version; raises as `rotate_subject_key` does."""
        ...

    async def unwrap(self, subject_ref: bytes, wrapped: bytes, context: bytes) -> bytes:
        """Opens what `wrap` made.

        Raises:
            ObjectCorruptError: bytes, subject or context do not fit together.
            NotFoundError: the subject has no key.
            KeyDestroyedError: the subject's key was destroyed.
        """
        ...

    async def rewrap(self, subject_ref: bytes, wrapped: bytes, context: bytes, new_context: bytes) -> bytes:
        """Wraps anew under the active version and the new context; the secret stays inside. Raises as `unwrap` does."""
        ...

    async def replace_subject_key(self, subject_ref: bytes) -> int:
        """Destroys all versions for good and puts a fresh one in their place: nothing wrapped before opens again.

        Returns:
            The new version; no number comes twice.

        Raises:
            NotFoundError: the subject has no key.
            KeyDestroyedError: the subject's key was destroyed.
        """
        ...

    async def destroy(self, subject_ref: bytes) -> None:
        """Destroys all versions of a subject's key for good; destroying again changes nothing.

        Raises:
            NotFoundError: the subject never had a key.
        """
        ...

    async def describe(self, subject_ref: bytes) -> KeyDescription:
        """Tells state and versions.

        Raises:
            NotFoundError: the subject never had a key.
        """
        ...


def check_context(context: bytes) -> None:
    """Checks that it is told what a secret belongs to.

    Raises:
        InvalidInputError: it is not.
    """
    if not context:
        raise InvalidInputError("context does not match (got an empty one, expected what the secret belongs to)")


def check_subject(subject_ref: bytes) -> None:
    """Checks that a reference is one that every implementation can name a key by.

    Raises:
        InvalidInputError: it is empty or too long.
    """
    if not 0 < len(subject_ref) <= _SUBJECT_REF_LIMIT:
        raise InvalidInputError(f"length of subject reference does not match (got {len(subject_ref)}, expected 1-64)")
