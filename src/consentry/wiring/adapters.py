"""Opens adapters as the settings say: node, ledger, tables, objects, key service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from consentry.config import Settings
from consentry.core.terms import Address
from consentry.database.engine import Database
from consentry.directory.projection import Follower
from consentry.directory.schema import SCHEMA as DIRECTORY_SCHEMA
from consentry.errors import (
    ConfigurationError,
    NotFoundError,
)
from consentry.ledger.chain import ChainLedger
from consentry.ledger.connection import Connection
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.keyfiles import load_or_create_key, read_private
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader
from consentry.vault.buckets import S3Access
from consentry.vault.keyring import LocalKeyring
from consentry.vault.kms import Kms
from consentry.vault.objects import ObjectStore, open_object_store
from consentry.vault.openbao_kms import OpenBaoKms, Server
from consentry.vault.pkcs11_kms import Pkcs11Kms, Token

_KEY_AND_SECRET: Final = 2


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
    return open_object_store(settings.objects, s3_access(settings))


def s3_access(settings: Settings) -> S3Access:
    """Gives how S3 buckets are reached.

    Raises:
        ConfigurationError: the file with the keys cannot be used.
    """
    key_id, secret = "", ""
    if settings.object_store_keys_file is not None:
        lines = read_private(settings.object_store_keys_file, "file of the object store's keys").split()
        if len(lines) != _KEY_AND_SECRET:
            raise ConfigurationError("file of the object store's keys does not match (expected key id and secret)")
        key_id, secret = lines
    return S3Access(settings.object_store_endpoint, settings.object_store_region, key_id, secret)


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


def address_of(text: str) -> Address:
    """Gives an address of the settings, which were checked: 0x and 40 digits."""
    return Address(bytes.fromhex(text[2:]))
