"""Files that are whole or absent, after any crash.

A rename is durable only once the folder that holds the name was synced as well, so every function here ends with that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consentry.errors import ConfigurationError

FOLDER_MODE = 0o700
FILE_MODE = 0o600


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns a refusal of the operating system (full disk, read-only, no right) into one clear line.

    Args:
        what: what was attempted, as the start of the message.

    Raises:
        ConfigurationError: naming the path and the reason the system gave.
    """
    try:
        yield
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise ConfigurationError(f"{what} does not work:{where} {os.strerror(error.errno or 0).lower()}") from error


def sync_folder(folder: Path) -> None:
    """Makes the names inside a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def private_folder(folder: Path) -> Path:
    """Makes a folder (and what leads to it) that only its owner may enter, and returns it.

    Raises:
        ConfigurationError: it exists and belongs to, or is open to, somebody else.
    """
    if not folder.exists():
        if not folder.parent.exists():
            private_folder(folder.parent)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        folder.chmod(FOLDER_MODE)
        sync_folder(folder.parent)
    facts = folder.stat()
    if facts.st_uid != os.getuid():
        raise ConfigurationError(f"owner of {folder} does not match (got uid {facts.st_uid}, expected {os.getuid()})")
    if facts.st_mode & 0o077:
        said = "expected 0700: run chmod 700 on it, or name a folder that is not there yet"
        raise ConfigurationError(f"mode of folder {folder} does not match (got {facts.st_mode & 0o777:04o}, {said})")
    return folder


def write_synced(path: Path, content: bytes) -> None:
    """Writes a file so that a crash leaves either the old content or the new, never a part.

    Args:
        path: where the content is to be; its folder exists.
        content: the whole new content.
    """
    draft = path.with_name(path.name + ".draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    try:
        write_all(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
    draft.rename(path)
    sync_folder(path.parent)


def write_all(handle: int, content: bytes) -> None:
    """Writes every byte: one ``write`` may take only a part of them."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]
