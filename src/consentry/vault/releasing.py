"""Writing releases down: what is held, whether it is what the chain decided about, and the row, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import Connection, insert, select
from sqlmodel import col

from consentry.core.heads import hash_of
from consentry.core.terms import AccessEntry, RecordId, RecordLeaf
from consentry.core.typed_data import record_id
from consentry.crypto.framing import uint256
from consentry.errors import (
    ConsentryError,
    InvalidInputError,
    KeyDestroyedError,
    NotPermittedError,
    ObjectSwappedError,
)
from consentry.vault.inspection import not_held
from consentry.vault.tables import ObjectState, Release, StoredObject


@dataclass(frozen=True, slots=True)
class Held:
    """What the vault holds of a record version, as far as a release needs it; named as in `StoredObject`."""

    object_id: bytes
    subject_id: bytes
    version: int
    plaintext_size: int
    ciphertext_size: int
    ciphertext_sha256: bytes
    commitment: bytes
    wrapped_keys: bytes
    state: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """A release that is to be written down: under which decision, and what the chain knows of the record."""

    entry: AccessEntry
    leaf: RecordLeaf
    released_at: int


_HELD: Final = tuple(col(getattr(StoredObject, field.name)) for field in fields(Held))


def write_releases(connection: Connection, releases: Sequence[Leaving]) -> list[Held | Exception]:
    """Finds what is to be released and writes down what will be, both in one transaction."""
    wanted = {release.entry.request.record_id for release in releases}
    query = select(*_HELD, col(StoredObject.record_id)).where(col(StoredObject.record_id).in_(wanted))
    held = {record: Held(*row) for *row, record in connection.execute(query)}
    results, rows = list[Held | Exception](), list[dict[str, Any]]()
    for release in releases:
        try:
            found = _releasable(held.get(release.entry.request.record_id), release)
        except ConsentryError as error:
            results.append(error)
            continue
        results.append(found)
        rows.append(_row_of(release))
    if rows:
        connection.execute(insert(Release), rows)
    return results


def _releasable(row: Held | None, release: Leaving) -> Held:
    entry = release.entry
    if row is None:
        raise not_held(entry.request.record_id)
    if row.subject_id != entry.subject_id:
        raise NotPermittedError("subject of the decision does not match the subject of the record")
    _check_leaf(row, release.leaf, entry.request.record_id)
    if row.state == ObjectState.ERASED:
        raise KeyDestroyedError(f"record {entry.request.record_id.hex()} was erased")
    return row


def _row_of(release: Leaving) -> dict[str, Any]:
    request = release.entry.request
    return {
        "record_id": bytes(request.record_id),
        "institution": bytes(request.institution),
        "request_id": uint256(request.request_id),
        "decision_id": hash_of(release.entry),
        "released_at": release.released_at,
    }


def _check_leaf(row: Held, leaf: RecordLeaf, expected: RecordId) -> None:
    """Compares a row with the leaf the chain knows: the database is not believed about which object a record is."""
    if record_id(leaf) != expected:
        raise InvalidInputError(f"leaf does not match (got {record_id(leaf).hex()}, expected {expected.hex()})")
    pairs = (
        ("version", row.version, leaf.version),
        ("ciphertext digest", row.ciphertext_sha256, leaf.ciphertext_digest),
        ("ciphertext size", row.ciphertext_size, leaf.ciphertext_size),
        ("commitment", row.commitment, leaf.commitment),
    )
    for name, got, wanted in pairs:
        if got != wanted:
            raise ObjectSwappedError(f"{name} of object {row.object_id.hex()} does not match the leaf of its record")
