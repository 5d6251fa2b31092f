"""Where adapters meet use cases: builds one gateway from its settings.

Rooms below never see settings; commands and the demonstration, above, read them and hand them over.

The gateway holds three secrets: the key of its relay account, which can only pass on what others signed, the passphrase
of its vault or what its key service asks for instead, and the key under which its directory hashes the codes of
patients. It has no key that could sign for a subject or an institution.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from consentry.audit.audit import Audit, Progress, RowSink, Span
from consentry.audit.checkpoint import Checkpoints
from consentry.audit.findings import Report
from consentry.config import FORMS, Settings
from consentry.core.chain import BlockReference
from consentry.core.codes import DAY
from consentry.core.terms import ZERO_ADDRESS, Address, RecordId
from consentry.database.engine import Database, does_not_answer
from consentry.directory.codec import asked_in
from consentry.directory.mirror import Mirror
from consentry.directory.persons import PersonStore
from consentry.directory.projection import Follower, snapshot_rows
from consentry.directory.rows import ProjectionRows
from consentry.directory.schema import SCHEMA as DIRECTORY_SCHEMA
from consentry.errors import (
    ConfigurationError,
    ConsentryError,
    LedgerUnavailableError,
    NotFoundError,
    VaultUnavailableError,
)
from consentry.gateway.access import AccessDesk
from consentry.gateway.background import ROUND_SECONDS, Background, Deed, Tell
from consentry.gateway.bell import Bell
from consentry.gateway.context import Context, Limits
from consentry.gateway.erasures import ErasureDesk
from consentry.ledger.bulk import Bulk
from consentry.ledger.chain import ChainLedger
from consentry.ledger.claims import FolderLock
from consentry.ledger.connection import Connection, is_refusal
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.keyfiles import load_or_create_key, read_private
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader
from consentry.vault.idempotency import IdempotencyStore
from consentry.vault.inspection import Inspection
from consentry.vault.keyring import LocalKeyring
from consentry.vault.kms import Kms
from consentry.vault.measure import ObjectMeasure
from consentry.vault.nonces import NonceStore
from consentry.vault.objects import ObjectStore, S3Access, open_object_store
from consentry.vault.openbao_kms import OpenBaoKms, Server
from consentry.vault.outbox import RequestOutbox
from consentry.vault.pkcs11_kms import Pkcs11Kms, Token
from consentry.vault.releases import ReleaseRows
from consentry.vault.schema import SCHEMA as VAULT_SCHEMA
from consentry.vault.store import RecordVault

RESUME_TURNS: Final = 20
"""Every so many rounds, what was kept and not decided is taken up again."""
FORGET_TURNS: Final = 14_400
"""Every so many rounds (an hour), answers under old idempotency keys and cut-off uploads are dropped."""
ANSWER_SECONDS: Final = 7 * DAY
"""How long the answer under an idempotency key is kept."""
MOST_WAIT_SECONDS: Final = 5.0
MOST_LAG_BLOCKS: Final = 50
LEAST_FREE_BYTES: Final = 32 * 2**20
_KEY_AND_SECRET: Final = 2
HASHING_THREADS: Final = 2
"""Threads that hash plaintext beside sealing, for all uploads together; each such upload seals on one more."""
LOCK_NAME: Final = "gateway.lock"
"""File in the state folder that the one gateway serving it holds locked."""


def connect(settings: Settings) -> Connection:
    """Gives a connection to the configured node."""
    return DirectConnection(settings.node_url, load_profile(settings.engine))


async def open_ledger(settings: Settings) -> ChainLedger:
    """Gives the ledger, verified against the deployment manifest."""
    manifest = Manifest.read(settings.manifest_path)
    first, *more = map(load_or_create_key, settings.relay_keys)
    return await ChainLedger.connect(connect(settings), manifest, first, more)


@asynccontextmanager
async def open_projection(settings: Settings, ledger: ChainReader) -> AsyncIterator[tuple[Database, Follower]]:
    """Gives the projection's database, brought to this version's form, and what makes it follow the chain."""
    await DIRECTORY_SCHEMA.upgrade(database_url(settings))
    database = Database(database_url(settings))
    try:
        yield database, Follower(database, ledger, await ledger.identity())
    finally:
        await database.close()


def database_url(settings: Settings) -> str:
    """Gives the SQLAlchemy URL in force.

    Raises:
        ConfigurationError: the file that is to hold it is missing or empty, or others can read it.
    """
    if settings.database_url_file is None:
        return settings.database
    return read_private(settings.database_url_file, "file of the database URL")


def object_store(settings: Settings) -> ObjectStore:
    """Gives the object store.

    Raises:
        ConfigurationError: its URL or its keys cannot be used.
    """
    key_id, secret = "", ""
    if settings.object_store_keys_file is not None:
        lines = read_private(settings.object_store_keys_file, "file of the object store's keys").split()
        if len(lines) != _KEY_AND_SECRET:
            raise ConfigurationError("file of the object store's keys does not match (expected key id and secret)")
        key_id, secret = lines
    access = S3Access(settings.object_store_endpoint, settings.object_store_region, key_id, secret)
    return open_object_store(settings.objects, access)


def _passphrase(path: Path) -> str:
    if not path.exists():
        what = f"passphrase file {path.name} is missing"
        raise ConfigurationError(f"{what}: put it back; for a new vault 'consentry serve' draws one")
    return read_private(path, "passphrase file")


def create_passphrase(settings: Settings) -> None:
    """Draws a passphrase for a vault with a local keyring that has none yet; it stands in a file of mode 0600."""
    if settings.key_service == "local" and not settings.passphrase.exists():
        load_or_create_key(settings.passphrase)


def open_keyring(settings: Settings) -> LocalKeyring:
    """Gives the local keyring; makes it at first use."""
    folder, passphrase = settings.state_dir / "keyring", _passphrase(settings.passphrase)
    try:
        return LocalKeyring.open(folder, passphrase)
    except NotFoundError:
        return LocalKeyring.create(folder, passphrase)


@asynccontextmanager
async def open_key_service(settings: Settings) -> AsyncIterator[Kms]:
    """Gives the key service that the settings name.

    Raises:
        ConfigurationError: it, or the file with its secret, cannot be used.
        VaultUnavailableError: it does not answer.
    """
    kind, _, where = settings.key_service.partition(":")
    if kind == "local":
        yield await asyncio.to_thread(open_keyring, settings)
        return
    service: Pkcs11Kms | OpenBaoKms
    if kind == "pkcs11":
        module, _, label = where.partition("?token=")
        service = await Pkcs11Kms.open(Token(Path(module), label, partial(_service_secret, settings)))
    else:
        address, _, mount = where.partition("://")[2].partition("/")
        scheme, secret = where.partition("://")[0], partial(_service_secret, settings)
        server = Server(f"{scheme}://{address}", mount.strip("/"), secret, settings.key_service_ca_file)
        service = await OpenBaoKms.open(server)
    try:
        yield service
    finally:
        await service.close()


def _service_secret(settings: Settings) -> str:
    if settings.key_service_secret_file is None:
        raise ConfigurationError("settings cannot be used: key_service_secret_file is not set")
    return read_private(settings.key_service_secret_file, "file of the key service's secret")


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
    reader = ChainReader(connect(settings), manifest)
    try:
        if chain_only or not settings.custodian:
            yield AuditScope(reader, manifest, None, None, None, ZERO_ADDRESS)
            return
        database = Database(database_url(settings))
        try:
            measure = ObjectMeasure(database, object_store(settings))
            rows, releases = ProjectionRows(database), ReleaseRows(database)
            yield AuditScope(reader, manifest, rows, measure, releases, _address(settings.custodian))
        finally:
            await database.close()
    finally:
        await reader.close()


@dataclass(frozen=True, slots=True)
class AuditOrder:
    """Which blocks to audit, and where to write tables and checkpoints, if anywhere.

    In bulk the chain is read by processes of their own, which pays from some ten thousand events on.
    """

    span: Span
    in_bulk: bool = False
    rows: RowSink | None = None
    checkpoints: Checkpoints | None = None


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
    async with open_audit(settings, chain_only=chain_only or order.span.last is not None) as scope:
        bulk = Bulk.of_deployment(settings.node_url, scope.manifest) if order.in_bulk else None
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


async def _wait_for(rows: ProjectionRows, head: BlockReference) -> None:
    """Gives a gateway that runs a moment to take in the newest blocks; one that does not will be found behind."""
    deadline = time.monotonic() + MOST_WAIT_SECONDS
    while time.monotonic() < deadline:
        position = await rows.position()
        if position is not None and position.number >= head.number:
            return
        await asyncio.sleep(ROUND_SECONDS)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Outcome of a rebuild: rows made anew from the chain, and how many of the running ones differed."""

    rows: int
    differing: int
    replaced: bool


