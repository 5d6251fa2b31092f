"""What one call over many requests has looked up already: they are often about the same few records and consents."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from consentry.core.events import ActPerformed
from consentry.core.terms import Address, ConsentId, RecordId
from consentry.gateway.ports import ConsentView, InstitutionView, RecordView

View = TypeVar("View")


class Facts(Protocol):
    """The part of a `consentry.gateway.ports.Projection` that a decision is prepared with."""

    async def wait_for(self, block_number: int) -> None:
        """Returns when the block is taken in."""
        ...

    async def institution(self, address: Address) -> InstitutionView | None:
        """Gives an institution."""
        ...

    async def record(self, record_id: RecordId) -> RecordView | None:
        """Gives a record version."""
        ...

    async def consent(self, consent_id: ConsentId) -> ConsentView | None:
        """Gives a consent."""
        ...

    async def act(self, act_hash: bytes) -> ActPerformed | None:
        """Gives a signed act."""
        ...


class Remembered:
    """Facts that were found once in a call are not looked up again; what was not found is.

    Nothing that may end is told from here: what is in force is read from the chain itself, for every request.
    """

    def __init__(self, facts: Facts) -> None:
        """Takes where facts are found."""
        self._facts = facts
        self._found: dict[tuple[str, bytes], Any] = {}
        self._one_by_one = asyncio.Lock()

    async def wait_for(self, block_number: int) -> None:
        """Waits, and forgets: whoever waits for a block looks for what is new."""
        await self._facts.wait_for(block_number)
        self._found.clear()

    async def institution(self, address: Address) -> InstitutionView | None:
        """Gives an institution."""
        return await self._look("institution", address, self._facts.institution)

    async def record(self, record_id: RecordId) -> RecordView | None:
        """Gives a record version."""
        return await self._look("record", record_id, self._facts.record)

    async def consent(self, consent_id: ConsentId) -> ConsentView | None:
        """Gives a consent."""
        return await self._look("consent", consent_id, self._facts.consent)

    async def act(self, act_hash: bytes) -> ActPerformed | None:
        """Gives a signed act."""
        return await self._look("act", act_hash, self._facts.act)

    async def _look(self, kind: str, key: Any, look: Callable[[Any], Awaitable[View | None]]) -> View | None:  # noqa: ANN401 - one kind of id each
        found: View | None = self._found.get((kind, key))
        if found is not None:
            return found
        async with self._one_by_one:
            found = self._found.get((kind, key))
            if found is None:
                found = await look(key)
            if found is not None:
                self._found[kind, key] = found
        return found
