"""The tree of the ledger log: the vectors of Certificate Transparency, and a tree written a second time, naively.

Vectors: ``certificate-transparency``, ``python/ct/crypto/in_memory_merkle_tree_test.py`` and
``cpp/merkletree/merkle_tree_test.cc``: the tree of eight leaves, its roots, audit paths and consistency proofs.
"""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.core import log_tree
from consentry.core.log_tree import CompactRange
from consentry.errors import InvalidInputError, VerificationError

ENTRIES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CONSISTENT = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
LEAVES = [log_tree.leaf_hash(entry) for entry in ENTRIES]
NODES = log_tree.nodes_of(LEAVES)


# The definitions of RFC 6962, section 2.1, word for word: what the code under test is compared with.


def split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def tree_hash(entries: list[bytes]) -> bytes:
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    k = split(len(entries))
    return hashlib.sha256(b"\1" + tree_hash(entries[:k]) + tree_hash(entries[k:])).digest()


def audit_path(place: int, entries: list[bytes]) -> list[bytes]:
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if place < k:
        return [*audit_path(place, entries[:k]), tree_hash(entries[k:])]
    return [*audit_path(place - k, entries[k:]), tree_hash(entries[:k])]


def subproof(old: int, entries: list[bytes], *, whole: bool) -> list[bytes]:
    if old == len(entries):
        return [] if whole else [tree_hash(entries)]
    k = split(len(entries))
    if old <= k:
        return [*subproof(old, entries[:k], whole=whole), tree_hash(entries[k:])]
    return [*subproof(old - k, entries[k:], whole=False), tree_hash(entries[:k])]


LISTS = st.lists(st.binary(max_size=3), min_size=1, max_size=70)


@pytest.mark.parametrize("size", range(9))
def test_root_of_published_tree_is_the_published_one(size: int) -> None:
    growing = CompactRange()
    for leaf in LEAVES[:size]:
        growing.append(leaf)

    assert growing.root().hex() == ROOTS[size]
    assert log_tree.root_of(size, NODES).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "path"), PATHS)
def test_inclusion_proof_of_published_tree_is_the_published_one(index: int, size: int, path: list[str]) -> None:
    proof = log_tree.inclusion_proof(index, size, NODES)

    assert [node.hex() for node in proof] == path
    log_tree.verify_inclusion(LEAVES[index], index, size, proof, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new", "path"), CONSISTENT)
def test_consistency_proof_of_published_tree_is_the_published_one(old: int, new: int, path: list[str]) -> None:
    proof = log_tree.consistency_proof(old, new, NODES)

    assert [node.hex() for node in proof] == path
    log_tree.verify_consistency(old, new, proof, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]))


@given(LISTS, st.data())
def test_proofs_of_any_tree_are_those_of_the_definition(entries: list[bytes], data: st.DataObject) -> None:
    size = len(entries)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    nodes = log_tree.nodes_of([log_tree.leaf_hash(entry) for entry in entries])

    path = log_tree.inclusion_proof(index, size, nodes)
    between = log_tree.consistency_proof(old, size, nodes)

    assert log_tree.root_of(size, nodes) == tree_hash(entries)
    assert list(path) == audit_path(index, entries)
    assert list(between) == subproof(old, entries, whole=True)
    log_tree.verify_inclusion(log_tree.leaf_hash(entries[index]), index, size, path, tree_hash(entries))
    log_tree.verify_consistency(old, size, between, tree_hash(entries[:old]), tree_hash(entries))


@given(st.lists(st.binary(min_size=1, max_size=2), min_size=2, max_size=40, unique=True), st.data())
def test_inclusion_proof_changed_anywhere_is_refused(entries: list[bytes], data: st.DataObject) -> None:
    size, root = len(entries), tree_hash(entries)
    index = data.draw(st.integers(0, size - 1))
    path, leaf = audit_path(index, entries), log_tree.leaf_hash(entries[index])
    at, other = (
        data.draw(st.integers(0, len(path) - 1)),
        data.draw(st.integers(0, size - 1).filter(lambda n: n != index)),
    )
    flipped = bytes([path[at][0] ^ 1]) + path[at][1:]
    wrong = {
        "node": (leaf, index, [*path[:at], flipped, *path[at + 1 :]]),
        "shorter": (leaf, index, path[:-1]),
        "longer": (leaf, index, [*path, path[-1]]),
        "place": (leaf, other, path),
        "leaf": (log_tree.leaf_hash(entries[other]), index, path),
        "width": (leaf, index, [*path[:at], path[at] + b"\0", *path[at + 1 :]]),
        "outside": (leaf, size, path),
        "before": (leaf, -1, path),
    }
    for shown, place, proof in wrong.values():
        with pytest.raises(VerificationError, match="does not match"):
            log_tree.verify_inclusion(shown, place, size, proof, root)


