"""Tells apart what can be wrong with a stored object: missing, torn, swapped, rolled back, corrupt.

The row is the yardstick: size, the first 56 bytes (random salt and key commitment, so unique to one sealing), SHA-256
of the whole. The checks go from cheap to dear; the first that fails names the fault.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlmodel import col, select

from consentry.crypto.sealing import HEADER_SIZE
from consentry.database.batching import Batcher
from consentry.errors import (
    InvalidInputError,
    KeyDestroyedError,
    NotFoundError,
    ObjectCorruptError,
    ObjectSwappedError,
    ObjectTornError,
    VaultError,
)
from consentry.vault.database import Database
from consentry.vault.objects import ObjectStore
from consentry.vault.tables import ObjectState, StoredObject


def object_name(object_id: bytes) -> str:
    """Name of an object in the store; two characters of folder keep folders small."""
    name = object_id.hex()
    return f"{name[:2]}/{name}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One stored object that does not match its row, or an object without a row (``object_id`` from its name)."""

    object_id: bytes
    error: VaultError


class Inspection:
    """Reads stored objects and refuses what is not what was sealed."""

    def __init__(self, database: Database, objects: ObjectStore) -> None:
        self._database = database
        self._objects = objects
        self._rows = Batcher(self._rows_of)

    async def row_of(self, record_id: bytes) -> StoredObject:
        """Finds the row of an anchored record.

        Raises:
            NotFoundError: there is none.
        """
        return await self._rows.submit(record_id)

    async def _rows_of(self, record_ids: Sequence[bytes]) -> list[StoredObject | Exception]:
        wanted = col(StoredObject.record_id).in_(set(record_ids))
        async with self._database.reading() as session:
            rows = {row.record_id: row for row in (await session.exec(select(StoredObject).where(wanted))).all()}
        return [rows.get(record_id) or not_held(record_id) for record_id in record_ids]

    async def check_shape(self, row: StoredObject) -> None:
        """Compares header and size, without reading the body.

        Raises:
            KeyDestroyedError: the record was erased.
            ObjectMissingError: the object is gone.
            ObjectTornError: it is shorter than recorded.
            ObjectSwappedError: it is another object of this vault, an older version included.
            ObjectCorruptError: its header is of no object of this vault, or it is longer than recorded.
        """
        if row.state == ObjectState.ERASED:
            raise KeyDestroyedError(f"object {row.object_id.hex()} was erased")
        name = object_name(row.object_id)
        size = await self._objects.size(name)
        header = await self._objects.read(name, 0, min(HEADER_SIZE, size))
        if header != row.header[: len(header)]:
            await self._refuse_header(row, header)
        if size < row.ciphertext_size:
            raise ObjectTornError(_mismatch("size", row, size, row.ciphertext_size))
        if size > row.ciphertext_size:
            raise ObjectCorruptError(_mismatch("size", row, size, row.ciphertext_size))

    async def read(self, row: StoredObject, start: int, end: int) -> AsyncIterator[bytes]:
        """Gives bytes [start, end) after `check_shape`; a whole read checks the digest before its last piece.

        Raises:
            InvalidInputError: the range is not inside the object.
            ObjectCorruptError: the digest of the whole does not match.
        """
        if not 0 <= start <= end <= row.ciphertext_size:
            raise InvalidInputError(
                f"range does not match (got {start}-{end}, expected inside 0-{row.ciphertext_size})"
            )
        await self.check_shape(row)
        pieces = self._objects.stream(object_name(row.object_id), start, end - start)
        if end - start == row.ciphertext_size:
            pieces = _verified(pieces, row)
        async for piece in pieces:
            yield piece

    async def check_object(self, row: StoredObject) -> None:
        """Reads the whole object and compares everything; raises as `check_shape` and `read` do."""
        async for _ in self.read(row, 0, row.ciphertext_size):
            pass

    async def findings(self) -> AsyncIterator[Finding]:
        """Checks every row's object and every object's row; for the doctor, not for the request path."""
        async with self._database.reading() as session:
            rows = (await session.exec(select(StoredObject))).all()
        known = {object_name(row.object_id) for row in rows if row.state != ObjectState.ERASED}
        for row in rows:
            if row.state != ObjectState.ERASED:
                try:
                    await self.check_object(row)
                except VaultError as error:
                    yield Finding(row.object_id, error)
        async for name in self._objects.names():
            if name not in known:
                stray = ObjectSwappedError(f"object {name} does not match (got no live row, expected one)")
                yield Finding(_object_id(name), stray)

    async def _refuse_header(self, row: StoredObject, header: bytes) -> None:
        async with self._database.reading() as session:
            other = (await session.exec(select(StoredObject).where(col(StoredObject.header) == header))).first()
        if other is None:
            raise ObjectCorruptError(_mismatch("header", row, header.hex(), row.header.hex()))
        rolled_back = other.subject_id == row.subject_id and other.version < row.version
        what = "rolled back" if rolled_back else "swapped"
        raise ObjectSwappedError(
            f"object {row.object_id.hex()} is {what} (got object {other.object_id.hex()} version {other.version}, "
            f"expected version {row.version})"
        )


async def _verified(pieces: AsyncIterator[bytes], row: StoredObject) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()
    held = b""
    async for piece in pieces:
        if held:
            yield held
        digest.update(piece)
        held = piece
    if digest.digest() != row.ciphertext_sha256:
        raise ObjectCorruptError(_mismatch("digest", row, digest.hexdigest(), row.ciphertext_sha256.hex()))
    yield held


def not_held(record_id: bytes) -> NotFoundError:
    """Gives the error for a record that the vault does not hold."""
    return NotFoundError(f"record {record_id.hex()} does not match (got none, expected one in this vault)")


def _mismatch(what: str, row: StoredObject, got: object, expected: object) -> str:
    return f"{what} of object {row.object_id.hex()} does not match (got {got}, expected {expected})"


def _object_id(name: str) -> bytes:
    try:
        return bytes.fromhex(name.rpartition("/")[2])
    except ValueError:
        return b""
