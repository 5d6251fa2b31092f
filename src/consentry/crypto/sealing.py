"""Sealing of record contents: C2SP chunked encryption in its Cobblestone-256 form.

Specification: https://c2sp.org/chunked-encryption (version 1). Layout of a sealed object::

    salt (24) | key commitment (32) | chunk 0 (16384 + 16) | chunk 1 | ... | last chunk (0..16383 + 16)

The last chunk is always shorter than a full one, which is how truncation shows. `Sealer` and `Opener` stream through
the implementation in `cryptography`; `consentry.crypto.random_access` reads any byte range with a second one of ours.

The *context* binds a sealed object to its place. It holds the ``objectId``, not the ``recordId``: the record id is a
hash over the on-chain leaf, the leaf holds the digest of the ciphertext, and the ciphertext depends on the context, so
the record id cannot be known when sealing starts. The object id is 32 random bytes, drawn before sealing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import AlreadyFinalized, InvalidTag

from consentry.core.codes import Suite
from consentry.crypto.framing import check_length, length_prefixed, uint64
from consentry.errors import InvalidInputError, ObjectCorruptError, ObjectTornError

Bytes = bytes | bytearray | memoryview

# Constants of the specification, sections "Key derivation" and "Message chunking".
KEY_SIZE = 32
SALT_SIZE = 24
KEY_COMMITMENT_SIZE = 32
HEADER_SIZE = SALT_SIZE + KEY_COMMITMENT_SIZE
CHUNK_SIZE = 16 * 1024
TAG_SIZE = 16
SEALED_CHUNK_SIZE = CHUNK_SIZE + TAG_SIZE
MAX_CHUNKS = 2**38

OBJECT_ID_SIZE = 32
SUITE_COBBLESTONE_256 = int(Suite.COBBLESTONE_256_SHA_256)
"""On-chain number of this suite: Cobblestone-256 content, SHA-256 digests, HMAC-SHA-256 commitment."""

_WORTH_A_THREAD = 64 * 1024
"""Bytes whose hashing takes longer than handing them to a thread: some 40 microseconds."""
_CONTEXT_LABEL = b"consentry/sealing-context/v1"
_OVER = "state of the message does not match (got finalized or failed, expected unfinished)"


@dataclass(frozen=True, slots=True)
class ObjectDigests:
    """What one pass over a record tells: sizes in bytes and SHA-256 of both sides."""

    plaintext_size: int
    plaintext_sha256: bytes
    ciphertext_size: int
    ciphertext_sha256: bytes


def new_object_id() -> bytes:
    """Draws the 32 random bytes that name an object before it is sealed."""
    return secrets.token_bytes(OBJECT_ID_SIZE)


def new_data_key() -> bytes:
    """Draws a fresh 32-byte data key; one record version, one key."""
    return bytes(Cobblestone256Encryptor.generate_key())


def sealing_context(object_id: bytes, version: int, suite: int = SUITE_COBBLESTONE_256) -> bytes:
    """Encodes what a sealed object is bound to.

    Args:
        object_id: 32 random bytes fixed before sealing (see the module docstring for why it is not the record id).
        version: version of the record, 1 or more.
        suite: on-chain suite number.

    Returns:
        ``length_prefixed(label, object id, version, suite)``.

    Raises:
        InvalidInputError: the object id is not 32 bytes, the version is below 1, or the suite is not known.
    """
    check_length("object id", object_id, OBJECT_ID_SIZE)
    if version < 1:
        raise InvalidInputError(f"version does not match (got {version}, expected 1 or more)")
    if suite != SUITE_COBBLESTONE_256:
        raise InvalidInputError(f"suite does not match (got {suite}, expected {SUITE_COBBLESTONE_256})")
    return length_prefixed(_CONTEXT_LABEL, object_id, uint64(version), uint64(suite))


def sealed_size(plaintext_size: int) -> int:
    """Size in bytes of the sealed form of ``plaintext_size`` bytes."""
    return HEADER_SIZE + plaintext_size + TAG_SIZE * (plaintext_size // CHUNK_SIZE + 1)


def opened_size(ciphertext_size: int) -> int:
    """Size in bytes of what a sealed object of ``ciphertext_size`` bytes holds.

    Raises:
        ObjectTornError: no message has that sealed size: it ends inside the header, at a chunk's end or inside a tag.
    """
    full_chunks, rest = divmod(ciphertext_size - HEADER_SIZE, SEALED_CHUNK_SIZE)
    if full_chunks < 0 or rest < TAG_SIZE:
        raise ObjectTornError(f"size of the sealed object does not match any message (got {ciphertext_size} bytes)")
    return full_chunks * CHUNK_SIZE + rest - TAG_SIZE


class Sealer:
    """Seals one message and takes both digests in the same pass.

    With ``hash_pool``, the plaintext is hashed on a thread of the pool, while the caller's encrypts and hashes the
    ciphertext: a SHA-256 costs more than twice the encryption. The ciphertext is the same either way. Use one instance
    for one message.

    Example::

        sealer = Sealer(new_data_key(), sealing_context(object_id, 1))
        for piece in pieces:
            write(sealer.update(piece))
        write(sealer.finalize())
        sealer.digests
    """

    def __init__(self, key: bytes, context: bytes, *, hash_pool: Executor | None = None) -> None:
        check_length("data key", key, KEY_SIZE)
        self._encryptor = Cobblestone256Encryptor(key, context)
        self._plaintext = _RunningDigest(hash_pool)
        self._ciphertext = _RunningDigest(None)
        self._digests: ObjectDigests | None = None

    def update(self, data: Bytes) -> bytes:
        """Takes the next piece; 512 KiB to 2 MiB is the fast range. The caller may reuse its buffer afterwards.

        Returns:
            The ciphertext that is ready, possibly empty.

        Raises:
            InvalidInputError: the message is already finished.
        """
        self._check_open()
        with self._plaintext.taking(data):
            sealed = bytes(self._encryptor.update(data))
            self._ciphertext.take(sealed)
        return sealed

    def finalize(self) -> bytes:
        """Closes the message.

        Returns:
            The last chunk; write it, or the object is torn.

        Raises:
            InvalidInputError: the message is already finished.
        """
        self._check_open()
        sealed = bytes(self._encryptor.finalize())
        self._ciphertext.take(sealed)
        self._digests = _digests(self._plaintext, self._ciphertext)
        return sealed

    @property
    def digests(self) -> ObjectDigests:
        """Sizes and digests, known only after `finalize`.

        Raises:
            InvalidInputError: the message is not finished.
        """
        return _finished(self._digests)

    def _check_open(self) -> None:
        if self._digests is not None:
            raise InvalidInputError("state of the message does not match (got finalized, expected unfinished)")


class Opener:
    """Opens one sealed message as a stream.

    Pieces handed out before `finalize` returned are authentic but may be the front part of a longer message: never
    call a download complete, and never act on its content, before `finalize` came back. `digests` enforces the order.

    With ``hash_pool``, the ciphertext is hashed on a thread of the pool, while the caller's decrypts and hashes the
    plaintext.
    """

    def __init__(self, key: bytes, context: bytes, *, hash_pool: Executor | None = None) -> None:
        check_length("data key", key, KEY_SIZE)
        self._decryptor = Cobblestone256Decryptor(key, context)
        self._plaintext = _RunningDigest(None)
        self._ciphertext = _RunningDigest(hash_pool)
        self._digests: ObjectDigests | None = None

    def update(self, data: Bytes) -> bytes:
        """Takes the next piece of ciphertext. The caller may reuse its buffer afterwards.

        Returns:
            The authentic plaintext that is ready, possibly empty.

        Raises:
            ObjectCorruptError: key, context or bytes do not fit together; the opener is spent.
            InvalidInputError: the message is already finished, or has failed.
        """
        with self._ciphertext.taking(data):
            try:
                opened = bytes(self._decryptor.update(data))
            except AlreadyFinalized:
                raise InvalidInputError(_OVER) from None
            except InvalidTag:
                ending = self._ciphertext.size
                raise ObjectCorruptError(
                    f"sealed bytes do not match their key and context (in the piece ending at byte {ending})"
                ) from None
            self._plaintext.take(opened)
        return opened

    def finalize(self) -> bytes:
        """Checks that the message ends here.

        Returns:
            The last plaintext bytes.

        Raises:
            ObjectTornError: the size so far is that of no whole message.
            ObjectCorruptError: the last chunk is not authentic: cut inside a chunk, changed, or of another message.
            InvalidInputError: the message is already finished, or has failed.
        """
        opened_size(self._ciphertext.size)
        try:
            opened = bytes(self._decryptor.finalize())
        except AlreadyFinalized:
            raise InvalidInputError(_OVER) from None
        except InvalidTag:
            raise ObjectCorruptError("last sealed chunk does not match its key and context") from None
        self._plaintext.take(opened)
        self._digests = _digests(self._plaintext, self._ciphertext)
        return opened

    @property
    def digests(self) -> ObjectDigests:
        """Sizes and digests, known only after `finalize`; compare the plaintext's with the commitment.

        Raises:
            InvalidInputError: the message is not finished.
        """
        return _finished(self._digests)


class _RunningDigest:
    """SHA-256 and size of a stream; with a pool, at most one piece is in flight, so order holds."""

    def __init__(self, pool: Executor | None) -> None:
        self._pool = pool
        self._sha256 = hashlib.sha256()
        self._pending: Future[None] | None = None
        self.size = 0

    def take(self, data: Bytes) -> None:
        """Hashes a piece before it returns."""
        self._wait()
        self.size += len(data)
        self._sha256.update(data)

    @contextmanager
    def taking(self, data: Bytes) -> Iterator[None]:
        """Hashes a piece beside the caller; what could be changed after that is hashed when the block ends."""
        if self._pool is None or len(data) < _WORTH_A_THREAD:
            self.take(data)
            yield
            return
        self._wait()
        self.size += len(data)
        self._pending = self._pool.submit(self._sha256.update, data)
        try:
            yield
        finally:
            if not _never_changes(data):
                self._wait()

    def digest(self) -> bytes:
        """Gives the SHA-256 of all pieces."""
        self._wait()
        return self._sha256.digest()

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None


def _never_changes(data: Bytes) -> bool:
    return isinstance(data.obj if isinstance(data, memoryview) else data, bytes)


def _digests(plaintext: _RunningDigest, ciphertext: _RunningDigest) -> ObjectDigests:
    return ObjectDigests(
        plaintext_size=plaintext.size,
        plaintext_sha256=plaintext.digest(),
        ciphertext_size=ciphertext.size,
        ciphertext_sha256=ciphertext.digest(),
    )


def _finished(digests: ObjectDigests | None) -> ObjectDigests:
    if digests is None:
        raise InvalidInputError("state of the message does not match (got unfinished, expected finalized)")
    return digests
