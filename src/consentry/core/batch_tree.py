"""The tree over a batch of requests: RFC 6962, section 2.1, with keccak-256, as in ``libraries/BatchTree.sol``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from consentry.core.keccak import keccak
from consentry.core.terms import AccessRequest, Address, BatchPath, RequestBatch
from consentry.core.typed_data import struct_hash

LEAF: Final = b"\x00"
NODE: Final = b"\x01"
"""Leaves and nodes are hashed apart, so that none passes for the other."""


def leaf_of(request_hash: bytes) -> bytes:
    """Gives the leaf of a request's struct hash."""
    return keccak(LEAF + request_hash)


def _node(left: bytes, right: bytes) -> bytes:
    return keccak(NODE + left + right)


def _above(level: Sequence[bytes]) -> list[bytes]:
    paired = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return paired + list(level[-1:] if len(level) % 2 else [])


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Gives the root over the struct hashes of a batch, in its order.

    Raises:
        ValueError: the batch is empty.
    """
    if not hashes:
        raise ValueError("size of a batch does not match (got 0, expected at least 1)")
    return _levels(hashes)[-1][0]


def path_of(hashes: Sequence[bytes], place: int) -> tuple[bytes, ...]:
    """Gives the path of one request: its siblings from the leaf up.

    Raises:
        IndexError: the batch has no such place.
    """
    if not 0 <= place < len(hashes):
        raise IndexError(f"place in a batch does not match (got {place}, expected below {len(hashes)})")
    return _path_in(_levels(hashes), place)


def _levels(hashes: Sequence[bytes]) -> list[list[bytes]]:
    levels = [[leaf_of(value) for value in hashes]]
    while len(levels[-1]) > 1:
        levels.append(_above(levels[-1]))
    return levels


def _path_in(levels: Sequence[Sequence[bytes]], place: int) -> tuple[bytes, ...]:
    path = []
    for level in levels[:-1]:
        if place ^ 1 < len(level):
            path.append(level[place ^ 1])
        place //= 2
    return tuple(path)


def root_along(request_hash: bytes, place: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Gives the root a path leads to; none if a batch of that size has no such place, or no path of that length.

    Args:
        request_hash: struct hash of the request, 32 bytes.
        place: its place in the batch, from 0.
        size: requests in the batch.
        path: siblings from the leaf up.
    """
    if not 0 <= place < size:
        return None
    node, siblings = leaf_of(request_hash), iter(path)
    while size > 1:
        # The last node of an odd level has no sibling and moves up as it is.
        if place ^ 1 < size:
            sibling = next(siblings, None)
            if sibling is None:
                return None
            node = _node(sibling, node) if place % 2 else _node(node, sibling)
        place, size = place // 2, (size + 1) // 2
    return node if next(siblings, None) is None else None


def batch_of(institution: Address, requests: Sequence[AccessRequest]) -> RequestBatch:
    """Gives what an institution signs once for all of these requests.

    Raises:
        ValueError: there are none.
    """
    return RequestBatch(institution, root_of([struct_hash(request) for request in requests]), len(requests))


def paths_of(batch: RequestBatch, requests: Sequence[AccessRequest]) -> list[BatchPath]:
    """Gives for each request what shows that it is one of the batch."""
    levels = _levels([struct_hash(request) for request in requests])
    return [BatchPath(batch, place, _path_in(levels, place)) for place in range(len(requests))]


def is_asked_for(request: AccessRequest, shown: BatchPath) -> bool:
    """Tells whether a path leads from a request to the root of a batch of the same institution."""
    batch = shown.batch
    reached = root_along(struct_hash(request), shown.place, batch.size, shown.path)
    return reached == batch.root and request.institution == batch.institution
