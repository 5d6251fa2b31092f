"""Opens what an audit may look at, and runs it; no key is opened but the one its own checkpoints are sealed with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consentry.audit.audit import Audit, Progress, RowSink, Span
from consentry.audit.checkpoint import Checkpoints
from consentry.audit.findings import Report
from consentry.config import Settings
from consentry.core.chain import BlockReference
from consentry.core.terms import ZERO_ADDRESS, Address
from consentry.database.engine import Database
from consentry.directory.rows import ProjectionRows
from consentry.errors import ConfigurationError
from consentry.gateway.background import ROUND_SECONDS
from consentry.ledger.bulk import Bulk
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.ledger.patience import patient
from consentry.ledger.reader import ChainReader
from consentry.vault.measure import ObjectMeasure
from consentry.vault.releases import ReleaseRows
from consentry.wiring.adapters import address_of, connect, database_url, object_store

MOST_WAIT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class AuditScope:
    """What an audit may look at: the chain always, a custodian's database, objects, releases if settings name it."""

    reader: ChainReader
    manifest: Manifest
    rows: ProjectionRows | None
    measure: ObjectMeasure | None
    releases: ReleaseRows | None
    custodian: Address


@asynccontextmanager
async def open_audit(settings: Settings, *, chain_only: bool) -> AsyncIterator[AuditScope]:
    """Opens what an audit reads; no key of any kind is opened."""
    manifest = Manifest.read(settings.manifest_path)
    reader = patient(ChainReader(connect(settings), manifest))
    try:
        if chain_only or not settings.custodian:
            yield AuditScope(reader, manifest, None, None, None, ZERO_ADDRESS)
            return
        database = Database(database_url(settings))
        try:
            measure = ObjectMeasure(database, object_store(settings))
            rows, releases = ProjectionRows(database), ReleaseRows(database)
            yield AuditScope(reader, manifest, rows, measure, releases, address_of(settings.custodian))
        finally:
            await database.close()
    finally:
        await reader.close()


@dataclass(frozen=True, slots=True)
class AuditOrder:
    """Which blocks to audit, and where to write tables and checkpoints, if anywhere.

    In bulk the chain is read by processes of their own, which pays from some thousand events on.
    """

    span: Span
    in_bulk: bool = False
    rows: RowSink | None = None
    checkpoints: Checkpoints | None = None


def open_checkpoints(settings: Settings, folder: Path) -> Checkpoints:
    """Gives the place of a checkpoint in the folder of an audit's tables; draws the key it is sealed with at first use.

    Raises:
        ConfigurationError: the key lies in that folder too, where it proves nothing, or cannot be used.
    """
    path = settings.audit_key
    if path.resolve().is_relative_to(folder.resolve()):
        said = f"got {path}, expected outside {folder}: set state_dir or take another folder"
        raise ConfigurationError(f"place of the key of checkpoints does not match ({said})")
    # In full: without a setting the state folder is that of the current folder, which may be another than last time.
    return Checkpoints(folder / "checkpoint", load_or_create_key(path), key_file=path.absolute())


async def run_audit(
    settings: Settings,
    *,
    chain_only: bool,
    order: AuditOrder | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Decides every access again from the chain, then compares database, objects and releases with it.

    What a custodian keeps is compared with the chain up to head alone: an audit that ends before leaves it aside.
    """
    order = order or AuditOrder(Span())
    # Before anything else: a process that has done nothing yet can be copied.
    bulk = _reading(settings) if order.in_bulk else None
    try:
        async with open_audit(settings, chain_only=chain_only or order.span.last is not None) as scope:
            audit = Audit(scope.reader, span=order.span, rows=order.rows, checkpoints=order.checkpoints, bulk=bulk)
            report = await audit.run(progress)
            if scope.rows is not None and scope.measure is not None:
                await _wait_for(scope.rows, report.head)
                report = await audit.compare_projection(report, scope.rows)
                report = await audit.compare_vault(report, scope.custodian, scope.measure)
            if scope.releases is not None:
                report = await audit.compare_releases(report, scope.custodian, scope.releases)
            await audit.conclude(report)
            return report
    finally:
        if bulk is not None:
            await bulk.stop()


def _reading(settings: Settings) -> Bulk:
    bulk = Bulk.of_deployment(settings.node_url, Manifest.read(settings.manifest_path))
    bulk.start()
    return bulk


async def _wait_for(rows: ProjectionRows, head: BlockReference) -> None:
    """Gives a gateway that runs a moment to take in the newest blocks; one that does not will be found behind."""
    deadline = time.monotonic() + MOST_WAIT_SECONDS
    while time.monotonic() < deadline:
        position = await rows.position()
        if position is not None and position.number >= head.number:
            return
        await asyncio.sleep(ROUND_SECONDS)
