"""``audit.ports.ProjectionReader``: the projection as it stands, row by row, nothing taken on trust."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from sqlalchemy import tuple_
from sqlmodel import col, select

from consentry.audit.ports import KeptRow
from consentry.core.chain import BlockReference
from consentry.database.engine import Database
from consentry.directory.codec import from_row, to_row
from consentry.directory.tables import BlockRow, EventRow, PositionRow

ROWS_A_READ: Final = 5_000
_NO_BLOCK: Final = BlockRow(number=-1, hash=b"", time=0)


class ProjectionRows:
    """Reads every row of a projection."""

    def __init__(self, database: Database) -> None:
        """Takes the database of the projection."""
        self._database = database

    async def position(self) -> BlockReference | None:
        """Gives the last block the projection claims to have taken in."""
        async with self._database.reading() as session:
            row = (await session.exec(select(PositionRow))).first()
        return BlockReference(row.number, row.hash, row.time) if row else None

    async def rows(self) -> AsyncIterator[KeptRow]:
        """Gives every row in chain order."""
        after = (-1, -1)
        while found := await self._page(after):
            for row, block in found:
                yield _kept(row, block or _NO_BLOCK)
            after = (found[-1][0].block_number, found[-1][0].log_index)

    async def _page(self, after: tuple[int, int]) -> Sequence[tuple[EventRow, BlockRow | None]]:
        place = (col(EventRow.block_number), col(EventRow.log_index))
        joined = col(BlockRow.number) == col(EventRow.block_number)
        query = select(EventRow, BlockRow).join(BlockRow, joined, isouter=True)
        query = query.where(tuple_(*place) > after).order_by(*place).limit(ROWS_A_READ)
        async with self._database.reading() as session:
            return [(row, block) for row, block in (await session.exec(query)).all()]


def _kept(row: EventRow, block: BlockRow) -> KeptRow:
    """Reads a row back, and compares its columns with those its content calls for: lists and counts rely on them."""
    try:
        event = from_row(row, BlockReference(block.number, block.hash, block.time))
        own, due = row.model_dump(), to_row(event).model_dump()
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return KeptRow(row.block_number, row.log_index, None, f"content that cannot be read ({type(error).__name__})")
    differing = sorted(name for name in due if own[name] != due[name] and name != "block_number")
    fault = f"columns that do not fit the content: {', '.join(differing)}" if differing else ""
    return KeptRow(row.block_number, row.log_index, event, fault)
