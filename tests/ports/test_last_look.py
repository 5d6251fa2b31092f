"""What a gateway asks again before it opens the vault, on each implementation of the ledger port."""

from __future__ import annotations

import pytest

from tests.support import samples
from tests.support.ledger_worlds import LedgerWorld

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_nobody_belongs_to_a_group_that_nobody_keeps(world: LedgerWorld) -> None:
    assert await world.ledger.is_group_member(samples.group(world.hospital.address), world.hospital.address) is False


async def test_no_silence_counts_where_a_block_comes_with_a_transaction(world: LedgerWorld) -> None:
    assert world.ledger.longest_silence() == 0
