"""A gateway on memory adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.gateway_world import MemoryChain, MemoryParts, People, World, populate, served
from tests.support.memory_ledger import VERIFIERS


@pytest.fixture
def parts() -> MemoryParts:
    """The memory adapters of the world."""
    return MemoryParts()


@pytest.fixture
async def world(parts: MemoryParts) -> AsyncIterator[World]:
    """A served gateway with everybody admitted."""
    people, chain = People(VERIFIERS), MemoryChain(parts.ledger)
    await chain.admit_authority(people.national, 0)
    await populate(chain, people)
    async with served(parts.context(people.custodian.address), people, chain) as made:
        yield made
