"""Which ledger there is and how far it came: what witnesses sign for the national ledger.

As in ``contracts/types/LedgerCheckpoint.sol``. A checkpoint of the log (C2SP ``tlog-checkpoint``) has the same size and
root; this one also names the block the tree reaches to, and a chain can check its signatures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from consentry.core.keccak import keccak
from consentry.core.terms import Address

_IDENTITY_TYPE: Final = b"LedgerIdentity(string origin,uint256 chainId,bytes32 genesisHash,address accessLedger)"


@dataclass(frozen=True, slots=True)
class LedgerIdentity:
    """A provincial ledger: origin of its log, chain, hash of block 0, and the contract that decides."""

    origin: str
    chain_id: int
    genesis_hash: bytes
    access_ledger: Address


@dataclass(frozen=True, slots=True)
class LedgerCheckpoint:
    """So many leaves are in the log of a ledger up to the end of a block; ``seen_at`` in seconds since the epoch."""

    ledger_id: bytes
    size: int
    root: bytes
    block_number: int
    block_hash: bytes
    seen_at: int


def ledger_id(identity: LedgerIdentity) -> bytes:
    """Derives the id of a ledger: the EIP-712 struct hash of its identity, 32 bytes."""
    return keccak(
        keccak(_IDENTITY_TYPE)
        + keccak(identity.origin.encode())
        + identity.chain_id.to_bytes(32, "big")
        + identity.genesis_hash
        + identity.access_ledger.rjust(32, b"\0")
    )
