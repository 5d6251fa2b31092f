"""Keccak-256 by the C code of pysha3, without the wrapper of eth_hash: ids and digests are short and many."""

from __future__ import annotations

from sha3 import keccak_256


def keccak(content: bytes) -> bytes:
    """Gives the keccak-256 of some bytes: 32 bytes."""
    digest: bytes = keccak_256(content).digest()
    return digest