async def rebuild(settings: Settings, *, replace: bool) -> Rebuilt:
    """Makes the projection anew from the chain and compares it row for row with the running one (promise P7).

    The running projection is caught up first, so both stand at the same head. With ``replace`` a differing one is
    emptied and follows the chain again from the start.
    """
    reader = ChainReader(connect(settings), Manifest.read(settings.manifest_path))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(reader.close)
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=settings.state_dir, prefix="rebuild-"))
        fresh_settings = settings.model_copy(
            update={"database_url": f"sqlite+aiosqlite:///{folder}/fresh.db", "database_url_file": None}
        )
        running, projection = await stack.enter_async_context(open_projection(settings, reader))
        await projection.catch_up()
        fresh, followed = await stack.enter_async_context(open_projection(fresh_settings, reader))
        await followed.catch_up()
        await projection.catch_up()
        # The running one may be further by now: the two are compared up to where the new one stands.
        reached = await followed.position()
        made, kept = await snapshot_rows(fresh), await snapshot_rows(running, reached.number if reached else -1)
        differing = max(len(set(kept) - set(made)), len(set(made) - set(kept)))
        if differing and replace:
            await projection.start_over()
        return Rebuilt(len(made), differing, replaced=bool(differing and replace))


async def read_object(settings: Settings, record: RecordId) -> int:
    """Reads a record's whole ciphertext as a release would, without any key; gives its size.

    Raises:
        VaultError: the object is not what was anchored.
    """
    database = Database(database_url(settings))
    try:
        inspection = Inspection(database, object_store(settings))
        row, size = await inspection.row_of(record), 0
        async for piece in inspection.read(row, 0, row.ciphertext_size):
            size += len(piece)
        return size
    finally:
        await database.close()


