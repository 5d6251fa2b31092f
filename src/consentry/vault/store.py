"""Sealed records: in, anchored, out, erased. Implements the ``Vault`` port of `consentry.gateway.ports`.

Order of a write: object first (durable), row second. A crash in between leaves an object without a row, which
`consentry.vault.inspection` finds; a row without its object is never the result of a crash.

While an object is only sealed, its wrapped keys are bound to object id and version. Anchoring binds them to the record
id as well, so whoever moves a record id to another row has a row whose keys do not open.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from typing import Final

from sqlalchemy import Connection, insert
from sqlmodel import col, update

from consentry.core.codes import Suite
from consentry.core.heads import hash_of
from consentry.core.receipts import FinalReceipt
from consentry.core.terms import RecordId, RecordLeaf, SubjectId
from consentry.core.typed_data import Domain
from consentry.crypto.commitment import commit_plaintext, new_blinding
from consentry.crypto.framing import length_prefixed, uint64
from consentry.crypto.keywrap import RecordKeys, ReleaseContext, release_key_hash, wrap_record_keys
from consentry.crypto.sealing import ObjectDigests, Sealer, new_data_key, new_object_id, sealing_context
from consentry.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
)
from consentry.gateway.ports import LastLook, ReleasedKey, Remains, SealedRecord
from consentry.vault.database import Database
from consentry.vault.erasing import Eraser, Forget, nothing_else
from consentry.vault.inspection import Inspection, object_name
from consentry.vault.kms import Kms
from consentry.vault.objects import ObjectStore
from consentry.vault.pieces import SealedPieces
from consentry.vault.releasing import Held, Leaving, write_releases
from consentry.vault.tables import ObjectState, StoredObject

MEDIA_TYPE_LIMIT: Final = 255
_SEALED_LABEL: Final = b"consentry/record-keys/v1"
_ANCHORED_LABEL: Final = b"consentry/anchored-record-keys/v1"


def _now() -> int:
    return int(time.time())


class RecordVault:
    """Ciphertext and wrapped keys of one custodian.

    Args:
        database: where the rows are.
        objects: where the ciphertext is.
        kms: where the subject keys are.
        clock: whole seconds since 1970 UTC, for the times in rows; decides nothing.
        hash_pool: threads that hash beside encryption; none means one thread does both.
        forget: called with a subject of whom the last record is being erased.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        kms: Kms,
        *,
        clock: Callable[[], int] = _now,
        hash_pool: Executor | None = None,
        forget: Forget = nothing_else,
    ) -> None:
        self._database = database
        self._objects = objects
        self._kms = kms
        self._clock = clock
        self._hash_pool = hash_pool
        self._inspection = Inspection(database, objects)
        self._eraser = Eraser(database, objects, kms, clock, forget)
        self._rows = database.commits.kind(_write_rows)
        self._releases = database.commits.kind(write_releases)

    async def create_subject(self, subject_id: SubjectId) -> None:
        """Creates the key under which all record keys of a subject are wrapped; doing it again changes nothing.

        Raises:
            KeyDestroyedError: the subject was erased.
            VaultUnavailableError: the key service does not answer.
        """
        try:
            await self._kms.create_subject_key(subject_id)
        except ConflictError:
            return

    async def seal(
        self, plaintext: AsyncIterator[bytes], *, subject_id: SubjectId, media_type: str, version: int = 1
    ) -> SealedRecord:
        """Seals a stream into the object store under a fresh data key; memory stays flat.

        Args:
            plaintext: the content in pieces of any size.
            subject_id: whom it is about; `create_subject` must have been called.
            media_type: told back as it is, never interpreted; 255 characters at most.
            version: version of the record, as it will stand in the leaf.

        Returns:
            What the leaf needs. Object and row are durable.

        Raises:
            NotFoundError: the subject has no key.
            KeyDestroyedError: the subject was erased.
            VaultUnavailableError: store, database or key service does not answer; nothing is kept.
        """
        if len(media_type) > MEDIA_TYPE_LIMIT:
            raise InvalidInputError(
                f"length of media type does not match (got {len(media_type)}, expected 255 at most)"
            )
        with self._eraser.sealing(subject_id):
            return await self._seal(plaintext, subject_id, media_type, version)

    async def _seal(
        self, plaintext: AsyncIterator[bytes], subject_id: SubjectId, media_type: str, version: int
    ) -> SealedRecord:
        object_id = new_object_id()
        keys = RecordKeys(data_key=new_data_key(), blinding=new_blinding())
        # Before the upload: a subject without a key is refused at once, not after five gigabytes.
        wrapped = await self._kms.wrap(subject_id, keys.to_bytes(), keys_context(object_id, version))
        sealer = Sealer(keys.data_key, sealing_context(object_id, version), hash_pool=self._hash_pool)
        pieces = SealedPieces(plaintext, sealer)
        await self._objects.put(object_name(object_id), pieces)
        row = StoredObject(
            object_id=object_id,
            subject_id=bytes(subject_id),
            version=version,
            suite=int(Suite.COBBLESTONE_256_SHA_256),
            media_type=media_type,
            plaintext_size=sealer.digests.plaintext_size,
            ciphertext_size=sealer.digests.ciphertext_size,
            ciphertext_sha256=sealer.digests.ciphertext_sha256,
            header=pieces.header,
            commitment=_commit(keys, object_id, version, sealer.digests),
            wrapped_keys=wrapped,
            state=ObjectState.SEALED.value,
            created_at=self._clock(),
        )
        try:
            await self._rows.submit(row)
        except (ConflictError, InvalidInputError):
            # Certainly no row. Where that is not known the object stays: without a row nobody can open it.
            await self._objects.delete(object_name(object_id))
            raise
        return _sealed(row)

    async def sealed(self, object_id: bytes) -> SealedRecord:
        """Tells what was sealed under an object id.

        Raises:
            NotFoundError: nothing was.
        """
        return _sealed(await self._row(object_id))

    async def attach(self, object_id: bytes, record_id: RecordId) -> None:
        """Ties a sealed object to its anchored record and binds its keys to it; the same again changes nothing.

        Raises:
            NotFoundError: no such object.
            ConflictError: the object belongs to another record, or the record to another object.
            ObjectCorruptError: the wrapped keys are not those of the sealed object.
        """
        while True:
            row = await self._row(object_id)
            if row.record_id == record_id and row.state != ObjectState.SEALED:
                return
            if row.state != ObjectState.SEALED or row.record_id not in (None, record_id):
                raise ConflictError(
                    f"object {object_id.hex()} does not match (got {row.state}, expected sealed and of no other record)"
                )
            if await self._bind(row, record_id):
                return

    async def _bind(self, row: StoredObject, record_id: RecordId) -> bool:
        """Binds sealed keys to a record, in one update: a crash before it leaves a sealed object that is tied anew.

        False if the row is no longer what was read.
        """
        bound = keys_context(row.object_id, row.version, record_id)
        wrapped = await self._kms.rewrap(row.subject_id, row.wrapped_keys, context_of(row), bound)
        change = update(StoredObject).where(
            col(StoredObject.object_id) == row.object_id,
            col(StoredObject.wrapped_keys) == row.wrapped_keys,
        )
        values = {"record_id": bytes(record_id), "wrapped_keys": wrapped, "state": ObjectState.ANCHORED.value}
        async with self._database.writing() as session:
            return (await session.exec(change.values(**values))).rowcount == 1

    async def _row(self, object_id: bytes) -> StoredObject:
        async with self._database.reading() as session:
            row = await session.get(StoredObject, object_id)
        if row is None:
            raise NotFoundError(f"object {object_id.hex()} does not match (got none, expected one)")
        return row

    async def release(
        self, receipt: FinalReceipt, leaf: RecordLeaf, release_key: bytes, domain: Domain, last_look: LastLook
    ) -> ReleasedKey:
        """Wraps the record's keys for the requester. Only a permitted, final receipt opens it (P2).

        The release is written down before the key is unwrapped, so the rows never name fewer releases than the key
        service has seen. The last look comes after that write, which may have to wait for the disk.

        Args:
            receipt: the access decision, made by the chain room.
            leaf: what the record id of the decision is the hash of.
            release_key: public release key of the requesting institution, as registered on chain.
            domain: EIP-712 domain of ``AccessLedger``.
            last_look: whether the permission is still in force; what it raises passes, and nothing is unwrapped then.

        Raises:
            NotPermittedError: the decision was no.
            InvalidInputError: release key or leaf are not those the request names.
            NotFoundError: this vault does not hold the record.
            ObjectSwappedError: the row of the record is not what the leaf says.
            ObjectCorruptError: the wrapped keys are not those of the record.
            KeyDestroyedError: the record or the subject was erased.
        """
        request = receipt.entry.request
        _check_release_key(release_key, request.release_key_hash)
        keys, row = await self.open_keys(receipt, leaf, last_look)
        context = ReleaseContext(
            chain_id=domain.chain_id,
            access_ledger=domain.verifying_contract,
            record_id=request.record_id,
            record_version=row.version,
            consent_id=request.consent_id,
            request_id=request.request_id,
            decision_id=hash_of(receipt.entry),
            release_key_hash=request.release_key_hash,
        )
        return ReleasedKey(
            wrapped=wrap_record_keys(keys, release_key, context),
            release_key_hash=release_key_hash(release_key),
            object_id=row.object_id,
            plaintext_size=row.plaintext_size,
        )

    async def open_keys(self, receipt: FinalReceipt, leaf: RecordLeaf, last_look: LastLook) -> tuple[RecordKeys, Held]:
        """Unwraps data key and blinding value of the record that a receipt permits; raises as `release` does."""
        _check_origin(receipt)
        entry = receipt.entry
        if not receipt.permitted:
            raise NotPermittedError(
                f"decision on request {entry.request.request_id} does not match (got no, expected yes)"
            )
        row = await self._releases.submit(Leaving(entry, leaf, self._clock()))
        context = keys_context(row.object_id, row.version, entry.request.record_id)
        await last_look()
        opened = await self._kms.unwrap(row.subject_id, row.wrapped_keys, context)
        return RecordKeys.from_bytes(opened), row

    async def remains(self, record_id: RecordId) -> Remains:
        """Tells what there is, or was, of a record; see `Eraser.remains`."""
        return await self._eraser.remains(record_id)

    async def erase(self, record_id: RecordId) -> Remains:
        """Destroys keys, blinding value and object of a record version; see `Eraser.erase`."""
        return await self._eraser.erase(record_id)

    async def ciphertext_size(self, record_id: RecordId) -> int:
        """Size in bytes of a record's ciphertext; checks what `read` checks first, before any header is sent.

        Raises:
            NotFoundError: this vault does not hold the record.
            VaultError: the object is missing, torn, swapped or corrupt, each by its own subclass.
        """
        row = await self._inspection.row_of(record_id)
        await self._inspection.check_shape(row)
        return row.ciphertext_size

    async def read(self, record_id: RecordId, start: int, end: int) -> AsyncIterator[bytes]:
        """Gives ciphertext bytes [start, end); raises as `ciphertext_size` does, before the first byte.

        A read of the whole object also checks its digest and holds the last piece back until it fits. A range is
        checked by whoever opens it: every chunk is authentic or refused.
        """
        row = await self._inspection.row_of(record_id)
        async for piece in self._inspection.read(row, start, end):
            yield piece

    async def check_object(self, record_id: RecordId) -> None:
        """Reads the whole object again and compares its digest; raises as `ciphertext_size` does."""
        await self._inspection.check_object(await self._inspection.row_of(record_id))


