"""Validator keys and what follows from them: node identity, address, quorum, the first header's list of validators."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import rlp
from coincurve import PrivateKey
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from rlp.exceptions import DecodingError

from consentry.errors import ConfigurationError
from consentry.ledger.embedded.durable import FILE_MODE, private_folder, sync_folder, write_all

KEY_BYTES = 32
PUBLIC_KEY_BYTES = 64
VANITY_BYTES = 32
# With fewer, one faulty validator can stop or fork the chain: N >= 3f + 1 with f = 1.
FEWEST_VALIDATORS = 4


def provide_key(path: Path) -> str:
    """The node identity of a key file; the key is drawn and the file made with mode 0600 if it is not there.

    Returns:
        The public key: 64 bytes in hexadecimal, as it stands in an enode address.

    Raises:
        ConfigurationError: the file is open to others or holds no key.
    """
    if not path.exists():
        private_folder(path.parent)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        try:
            write_all(handle, PrivateKey(secrets.token_bytes(KEY_BYTES)).to_hex().encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        sync_folder(path.parent)
    return read_key(path)


def read_key(path: Path) -> str:
    """The node identity of an existing key file.

    Raises:
        ConfigurationError: the file is missing, open to others, or holds no key.
    """
    try:
        mode = path.stat().st_mode & 0o777
        content = path.read_text().strip().removeprefix("0x")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"validator key {path} cannot be read ({type(error).__name__})") from error
    if mode & 0o077:
        raise ConfigurationError(f"mode of validator key {path} does not match (got {mode:04o}, expected 0600)")
    try:
        key = bytes.fromhex(content)
        public_key = PrivateKey(key).public_key.format(compressed=False) if len(key) == KEY_BYTES else None
    except ValueError:
        public_key = None
    if public_key is None:
        raise ConfigurationError(f"validator key {path} holds no secp256k1 key of 32 bytes in hexadecimal")
    return public_key[1:].hex()


def node_address(public_key: str) -> str:
    """The account of a node identity, with checksum: the last 20 bytes of the key's hash."""
    return str(to_checksum_address(keccak(bytes.fromhex(public_key))[12:]))


def quorum(count: int) -> int:
    """How many validators must seal a block: ceil(2N/3)."""
    return -(-2 * count // 3)


def tolerated(count: int) -> int:
    """How many validators may fail or lie: the f of N >= 3f + 1."""
    return (count - 1) // 3


def encode_extra_data(addresses: Sequence[str]) -> str:
    """The genesis block's ``extraData``: no vanity, the validators by rising address, no vote, round 0, no seals."""
    validators = sorted(bytes.fromhex(address[2:]) for address in addresses)
    return "0x" + bytes(rlp.encode([bytes(VANITY_BYTES), validators, [], b"", []])).hex()


def decode_extra_data(extra_data: str) -> list[str]:
    """The validators that a genesis block's ``extraData`` names, with checksums.

    Raises:
        ConfigurationError: it is not that of a QBFT genesis block with its validators in the header.
    """
    try:
        vanity, validators, vote, round_, seals = rlp.decode(bytes.fromhex(extra_data.removeprefix("0x")), strict=True)
        found = [str(to_checksum_address(validator)) for validator in validators]
    except (DecodingError, ValueError, TypeError) as error:
        raise ConfigurationError("extraData of the genesis block is not in QBFT form") from error
    if len(vanity) != VANITY_BYTES or vote or round_ or seals:
        raise ConfigurationError("extraData of the genesis block does not match (expected no vote, round 0, no seals)")
    if validators != sorted(set(validators)):
        raise ConfigurationError("validators in extraData do not match (expected each once, by rising address)")
    return found
