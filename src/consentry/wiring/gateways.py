"""Builds one gateway from its settings, and runs what it does beside answering."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import httpx

from consentry.config import FORMS, Settings
from consentry.core.codes import DAY
from consentry.database.engine import Database, does_not_answer
from consentry.directory.codec import asked_in
from consentry.directory.mirror import Mirror
from consentry.directory.persons import PersonStore
from consentry.directory.projection import Follower
from consentry.errors import (
    ConfigurationError,
    ConsentryError,
    LedgerUnavailableError,
    NotFoundError,
    TilesUnavailableError,
    VaultUnavailableError,
)
from consentry.gateway.access import AccessDesk
from consentry.gateway.background import Background, Deed, Tell
from consentry.gateway.bell import Bell
from consentry.gateway.context import Context, Limits
from consentry.gateway.erasures import ErasureDesk
from consentry.ledger.chain import ChainLedger
from consentry.ledger.claims import FolderLock
from consentry.ledger.connection import is_refusal
from consentry.ledger.engines import load_profile
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.vault.idempotency import IdempotencyStore
from consentry.vault.kms import Kms
from consentry.vault.nonces import NonceStore
from consentry.vault.objects import ObjectStore
from consentry.vault.outbox import RequestOutbox
from consentry.vault.schema import SCHEMA as VAULT_SCHEMA
from consentry.vault.store import RecordVault
from consentry.wiring.adapters import (
    address_of,
    database_url,
    object_store,
    open_key_service,
    open_ledger,
    open_projection,
)
from consentry.wiring.tile_stores import tile_store
from consentry.witness.gateway_log import LogPlan
from consentry.witness.publisher import LogPublisher

RESUME_TURNS: Final = 20
"""Every so many rounds, what was kept and not decided is taken up again."""
FORGET_TURNS: Final = 14_400
"""Every so many rounds (an hour), answers under old idempotency keys and cut-off uploads are dropped."""
LOG_TURNS: Final = 4
"""Every so many rounds (a second), the ledger log takes in new blocks and asks its witnesses."""
ANSWER_SECONDS: Final = 7 * DAY
"""How long the answer under an idempotency key is kept."""
MOST_LAG_BLOCKS: Final = 50
LEAST_FREE_BYTES: Final = 32 * 2**20
HASHING_THREADS: Final = 2
"""Threads that hash plaintext beside sealing, for all uploads together; each such upload seals on one more."""
LOCK_NAME: Final = "gateway.lock"
"""File in the state folder that the one gateway serving it holds locked."""


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
        log = await _open_log(settings, tell, stack)
        parts = settings, ledger, database, projection, keys_of_subjects, vault, persons, keys
        context = _context(*parts, background=background, log=log)
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


def log_plan(settings: Settings) -> LogPlan:
    """Says where the ledger log of a gateway lies, and who has to do with it."""
    return LogPlan(
        settings.log_folder,
        tile_store(settings.log_store, settings.log_folder / "tree", settings),
        settings.log_origin,
        settings.log_key,
        settings.log_witnesses,
        settings.log_root_file,
        settings.node_url,
        load_profile(settings.engine),
        Manifest.read(settings.manifest_path),
    )


async def _open_log(settings: Settings, tell: Tell, stack: AsyncExitStack) -> LogPublisher | None:
    """Opens the ledger log, if the settings name one; it has rounds of its own, so that no access waits for it."""
    if not settings.log_origin:
        return None
    plan, rounds = log_plan(settings), Background(tell)
    log = stack.enter_context(plan.opened())
    rounds.deeds += [
        Deed("keeping the ledger log", LOG_TURNS, lambda: log.follow(plan.source)),
        Deed("publishing the ledger log", LOG_TURNS, lambda: log.publish(plan.client)),
    ]
    stack.push_async_callback(_stop, rounds.start())
    return log


def is_away(error: ConsentryError) -> bool:
    """Whether nobody answered; a no, or a file that cannot be used, stays what it is however long one waits."""
    if isinstance(error, LedgerUnavailableError):
        return not is_refusal(error)
    if isinstance(error, TilesUnavailableError):
        return not error.details.get("refused")
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
    log: LogPublisher | None,
) -> Context:
    directory, nonces = Mirror(database, projection), NonceStore(database)
    custodian, bell = address_of(settings.custodian), Bell()
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
        log=log,
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
