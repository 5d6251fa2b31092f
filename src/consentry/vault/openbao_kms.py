"""A `Kms` in the transit engine of OpenBao, whose interface Vault's is too: keys never leave the server.

A subject has one AES-256-GCM key ``subject-<reference>`` with the server's own versions; the context is its associated
data. The server would make a key anew under the name of a deleted one, so a destroyed subject leaves a key of another
name, ``destroyed-<reference>``, which is made first, is never used, and which nobody may delete.

An engine that makes keys while it encrypts (``disable_upsert`` is not set) is refused: after a destruction it would
make the subject a fresh key.

Limit: one process changes the keys of a subject. Whoever restores a snapshot of the server has its keys of that time.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from consentry.crypto.framing import length_prefixed
from consentry.errors import (
    ConfigurationError,
    ConflictError,
    KeyDestroyedError,
    NotFoundError,
    ObjectCorruptError,
    VaultUnavailableError,
)
from consentry.vault.kms import KeyDescription, KeyState, check_context, check_subject

_WRAP_LABEL: Final = b"consentry/openbao-wrap/v1"
_VERSION_SIZE: Final = 4
_TIMEOUT_SECONDS: Final = 10.0
_NO_VERSION: Final = 2**32 - 1
_KEY_TYPE: Final = "aes256-gcm96"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_FORBIDDEN: Final = "forbidden"
"""Detail of an error: the server does not take the token, or not for this."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the engine is: the server's address, the mount, its authority's certificate, and where a token comes from.

    The token is read anew when the server refuses it, so that an agent may renew it in its file.
    """

    address: str
    mount: str
    token: Callable[[], str]
    authority: Path | None = None


class _MissingError(Exception):
    """The server has nothing of that name."""


class _RefusedError(Exception):
    """The server does not do it: the key is missing, or the bytes do not fit."""


class OpenBaoKms:
    """The key service at a server; build it with `open` and give it back with `close`."""

    def __init__(self, server: Server, client: httpx.AsyncClient) -> None:
        self._server = server
        self._client = client
        self._token = server.token()
        self._changing = asyncio.Lock()

    @classmethod
    async def open(cls, server: Server) -> OpenBaoKms:
        """Connects and looks whether the engine is fit.

        Raises:
            ConfigurationError: there is no such engine, it makes keys while it encrypts, or the way there is open.
            VaultUnavailableError: the server does not answer, is sealed or does not take the token.
        """
        parts = urlsplit(server.address)
        if parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _LOOPBACK):
            raise ConfigurationError("address of the key service does not match (expected https, or this machine)")
        made = cls(server, httpx.AsyncClient(verify=_trust(server), timeout=_TIMEOUT_SECONDS, trust_env=False))
        try:
            settings = await made._call("GET", "config/keys")
        except (_MissingError, _RefusedError):
            await made.close()
            raise ConfigurationError(f"key service has no transit engine at {server.mount}") from None
        except BaseException:
            await made.close()
            raise
        if settings.get("disable_upsert") is not True:
            await made.close()
            raise ConfigurationError(f"{server.mount}/config/keys does not match (expected disable_upsert to be true)")
        return made

    async def close(self) -> None:
        """Gives back all connections."""
        await self._client.aclose()

    async def create_subject_key(self, subject_ref: bytes) -> None:
        """See `Kms.create_subject_key`."""
        async with self._changing:
            try:
                await self._key(subject_ref)
            except NotFoundError:
                await self._done(f"keys/{_live(subject_ref)}", type=_KEY_TYPE)
                return
        raise ConflictError(f"key of subject {subject_ref.hex()} does not match (got present, expected absent)")

    async def rotate_subject_key(self, subject_ref: bytes) -> int:
        """See `Kms.rotate_subject_key`."""
        async with self._changing:
            return await self._rotate(subject_ref)

    async def wrap(self, subject_ref: bytes, plaintext: bytes, context: bytes) -> bytes:
        """See `Kms.wrap`."""
        check_context(context)
        sent = {"plaintext": _text(plaintext), "associated_data": _text(_bound(subject_ref, context))}
        try:
            answer = await self._call("POST", f"encrypt/{_live(subject_ref)}", sent)
        except (_MissingError, _RefusedError, VaultUnavailableError) as error:
            if isinstance(error, VaultUnavailableError) and not error.details.get(_FORBIDDEN):
                raise
            # To the server, encrypting under a key that is missing is to create one, which its policy may forbid.
            await self._key(subject_ref)
            raise VaultUnavailableError("key service does not wrap") from error
        _, version, sealed = str(answer["ciphertext"]).split(":")
        return int(version[1:]).to_bytes(_VERSION_SIZE, "big") + base64.b64decode(sealed, validate=True)

    async def unwrap(self, subject_ref: bytes, wrapped: bytes, context: bytes) -> bytes:
        """See `Kms.unwrap`."""
        check_context(context)
        # The server takes version 0 for 1; `wrap` never writes it.
        version = int.from_bytes(wrapped[:_VERSION_SIZE], "big") or _NO_VERSION
        sealed = f"vault:v{version}:{_text(wrapped[_VERSION_SIZE:])}"
        sent = {"ciphertext": sealed, "associated_data": _text(_bound(subject_ref, context))}
        try:
            answer = await self._call("POST", f"decrypt/{_live(subject_ref)}", sent)
        except (_MissingError, _RefusedError):
            # Why is only told in words: whether there is a key says what it was.
            await self._key(subject_ref)
            raise ObjectCorruptError("wrapped secret does not match its subject key and context") from None
        return base64.b64decode(answer["plaintext"], validate=True)

    async def rewrap(self, subject_ref: bytes, wrapped: bytes, context: bytes, new_context: bytes) -> bytes:
        """See `Kms.rewrap`. The secret passes through this process: the server cannot bind it to another context."""
        return await self.wrap(subject_ref, await self.unwrap(subject_ref, wrapped, context), new_context)

    async def replace_subject_key(self, subject_ref: bytes) -> int:
        """See `Kms.replace_subject_key`."""
        async with self._changing:
            version = await self._rotate(subject_ref)
            name = _live(subject_ref)
            await self._done(f"keys/{name}/config", min_decryption_version=version, min_encryption_version=version)
            await self._done(f"keys/{name}/trim", min_available_version=version)
            return version

    async def destroy(self, subject_ref: bytes) -> None:
        """See `Kms.destroy`."""
        name = _live(subject_ref)
        async with self._changing:
            if not await self._is_destroyed(subject_ref):
                await self._key(subject_ref)
                await self._done(f"keys/{_tombstone(subject_ref)}", type=_KEY_TYPE)
            try:
                await self._call("GET", f"keys/{name}")
            except _MissingError:
                return
            await self._done(f"keys/{name}/config", deletion_allowed=True)
            await self._call("DELETE", f"keys/{name}")

    async def describe(self, subject_ref: bytes) -> KeyDescription:
        """See `Kms.describe`."""
        try:
            key = await self._key(subject_ref)
        except KeyDestroyedError:
            return KeyDescription(KeyState.DESTROYED, 0, ())
        least, latest = int(key["min_decryption_version"]), int(key["latest_version"])
        return KeyDescription(KeyState.LIVE, latest, tuple(range(max(least, 1), latest + 1)))

    async def _rotate(self, subject_ref: bytes) -> int:
        await self._key(subject_ref)
        await self._done(f"keys/{_live(subject_ref)}/rotate")
        return int((await self._key(subject_ref))["latest_version"])

    async def _key(self, subject_ref: bytes) -> dict[str, Any]:
        """Gives what the server tells of a subject's key."""
        if await self._is_destroyed(subject_ref):
            raise KeyDestroyedError(f"key of subject {subject_ref.hex()} was destroyed")
        try:
            return await self._call("GET", f"keys/{_live(subject_ref)}")
        except _MissingError:
            raise NotFoundError(f"key of subject {subject_ref.hex()} does not match (got none, expected one)") from None

    async def _is_destroyed(self, subject_ref: bytes) -> bool:
        try:
            await self._call("GET", f"keys/{_tombstone(subject_ref)}")
        except _MissingError:
            return False
        return True

    async def _done(self, path: str, **values: object) -> None:
        """Has the server do what it has no reason to refuse."""
        try:
            await self._call("POST", path, values)
        except (_MissingError, _RefusedError) as error:
            raise VaultUnavailableError("key service does not change a key") from error

    async def _call(self, method: str, path: str, sent: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self._ask(method, path, sent)
        if answer.status_code == httpx.codes.FORBIDDEN:
            self._token = self._server.token()
            answer = await self._ask(method, path, sent)
        if answer.status_code == httpx.codes.FORBIDDEN:
            raise VaultUnavailableError("key service cannot serve (answers 403)", **{_FORBIDDEN: True})
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise _MissingError
        if answer.status_code == httpx.codes.BAD_REQUEST:
            raise _RefusedError
        if not answer.is_success:
            raise VaultUnavailableError(f"key service cannot serve (answers {answer.status_code})")
        try:
            data = answer.json()["data"] if answer.content else {}
        except (ValueError, LookupError, TypeError) as error:
            raise VaultUnavailableError("key service gives no answer that can be read") from error
        return data if isinstance(data, dict) else {}

    async def _ask(self, method: str, path: str, sent: dict[str, Any] | None) -> httpx.Response:
        url = f"{self._server.address.rstrip('/')}/v1/{self._server.mount}/{path}"
        try:
            return await self._client.request(method, url, json=sent, headers={"X-Vault-Token": self._token})
        except httpx.HTTPError as error:
            raise VaultUnavailableError(f"key service does not answer ({type(error).__name__})") from error


def _trust(server: Server) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=server.authority)
    except OSError:
        raise ConfigurationError("certificate of the key service's authority cannot be read") from None


def _live(subject_ref: bytes) -> str:
    check_subject(subject_ref)
    return f"subject-{subject_ref.hex()}"


def _tombstone(subject_ref: bytes) -> str:
    check_subject(subject_ref)
    return f"destroyed-{subject_ref.hex()}"


def _bound(subject_ref: bytes, context: bytes) -> bytes:
    return length_prefixed(_WRAP_LABEL, subject_ref, context)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
