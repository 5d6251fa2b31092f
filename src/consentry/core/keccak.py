"""Keccak-256 by the C code of pysha3, without the wrapper of eth_hash: ids and digests are short and many."""

from __future__ import annotations

from sha3 import keccak_256


def keccak(content: bytes) -> bytes:
    """Gives the keccak-256 of some bytes: 32 bytes."""
    digest: bytes = keccak_256(content).digest()
    return digest


def keccak_each(content: bytes, size: int) -> list[bytes]:
    """Gives the keccak-256 of each piece of so many bytes, one behind the other."""
    return [keccak_256(content[start : start + size]).digest() for start in range(0, len(content), size)]
