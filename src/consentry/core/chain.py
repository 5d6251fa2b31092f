"""Where something stands on a chain, and which chain it is."""

from __future__ import annotations

from dataclasses import dataclass

from consentry.core.terms import Address


@dataclass(frozen=True, slots=True)
class ChainIdentity:
    """A chain and one deployment on it. Two ledgers are the same only if all members are equal."""

    chain_id: int
    genesis_hash: bytes
    contracts: tuple[tuple[str, Address], ...]
    deployed_in: int


@dataclass(frozen=True, slots=True)
class BlockReference:
    """A block: number, hash, time in seconds since the epoch."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class Moment:
    """At which block something was read: its number, and its time in seconds since the epoch."""

    number: int
    time: int


@dataclass(frozen=True, slots=True)
class EventPlace:
    """Where one event stands: the cursor of every list is (block number, log index)."""

    block: BlockReference
    transaction_hash: bytes
    log_index: int


@dataclass(frozen=True, slots=True)
class ActReceipt:
    """Proof to the caller that an act is final: the event it caused."""

    place: EventPlace
    gas_used: int