def _address(text: str) -> Address:
    return Address(bytes.fromhex(text[2:]))


def check_custodian(settings: Settings) -> None:
    """Checks that the settings say whose gateway it is.

    Raises:
        ConfigurationError: they do not.
    """
    if not settings.custodian:
        raise ConfigurationError(f"settings cannot be used: custodian is not set (expected {FORMS['custodian']})")


@asynccontextmanager
async def open_gateway(settings: Settings, tell: Tell = lambda _what, _why: None) -> AsyncIterator[Context]:
    """Builds one gateway, settles what a crash left behind, follows the chain, and takes it all down at the end.

    Args:
        settings: of this gateway.
        tell: told what fails in the background, and why, once until it works again.

    Raises:
        ConsentryError: a part cannot be used; nothing is served then.
    """
    check_custodian(settings)
    async with AsyncExitStack() as stack:
        # Two gateways with one relay would send under the same nonces: of what they permit, a part is never delivered.
        lock = FolderLock(settings.state_dir / LOCK_NAME, "served")
        stack.callback(lock.release)
        keys_of_subjects = await stack.enter_async_context(open_key_service(settings))
        ledger = await open_ledger(settings)
        stack.push_async_callback(ledger.close)
        database, projection = await stack.enter_async_context(open_projection(settings, ledger))
        await VAULT_SCHEMA.upgrade(database_url(settings))
        await projection.catch_up()
        persons = PersonStore(database, load_or_create_key(settings.directory_key))
        await persons.check_key()
        objects = object_store(settings)
        hashing = stack.enter_context(ThreadPoolExecutor(HASHING_THREADS, "hashing"))
        vault = RecordVault(database, objects, keys_of_subjects, hash_pool=hashing, forget=persons.forget)
        keys = IdempotencyStore(database, bytes(ledger.relay))
        await keys.interrupt_all()
        background = Background(tell)
        context = _context(
            settings, ledger, database, projection, keys_of_subjects, vault, persons, keys, background=background
        )
        background.deeds += [
            Deed("following the chain", 1, projection.catch_up),
            Deed("resuming kept requests", RESUME_TURNS, context.desk.resume),
            Deed("carrying out erasures", RESUME_TURNS, context.erasures.carry_out),
            *tidying(keys, objects),
        ]
        # What cannot be decided now stays kept: it must not keep a gateway from serving what it can.
        for deed in background.deeds[1:3]:
            await background.attempt(deed)
        task = background.start()
        stack.push_async_callback(_stop, task)
        yield context


