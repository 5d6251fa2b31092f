"""Entries of the ledger log: one log of the deployment's contracts as bytes, and all of them in their order.

``docs/formats/ledger-log.md`` describes the bytes. They are made from what a node answers and from what a receipt proof
yields alike: a receipt holds neither the hash of its transaction nor how many logs stand before it in the block, so
neither is part of an entry. The block's hash fixes both, and the order of the leaves is the order of the logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from consentry.core.log_tree import leaf_hash
from consentry.core.terms import Address
from consentry.crypto.framing import check_length, length_prefixed, uint64, uint256
from consentry.errors import InvalidInputError

LABEL: Final = b"consentry.ledger-entry/v1"
"""Stands in front of every entry, so that no other kind of bytes, and no later form, passes for one."""

_HASH_SIZE: Final = 32
_ADDRESS_SIZE: Final = 20
_MOST_TOPICS: Final = 4


class Emitted(Protocol):
    """A log as a receipt holds it."""

    @property
    def address(self) -> bytes:
        """The contract it comes from, 20 bytes."""
        ...

    @property
    def topics(self) -> tuple[bytes, ...]:
        """At most four, 32 bytes each."""
        ...

    @property
    def data(self) -> bytes:
        """What is not in the topics."""
        ...


class PlacedLog(Emitted, Protocol):
    """A log as a node gives it, with its place on the chain."""

    @property
    def block_number(self) -> int:
        """Number of its block."""
        ...

    @property
    def block_hash(self) -> bytes:
        """Hash of its block, 32 bytes."""
        ...

    @property
    def log_index(self) -> int:
        """How many logs stand before it in the block."""
        ...


def entry_of(chain_id: int, block_number: int, block_hash: bytes, log: Emitted) -> bytes:
    """Gives the entry of one log: different logs, blocks or chains never give the same bytes.

    Args:
        chain_id: as in EIP-155.
        block_number: number of the block.
        block_hash: its hash, 32 bytes.
        log: what the contract emitted.

    Raises:
        InvalidInputError: a value has not the size or range the chain gives it.
    """
    check_length("block hash", block_hash, _HASH_SIZE)
    check_length("address of a log", log.address, _ADDRESS_SIZE)
    if len(log.topics) > _MOST_TOPICS:
        raise InvalidInputError(f"number of topics does not match (got {len(log.topics)}, expected at most 4)")
    for topic in log.topics:
        check_length("topic", topic, _HASH_SIZE)
    return length_prefixed(
        LABEL,
        uint256(chain_id),
        uint64(block_number),
        block_hash,
        log.address,
        b"".join(log.topics),
        log.data,
    )


def leaf_of(chain_id: int, block_number: int, block_hash: bytes, log: Emitted) -> bytes:
    """Gives the leaf hash of one log; arguments and errors as of `entry_of`."""
    return leaf_hash(entry_of(chain_id, block_number, block_hash, log))


def leaves_of(chain_id: int, contracts: Iterable[Address], logs: Iterable[PlacedLog]) -> Iterator[bytes]:
    """Gives the leaf hashes of the logs of a deployment in their order; those of other contracts are passed over.

    Args:
        chain_id: as in EIP-155.
        contracts: addresses of the deployment.
        logs: by block number and then log index, as a node lists them.

    Raises:
        InvalidInputError: a log does not stand behind the one before it, or one block number comes with two hashes.
    """
    ours = frozenset(contracts)
    before: PlacedLog | None = None
    for log in logs:
        if before is not None:
            _check_order(before, log)
        before = log
        if log.address in ours:
            yield leaf_of(chain_id, log.block_number, log.block_hash, log)


def _check_order(before: PlacedLog, log: PlacedLog) -> None:
    last, place = (before.block_number, before.log_index), (log.block_number, log.log_index)
    if place <= last:
        raise InvalidInputError(f"place of a log does not match (got {place}, expected one behind {last})")
    if log.block_number == before.block_number and log.block_hash != before.block_hash:
        raise InvalidInputError(
            f"hash of block {log.block_number} does not match "
            f"(got 0x{log.block_hash.hex()}, expected 0x{before.block_hash.hex()} as of the log before)"
        )
