"""What an audit reads of releases is what the vault wrote before it opened a key."""

from __future__ import annotations

from consentry.audit.ports import KeptRelease, ReleaseReader
from consentry.core.heads import hash_of
from consentry.vault.releases import ReleaseRows
from tests.support.memory_vault import in_force
from tests.unit.vault.conftest import Bench
from tests.unit.vault.test_store import DOMAIN, PUBLIC_KEY, keep, receipt_for


async def test_releases_are_read_as_written(bench: Bench) -> None:
    reader: ReleaseReader = ReleaseRows(bench.database)
    assert [row async for row in reader.releases()] == []

    first, second = await keep(bench, 10), await keep(bench, 20)
    for kept in (first, second, first):
        await bench.vault.release(receipt_for(kept), kept.leaf, PUBLIC_KEY, DOMAIN, in_force)

    entries = [receipt_for(kept).entry for kept in (first, second, first)]
    expected = [
        KeptRelease(e.request.record_id, e.request.institution, e.request.request_id, hash_of(e)) for e in entries
    ]
    assert [row async for row in reader.releases()] == expected
