"""The end of a stored record: keys and blinding value first, then the object, then the note that all of it is done.

Each step may be the last before a crash, and each may be done again; the note is written last, so what has none is
taken up anew. Nothing here asks whether a record may be erased: the chain has said so before
(`consentry.gateway.erasures`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import func
from sqlmodel import col, select, update

from consentry.core.terms import RecordId, SubjectId
from consentry.database.engine import Database
from consentry.errors import KeyDestroyedError, NotFoundError, VaultUnavailableError
from consentry.gateway.ports import Remains
from consentry.vault.inspection import Inspection, object_name
from consentry.vault.kms import Kms
from consentry.vault.objects import ObjectStore
from consentry.vault.tables import ObjectState, StoredObject

Forget = Callable[[SubjectId], Awaitable[None]]
"""Destroys what else is kept of a subject of whom no record is left; doing it again changes nothing."""


async def nothing_else(_subject_id: SubjectId) -> None:
    """Is for a vault beside which nothing is kept."""


class Eraser:
    """Destroys what a vault holds of a record version.

    Args:
        database: where the rows are.
        objects: where the ciphertext is.
        kms: where the subject keys are.
        clock: whole seconds since 1970 UTC, for the note.
        forget: called with a subject of whom nothing is left.
    """

    def __init__(
        self,
        database: Database,
        objects: ObjectStore,
        kms: Kms,
        clock: Callable[[], int],
        forget: Forget = nothing_else,
    ) -> None:
        self._database = database
        self._objects = objects
        self._kms = kms
        self._clock = clock
        self._forget = forget
        self._inspection = Inspection(database, objects)
        self._sealing: Counter[bytes] = Counter()

    @contextmanager
    def sealing(self, subject_id: bytes) -> Iterator[None]:
        """Marks that something is being sealed for a subject: its key is not replaced meanwhile."""
        self._sealing[subject_id] += 1
        try:
            yield
        finally:
            self._sealing[subject_id] -= 1

    async def remains(self, record_id: RecordId) -> Remains:
        """Tells what there is, or was, of a record.

        Raises:
            NotFoundError: this vault does not hold the record.
        """
        return _remains(await self._inspection.row_of(record_id))

    async def erase(self, record_id: RecordId) -> Remains:
        """Destroys keys, blinding value and object of a record version; doing it again changes nothing.

        Where nothing is left of the subject, the key that wrapped its record keys is destroyed as well, and a fresh one
        put in its place: copies of the database made before cannot be opened then. Whatever else is kept of the subject
        is forgotten.

        Raises:
            NotFoundError: this vault does not hold the record.
            VaultUnavailableError: database, key service or store does not answer; what is left is done the next time.
        """
        row = await self._inspection.row_of(record_id)
        if row.deleted_at is not None:
            return _remains(row)
        await self._destroy_keys(row.object_id)
        if not await self._is_anything_left(row.subject_id):
            await self._destroy_subject_key(row.subject_id)
            await self._forget(SubjectId(row.subject_id))
        await self._database.forget_old_pages()
        await self._objects.delete(object_name(row.object_id))
        await self._note(row.object_id)
        return await self.remains(record_id)

    async def _destroy_keys(self, object_id: bytes) -> None:
        change = update(StoredObject).values(wrapped_keys=b"", state=ObjectState.ERASED.value)
        async with self._database.writing() as session:
            await session.exec(change.where(col(StoredObject.object_id) == object_id))

    async def _is_anything_left(self, subject_id: bytes) -> bool:
        mine = col(StoredObject.subject_id) == subject_id, col(StoredObject.state) != ObjectState.ERASED.value
        async with self._database.reading() as session:
            left = (await session.exec(select(func.count()).select_from(StoredObject).where(*mine))).one()
        return bool(left or self._sealing[subject_id])

    async def _destroy_subject_key(self, subject_id: bytes) -> None:
        try:
            await self._kms.replace_subject_key(SubjectId(subject_id))
        except KeyDestroyedError:
            return
        except NotFoundError as error:
            # It wrapped the keys of records of this vault, so it was there: this is another service, or a blank one.
            raise VaultUnavailableError(f"key service does not know what it held ({error})") from error

    async def _note(self, object_id: bytes) -> None:
        change = update(StoredObject).values(deleted_at=self._clock())
        async with self._database.writing() as session:
            await session.exec(change.where(col(StoredObject.object_id) == object_id))


def _remains(row: StoredObject) -> Remains:
    return Remains(
        object_id=row.object_id,
        version=row.version,
        ciphertext_digest=row.ciphertext_sha256,
        ciphertext_size=row.ciphertext_size,
        keys_destroyed=row.state == ObjectState.ERASED,
        deleted_at=row.deleted_at or 0,
    )
