"""An audit of a chain in memory, written into a folder of tables as the command does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from consentry.audit.audit import Audit
from consentry.audit.findings import Report
from consentry.audit.parts import PartWriter
from consentry.audit.ports import KeptRelease, KeptRow, StoredObject
from consentry.audit.rows import Rows
from consentry.core.chain import BlockReference
from consentry.core.terms import Address
from tests.support.memory_reader import MemoryReader


@dataclass
class Keeping:
    """What a custodian keeps, as an audit is given it."""

    custodian: Address
    position_: BlockReference | None = None
    kept: list[KeptRow] = field(default_factory=list)
    objects: list[StoredObject] = field(default_factory=list)
    released: list[KeptRelease] = field(default_factory=list)

    async def position(self) -> BlockReference | None:
        """Gives how far the projection says it has come."""
        return self.position_

    async def rows(self) -> AsyncIterator[KeptRow]:
        """Gives the rows of the projection."""
        for row in self.kept:
            yield row

    async def measured(self) -> AsyncIterator[StoredObject]:
        """Gives the objects of the vault."""
        for stored in self.objects:
            yield stored

    async def releases(self) -> AsyncIterator[KeptRelease]:
        """Gives the releases of the vault."""
        for release in self.released:
            yield release


async def audited(
    reader: MemoryReader,
    folder: Path,
    keeping: Keeping | None = None,
    *,
    with_calldata: bool = True,
    later: int = 0,
) -> Report:
    """Audits a chain, and what a custodian keeps if that is given, and writes the tables.

    Args:
        reader: the chain.
        folder: where to.
        keeping: of a custodian.
        with_calldata: whether to read what was submitted.
        later: how many seconds the head lies behind the last event.
    """
    newest = await reader.head()

    async def head() -> BlockReference:
        return replace(newest, time=newest.time + later)

    reader.head = head  # type: ignore[method-assign]  # a head of its own for this audit
    audit = Audit(reader, with_calldata=with_calldata, rows=Rows(PartWriter(folder)))
    report = await audit.run()
    if keeping is not None:
        report = await audit.compare_projection(report, keeping)
        report = await audit.compare_vault(report, keeping.custodian, keeping)
        report = await audit.compare_releases(report, keeping.custodian, keeping)
    await audit.conclude(report)
    return report
