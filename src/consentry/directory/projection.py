"""Follows the chain into tables; survives restarts and reorganisations; can be rebuilt (promise P7)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Final

import sqlalchemy
from sqlalchemy import Connection, delete, insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from consentry.core.chain import BlockReference, ChainIdentity
from consentry.database.engine import Database
from consentry.directory.codec import Columns, columns_of
from consentry.directory.ports import EventSource
from consentry.directory.tables import BlockRow, EventRow, PositionRow, SourceRow
from consentry.errors import ForeignChainError, LedgerUnavailableError

BLOCKS_A_STEP: Final = 500
"""Blocks that are read at once at most; full ones hold hundreds of events each."""
FIRST_BLOCKS: Final = 10
"""Blocks of the first step, when it is not known yet how full they are."""
EVENTS_A_STEP: Final = 10_000
"""Events a step aims at, some five kilobytes each in memory."""
BLOCKS_A_LOOK: Final = 1_000
"""Blocks of the projection that are held at once while the youngest that still stands is looked for."""
WAIT_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.02

Watcher = Callable[[Sequence[Columns] | None], None]
"""Told of rows that were committed, or of none where they are not known."""


class Follower:
    """Writes the tables; reading is in ``views``. Several processes may follow the chain into the same tables."""

    def __init__(
        self, database: Database, source: EventSource, identity: ChainIdentity, *, blocks_a_step: int = BLOCKS_A_STEP
    ) -> None:
        """Takes the database, the chain, which chain and deployment that is, and the most blocks read at once."""
        self._database = database
        self._source = source
        self._identity = identity
        self._most_blocks = blocks_a_step
        self._blocks = min(FIRST_BLOCKS, blocks_a_step)
        self._recognised = False
        self._turn = asyncio.Lock()
        self._watchers: list[Watcher] = []
        self._reached: BlockReference | None = None

    def watch(self, watcher: Watcher) -> None:
        """Has a watcher told of every change of the tables, once it is committed."""
        self._watchers.append(watcher)

    def _tell(self, rows: Sequence[Columns] | None, reached: BlockReference | None) -> None:
        self._reached = reached
        for watcher in self._watchers:
            watcher(rows)

    async def position(self) -> BlockReference | None:
        """Gives the last block taken in."""
        return await self._database.read(_position_of)

    async def is_current(self) -> bool:
        """Tells whether the tables stand where this follower left them: no other one has moved them since."""
        return await self.position() == self._reached

    async def catch_up(self) -> BlockReference:
        """Takes in everything up to head, in steps that are each whole or absent.

        Raises:
            ForeignChainError: the rows are of another chain or deployment, or the node serves another one by now.
            LedgerUnavailableError: the node does not answer, or changes while it is read.
            VaultUnavailableError: the database does not answer.
        """
        async with self._turn:
            await self._recognise()
            head = await self._source.head()
            position = await self._settled()
            if position != self._reached:
                # Another process was faster, or blocks were undone: what changed is not known here.
                self._tell(None, position)
            while position is None or position.number < head.number:
                position = await self._step(position, head)
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

    async def start_over(self) -> BlockReference:
        """Forgets every row, and of which chain they were, and follows the chain from the start."""
        async with self._turn:
            async with self._database.writing() as session:
                await _undo_to(session, None)
                await session.exec(delete(SourceRow))
            self._tell(None, None)
            self._recognised = False
        return await self.catch_up()

    async def _recognise(self) -> None:
        """Compares the chain with the one the rows are of; the first chain that is followed is kept in mind."""
        if self._recognised:
            return
        own = self._identity
        contracts = json.dumps({name: "0x" + address.hex() for name, address in own.contracts}, sort_keys=True)
        due = SourceRow(chain_id=str(own.chain_id), genesis_hash=own.genesis_hash, contracts=contracts)
        async with self._database.writing() as session:
            kept = (await session.exec(select(SourceRow))).first()
            if kept is None:
                session.add(due)
        for name, row_value, value in (
            ("chain id", kept and kept.chain_id, due.chain_id),
            ("genesis hash", kept and "0x" + kept.genesis_hash.hex(), "0x" + own.genesis_hash.hex()),
            ("deployment", kept and kept.contracts, contracts),
        ):
            if kept is not None and row_value != value:
                raise ForeignChainError(f"{name} of the database does not match (got {value}, expected {row_value})")
        self._recognised = True

    async def _settled(self) -> BlockReference | None:
        """Gives the position after undoing what the chain no longer has."""
        position = await self.position()
        if position is None or await self._stands(position):
            return position
        # Another chain looks like a reorganisation from here: the node must prove that it is still the same.
        await self._source.identity()
        fork = await self._youngest_standing()
        async with self._database.writing() as session:
            current = await _position(session, to_change=True)
            if current != position:
                return current
            await _undo_to(session, fork)
        return fork

    async def _youngest_standing(self) -> BlockReference | None:
        """Gives the youngest block with events that the chain still has; none if none was taken in."""
        gone, below = 0, None
        while found := await self._blocks_below(below):
            for block in found:
                if await self._stands(block):
                    return block
            gone, below = gone + len(found), found[-1].number
        if gone:
            raise ForeignChainError(f"chain has none of the {gone} blocks that were taken in from it")
        return None

    async def _blocks_below(self, number: int | None) -> Sequence[BlockReference]:
        query = select(BlockRow).order_by(col(BlockRow.number).desc()).limit(BLOCKS_A_LOOK)
        if number is not None:
            query = query.where(col(BlockRow.number) < number)
        async with self._database.reading() as session:
            return [BlockReference(row.number, row.hash, row.time) for row in await session.exec(query)]

    async def _stands(self, block: BlockReference) -> bool:
        found = await self._source.block(block.number)
        return found is not None and found.hash == block.hash

    async def _step(self, position: BlockReference | None, head: BlockReference) -> BlockReference | None:
        """Takes in the next blocks and gives the new position; that of another process if one was faster."""
        first = position.number + 1 if position else min(self._identity.deployed_in, head.number)
        last = min(head.number, first + self._blocks - 1)
        end = await self._source.block(last)
        events = await self._source.events(first, last)
        # What was read is of one chain only if its last block stands, and what it follows on stands too.
        if end is None or not await self._stands(end) or not (position is None or await self._stands(position)):
            raise LedgerUnavailableError("chain was reorganised while it was read")
        blocks = {event.place.block.number: event.place.block for event in events}
        rows = [columns_of(event) for event in events]
        async with self._database.writing() as session:
            current = await _position(session, to_change=True)
            if current != position:
                self._tell(None, current)
                return current
            session.add_all([BlockRow(number=b.number, hash=b.hash, time=b.time) for b in blocks.values()])
            if rows:
                await session.exec(insert(EventRow), params=rows)
            await _put_position(session, end)
        self._tell(rows, end)
        self._adapt(last - first + 1, len(rows))
        return end

    def _adapt(self, blocks: int, events: int) -> None:
        """Sets how many blocks come next by how full these were; never many more than what was seen."""
        fitting = blocks * EVENTS_A_STEP // max(events, 1)
        self._blocks = max(1, min(fitting, 2 * self._blocks, self._most_blocks))


_POSITION: Final = sqlalchemy.select(col(PositionRow.number), col(PositionRow.hash), col(PositionRow.time))


def _position_of(connection: Connection) -> BlockReference | None:
    row = connection.execute(_POSITION).first()
    return BlockReference(*row) if row else None


async def _position(session: AsyncSession, *, to_change: bool = False) -> BlockReference | None:
    """Reads the position; ``to_change`` keeps other processes from changing it until the transaction ends."""
    query = select(PositionRow)
    row = (await session.exec(query.with_for_update() if to_change else query)).first()
    return BlockReference(row.number, row.hash, row.time) if row else None


async def _undo_to(session: AsyncSession, block: BlockReference | None) -> None:
    fork = block.number if block else -1
    await session.exec(delete(EventRow).where(col(EventRow.block_number) > fork))
    await session.exec(delete(BlockRow).where(col(BlockRow.number) > fork))
    await _put_position(session, block)


async def _put_position(session: AsyncSession, block: BlockReference | None) -> None:
    await session.exec(delete(PositionRow))
    if block is not None:
        session.add(PositionRow(number=block.number, hash=block.hash, time=block.time))


async def snapshot_rows(database: Database, last: int | None = None) -> list[tuple[object, ...]]:
    """Gives every row of chain events up to block ``last``, in order: what a rebuild is compared by."""
    blocks = select(BlockRow).order_by(col(BlockRow.number))
    events = select(EventRow).order_by(col(EventRow.block_number), col(EventRow.log_index))
    if last is not None:
        blocks, events = blocks.where(col(BlockRow.number) <= last), events.where(col(EventRow.block_number) <= last)
    async with database.reading() as session:
        rows: list[tuple[object, ...]] = [tuple(row.model_dump().values()) for row in await session.exec(blocks)]
        rows.extend(tuple(row.model_dump().values()) for row in await session.exec(events))
    return rows
