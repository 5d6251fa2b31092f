"""Erasing: what is gone is gone on disk too, a crash at any step is taken up again, neighbours stay."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from consentry.core.terms import SubjectId
from consentry.errors import KeyDestroyedError, NotFoundError, ObjectCorruptError, VaultUnavailableError
from consentry.vault.database import Database
from consentry.vault.erasing import Eraser
from consentry.vault.keyring import LocalKeyring
from consentry.vault.keyring_files import Cost
from consentry.vault.objects import open_object_store
from consentry.vault.schema import upgrade
from consentry.vault.store import RecordVault, context_of
from consentry.vault.tables import StoredObject
from tests.support.memory_vault import in_force
from tests.unit.vault.conftest import SUBJECT, Bench
from tests.unit.vault.test_store import DOMAIN, PUBLIC_KEY, Kept, keep, receipt_for, stream

CHEAP = Cost(passes=1, memory_kib=64, lanes=1)
STEPS = ("_destroy_keys", "_is_anything_left", "_note")


async def row_of(bench: Bench, kept: Kept) -> StoredObject:
    async with bench.database.reading() as session:
        row = await session.get(StoredObject, kept.sealed.object_id)
    assert row is not None
    return row


async def assert_released(bench: Bench, kept: Kept) -> None:
    await bench.vault.release(receipt_for(kept), kept.leaf, PUBLIC_KEY, DOMAIN, in_force)


async def test_remains_tell_how_far_an_erasure_is(bench: Bench) -> None:
    kept = await keep(bench, 1000)
    before = await bench.vault.remains(kept.record_id)

    done = await bench.vault.erase(kept.record_id)

    assert (before.object_id, before.ciphertext_digest) == (kept.sealed.object_id, kept.leaf.ciphertext_digest)
    assert (before.keys_destroyed, before.deleted_at) == (False, 0)
    assert (done.keys_destroyed, done.deleted_at) == (True, 1_800_000_000)
    assert await bench.vault.remains(kept.record_id) == done


async def test_erase_of_a_record_that_is_not_here_is_not_found(bench: Bench) -> None:
    kept = await keep(bench, 10)
    for action in (bench.vault.erase, bench.vault.remains):
        with pytest.raises(NotFoundError):
            await action(type(kept.record_id)(bytes(32)))
    await assert_released(bench, kept)


async def test_subject_key_goes_with_the_last_record_and_a_new_record_can_follow(bench: Bench) -> None:
    first, second = await keep(bench, 1000), await keep(bench, 1000)
    old = (await row_of(bench, second)).wrapped_keys
    context = context_of(await row_of(bench, second))

    await bench.vault.erase(first.record_id)
    assert (await bench.kms.describe(SUBJECT)).versions == (1,)
    await assert_released(bench, second)
    await bench.vault.erase(second.record_id)

    assert (await bench.kms.describe(SUBJECT)).versions == (2,)
    with pytest.raises(ObjectCorruptError):
        await bench.kms.unwrap(SUBJECT, old, context)
    await assert_released(bench, await keep(bench, 1000))


async def test_what_else_is_kept_of_a_subject_is_forgotten_with_its_last_record(bench: Bench) -> None:
    first, second = await keep(bench, 1000), await keep(bench, 1000)
    forgotten: list[SubjectId] = []
    answers = iter([False, True])

    async def forget(subject_id: SubjectId) -> None:
        if not next(answers):
            raise VaultUnavailableError("power is gone")
        forgotten.append(subject_id)

    vault = RecordVault(bench.database, bench.objects, bench.kms, forget=forget)
    await vault.erase(first.record_id)
    with pytest.raises(VaultUnavailableError):
        await vault.erase(second.record_id)
    assert forgotten == []

    for _ in range(2):
        assert (await vault.erase(second.record_id)).deleted_at

    assert forgotten == [SUBJECT]


async def test_subject_key_stays_while_something_is_being_sealed_for_the_subject(bench: Bench) -> None:
    kept = await keep(bench, 1000)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"first"
        await bench.vault.erase(kept.record_id)
        yield b"last"

    sealed = await bench.vault.seal(slowly(), subject_id=SUBJECT, media_type="text/plain")

    assert (await bench.kms.describe(SUBJECT)).versions == (1,)
    async with bench.database.reading() as session:
        row = (await session.exec(select(StoredObject).where(StoredObject.object_id == sealed.object_id))).one()
    await bench.kms.unwrap(SUBJECT, row.wrapped_keys, context_of(row))


@pytest.mark.parametrize("step", STEPS)
async def test_erasure_cut_off_at_any_step_is_finished_by_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    kept, neighbour = await keep(bench, 1000), await keep(bench, 1000)

    async def dies(*_: object) -> None:
        raise VaultUnavailableError("power is gone")

    with monkeypatch.context() as cut:
        cut.setattr(Eraser, step, dies)
        with pytest.raises(VaultUnavailableError):
            await bench.vault.erase(kept.record_id)
    assert (await bench.vault.remains(kept.record_id)).deleted_at == 0
    # A new process: nothing but what is on disk.
    vault = RecordVault(bench.database, bench.objects, bench.kms, clock=lambda: 1_800_000_001)

    done = await vault.erase(kept.record_id)

    assert (done.keys_destroyed, done.deleted_at) == (True, 1_800_000_001)
    assert not bench.file_of(kept.sealed.object_id).exists()
    with pytest.raises(KeyDestroyedError):
        await assert_released(bench, kept)
    await assert_released(bench, neighbour)


async def test_erasure_whose_object_cannot_be_deleted_is_finished_by_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await keep(bench, 1000)

    async def down(_name: str) -> None:
        raise VaultUnavailableError("store does not answer")

    with monkeypatch.context() as cut:
        cut.setattr(bench.objects, "delete", down)
        with pytest.raises(VaultUnavailableError):
            await bench.vault.erase(kept.record_id)
    left = await bench.vault.remains(kept.record_id)
    assert (left.keys_destroyed, left.deleted_at) == (True, 0)

    await bench.vault.erase(kept.record_id)

    assert not bench.file_of(kept.sealed.object_id).exists()


def _holding(folder: Path, secret: bytes) -> list[str]:
    found = []
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        if secret in content or secret.hex().encode() in content:
            found.append(path.name)
    return found


async def _opened(folder: Path) -> tuple[Database, LocalKeyring, RecordVault]:
    database = Database(f"sqlite+aiosqlite:///{folder}/vault.db")
    keyring = LocalKeyring.open(folder / "keyring", "correct")
    return database, keyring, RecordVault(database, open_object_store(f"file://{folder}/objects"), keyring)


async def test_nothing_on_disk_opens_an_erased_record(tmp_path: Path) -> None:
    """Not even with a copy of the database and the objects from before: what is gone is the key."""
    state, copy = tmp_path / "state", tmp_path / "copy"
    state.mkdir()
    await upgrade(f"sqlite+aiosqlite:///{state}/vault.db")
    LocalKeyring.create(state / "keyring", "correct", CHEAP)
    database, keyring, vault = await _opened(state)
    await vault.create_subject(SUBJECT)
    bench: Any = Bench(vault, None, database, None, keyring, state / "objects", "")  # type: ignore[arg-type]  # no upkeep; a keyring holds the keys
    kept, other = await keep(bench, 5000), await keep(bench, 5000)
    sealed = await vault.seal(stream(b"never anchored"), subject_id=SUBJECT, media_type="text/plain")
    rows = [await row_of(bench, each) for each in (kept, other)]
    wrapped = [row.wrapped_keys for row in rows]
    [subject_file] = [path for path in (state / "keyring" / "subjects").rglob("*") if path.is_file()]
    subject_key = subject_file.read_bytes()
    shutil.copytree(state, copy, ignore=shutil.ignore_patterns("keyring"))
    assert _holding(copy, wrapped[0])

    await vault.erase(kept.record_id)

    assert _holding(state, wrapped[0]) == []
    assert _holding(state, wrapped[1])
    await assert_released(bench, other)
    async with database.writing() as session:
        stray = await session.get(StoredObject, sealed.object_id)
        await session.delete(stray)
    await vault.erase(other.record_id)
    await database.close()

    assert _holding(state, wrapped[1]) == []
    assert _holding(state, subject_key[-100:]) == []
    for row, each in zip(rows, (kept, other), strict=True):
        assert not bench.file_of(each.sealed.object_id).exists()
        with pytest.raises(ObjectCorruptError):
            await LocalKeyring.open(state / "keyring", "correct").unwrap(SUBJECT, row.wrapped_keys, context_of(row))


async def test_key_service_that_does_not_know_the_subject_confirms_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await keep(bench, 1000)

    async def unknown(_: SubjectId) -> int:
        raise NotFoundError("key of subject does not match (got none, expected one)")

    with monkeypatch.context() as patch:
        patch.setattr(bench.kms, "replace_subject_key", unknown)
        with pytest.raises(VaultUnavailableError):
            await bench.vault.erase(kept.record_id)
        assert not (await bench.vault.remains(kept.record_id)).deleted_at
    assert (await bench.vault.erase(kept.record_id)).deleted_at
    assert (await bench.kms.describe(SUBJECT)).versions == (2,)
