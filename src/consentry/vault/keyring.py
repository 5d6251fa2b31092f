"""A `Kms` in a local folder, for one machine.

::

    keyring/             0700
      root.json          0600   Argon2id parameters and salt; root key versions, each wrapped under the passphrase key
      subjects/ab/ab...  0600   one file a subject: key versions wrapped under one root version, or a tombstone

Every wrapping is AES-SIV (RFC 5297, 512-bit keys): no nonce that could repeat, and the context is authenticated. One
file a subject keeps creating and destroying a key independent of how many there are. Every write is whole, synced, and
refused to others (`consentry.vault.durable`).

Limit: who copied the folder before `destroy` and learns the passphrase later still has the key; backups must expire.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from consentry.crypto.framing import length_prefixed
from consentry.errors import (
    ConflictError,
    KeyDestroyedError,
    NotFoundError,
    ObjectCorruptError,
    VaultUnavailableError,
)
from consentry.vault.durable import (
    check_secret,
    make_secret_folder,
    overwrite_secret,
    replace_secret,
    write_new_secret,
)
from consentry.vault.keyring_files import ROOT_KEY_SIZE, Cost, RootFile, SubjectFile, open_root, seal_root
from consentry.vault.kms import KeyDescription, KeyState, check_context, check_subject

_WRAP_LABEL = b"consentry/keyring-wrap/v1"
_SUBJECT_LABEL = b"consentry/keyring-subject-key/v1"
_VERSION_SIZE = 4
_CACHED_KEYS = 65_536


class LocalKeyring:
    """The local key service; build it with `create` or `open`, both of which take about 0.1 s for Argon2id."""

    def __init__(self, folder: Path, root: RootFile, root_keys: dict[int, bytes]) -> None:
        self._folder = folder
        self._root = root
        self._root_keys = root_keys
        self._cache: dict[bytes, tuple[tuple[int, int, int], dict[int, bytes], SubjectFile]] = {}

    @classmethod
    def create(cls, folder: Path, passphrase: str, cost: Cost | None = None) -> LocalKeyring:
        """Makes a new keyring in ``folder``.

        Raises:
            ConflictError: the folder holds a keyring.
            InvalidInputError: the passphrase is empty.
        """
        make_secret_folder(folder)
        check_secret(folder)
        keys = {1: secrets.token_bytes(ROOT_KEY_SIZE)}
        root = seal_root(keys, passphrase, cost or Cost())
        write_new_secret(folder / "root.json", root.to_bytes())
        make_secret_folder(folder / "subjects")
        return cls(folder, root, keys)

    @classmethod
    def open(cls, folder: Path, passphrase: str) -> LocalKeyring:
        """Opens the keyring in ``folder``.

        Raises:
            NotFoundError: the folder holds no keyring.
            ConfigurationError: the passphrase is wrong, or others can read the keyring.
        """
        path = folder / "root.json"
        if not path.exists():
            raise NotFoundError(f"keyring does not match (got nothing in {folder}, expected root.json)")
        check_secret(folder)
        check_secret(path)
        # A crash between the two writes of `create` leaves the root without the folder for subjects.
        make_secret_folder(folder / "subjects")
        check_secret(folder / "subjects")
        root = RootFile.from_bytes(path.read_bytes())
        return cls(folder, root, open_root(root, passphrase))

    async def create_subject_key(self, subject_ref: bytes) -> None:
        """See `Kms.create_subject_key`."""
        self._not_destroyed(subject_ref)
        keys = {1: secrets.token_bytes(ROOT_KEY_SIZE)}
        await self._disk(write_new_secret, subject_ref, self._seal_subject(subject_ref, keys))

    async def rotate_subject_key(self, subject_ref: bytes) -> int:
        """See `Kms.rotate_subject_key`."""
        keys, file = self._load(subject_ref)
        version = file.active + 1
        sealed = self._seal_subject(subject_ref, {**keys, version: secrets.token_bytes(ROOT_KEY_SIZE)})
        await self._disk(replace_secret, subject_ref, sealed)
        return version

    async def wrap(self, subject_ref: bytes, plaintext: bytes, context: bytes) -> bytes:
        """See `Kms.wrap`."""
        check_context(context)
        keys, file = self._load(subject_ref)
        version = file.active.to_bytes(_VERSION_SIZE, "big")
        return version + AESSIV(keys[file.active]).encrypt(plaintext, [_associated(subject_ref, version, context)])

    async def unwrap(self, subject_ref: bytes, wrapped: bytes, context: bytes) -> bytes:
        """See `Kms.unwrap`."""
        check_context(context)
        keys, _ = self._load(subject_ref)
        version, sealed = wrapped[:_VERSION_SIZE], wrapped[_VERSION_SIZE:]
        key = keys.get(int.from_bytes(version, "big"))
        if key is None:
            raise ObjectCorruptError("wrapped secret does not match the versions of its subject key")
        try:
            return AESSIV(key).decrypt(sealed, [_associated(subject_ref, version, context)])
        except (InvalidTag, ValueError):
            raise ObjectCorruptError("wrapped secret does not match its subject key and context") from None

    async def rewrap(self, subject_ref: bytes, wrapped: bytes, context: bytes, new_context: bytes) -> bytes:
        """See `Kms.rewrap`."""
        return await self.wrap(subject_ref, await self.unwrap(subject_ref, wrapped, context), new_context)

    async def replace_subject_key(self, subject_ref: bytes) -> int:
        """See `Kms.replace_subject_key`."""
        _, file = self._load(subject_ref)
        version = file.active + 1
        sealed = self._seal_subject(subject_ref, {version: secrets.token_bytes(ROOT_KEY_SIZE)})
        self._cache.pop(subject_ref, None)
        await self._disk(overwrite_secret, subject_ref, sealed)
        return version

    async def destroy(self, subject_ref: bytes) -> None:
        """See `Kms.destroy`."""
        try:
            self._load(subject_ref)
        except KeyDestroyedError:
            return
        self._cache.pop(subject_ref, None)
        await self._disk(overwrite_secret, subject_ref, SubjectFile.tombstone())

    async def describe(self, subject_ref: bytes) -> KeyDescription:
        """See `Kms.describe`."""
        try:
            keys, file = self._load(subject_ref)
        except KeyDestroyedError:
            return KeyDescription(KeyState.DESTROYED, 0, ())
        return KeyDescription(KeyState.LIVE, file.active, tuple(sorted(keys)))

    async def rotate_root(self, passphrase: str) -> int:
        """Adds a root key version and rewraps every subject key under it.

        For an operator's own program, while no gateway runs: one that does knows only the roots it opened. A crash in
        between is harmless: every file names its root version, and old versions stay readable.

        Returns:
            The new root version.

        Raises:
            ConfigurationError: the passphrase is wrong.
        """
        await asyncio.to_thread(open_root, self._root, passphrase)
        version = self._root.active + 1
        keys = {**self._root_keys, version: secrets.token_bytes(ROOT_KEY_SIZE)}
        await self._store_root(keys, passphrase)
        for path in sorted((self._folder / "subjects").glob("*/*")):
            if not path.name.startswith("."):
                await self._rewrap_subject(bytes.fromhex(path.name))
        return version

    async def change_passphrase(self, old: str, new: str) -> None:
        """Wraps the root keys under a new passphrase and salt; for an operator's own program.

        Raises:
            ConfigurationError: the old passphrase is wrong.
            InvalidInputError: the new passphrase is empty.
        """
        await asyncio.to_thread(open_root, self._root, old)
        await self._store_root(self._root_keys, new)

    async def _store_root(self, keys: dict[int, bytes], passphrase: str) -> None:
        root = await asyncio.to_thread(seal_root, keys, passphrase, self._root.cost)
        await asyncio.to_thread(replace_secret, self._folder / "root.json", root.to_bytes())
        self._root, self._root_keys = root, keys

    async def _rewrap_subject(self, subject_ref: bytes) -> None:
        try:
            keys, _ = self._load(subject_ref)
        except KeyDestroyedError:
            return
        await self._disk(replace_secret, subject_ref, self._seal_subject(subject_ref, keys))

    def _path(self, subject_ref: bytes) -> Path:
        return Path(self._name(subject_ref))

    def _name(self, subject_ref: bytes) -> str:
        check_subject(subject_ref)
        name = subject_ref.hex()
        return f"{self._folder}{os.sep}subjects{os.sep}{name[:2]}{os.sep}{name}"

    def _not_destroyed(self, subject_ref: bytes) -> None:
        try:
            self._load(subject_ref)
        except NotFoundError:
            return
        raise ConflictError(f"key of subject {subject_ref.hex()} does not match (got present, expected absent)")

    def _load(self, subject_ref: bytes) -> tuple[dict[int, bytes], SubjectFile]:
        """Reads a subject's keys; cached for as long as the file is the same one, so a tombstone works at once."""
        name = self._name(subject_ref)
        try:
            status = os.stat(name)  # noqa: PTH116 - once an access: an object for the path costs several times the look
            identity = (status.st_ino, status.st_mtime_ns, status.st_size)
            cached = self._cache.get(subject_ref)
            if cached is not None and cached[0] == identity:
                return cached[1], cached[2]
            path = Path(name)
            check_secret(path)
            file = SubjectFile.from_bytes(path.read_bytes())
        except FileNotFoundError:
            raise NotFoundError(f"key of subject {subject_ref.hex()} does not match (got none, expected one)") from None
        except OSError as error:
            raise VaultUnavailableError(f"keyring cannot be read ({error.strerror})") from error
        if file.destroyed:
            raise KeyDestroyedError(f"key of subject {subject_ref.hex()} was destroyed")
        keys = self._open_subject(subject_ref, file)
        if len(self._cache) >= _CACHED_KEYS:
            self._cache.clear()
        self._cache[subject_ref] = (identity, keys, file)
        return keys, file

    def _open_subject(self, subject_ref: bytes, file: SubjectFile) -> dict[int, bytes]:
        root_key = self._root_keys.get(file.root_version)
        if root_key is None:
            raise ObjectCorruptError(
                f"key file of subject {subject_ref.hex()} does not match the versions of the root key"
            )
        try:
            return {
                version: AESSIV(root_key).decrypt(sealed, [_subject_associated(subject_ref, version)])
                for version, sealed in file.versions.items()
            }
        except InvalidTag:
            raise ObjectCorruptError(f"key file of subject {subject_ref.hex()} does not match this keyring") from None

    def _seal_subject(self, subject_ref: bytes, keys: dict[int, bytes]) -> SubjectFile:
        root_version = self._root.active
        siv = AESSIV(self._root_keys[root_version])
        sealed = {
            version: siv.encrypt(key, [_subject_associated(subject_ref, version)]) for version, key in keys.items()
        }
        return SubjectFile(destroyed=False, root_version=root_version, versions=sealed)

    async def _disk(self, write: _Write, subject_ref: bytes, file: SubjectFile) -> None:
        path = self._path(subject_ref)

        def run() -> None:
            make_secret_folder(path.parent)
            write(path, file.to_bytes())

        try:
            await asyncio.to_thread(run)
        except OSError as error:
            raise VaultUnavailableError(f"keyring cannot be written ({error.strerror})") from error

    _Write = Callable[[Path, bytes], None]


def _associated(subject_ref: bytes, version: bytes, context: bytes) -> bytes:
    return length_prefixed(_WRAP_LABEL, subject_ref, version, context)


def _subject_associated(subject_ref: bytes, version: int) -> bytes:
    return length_prefixed(_SUBJECT_LABEL, subject_ref, version.to_bytes(_VERSION_SIZE, "big"))
