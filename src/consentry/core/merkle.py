"""Merkle trees over the records a consent names, compatible with OpenZeppelin's ``MerkleProof``.

A leaf is the keccak-256 of a scope key; a node is the keccak-256 of its two children in ascending order, so a proof
needs no directions. An odd node at the end of a level moves up unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from consentry.core.keccak import keccak


def leaf_of(scope_key: bytes) -> bytes:
    """Gives the leaf of a scope key of 32 bytes; hashing it keeps inner nodes from passing as leaves."""
    return keccak(scope_key)


def _parent(one: bytes, other: bytes) -> bytes:
    return keccak(one + other if one < other else other + one)


def _levels(scope_keys: Iterable[bytes]) -> list[list[bytes]]:
    level = sorted(leaf_of(key) for key in set(scope_keys))
    if not level:
        raise ValueError("number of records in a scope does not match (got 0, expected at least 1)")
    levels = [level]
    while len(level) > 1:
        pairs = range(0, len(level) - 1, 2)
        level = [_parent(level[i], level[i + 1]) for i in pairs] + (level[-1:] if len(level) % 2 else [])
        levels.append(level)
    return levels


def root_of(scope_keys: Iterable[bytes]) -> bytes:
    """Gives the root over a set of scope keys; order and repetition do not matter.

    Raises:
        ValueError: the set is empty.
    """
    return _levels(scope_keys)[-1][0]


def proof_of(scope_keys: Iterable[bytes], scope_key: bytes) -> tuple[bytes, ...]:
    """Gives the proof that one scope key belongs to the set: the siblings from the leaf up.

    Raises:
        ValueError: the set is empty or does not hold the key.
    """
    levels = _levels(scope_keys)
    index = levels[0].index(leaf_of(scope_key))
    proof: list[bytes] = []
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        index //= 2
    return tuple(proof)


def proves(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Tells whether the proof leads from the leaf to the root."""
    node = leaf
    for sibling in proof:
        node = _parent(node, sibling)
    return node == root
