"""Where the tree of a ledger log is kept: in a folder, or in a bucket of S3.

The bucket stands here, between the rooms it joins: `witness`, whose store it is, may not know the vault, through which
S3 is spoken, and the vault lies below both.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from consentry.config import Settings
from consentry.errors import ConfigurationError, ConflictError, TilesUnavailableError, VaultUnavailableError
from consentry.vault.buckets import BucketContents
from consentry.wiring.adapters import s3_access
from consentry.witness.remembered import RememberedTiles
from consentry.witness.tiles import HEAD_NAME, TileFolder, TileStore, check_same

REMEMBERED_TILES: Final = 512
"""Full tiles of a bucket that are kept in memory, 8 KiB each: every proof begins with the same few."""


def tile_store(url: str, folder: Path, settings: Settings) -> TileStore:
    """Gives where a tree is kept.

    Args:
        url: ``s3://BUCKET/PREFIX``; empty for the folder.
        folder: where it is kept otherwise, made if it is missing; beside it lies the file that remembers which head was
            put into the bucket. A folder needs none: whoever can change it can change that file too.
        settings: which say how buckets are reached.

    Raises:
        ConfigurationError: the URL, the folder, or what the settings say of buckets cannot be used.
    """
    if not url:
        return TileFolder(folder)
    if not url.startswith("s3://"):
        raise ConfigurationError(f"store of the tiles does not match (got {url!r:.80}, expected s3://BUCKET/PREFIX)")
    bucket = TileBucket(url, BucketContents(url, s3_access(settings)))
    return RememberedTiles(bucket, folder.with_name(folder.name + "-head"))


class TileBucket:
    """A bucket of S3, or what stands in it below a prefix, as the store of one tree (`TileStore`).

    A head replaces only the one that was read or put here last, and a full tile none at all, so of two processes that
    write one tree by mistake the second is told, and the tree stays one that fits together.
    """

    def __init__(self, url: str, contents: BucketContents) -> None:
        """Takes the bucket; ``url`` is how it is named in messages."""
        self._url = url
        self._contents = contents
        self._mark: str | None = None
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return self._url

    def head(self) -> bytes | None:
        """Gives the head; see `TileStore`."""
        with self._answering():
            found = self._contents.read(HEAD_NAME)
        content, self._mark = found or (None, None)
        return content

    def put_head(self, content: bytes) -> None:
        """Puts a head; see `TileStore`."""
        with self._answering():
            try:
                self._mark = self._contents.swap(HEAD_NAME, content, self._mark)
            except ConflictError:
                # A put whose answer was lost is tried again by the library, and then meets itself.
                if self.head() != content:
                    raise ConfigurationError(f"tree in {self._url} is written by another process too") from None

    def drop_head(self) -> None:
        """Removes the head; see `TileStore`."""
        with self._answering():
            self._contents.remove(HEAD_NAME)
        self._mark = None

    def tile(self, path: str) -> bytes | None:
        """Gives a full tile, from memory if it was read or put here; see `TileStore`."""
        with self._lock:
            if path in self._known:
                self._known.move_to_end(path)
                return self._known[path]
        with self._answering():
            found = self._contents.read(path)
        if found is None:
            return None
        self._remember(path, found[0])
        return found[0]

    def put_tile(self, path: str, content: bytes, *, replace: bool = False) -> None:
        """Puts a full tile; see `TileStore`."""
        with self._lock:
            # First of all: whether it is there is not known once the answer is lost.
            self._known.pop(path, None)
        with self._answering():
            if replace:
                self._contents.write(path, content)
            else:
                self._create(path, content)
        self._remember(path, content)

    def _create(self, path: str, content: bytes) -> None:
        try:
            self._contents.swap(path, content, None)
        except ConflictError:
            found = self._contents.read(path)
            if found is None:
                raise ConfigurationError(f"{path} of the tree in {self._url} was removed while it was put") from None
            check_same(path, found[0], content, self._url)

    def _remember(self, path: str, content: bytes) -> None:
        with self._lock:
            self._known[path] = content
            if len(self._known) > REMEMBERED_TILES:
                self._known.popitem(last=False)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except VaultUnavailableError as error:
            raise TilesUnavailableError(
                f"tiles in {self._url} cannot be had: {error.message}", **error.details
            ) from error
