"""A nonce is good once, whoever else is served in the same transaction, and also after a restart."""

from __future__ import annotations

import asyncio

import pytest
from sqlmodel import select

from consentry.errors import NotAuthenticError
from consentry.vault.nonces import CLEANING_SECONDS, NonceStore
from consentry.vault.tables import SpentNonce
from tests.unit.vault.conftest import Bench

HOSPITAL, CLINIC = b"\x01" * 20, b"\x02" * 20


async def test_spend_twice_is_refused_also_after_a_restart(bench: Bench) -> None:
    await NonceStore(bench.database).spend(HOSPITAL, "nonce", 4_000_000_000)
    with pytest.raises(NotAuthenticError):
        await NonceStore(bench.database).spend(HOSPITAL, "nonce", 4_000_000_000)
    await NonceStore(bench.database).spend(CLINIC, "nonce", 4_000_000_000)


async def test_spend_at_once_lets_one_through(bench: Bench) -> None:
    nonces = NonceStore(bench.database)
    spent = [nonces.spend(HOSPITAL, f"nonce-{n % 3}", 4_000_000_000) for n in range(12)]
    results = await asyncio.gather(*spent, return_exceptions=True)
    assert sum(result is None for result in results) == 3
    assert sum(isinstance(result, NotAuthenticError) for result in results) == 9


async def test_old_nonces_are_forgotten_and_live_ones_kept(bench: Bench) -> None:
    now = 1_000
    nonces = NonceStore(bench.database, clock=lambda: now)
    await nonces.spend(HOSPITAL, "short", 1_010)
    await nonces.spend(HOSPITAL, "long", 2_000)
    now += CLEANING_SECONDS
    await nonces.spend(HOSPITAL, "new", 2_000)
    async with bench.database.reading() as session:
        kept = {row.nonce for row in await session.exec(select(SpentNonce))}
    assert kept == {"long", "new"}
