"""A `Kms` in memory: the port's second implementation, for tests that need no files."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from consentry.crypto.framing import length_prefixed
from consentry.errors import ConflictError, InvalidInputError, KeyDestroyedError, NotFoundError, ObjectCorruptError
from consentry.vault.kms import KeyDescription, KeyState

_TAG_SIZE = 32


class MemoryKms:
    """Subject keys in a dictionary; wraps with a keyed stream of SHAKE-256 and an HMAC, which is enough for tests.

    ``unwraps`` counts successful unwrappings, as the log of a real key service would.
    """

    def __init__(self) -> None:
        self._keys: dict[bytes, list[bytes] | None] = {}
        self._first: dict[bytes, int] = {}
        self.unwraps = 0

    async def create_subject_key(self, subject_ref: bytes) -> None:
        if subject_ref in self._keys:
            self._versions(subject_ref)
            raise ConflictError("subject key does not match (got present, expected absent)")
        self._keys[subject_ref] = [secrets.token_bytes(32)]

    async def rotate_subject_key(self, subject_ref: bytes) -> int:
        versions = self._versions(subject_ref)
        versions.append(secrets.token_bytes(32))
        return len(versions)

    async def wrap(self, subject_ref: bytes, plaintext: bytes, context: bytes) -> bytes:
        _check(context)
        versions = self._versions(subject_ref)
        head = bytes([len(versions)]) + secrets.token_bytes(16)
        bound = length_prefixed(subject_ref, context, head)
        sealed = _mask(versions[-1], bound, plaintext)
        return head + hmac.digest(versions[-1], bound + sealed, "sha256") + sealed

    async def unwrap(self, subject_ref: bytes, wrapped: bytes, context: bytes) -> bytes:
        secret = self._opened(subject_ref, wrapped, context)
        self.unwraps += 1
        return secret

    def _opened(self, subject_ref: bytes, wrapped: bytes, context: bytes) -> bytes:
        _check(context)
        versions = self._versions(subject_ref)
        head, tag, sealed = wrapped[:17], wrapped[17 : 17 + _TAG_SIZE], wrapped[17 + _TAG_SIZE :]
        if not head or not self._first.get(subject_ref, 0) < head[0] <= len(versions):
            raise ObjectCorruptError("wrapped secret does not match")
        key, bound = versions[head[0] - 1], length_prefixed(subject_ref, context, head)
        if not hmac.compare_digest(tag, hmac.digest(key, bound + sealed, "sha256")):
            raise ObjectCorruptError("wrapped secret does not match")
        return _mask(key, bound, sealed)

    async def rewrap(self, subject_ref: bytes, wrapped: bytes, context: bytes, new_context: bytes) -> bytes:
        return await self.wrap(subject_ref, self._opened(subject_ref, wrapped, context), new_context)

    async def replace_subject_key(self, subject_ref: bytes) -> int:
        versions = self._versions(subject_ref)
        self._first[subject_ref] = len(versions)
        versions[:] = [b""] * len(versions) + [secrets.token_bytes(32)]
        return len(versions)

    async def destroy(self, subject_ref: bytes) -> None:
        if subject_ref not in self._keys:
            raise NotFoundError("subject key does not match (got none, expected one)")
        self._keys[subject_ref] = None

    async def describe(self, subject_ref: bytes) -> KeyDescription:
        try:
            versions = self._versions(subject_ref)
        except KeyDestroyedError:
            return KeyDescription(KeyState.DESTROYED, 0, ())
        return KeyDescription(
            KeyState.LIVE, len(versions), tuple(range(self._first.get(subject_ref, 0) + 1, len(versions) + 1))
        )

    def _versions(self, subject_ref: bytes) -> list[bytes]:
        if subject_ref not in self._keys:
            raise NotFoundError("subject key does not match (got none, expected one)")
        versions = self._keys[subject_ref]
        if versions is None:
            raise KeyDestroyedError("subject key was destroyed")
        return versions


def _check(context: bytes) -> None:
    if not context:
        raise InvalidInputError("context does not match (got an empty one)")


def _mask(key: bytes, bound: bytes, data: bytes) -> bytes:
    stream = hashlib.shake_256(key + bound).digest(len(data))
    return bytes(left ^ right for left, right in zip(data, stream, strict=True))
