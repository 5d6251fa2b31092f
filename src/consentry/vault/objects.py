"""Stored objects: written once, whole or not at all, read in ranges.

An upload goes to ``incoming/`` under a random name and is moved to its own name only when complete, and only if that
name is free, so a reader never sees a half-written object and nothing is overwritten.

On a local folder `obstore` writes through the page cache and never syncs; a power loss after the move would leave an
empty or missing object that the database already names. So this module syncs the file before the move and the folders
after it.

On S3 the move is a multipart copy that is completed only where nothing has the name; the server must know conditional
completion (``If-None-Match``), as S3 itself does, and one such copy holds 5 GiB at most.

This module and `vault.buckets` are the only ones that know `obstore`.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore
from obstore.store import ObjectStore as Backend

from consentry.core.codes import DAY
from consentry.errors import (
    ConfigurationError,
    ObjectMissingError,
    ObjectTornError,
    VaultUnavailableError,
)
from consentry.vault.buckets import S3Access, open_bucket, translated
from consentry.vault.durable import sync_file, sync_folder

INCOMING = "incoming"
CUT_OFF_SECONDS = DAY
"""An upload to which nothing was written for a day is no longer under way."""
PIECE_SIZE = 1024 * 1024
"""Bytes a read hands out at once: large enough to make each call cheap, small enough to stay responsive."""
_PART_SIZE = 8 * 1024 * 1024
"""Bytes an upload part holds; S3 allows 10,000 parts, hence objects up to 80 GB."""
_PARTS_IN_FLIGHT = 2


class ObjectStore:
    """Put-if-absent, ranged reads, delete; build it with `open_object_store`.

    Every method raises `VaultUnavailableError` where the store does not answer or the disk is full.
    """

    def __init__(self, backend: Backend, folder: Path | None = None) -> None:
        self._backend = backend
        self._folder = folder

    async def put(self, name: str, pieces: AsyncIterable[bytes]) -> None:
        """Stores an object; durable when this returns.

        Errors raised by ``pieces`` pass through; nothing is stored then. Memory stays bounded whatever the size.

        Raises:
            ConflictError: the name is taken; the object there is untouched.
        """
        incoming = f"{INCOMING}/{secrets.token_hex(16)}"
        source = _Source(pieces)
        try:
            with translated(name):
                await self._upload(incoming, source)
                await self._sync(incoming, file=True)
                await obstore.rename_async(self._backend, incoming, name, overwrite=False)
                await self._sync(name, file=False)
        except BaseException as error:
            await self._discard(incoming)
            if source.error is not None:
                raise source.error from None
            if isinstance(error, ObjectMissingError):
                raise VaultUnavailableError(f"object store cannot serve {name} (what it was to take is gone)") from None
            raise

    async def size(self, name: str) -> int:
        """Size of an object in bytes.

        Raises:
            ObjectMissingError: there is none.
        """
        with translated(name):
            return (await obstore.head_async(self._backend, name))["size"]

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Reads exactly ``length`` bytes from ``offset``.

        Raises:
            ObjectMissingError: there is no such object.
            ObjectTornError: it ends before.
        """
        if length == 0:
            return b""
        await self._check_reaches(name, offset + length)
        return await self._range(name, offset, length)

    async def _check_reaches(self, name: str, end: int) -> None:
        size = await self.size(name)
        if end > size:
            raise ObjectTornError(f"size of object {name} does not match (got {size}, expected {end} or more)")

    async def _range(self, name: str, offset: int, length: int) -> bytes:
        with translated(name):
            data = bytes(await obstore.get_range_async(self._backend, name, start=offset, length=length))
        if len(data) != length:
            raise ObjectTornError(f"bytes of object {name} do not match (got {len(data)}, expected {length})")
        return data

    async def stream(self, name: str, offset: int, length: int) -> AsyncIterator[bytes]:
        """Reads ``length`` bytes from ``offset`` in pieces of 1 MiB; raises as `read` does, mostly before the first.

        The size is asked for once: an object is never written to again.
        """
        end = offset + length
        if length:
            await self._check_reaches(name, end)
        for start in range(offset, end, PIECE_SIZE):
            yield await self._range(name, start, min(PIECE_SIZE, end - start))

    async def delete(self, name: str) -> None:
        """Removes an object; removing what is not there changes nothing."""
        try:
            with translated(name):
                await obstore.delete_async(self._backend, name)
                await self._sync(name, file=False)
        except ObjectMissingError:
            return

    async def names(self) -> AsyncIterator[str]:
        """Names of all stored objects, without uploads that are under way or were cut off."""
        with translated("*"):
            async for batch in obstore.list(self._backend):
                for meta in batch:
                    if not meta["path"].startswith(f"{INCOMING}/"):
                        yield meta["path"]

    async def sweep_incoming(self, unwritten_seconds: float = CUT_OFF_SECONDS) -> int:
        """Removes uploads that a crash cut off: those nothing was written to for so long. One under way stays.

        An S3 bucket keeps the parts of an upload that never became an object; its own lifecycle rule must end those.

        Returns:
            How many were removed.
        """
        before = time.time() - unwritten_seconds
        with translated(INCOMING):
            if self._folder is not None:
                # The library lists no file it is still writing; after a crash such a file is all there is.
                return await asyncio.to_thread(_sweep_folder, self._folder / INCOMING, before)
            removed = 0
            async for batch in obstore.list(self._backend, prefix=INCOMING):
                for meta in batch:
                    if meta["last_modified"].timestamp() < before:
                        await obstore.delete_async(self._backend, meta["path"])
                        removed += 1
        return removed

    async def _upload(self, name: str, source: _Source) -> None:
        await obstore.put_async(
            self._backend,
            name,
            source.pieces(),
            use_multipart=True,
            chunk_size=_PART_SIZE,
            max_concurrency=_PARTS_IN_FLIGHT,
        )

    async def _sync(self, name: str, *, file: bool) -> None:
        if self._folder is None:
            return
        path = self._folder / name
        await asyncio.to_thread(sync_file if file else self._sync_parents, path)

    def _sync_parents(self, path: Path) -> None:
        for parent in path.parents:
            if parent.exists():
                sync_folder(parent)
            if parent == self._folder:
                return

    async def _discard(self, name: str) -> None:
        try:
            await obstore.delete_async(self._backend, name)
        except (BaseError, OSError):
            # The first error is the one to tell; `sweep_incoming` clears what stays.
            return