def _write_rows(connection: Connection, rows: Sequence[StoredObject]) -> list[None]:
    connection.execute(insert(StoredObject), [row.model_dump() for row in rows])
    return [None] * len(rows)


def _sealed(row: StoredObject) -> SealedRecord:
    return SealedRecord(
        object_id=row.object_id,
        subject_id=SubjectId(row.subject_id),
        version=row.version,
        ciphertext_digest=row.ciphertext_sha256,
        ciphertext_size=row.ciphertext_size,
        plaintext_size=row.plaintext_size,
        commitment=row.commitment,
    )


def _commit(keys: RecordKeys, object_id: bytes, version: int, digests: ObjectDigests) -> bytes:
    return commit_plaintext(
        keys.blinding,
        object_id=object_id,
        version=version,
        size=digests.plaintext_size,
        plaintext_sha256=digests.plaintext_sha256,
    )


def _check_origin(receipt: object) -> None:
    # By exact type: the class refuses to be built outside the chain room, a look-alike or a subclass would not.
    if type(receipt) is not FinalReceipt:
        raise NotPermittedError(f"receipt does not match (got {type(receipt).__name__}, expected FinalReceipt)")


def _check_release_key(release_key: bytes, expected: bytes) -> None:
    got = release_key_hash(release_key)
    if got != expected:
        raise InvalidInputError(f"release key hash does not match (got {got.hex()}, expected {expected.hex()})")


def keys_context(object_id: bytes, version: int, record: RecordId | None = None) -> bytes:
    """Encodes what wrapped record keys belong to, for the key service; ``record`` is none until it is anchored."""
    if record is None:
        return length_prefixed(_SEALED_LABEL, object_id, uint64(version))
    return length_prefixed(_ANCHORED_LABEL, object_id, uint64(version), record)


def context_of(row: StoredObject) -> bytes:
    """Gives the context under which the keys of a row were wrapped last."""
    record = RecordId(row.record_id) if row.record_id and row.state == ObjectState.ANCHORED else None
    return keys_context(row.object_id, row.version, record)
