"""Key files of witnesses: 32 bytes in hexadecimal for Ed25519, behind ``ml-dsa-44:`` for ML-DSA-44; mode 0600.

A seed is of one kind only, and its file says of which: whoever reads keys of the other kind refuses it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from consentry.crypto.ed25519 import Ed25519Key
from consentry.crypto.ml_dsa import MlDsa44Key
from consentry.errors import ConfigurationError
from consentry.ledger.embedded.durable import explained, private_folder, write_synced
from consentry.ledger.keyfiles import load_key, load_or_create_key, read_private

_PREFIX: Final = "ml-dsa-44:"
_HELD: Final = re.compile(re.escape(_PREFIX) + "([0-9a-f]{64})")


def load_cosigner_key(path: Path) -> Ed25519Key | MlDsa44Key:
    """Reads the key file of a witness; what it holds says which kind it is.

    Raises:
        ConfigurationError: the file is missing, can be read by others, or does not hold a key of either kind.
    """
    text = read_private(path)
    if not text.startswith(_PREFIX):
        return Ed25519Key(load_key(path))
    found = _HELD.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"key file {path.name} does not hold 32 bytes in hexadecimal behind {_PREFIX}")
    return MlDsa44Key(bytes.fromhex(found[1]))


def load_or_create_cosigner_key(path: Path, *, ml_dsa: bool) -> Ed25519Key | MlDsa44Key:
    """Reads the key file of a witness, or makes one with mode 0600 at first use.

    Args:
        path: the file.
        ml_dsa: make a key of ML-DSA-44, not of Ed25519; a file that is there has to hold such a key then.

    Raises:
        ConfigurationError: as of `load_cosigner_key`, or the file cannot be written, or holds the other kind.
    """
    if not path.exists():
        _create(path, ml_dsa=ml_dsa)
    held = load_cosigner_key(path)
    if ml_dsa and not isinstance(held, MlDsa44Key):
        raise ConfigurationError(f"kind of key file {path.name} does not match (got Ed25519, expected ML-DSA-44)")
    return held


def _create(path: Path, *, ml_dsa: bool) -> None:
    if not ml_dsa:
        load_or_create_key(path)
        return
    with explained("writing a key file"):
        private_folder(path.parent)
        write_synced(path, (_PREFIX + MlDsa44Key.generate().seed.hex()).encode())
