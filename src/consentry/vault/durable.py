"""Files that survive a power loss, and secrets that only their owner can read.

A write is durable when the bytes *and* the folder entry are synced. So: write a temporary file beside the target, sync
it, rename or link it into place, sync the folder. A failed sync is never retried: after one, the kernel may have lost
the bytes, and a second sync would falsely succeed.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from consentry.errors import ConfigurationError, ConflictError

SECRET_FILE_MODE = 0o600
SECRET_FOLDER_MODE = 0o700


def write_new_secret(path: Path, data: bytes) -> None:
    """Creates a secret file, whole or not at all.

    Raises:
        ConflictError: the file is already there.
        OSError: the disk refuses.
    """
    temporary = _write_temporary(path, data)
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise ConflictError(f"file does not match (got {path.name} present, expected absent)") from None
    finally:
        temporary.unlink()
    sync_folder(path.parent)


def replace_secret(path: Path, data: bytes) -> None:
    """Replaces a secret file: a reader finds the old bytes or the new ones, also after a power loss.

    Raises:
        OSError: the disk refuses; the old file is still in place.
    """
    _write_temporary(path, data).replace(path)
    sync_folder(path.parent)


def overwrite_secret(path: Path, data: bytes) -> None:
    """Replaces a secret file, then writes zeros over the bytes that stood in it.

    A file system or disk that writes elsewhere instead of over what is there may keep them for a while.

    Raises:
        OSError: the disk refuses; if it did before the new file was in place, the old one still is.
    """
    with path.open("r+b") as old:
        size = os.fstat(old.fileno()).st_size
        replace_secret(path, data)
        old.write(bytes(size))
        old.flush()
        os.fsync(old.fileno())


def make_secret_folder(folder: Path) -> None:
    """Creates a folder that only its owner may enter, and syncs its parent; an existing folder is left as it is."""
    folder.mkdir(mode=SECRET_FOLDER_MODE, exist_ok=True)
    sync_folder(folder.parent)


def check_secret(path: Path) -> None:
    """Refuses a secret file or folder that others can reach or that another account owns.

    Raises:
        ConfigurationError: mode or owner does not match; the message names the command that mends it.
    """
    status = path.stat()
    expected = SECRET_FOLDER_MODE if stat.S_ISDIR(status.st_mode) else SECRET_FILE_MODE
    mode = stat.S_IMODE(status.st_mode)
    if mode & ~expected:
        raise ConfigurationError(f"mode of {path} does not match (got {mode:04o}, expected {expected:04o}: run chmod)")
    if status.st_uid != os.geteuid():
        raise ConfigurationError(f"owner of {path} does not match (got {status.st_uid}, expected {os.geteuid()})")


def sync_file(path: Path) -> None:
    """Forces the bytes of a file to the disk, whoever wrote them."""
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Forces the entries of a folder to the disk."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_temporary(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET_FILE_MODE)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink()
        raise
    return temporary
