"""Random access into sealed objects: a second, independent reader of the format of `consentry.crypto.sealing`.

It opens any byte range without reading the rest: `consentry.client.parts` does so for viewers that fetch parts of a
large image, and tests cross-check the library's streaming reader with it.
Specification: https://c2sp.org/chunked-encryption, sections "Key derivation", "AEAD usage", "Implementation notes".
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from consentry.crypto.framing import check_length
from consentry.crypto.sealing import (
    CHUNK_SIZE,
    HEADER_SIZE,
    KEY_COMMITMENT_SIZE,
    KEY_SIZE,
    MAX_CHUNKS,
    SALT_SIZE,
    SEALED_CHUNK_SIZE,
    Bytes,
    opened_size,
    sealed_size,
)
from consentry.errors import InvalidInputError, ObjectCorruptError, ObjectSwappedError, ObjectTornError

_INFO_PREFIX = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
_NONCE_SIZE = 12
_CHUNKS_A_READ = 64
"""Chunks fetched at once, so a long range costs one call for each MiB and bounded memory."""


def chunk_offset(index: int) -> int:
    """Offset in bytes of sealed chunk ``index``: 56 + index x 16400."""
    return HEADER_SIZE + index * SEALED_CHUNK_SIZE


def last_chunk_span(size: int) -> tuple[int, int]:
    """Gives where the last chunk lies in a sealed object of ``size`` bytes: its offset and its end.

    Raises:
        ObjectTornError: the size is that of no message.
    """
    return chunk_offset(opened_size(size) // CHUNK_SIZE), size


def chunk_span(offset: int, length: int, plaintext_size: int) -> tuple[int, int] | None:
    """Gives which sealed bytes hold ``length`` plaintext bytes from ``offset``; None where there are none.

    Raises:
        InvalidInputError: ``offset`` or ``length`` is negative.
    """
    _check_range(offset, length)
    end = min(offset + length, plaintext_size)
    if offset >= end:
        return None
    after = chunk_offset((end - 1) // CHUNK_SIZE + 1)
    return chunk_offset(offset // CHUNK_SIZE), min(after, sealed_size(plaintext_size))


class RandomAccessReader:
    """Opens byte ranges of one sealed object.

    Building it checks, in this order: the size is that of a message, the key commitment in the header fits key and
    context, and the last chunk is authentic. So truncation and extension show before the first byte is handed out.

    Args:
        read_at: ``read_at(offset, length)`` gives exactly that many bytes of the sealed object.
        size: size in bytes of the sealed object, from a trusted place (the record's row or the chain).
        key: the 32-byte data key.
        context: the result of `consentry.crypto.sealing.sealing_context`.

    Raises:
        ObjectTornError: the size is that of no message, or ``read_at`` gives fewer bytes than asked for.
        ObjectSwappedError: the header was made with another key or context: another object, version or suite.
        ObjectCorruptError: a chunk is not authentic.
    """

    def __init__(self, read_at: Callable[[int, int], Bytes], size: int, key: bytes, context: bytes) -> None:
        check_length("data key", key, KEY_SIZE)
        self._read_at = read_at
        self.plaintext_size = opened_size(size)
        self._last_chunk = self.plaintext_size // CHUNK_SIZE
        if self._last_chunk >= MAX_CHUNKS:
            raise InvalidInputError(
                f"number of chunks does not match (got {self._last_chunk + 1}, expected {MAX_CHUNKS} at most)"
            )
        self._size = size
        self._aead, self._base_nonce = _derive(bytes(self._exactly(0, HEADER_SIZE)), key, context)
        self._open_chunks(self._last_chunk, self._last_chunk)

    def read(self, offset: int, length: int) -> bytes:
        """Opens ``length`` plaintext bytes from ``offset``; fewer at the end of the record.

        Raises:
            InvalidInputError: ``offset`` or ``length`` is negative.
            ObjectTornError: ``read_at`` gives fewer bytes than asked for.
            ObjectCorruptError: a chunk in the range is not authentic; nothing is handed out.
        """
        _check_range(offset, length)
        end = min(offset + length, self.plaintext_size)
        if offset >= end:
            return b""
        first, last = offset // CHUNK_SIZE, (end - 1) // CHUNK_SIZE
        pieces = [
            self._open_chunks(start, min(start + _CHUNKS_A_READ - 1, last))
            for start in range(first, last + 1, _CHUNKS_A_READ)
        ]
        skip = offset - first * CHUNK_SIZE
        return b"".join(pieces)[skip : skip + end - offset]

    def _open_chunks(self, first: int, last: int) -> bytes:
        start = chunk_offset(first)
        sealed = memoryview(self._exactly(start, min(chunk_offset(last + 1), self._size) - start))
        return b"".join(
            self._open_chunk(first + position, sealed[at : at + SEALED_CHUNK_SIZE])
            for position, at in enumerate(range(0, len(sealed), SEALED_CHUNK_SIZE))
        )

    def _open_chunk(self, index: int, sealed: memoryview) -> bytes:
        # Section "AEAD usage": the nonce is the base nonce XOR the chunk number as wide as the nonce; no AAD.
        nonce = (self._base_nonce ^ index).to_bytes(_NONCE_SIZE, "big")
        try:
            return self._aead.decrypt(nonce, sealed, None)
        except InvalidTag:
            raise ObjectCorruptError(f"sealed chunk {index} does not match its key and place") from None

    def _exactly(self, offset: int, length: int) -> Bytes:
        data = self._read_at(offset, length)
        if len(data) != length:
            raise ObjectTornError(f"bytes at offset {offset} do not match (got {len(data)}, expected {length})")
        return data


def _check_range(offset: int, length: int) -> None:
    if offset < 0 or length < 0:
        raise InvalidInputError(f"range does not match (got offset {offset}, length {length}, expected no negative)")


def _derive(header: bytes, key: bytes, context: bytes) -> tuple[AESGCM, int]:
    salt, key_commitment = header[:SALT_SIZE], header[SALT_SIZE:]
    derived = HKDFExpand(
        algorithm=SHA512(), length=KEY_SIZE + _NONCE_SIZE + KEY_COMMITMENT_SIZE, info=_INFO_PREFIX + salt + context
    ).derive(key)
    expected = derived[KEY_SIZE + _NONCE_SIZE :]
    if not hmac.compare_digest(key_commitment, expected):
        raise ObjectSwappedError("header of the sealed object does not match this key and context")
    return AESGCM(derived[:KEY_SIZE]), int.from_bytes(derived[KEY_SIZE : KEY_SIZE + _NONCE_SIZE], "big")