def is_away(error: ConsentryError) -> bool:
    """Whether nobody answered; a no, or a file that cannot be used, stays what it is however long one waits."""
    if isinstance(error, LedgerUnavailableError):
        return not is_refusal(error)
    is_of_vault = isinstance(error, VaultUnavailableError)
    return is_of_vault and (does_not_answer(error) or isinstance(error.__cause__, httpx.TransportError))


def tidying(keys: IdempotencyStore, objects: ObjectStore) -> list[Deed]:
    """Gives what is done every hour, so that nothing piles up."""

    async def forget() -> None:
        await keys.forget_before(int(time.time()) - ANSWER_SECONDS)

    return [
        Deed("forgetting old answers", FORGET_TURNS, forget),
        Deed("clearing cut-off uploads", FORGET_TURNS, objects.sweep_incoming),
    ]


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _context(
    settings: Settings,
    ledger: ChainLedger,
    database: Database,
    projection: Follower,
    kms: Kms,
    vault: RecordVault,
    persons: PersonStore,
    idempotency: IdempotencyStore,
    *,
    background: Background,
) -> Context:
    directory, nonces = Mirror(database, projection), NonceStore(database)
    custodian, bell = _address(settings.custodian), Bell()
    projection.watch(lambda rows: bell.ring(rows if rows is None else asked_in(rows)))

    async def check_ready() -> None:
        background.check()
        await ledger.identity()
        head, position = await ledger.head(), await projection.position()
        if position is None or head.number - position.number > MOST_LAG_BLOCKS:
            raise LedgerUnavailableError("projection lags behind the chain")
        await check_vault(settings, kms, nonces)

    return Context(
        custodian=custodian,
        origin=settings.origin,
        hosts=settings.hosts,
        ledger=ledger,
        projection=directory,
        vault=vault,
        persons=persons,
        desk=AccessDesk(ledger, directory, vault, RequestOutbox(database), custodian, ledger.verifiers()),
        erasures=ErasureDesk(ledger, directory, vault, custodian),
        idempotency=idempotency,
        nonces=nonces,
        verifiers=ledger.verifiers(),
        limits=Limits(
            settings.max_body_bytes,
            settings.max_upload_bytes,
            settings.unproven_per_address,
            settings.requests_about_subject,
        ),
        session_seconds=settings.session_seconds,
        wait_seconds=settings.access_wait_seconds,
        bell=bell,
        check_ready=check_ready,
    )


async def check_vault(settings: Settings, kms: Kms, nonces: NonceStore) -> None:
    """Checks that database, key service and disk can be used: by using them.

    Raises:
        VaultUnavailableError: one of them cannot.
    """
    with contextlib.suppress(NotFoundError):
        await kms.describe(bytes(32))
    await nonces.spend(b"readiness", secrets.token_hex(16), int(time.time()))
    try:
        free = shutil.disk_usage(settings.state_dir).free
    except OSError:
        raise VaultUnavailableError("state folder is gone") from None
    if free < LEAST_FREE_BYTES:
        raise VaultUnavailableError(
            f"free disk space does not match (got {free}, expected {LEAST_FREE_BYTES} at least)"
        )