@given(st.lists(st.binary(min_size=1, max_size=2), min_size=2, max_size=40, unique=True), st.data())
def test_consistency_proof_changed_anywhere_is_refused(entries: list[bytes], data: st.DataObject) -> None:
    size = len(entries)
    old = data.draw(st.integers(1, size - 1))
    older, newer = tree_hash(entries[:old]), tree_hash(entries)
    path = subproof(old, entries, whole=True)
    at = data.draw(st.integers(0, len(path) - 1))
    flipped = bytes([path[at][0] ^ 1]) + path[at][1:]
    wrong = {
        "node": (old, [*path[:at], flipped, *path[at + 1 :]], older, newer),
        "shorter": (old, path[:-1], older, newer),
        "longer": (old, [*path, path[-1]], older, newer),
        "older root": (old, path, newer, newer),
        "newer root": (old, path, older, older),
        "width": (old, [*path[:at], path[at][:-1], *path[at + 1 :]], older, newer),
        "nothing before": (0, path, older, newer),
        "more before": (size + 1, path, older, newer),
    }
    for before, proof, first, second in wrong.values():
        with pytest.raises(VerificationError, match="match"):
            log_tree.verify_consistency(before, size, proof, first, second)


@pytest.mark.parametrize(("old", "new"), [(old, new) for new in range(2, 20) for old in range(1, new)], ids=str)
def test_prefix_nodes_show_what_the_older_root_should_have_been(old: int, new: int) -> None:
    entries = [bytes([n]) for n in range(new)]
    nodes = log_tree.nodes_of([log_tree.leaf_hash(entry) for entry in entries])

    shown = log_tree.prefix_nodes(old, new, nodes)

    assert list(shown) == subproof(old, entries, whole=False)
    assert log_tree.roots_along(old, new, shown) == (tree_hash(entries[:old]), tree_hash(entries))


def test_consistency_of_equal_sizes_needs_equal_roots_and_no_path() -> None:
    root, other = bytes.fromhex(ROOTS[8]), bytes.fromhex(ROOTS[7])
    log_tree.verify_consistency(8, 8, [], root, root)

    with pytest.raises(VerificationError, match="root of a tree of the same size"):
        log_tree.verify_consistency(8, 8, [], root, other)
    with pytest.raises(VerificationError, match=r"length of the consistency proof .*got 1"):
        log_tree.verify_consistency(8, 8, [root], root, root)


def test_verify_consistency_with_an_empty_tree_is_refused() -> None:
    with pytest.raises(VerificationError, match="got 0 and 8"):
        log_tree.verify_consistency(0, 8, [], bytes.fromhex(ROOTS[0]), bytes.fromhex(ROOTS[8]))


def test_leaf_and_node_are_hashed_apart() -> None:
    left, right = LEAVES[:2]
    assert log_tree.leaf_hash(left + right) != log_tree.node_hash(left, right)


@given(LISTS, st.integers(0, 70))
def test_compact_range_taken_up_again_goes_on_as_before(entries: list[bytes], cut: int) -> None:
    first = CompactRange()
    for entry in entries[:cut]:
        first.append(log_tree.leaf_hash(entry))
    again = CompactRange(first.size, first.hashes)
    for entry in entries[cut:]:
        again.append(log_tree.leaf_hash(entry))

    assert again.size == len(entries)
    assert again.root() == tree_hash(entries)
    assert len(again.hashes) == len(entries).bit_count()


@pytest.mark.parametrize(
    ("size", "hashes"), [(3, [b"\0" * 32]), (2, [b"\0" * 31]), (-1, []), (1 << 63, [b"\0" * 32]), (0, [b"\0" * 32])]
)
def test_compact_range_of_other_hashes_is_refused(size: int, hashes: list[bytes]) -> None:
    with pytest.raises(InvalidInputError, match="compact range does not match"):
        CompactRange(size, hashes)


def test_append_of_another_size_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="leaf hash does not match"):
        CompactRange().append(b"\0" * 31)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_inclusion_proof_of_a_leaf_the_tree_has_not_is_refused(index: int, size: int) -> None:
    with pytest.raises(InvalidInputError, match="leaf index does not match"):
        log_tree.inclusion_proof(index, size, NODES)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (0, 0), (4, 3)])
def test_consistency_proof_of_sizes_that_have_none_is_refused(old: int, new: int) -> None:
    with pytest.raises(InvalidInputError, match="sizes do not match"):
        log_tree.consistency_proof(old, new, NODES)
