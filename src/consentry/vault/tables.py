"""The vault's rows. Times are whole seconds since 1970 UTC; identifiers and digests are raw bytes.

Table models do not validate, so each row is built in one function only, and the database checks what it can.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary, Text
from sqlmodel import Field

from consentry.vault.database import Base


class ObjectState(StrEnum):
    """Life of a stored object. The state tells what its wrapped keys are bound to; see `consentry.vault.store`."""

    SEALED = "sealed"
    ANCHORED = "anchored"
    ERASED = "erased"


class RequestState(StrEnum):
    """Life of a kept access request."""

    RECEIVED = "received"
    DECIDED = "decided"


class StoredObject(Base, table=True):
    """One sealed record version. ``record_id`` is empty until it is anchored; ``wrapped_keys`` once it is erased.

    ``deleted_at`` is set last of all that an erasure does: until then something of it may be left to do.
    """

    __tablename__ = "stored_objects"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(object_id) = 32", "object_id"),
        CheckConstraint("record_id IS NULL OR length(record_id) = 32", "record_id"),
        CheckConstraint("length(subject_id) = 32", "subject_id"),
        CheckConstraint("length(header) = 56", "header"),
        CheckConstraint("length(ciphertext_sha256) = 32", "ciphertext_sha256"),
        CheckConstraint("length(commitment) = 32", "commitment"),
        CheckConstraint("version > 0 AND plaintext_size >= 0 AND ciphertext_size > plaintext_size", "sizes"),
        CheckConstraint("state IN ('sealed', 'anchored', 'erased')", "state"),
        CheckConstraint("(state = 'erased') = (length(wrapped_keys) = 0)", "wrapped_keys"),
        CheckConstraint("deleted_at IS NULL OR state = 'erased'", "deleted_at"),
    )

    object_id: bytes = Field(sa_type=LargeBinary, primary_key=True)
    record_id: bytes | None = Field(default=None, sa_type=LargeBinary, unique=True)
    subject_id: bytes = Field(sa_type=LargeBinary, index=True)
    version: int
    suite: int
    media_type: str = Field(max_length=255)
    plaintext_size: int = Field(sa_type=BigInteger)
    ciphertext_size: int = Field(sa_type=BigInteger)
    ciphertext_sha256: bytes = Field(sa_type=LargeBinary)
    header: bytes = Field(sa_type=LargeBinary, unique=True)
    commitment: bytes = Field(sa_type=LargeBinary)
    wrapped_keys: bytes = Field(sa_type=LargeBinary)
    state: str = Field(max_length=16, index=True)
    created_at: int = Field(sa_type=BigInteger)
    deleted_at: int | None = Field(default=None, sa_type=BigInteger)


class KeptRequest(Base, table=True):
    """One signed access request, kept before it is sent and until it is decided (outbox)."""

    __tablename__ = "kept_requests"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(institution) = 20", "institution"),
        CheckConstraint("length(request_id) = 32", "request_id"),
        CheckConstraint("state IN ('received', 'decided')", "state"),
    )

    institution: bytes = Field(sa_type=LargeBinary, primary_key=True)
    request_id: bytes = Field(sa_type=LargeBinary, primary_key=True)
    payload: str = Field(sa_type=Text)
    state: str = Field(max_length=16, index=True)
    created_at: int = Field(sa_type=BigInteger)


class KeptBatch(Base, table=True):
    """Access requests under one signature, kept before they are sent and until all are answered (outbox)."""

    __tablename__ = "kept_batches"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(institution) = 20", "institution"),
        CheckConstraint("length(root) = 32", "root"),
        CheckConstraint("size > 0", "size"),
    )

    institution: bytes = Field(sa_type=LargeBinary, primary_key=True)
    root: bytes = Field(sa_type=LargeBinary, primary_key=True)
    size: int
    payload: str = Field(sa_type=Text)
    created_at: int = Field(sa_type=BigInteger)


class IdempotencyKey(Base, table=True):
    """One answered HTTP request: the same key gets the same answer, the same key with other content is refused."""

    __tablename__ = "idempotency_keys"
    __table_args__: ClassVar[Any] = (CheckConstraint("length(request_sha256) = 32", "request_sha256"),)

    caller: str = Field(max_length=255, primary_key=True)
    key: str = Field(max_length=255, primary_key=True)
    request_sha256: bytes = Field(sa_type=LargeBinary)
    status: int | None = None
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: int = Field(sa_type=BigInteger, index=True)
    holder: bytes | None = Field(default=None, sa_type=LargeBinary)


class SpentNonce(Base, table=True):
    """A nonce of a signed HTTP request, remembered until the request is too old to be accepted anyway."""

    __tablename__ = "spent_nonces"

    signer: bytes = Field(sa_type=LargeBinary, primary_key=True)
    nonce: str = Field(max_length=64, primary_key=True)
    until: int = Field(sa_type=BigInteger, index=True)


class Release(Base, table=True):
    """One release of a record's keys, written before they are unwrapped; the last look may still have refused it."""

    __tablename__ = "releases"
    __table_args__: ClassVar[Any] = (
        CheckConstraint("length(record_id) = 32", "record_id"),
        CheckConstraint("length(decision_id) = 32", "decision_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    record_id: bytes = Field(sa_type=LargeBinary, index=True)
    institution: bytes = Field(sa_type=LargeBinary)
    request_id: bytes = Field(sa_type=LargeBinary)
    decision_id: bytes = Field(sa_type=LargeBinary, index=True)
    released_at: int = Field(sa_type=BigInteger)
