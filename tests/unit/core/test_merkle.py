"""Merkle scopes: every member is proved, nothing else is."""

from __future__ import annotations

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from consentry.core import merkle

KEYS = st.sets(st.binary(min_size=32, max_size=32), min_size=1, max_size=33)


@given(KEYS)
def test_prove_member_leads_to_the_root(keys: set[bytes]) -> None:
    root = merkle.root_of(keys)
    for key in keys:
        assert merkle.proves(root, merkle.leaf_of(key), merkle.proof_of(keys, key))


@given(KEYS, st.binary(min_size=32, max_size=32), st.data())
def test_prove_stranger_fails_with_any_proof_of_the_tree(
    keys: set[bytes], stranger: bytes, data: st.DataObject
) -> None:
    keys.discard(stranger)
    if not keys:
        return
    member = data.draw(st.sampled_from(sorted(keys)))
    proof = merkle.proof_of(keys, member)
    assert not merkle.proves(merkle.root_of(keys), merkle.leaf_of(stranger), proof)


def test_prove_inner_node_as_scope_key_fails() -> None:
    keys = [bytes([n]) * 32 for n in range(1, 5)]
    leaves = sorted(merkle.leaf_of(key) for key in keys)
    inner = keccak(leaves[0] + leaves[1])
    proof = (keccak(leaves[2] + leaves[3]),)
    assert merkle.proves(merkle.root_of(keys), inner, proof)
    assert not merkle.proves(merkle.root_of(keys), merkle.leaf_of(inner), proof)


def test_root_of_order_and_repetition_do_not_matter() -> None:
    keys = [bytes([n]) * 32 for n in range(5)]
    assert merkle.root_of(keys) == merkle.root_of([*reversed(keys), keys[2]])


def test_root_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="got 0"):
        merkle.root_of([])


def test_proof_of_stranger_is_refused() -> None:
    with pytest.raises(ValueError, match="not in list"):
        merkle.proof_of([bytes(32)], bytes([1]) * 32)