def _sweep_folder(folder: Path, before: float) -> int:
    removed = 0
    for path in folder.iterdir():
        # An upload that ends just now moves its file away.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
                removed += 1
    return removed


def open_object_store(url: str, access: S3Access | None = None) -> ObjectStore:
    """Opens a store.

    Args:
        url: ``file:///path`` for a local folder (created if absent), ``memory://``, or ``s3://bucket/prefix``.
        access: endpoint and credentials of an S3 bucket; what it leaves out the environment says (``AWS_…``).

    Raises:
        ConfigurationError: the URL cannot be used.
    """
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return ObjectStore(MemoryStore())
    if parts.scheme == "file" and not parts.netloc:
        folder = Path(parts.path)
        _make_folder(folder)
        return ObjectStore(LocalStore(folder), folder)
    if parts.scheme == "s3" and parts.netloc:
        return ObjectStore(open_bucket(url, access or S3Access()))
    raise ConfigurationError(f"object store URL does not match (got {parts.scheme}:, expected file:, memory: or s3:)")


def _make_folder(folder: Path) -> None:
    """Makes the folder of a store; a loss of power must not take it away with all that is acknowledged in it."""
    missing = [path for path in folder.parents if not path.exists()]
    (folder / INCOMING).mkdir(parents=True, exist_ok=True)
    # Always that of the store itself: an earlier process may have made it and ended before this.
    for path in (folder, *missing):
        # A folder that the gateway may enter and not list cannot be synced by it. The store may then be gone after a
        # loss of power if it was made just before; one that its operator made earlier is on the disk by then.
        with suppress(PermissionError):
            sync_folder(path.parent)


class _Source:
    """Remembers the error of an upload's source, which is the caller's and must not be taken for the store's."""

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        self._pieces = pieces
        self.error: BaseException | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._pieces:
                yield piece
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            raise
