"""Where adapters meet use cases: builds one gateway from its settings. Nothing else reads configuration.

The gateway holds two secrets: the key of its relay account, which can only pass on what others signed, and the
passphrase of its vault. It has no key that could sign for a subject or an institution.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consentry.config import Settings
from consentry.core.terms import Address
from consentry.crypto.signing import Verifiers
from consentry.database.engine import Database
from consentry.directory.projection import Projection
from consentry.directory.schema import SCHEMA as DIRECTORY_SCHEMA
from consentry.directory.views import Directory
from consentry.errors import ConfigurationError, ConsentryError, LedgerUnavailableError, VaultUnavailableError
from consentry.gateway.context import Context, Limits
from consentry.ledger.accounts import load_or_create_key
from consentry.ledger.chain import ChainLedger
from consentry.ledger.connection import Connection
from consentry.ledger.deployment import Manifest
from consentry.ledger.engines import load_profile
from consentry.vault.idempotency import Answer, IdempotencyKeys
from consentry.vault.keyring import LocalKeyring
from consentry.vault.objects import open_object_store
from consentry.vault.outbox import RequestOutbox
from consentry.vault.schema import SCHEMA as VAULT_SCHEMA
from consentry.vault.store import RecordVault

FOLLOW_SECONDS: Final = 0.25
MOST_LAG_BLOCKS: Final = 50


@dataclass(frozen=True, slots=True)
class Answers:
    """Fits the vault's idempotency keys to what the API asks for."""

    keys: IdempotencyKeys

    async def begin(self, caller: str, key: str, request_sha256: bytes) -> Answer | None:
        """Claims a key."""
        return await self.keys.begin(caller, key, request_sha256)

    async def keep(self, caller: str, key: str, status: int, body: bytes) -> None:
        """Keeps an answer."""
        await self.keys.finish(caller, key, Answer(status, body))

    async def abandon(self, caller: str, key: str) -> None:
        """Gives a key back."""
        await self.keys.abandon(caller, key)


def connect(settings: Settings) -> Connection:
    """Gives a connection to the configured node."""
    return Connection.over_http(settings.node_url, load_profile(settings.engine))


async def open_ledger(settings: Settings) -> ChainLedger:
    """Gives the ledger, verified against the deployment manifest."""
    manifest = Manifest.read(settings.manifest_path)
    return await ChainLedger.connect(connect(settings), manifest, load_or_create_key(settings.relay_key))


@asynccontextmanager
async def open_projection(settings: Settings, ledger: ChainLedger) -> AsyncIterator[tuple[Database, Projection]]:
    """Gives the projection's database, brought to this version's form, and the projection itself."""
    await DIRECTORY_SCHEMA.upgrade(settings.database)
    database = Database(settings.database)
    try:
        yield database, Projection(database, ledger, (await ledger.identity()).deployed_in)
    finally:
        await database.close()


def _passphrase(path: Path) -> str:
    try:
        text = path.read_text().strip()
    except OSError:
        raise ConfigurationError(f"passphrase file {path.name} is missing: run 'consentry deploy' first") from None
    if not text:
        raise ConfigurationError(f"passphrase file {path.name} is empty")
    return text


def create_passphrase(settings: Settings) -> None:
    """Draws a passphrase for a vault that has none yet; it stands in a file of mode 0600."""
    load_or_create_key(settings.passphrase)


def open_keyring(settings: Settings) -> LocalKeyring:
    """Gives the local keyring; makes it at first use."""
    folder, passphrase = settings.state_dir / "keyring", _passphrase(settings.passphrase)
    if folder.exists():
        return LocalKeyring.open(folder, passphrase)
    return LocalKeyring.create(folder, passphrase)


@asynccontextmanager
async def open_gateway(settings: Settings) -> AsyncIterator[Context]:
    """Builds one gateway, settles what a crash left behind, follows the chain, and takes it all down at the end.

    Raises:
        ConsentryError: a part cannot be used; nothing is served then.
    """
    if not settings.custodian:
        raise ConfigurationError("settings cannot be used: custodian is not set")
    async with AsyncExitStack() as stack:
        keyring = await asyncio.to_thread(open_keyring, settings)
        ledger = await open_ledger(settings)
        stack.push_async_callback(ledger.close)
        database, projection = await stack.enter_async_context(open_projection(settings, ledger))
        await VAULT_SCHEMA.upgrade(settings.database)
        await projection.catch_up()
        context = _context(settings, ledger, database, projection, keyring)
        await context.desk.resume()
        follower = asyncio.create_task(projection.follow(FOLLOW_SECONDS))
        stack.push_async_callback(_stop, follower)
        yield context


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, ConsentryError):
        await task


def _context(
    settings: Settings, ledger: ChainLedger, database: Database, projection: Projection, keyring: LocalKeyring
) -> Context:
    directory = Directory(database, projection)
    vault = RecordVault(database, open_object_store(settings.objects), keyring)

    async def check_ready() -> None:
        await ledger.identity()
        head, position = await ledger.head(), await projection.position()
        if position is None or head.number - position.number > MOST_LAG_BLOCKS:
            raise LedgerUnavailableError("projection lags behind the chain")
        if not settings.state_dir.is_dir():
            raise VaultUnavailableError("state folder is gone")

    manifest = Manifest.read(settings.manifest_path)
    return Context(
        custodian=Address(bytes.fromhex(settings.custodian[2:])),
        origin=settings.origin,
        authority=f"{settings.host}:{settings.port}",
        ledger=ledger,
        projection=directory,
        vault=vault,
        outbox=RequestOutbox(database),
        answers=Answers(IdempotencyKeys(database)),
        create_subject_key=vault.create_subject,
        verifiers=Verifiers(
            p256=manifest.address("ERC7913P256Verifier"), webauthn=manifest.address("ERC7913WebAuthnVerifier")
        ),
        limits=Limits(settings.max_body_bytes, settings.max_upload_bytes),
        session_seconds=settings.session_seconds,
        check_ready=check_ready,
    )
