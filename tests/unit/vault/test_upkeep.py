"""Rewrapping after a key rotation: content untouched, every key opens, an erasure in between wins."""

from __future__ import annotations

import pytest
from sqlmodel import select

from consentry.core.terms import SubjectId
from consentry.errors import KeyDestroyedError, NotFoundError
from consentry.vault.tables import StoredObject
from tests.support.memory_vault import in_force
from tests.unit.vault.conftest import SUBJECT, Bench
from tests.unit.vault.test_store import DOMAIN, PUBLIC_KEY, keep, read, receipt_for


async def wrapped_keys(bench: Bench) -> dict[bytes, bytes]:
    async with bench.database.reading() as session:
        return {row.object_id: row.wrapped_keys for row in (await session.exec(select(StoredObject))).all()}


async def test_rewrap_moves_every_key_to_the_new_version_and_no_content(bench: Bench) -> None:
    records = [await keep(bench, 1000) for _ in range(3)]
    before, content = await wrapped_keys(bench), [await read(bench, kept) for kept in records]
    assert await bench.upkeep.rewrap_subject(SUBJECT) == 3
    after = await wrapped_keys(bench)
    assert (await bench.kms.describe(SUBJECT)).active_version == 2
    assert all(after[object_id] != wrapped for object_id, wrapped in before.items())
    assert [await read(bench, kept) for kept in records] == content
    for kept in records:
        await bench.vault.release(receipt_for(kept), kept.leaf, PUBLIC_KEY, DOMAIN, in_force)


async def test_rewrap_leaves_erased_records_erased(bench: Bench) -> None:
    erased, kept = await keep(bench, 1000), await keep(bench, 1000)
    await bench.vault.erase(erased.record_id)
    assert await bench.upkeep.rewrap_subject(SUBJECT) == 1
    assert (await wrapped_keys(bench))[erased.sealed.object_id] == b""
    with pytest.raises(KeyDestroyedError):
        await bench.vault.release(receipt_for(erased), erased.leaf, PUBLIC_KEY, DOMAIN, in_force)
    await bench.vault.release(receipt_for(kept), kept.leaf, PUBLIC_KEY, DOMAIN, in_force)


async def test_rewrap_that_an_erasure_overtakes_does_not_bring_the_key_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await keep(bench, 1000)
    rewrap = bench.kms.rewrap

    async def erased_meanwhile(subject_ref: bytes, wrapped: bytes, context: bytes, new_context: bytes) -> bytes:
        result = await rewrap(subject_ref, wrapped, context, new_context)
        await bench.vault.erase(kept.record_id)
        return result

    monkeypatch.setattr(bench.kms, "rewrap", erased_meanwhile)
    await bench.upkeep.rewrap_subject(SUBJECT)
    assert (await wrapped_keys(bench))[kept.sealed.object_id] == b""


async def test_upkeep_of_an_unknown_subject_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        await bench.upkeep.rewrap_subject(SubjectId(bytes(32)))
