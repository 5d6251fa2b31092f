"""A record's keys are bound to the record: what is written into the database moves no key to another record (T8)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import col, update

from consentry.errors import (
    ConfigurationError,
    ConflictError,
    InvalidInputError,
    ObjectCorruptError,
    ObjectSwappedError,
    VaultUnavailableError,
)
from consentry.vault import schema
from consentry.vault.store import RecordVault
from consentry.vault.tables import ObjectState, StoredObject
from tests.support import samples
from tests.support.memory_vault import in_force
from tests.unit.vault.conftest import SUBJECT, Bench
from tests.unit.vault.test_store import DOMAIN, PUBLIC_KEY, Kept, keep, receipt_for, stream

DESCRIBING = ("ciphertext_sha256", "ciphertext_size", "plaintext_size", "commitment")


async def write(bench: Bench, object_id: bytes, **values: Any) -> None:  # noqa: ANN401 - any column
    """Does what anybody can who reaches the database."""
    async with bench.database.writing() as session:
        await session.exec(update(StoredObject).where(col(StoredObject.object_id) == object_id).values(**values))


async def row_of(bench: Bench, kept: Kept) -> StoredObject:
    async with bench.database.reading() as session:
        row = await session.get(StoredObject, kept.sealed.object_id)
    assert row is not None
    return row


async def move(bench: Bench, permitted: Kept, secret: Kept, *, describing: bool) -> None:
    """Puts the record id of the permitted record on the row of the secret one, and its description if asked to."""
    described = await row_of(bench, permitted)
    await write(bench, permitted.sealed.object_id, record_id=bytes(32))
    columns = {name: getattr(described, name) for name in DESCRIBING} if describing else {}
    await write(bench, secret.sealed.object_id, record_id=bytes(permitted.record_id), **columns)


@pytest.mark.parametrize(("describing", "error"), [(False, ObjectSwappedError), (True, ObjectCorruptError)])
async def test_release_of_a_record_id_moved_to_another_row_opens_nothing(
    bench: Bench,
    describing: bool,  # noqa: FBT001 - a parameter of the test
    error: type[Exception],
) -> None:
    permitted, secret = await keep(bench, 1000), await keep(bench, 2000)
    await move(bench, permitted, secret, describing=describing)
    with pytest.raises(error):
        await bench.vault.release(receipt_for(permitted), permitted.leaf, PUBLIC_KEY, DOMAIN, in_force)
    assert bench.kms.unwraps == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"ciphertext_sha256": b"\x01" * 32},
        {"ciphertext_size": 10**6},
        {"commitment": b"\x01" * 32},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_release_of_a_row_that_differs_from_the_leaf_opens_nothing(bench: Bench, changes: dict[str, Any]) -> None:
    kept = await keep(bench, 1000)
    await write(bench, kept.sealed.object_id, **changes)
    with pytest.raises(ObjectSwappedError):
        await bench.vault.release(receipt_for(kept), kept.leaf, PUBLIC_KEY, DOMAIN, in_force)
    assert bench.kms.unwraps == 0


async def test_release_with_a_leaf_of_another_record_opens_nothing(bench: Bench) -> None:
    kept, other = await keep(bench, 1000), await keep(bench, 1000)
    with pytest.raises(InvalidInputError, match="leaf"):
        await bench.vault.release(receipt_for(kept), other.leaf, PUBLIC_KEY, DOMAIN, in_force)
    assert bench.kms.unwraps == 0


async def test_attach_of_an_anchored_row_called_sealed_again_is_refused(bench: Bench) -> None:
    permitted, secret = await keep(bench, 1000), await keep(bench, 2000)
    await write(bench, permitted.sealed.object_id, record_id=bytes(32))
    await write(bench, secret.sealed.object_id, record_id=None, state=ObjectState.SEALED.value)
    with pytest.raises(ObjectCorruptError):
        await bench.vault.attach(secret.sealed.object_id, permitted.record_id)


async def test_attach_whose_row_could_not_be_written_is_done_by_the_next_call(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = await bench.vault.seal(stream(b"content"), subject_id=SUBJECT, media_type="text/plain")
    kept = Kept(samples.leaf_of(sealed), sealed, b"content")

    def down() -> None:
        raise VaultUnavailableError("database does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(bench.database, "writing", down)
        with pytest.raises(VaultUnavailableError):
            await bench.vault.attach(sealed.object_id, kept.record_id)
    assert (await row_of(bench, kept)).state == ObjectState.SEALED
    for _ in range(2):
        await bench.vault.attach(sealed.object_id, kept.record_id)
    await bench.vault.release(receipt_for(kept), kept.leaf, PUBLIC_KEY, DOMAIN, in_force)


async def test_attach_of_two_at_once_ties_the_object_once(bench: Bench) -> None:
    sealed = await bench.vault.seal(stream(b"content"), subject_id=SUBJECT, media_type="text/plain")
    kept = Kept(samples.leaf_of(sealed), sealed, b"content")
    await asyncio.gather(*(bench.vault.attach(sealed.object_id, kept.record_id) for _ in range(5)))
    await bench.vault.release(receipt_for(kept), kept.leaf, PUBLIC_KEY, DOMAIN, in_force)


async def test_attach_that_an_erasure_overtakes_does_not_bring_the_key_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = await bench.vault.seal(stream(b"content"), subject_id=SUBJECT, media_type="text/plain")
    kept, rewrap = Kept(samples.leaf_of(sealed), sealed, b"content"), bench.kms.rewrap

    async def erased_meanwhile(*values: bytes) -> bytes:
        wrapped = await rewrap(*values)
        await write(bench, sealed.object_id, wrapped_keys=b"", state=ObjectState.ERASED.value)
        return wrapped

    monkeypatch.setattr(bench.kms, "rewrap", erased_meanwhile)
    with pytest.raises(ConflictError):
        await bench.vault.attach(sealed.object_id, kept.record_id)
    assert (await row_of(bench, kept)).wrapped_keys == b""


async def call_the_database_older(bench: Bench) -> None:
    """Writes the version before the binding into the database, so that the next start upgrades it again."""
    async with bench.database.writing() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("DROP TABLE kept_batches")
        await connection.exec_driver_sql("UPDATE vault_version SET version_num = '0002'")


@pytest.mark.parametrize("older", [False, True], ids=["as-it-is", "called-older"])
async def test_upgrade_and_release_bind_no_sealed_object_that_the_database_calls_an_anchored_record(
    bench: Bench,
    older: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    permitted = await keep(bench, 1000)
    sealed = await bench.vault.seal(stream(b"secret"), subject_id=SUBJECT, media_type="text/plain")
    secret = Kept(samples.leaf_of(sealed), sealed, b"secret")
    before = await row_of(bench, secret)
    await move(bench, permitted, secret, describing=True)
    if older:
        await call_the_database_older(bench)
        with pytest.raises(ConfigurationError, match="not bound"):
            await schema.upgrade(bench.url)
    else:
        await schema.upgrade(bench.url)
    started = RecordVault(bench.database, bench.objects, bench.kms)
    with pytest.raises(ObjectCorruptError):
        await started.release(receipt_for(permitted), permitted.leaf, PUBLIC_KEY, DOMAIN, in_force)
    after = await row_of(bench, secret)
    assert (after.state, after.wrapped_keys) == (ObjectState.SEALED, before.wrapped_keys)
    assert bench.kms.unwraps == 0


async def test_upgrade_with_records_whose_keys_are_bound_to_objects_alone_is_refused(bench: Bench) -> None:
    kept = await keep(bench, 10)
    await call_the_database_older(bench)
    with pytest.raises(ConfigurationError, match="keys of 1 records are not bound"):
        await schema.upgrade(bench.url)
    await write(bench, kept.sealed.object_id, wrapped_keys=b"", state=ObjectState.ERASED.value)
    await schema.upgrade(bench.url, "0003")


async def test_downgrade_with_bound_keys_is_refused(bench: Bench) -> None:
    kept = await keep(bench, 10)
    with pytest.raises(ConfigurationError, match="cannot be unbound"):
        await schema.downgrade(bench.url, "0002")
    await bench.vault.release(receipt_for(kept), replace(kept.leaf), PUBLIC_KEY, DOMAIN, in_force)
