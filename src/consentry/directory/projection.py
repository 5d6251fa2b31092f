"""Follows the chain into tables; survives restarts and reorganisations; can be rebuilt (promise P7)."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from consentry.core.chain import BlockReference
from consentry.database.engine import Database
from consentry.directory.codec import to_row
from consentry.directory.ports import EventSource
from consentry.directory.tables import BlockRow, EventRow, PositionRow
from consentry.errors import LedgerError, LedgerUnavailableError

BLOCKS_A_STEP: Final = 2_000
WAIT_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.02


class Projection:
    """Writes the tables. One a database; reading is in ``views``."""

    def __init__(self, database: Database, source: EventSource, deployed_in: int) -> None:
        """Takes the database, the chain, and the block from which the deployment counts."""
        self._database = database
        self._source = source
        self._first = deployed_in
        self._turn = asyncio.Lock()

    async def position(self) -> BlockReference | None:
        """Gives the last block taken in."""
        async with self._database.reading() as session:
            row = (await session.exec(select(PositionRow))).first()
        return BlockReference(row.number, row.hash, row.time) if row else None

    async def catch_up(self) -> BlockReference:
        """Takes in everything up to head, in steps that are each whole or absent.

        Raises:
            LedgerUnavailableError: the node does not answer, or changes while it is read.
            VaultUnavailableError: the database does not answer.
        """
        async with self._turn:
            head = await self._source.head()
            position = await self._settled()
            while position is None or position.number < head.number:
                first = position.number + 1 if position else min(self._first, head.number)
                position = await self._step(first, min(head.number, first + BLOCKS_A_STEP - 1))
            return position

    async def wait_for(self, block_number: int) -> None:
        """Returns once the block is taken in.

        Raises:
            LedgerUnavailableError: it did not come in time.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        known = await self.position()
        while known is None or known.number < block_number:
            if time.monotonic() > deadline:
                raise LedgerUnavailableError(f"projection does not reach block {block_number}")
            known = await self.catch_up()
            if known.number < block_number:
                await asyncio.sleep(_POLL_SECONDS)

    async def follow(self, seconds: float) -> None:
        """Catches up again and again until cancelled; a node that does not answer is asked again later."""
        while True:
            try:
                await self.catch_up()
            except LedgerError:
                await asyncio.sleep(seconds)
            await asyncio.sleep(seconds)

    async def start_over(self) -> BlockReference:
        """Forgets every row and follows the chain from the start."""
        async with self._turn:
            await self._undo_to(None)
        return await self.catch_up()

    async def _settled(self) -> BlockReference | None:
        """Gives the position after undoing what the chain no longer has."""
        position = await self.position()
        if position is None or await self._stands(position):
            return position
        async with self._database.reading() as session:
            rows = await session.exec(select(BlockRow).order_by(col(BlockRow.number).desc()))
            known = [BlockReference(row.number, row.hash, row.time) for row in rows]
        for block in known:
            if await self._stands(block):
                await self._undo_to(block)
                return block
        await self._undo_to(None)
        return None

    async def _stands(self, block: BlockReference) -> bool:
        found = await self._source.block(block.number)
        return found is not None and found.hash == block.hash

    async def _undo_to(self, block: BlockReference | None) -> None:
        fork = block.number if block else -1
        async with self._database.writing() as session:
            await session.exec(delete(EventRow).where(col(EventRow.block_number) > fork))
            await session.exec(delete(BlockRow).where(col(BlockRow.number) > fork))
            await _put_position(session, block)

    async def _step(self, first: int, last: int) -> BlockReference:
        end = await self._source.block(last)
        events = await self._source.events(first, last)
        if end is None or not await self._stands(end):
            raise LedgerUnavailableError("chain was reorganised while it was read")
        blocks = {event.place.block.number: event.place.block for event in events}
        async with self._database.writing() as session:
            session.add_all([BlockRow(number=b.number, hash=b.hash, time=b.time) for b in blocks.values()])
            session.add_all([to_row(event) for event in events])
            await _put_position(session, end)
        return end


async def _put_position(session: AsyncSession, block: BlockReference | None) -> None:
    await session.exec(delete(PositionRow))
    if block is not None:
        session.add(PositionRow(number=block.number, hash=block.hash, time=block.time))


async def snapshot_rows(database: Database) -> list[tuple[object, ...]]:
    """Gives every row of the projection but the position, in order: what a rebuild is compared by."""
    async with database.reading() as session:
        blocks = await session.exec(select(BlockRow).order_by(col(BlockRow.number)))
        rows: list[tuple[object, ...]] = [tuple(row.model_dump().values()) for row in blocks]
        order = (col(EventRow.block_number), col(EventRow.log_index))
        rows.extend(tuple(row.model_dump().values()) for row in await session.exec(select(EventRow).order_by(*order)))
    return rows
