"""Files of keys that sign or send: 32 bytes in hexadecimal, mode 0600.

That suits a relay, which can do nothing but pass on what others signed; an authority's account in production belongs
behind a signer that does not give the key out.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from consentry.errors import ConfigurationError
from consentry.ledger.embedded.durable import explained, private_folder, write_synced

_KEY_BYTES: Final = 32
_OTHERS: Final = 0o077


def load_or_create_key(path: Path) -> bytes:
    """Reads a key file, or makes one with mode 0600 at first use.

    Raises:
        ConfigurationError: the file can be read by others, or does not hold a key, or cannot be written.
    """
    if not path.exists():
        with explained("writing a key file"):
            private_folder(path.parent)
            write_synced(path, secrets.token_hex(_KEY_BYTES).encode())
    return load_key(path)


def read_private(path: Path, what: str = "key file") -> str:
    """Reads a file that only its owner may read, and that is one's own: keys, passphrases, addresses with passwords.

    Raises:
        ConfigurationError: the file is missing, holds no text, belongs to another account, or can be read by others.
    """
    content = read_private_bytes(path, what)
    try:
        text = content.decode().strip()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{what} {path.name} cannot be read") from None
    if not text:
        raise ConfigurationError(f"{what} {path.name} is empty")
    return text


def read_private_bytes(path: Path, what: str) -> bytes:
    """Reads such a file that holds no text.

    Raises:
        ConfigurationError: as `read_private`, but for what it holds.
    """
    if not path.is_file():
        raise ConfigurationError(f"{what} {path.name} is missing")
    facts = path.stat()
    if facts.st_mode & _OTHERS:
        raise ConfigurationError(f"mode of {what} {path.name} does not match (others may read it, expected 0600)")
    if facts.st_uid != os.geteuid():
        raise ConfigurationError(
            f"owner of {what} {path.name} does not match (got uid {facts.st_uid}, expected {os.geteuid()})"
        )
    try:
        return path.read_bytes()
    except OSError:
        raise ConfigurationError(f"{what} {path.name} cannot be read") from None


def load_key(path: Path) -> bytes:
    """Reads a key file.

    Raises:
        ConfigurationError: the file is missing, can be read by others, or does not hold a key.
    """
    try:
        key = bytes.fromhex(read_private(path))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(f"key file {path.name} does not hold 32 bytes in hexadecimal")
    return key
