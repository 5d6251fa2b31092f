"""The Merkle tree of the ledger log: RFC 6962, section 2.1, with SHA-256.

Everything is computed from *perfect* subtrees, those over 2**level leaves that start at a multiple of 2**level: they
never change as the log grows, so a reader of tiles and a list in memory serve the same functions. A range of leaves is
written ``[begin, end)``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from consentry.errors import InvalidInputError, VerificationError

HASH_SIZE: Final = 32
MAX_SIZE: Final = (1 << 63) - 1
LONGEST_PATH: Final = 63
"""Hashes in the longest path of a leaf, or between two sizes."""
"""Most leaves of a log; sizes are signed in 63 bits elsewhere."""

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"

Nodes = Callable[[int, int], bytes]
"""Gives the hash of a perfect subtree by level and place: that over ``[place << level, (place + 1) << level)``."""


def leaf_hash(entry: bytes) -> bytes:
    """Gives the hash of a leaf from the bytes of its entry."""
    return hashlib.sha256(_LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Gives the hash of a node from those of its two children, 32 bytes each."""
    return hashlib.sha256(_NODE + left + right).digest()


def _join(hashes: Sequence[bytes]) -> bytes:
    """Joins perfect subtrees of falling size, from the right, as the definition of a tree hash does."""
    joined = hashes[-1]
    for left in reversed(hashes[:-1]):
        joined = node_hash(left, joined)
    return joined


def _perfect(begin: int, end: int) -> Iterator[tuple[int, int]]:
    while begin < end:
        level = (end - begin).bit_length() - 1
        yield level, begin >> level
        begin += 1 << level


def _range_hash(begin: int, end: int, nodes: Nodes) -> bytes:
    return _join([nodes(level, place) for level, place in _perfect(begin, end)])


def _middle(begin: int, end: int) -> int:
    """Gives where a range of two leaves or more divides: after the largest power of two below its length."""
    return begin + (1 << ((end - begin - 1).bit_length() - 1))


class CompactRange:
    """The hash of a growing log, kept in at most 63 hashes: one for each bit of its size, widest first."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Takes up a range where it was left.

        Raises:
            InvalidInputError: these are not the hashes of a log of that size.
        """
        if not 0 <= size <= MAX_SIZE or len(hashes) != size.bit_count() or any(len(h) != HASH_SIZE for h in hashes):
            raise InvalidInputError(
                f"compact range does not match (got {len(hashes)} hashes for {size} leaves, "
                "expected one of 32 bytes for each bit of the size)"
            )
        self._size = size
        self._hashes = list(hashes)

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """What to keep, to take it up later."""
        return tuple(self._hashes)

    def append(self, leaf: bytes) -> None:
        """Adds the hash of a leaf at the end.

        Raises:
            InvalidInputError: it has not 32 bytes, or the log is full.
        """
        if len(leaf) != HASH_SIZE or self._size == MAX_SIZE:
            raise InvalidInputError(f"leaf hash does not match (got {len(leaf)} bytes, expected 32 in a log with room)")
        node, carries = leaf, self._size
        while carries & 1:
            node = node_hash(self._hashes.pop(), node)
            carries >>= 1
        self._hashes.append(node)
        self._size += 1

    def root(self) -> bytes:
        """Gives the root over all leaves so far."""
        return _join(self._hashes) if self._hashes else EMPTY_ROOT


def nodes_of(leaves: Sequence[bytes]) -> Nodes:
    """Gives the perfect subtrees over leaf hashes held in memory."""
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
    return lambda level, place: levels[level][place]


def root_of(size: int, nodes: Nodes) -> bytes:
    """Gives the root over the first ``size`` leaves."""
    return _range_hash(0, size, nodes) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, nodes: Nodes) -> tuple[bytes, ...]:
    """Gives the path of one leaf in the tree of that size, from the leaf up (RFC 6962, section 2.1.1).

    Raises:
        InvalidInputError: the tree has no such leaf.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise InvalidInputError(f"leaf index does not match (got {index}, expected one below {size})")
    begin, end = 0, size
    siblings: list[tuple[int, int]] = []
    while end - begin > 1:
        middle = _middle(begin, end)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((begin, middle))
            begin = middle
    return tuple(_range_hash(*sibling, nodes) for sibling in reversed(siblings))


def prefix_nodes(old: int, new: int, nodes: Nodes) -> tuple[bytes, ...]:
    """Gives nodes of the larger tree that show both its root and that over its first ``old`` leaves.

    It is a consistency proof whose first node is never left out, not even where it is the older root itself. So it also
    shows what the older root should have been.

    Raises:
        InvalidInputError: the sizes are not 0 < old < new.
    """
    if not 0 < old < new <= MAX_SIZE:
        raise InvalidInputError(f"sizes do not match (got {old} and {new}, expected 0 < old < new)")
    begin, end = 0, new
    siblings: list[tuple[int, int]] = []
    while end != old:
        middle = _middle(begin, end)
        if old <= middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((begin, middle))
            begin = middle
    return tuple(_range_hash(*part, nodes) for part in ((begin, end), *reversed(siblings)))


def consistency_proof(old: int, new: int, nodes: Nodes) -> tuple[bytes, ...]:
    """Gives the proof that the tree of ``old`` leaves is the beginning of that of ``new`` (RFC 6962, section 2.1.2).

    Raises:
        InvalidInputError: the sizes are not 0 < old <= new.
    """
    if old == new and old > 0:
        return ()
    found = prefix_nodes(old, new, nodes)
    return found[1:] if old.bit_count() == 1 else found


def _check_hashes(what: str, hashes: Sequence[bytes]) -> None:
    if any(len(node) != HASH_SIZE for node in hashes):
        raise VerificationError(f"{what} does not match (got a hash of another size, expected 32 bytes each)")


def _same(what: str, got: bytes, expected: bytes) -> None:
    if got != expected:
        raise VerificationError(
            f"{what} does not match (got 0x{got.hex()}, expected 0x{expected.hex()})", got=got, expected=expected
        )


def _length_differs(what: str, path: Sequence[bytes], needed: str) -> VerificationError:
    return VerificationError(f"length of the {what} does not match (got {len(path)}, expected {needed})")


def _above(place: int, last: int) -> tuple[int, int]:
    """Moves up past the levels on which the last node has no sibling and stays as it is."""
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Checks that a leaf stands at a place of a tree (RFC 9162, section 2.1.3.2).

    Args:
        leaf: hash of the leaf.
        index: its place, from 0.
        size: leaves of the tree.
        path: siblings from the leaf up.
        root: root of the tree.

    Raises:
        VerificationError: the path has another length, or leads elsewhere.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise VerificationError(f"leaf index does not match (got {index}, expected one below {size})")
    _check_hashes("inclusion proof", [leaf, *path])
    place, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise _length_differs("inclusion proof", path, "fewer")
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            place, last = _above(place, last)
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise _length_differs("inclusion proof", path, "more")
    _same("root of the inclusion proof", node, root)


def roots_along(old: int, new: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Gives the older and the newer root that the nodes of `prefix_nodes` lead to (RFC 9162, section 2.1.4.2).

    Raises:
        VerificationError: the sizes are not 0 < old < new, or the nodes are too few or too many for them.
    """
    if not 0 < old < new <= MAX_SIZE:
        raise VerificationError(f"sizes do not match (got {old} and {new}, expected 0 < old < new)")
    _check_hashes("consistency proof", path)
    if not path:
        raise _length_differs("consistency proof", path, "more")
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = path[0]
    for node in path[1:]:
        if last == 0:
            raise _length_differs("consistency proof", path, "fewer")
        if place & 1 or place == last:
            older, newer = node_hash(node, older), node_hash(node, newer)
            place, last = _above(place, last)
        else:
            newer = node_hash(newer, node)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise _length_differs("consistency proof", path, "more")
    return older, newer


def verify_consistency(old: int, new: int, path: Sequence[bytes], older: bytes, newer: bytes) -> None:
    """Checks that the tree of ``old`` leaves is the beginning of that of ``new`` leaves.

    Args:
        old: leaves of the smaller tree, at least one: an empty one is the beginning of every tree and has no proof.
        new: leaves of the larger tree.
        path: nodes as `consistency_proof` gives them.
        older: root of the smaller tree.
        newer: root of the larger tree.

    Raises:
        VerificationError: the sizes or the length of the path are others, or the path leads to another root.
    """
    _check_hashes("root", [older, newer])
    if old == new and old > 0:
        if path:
            raise _length_differs("consistency proof", path, "0")
        _same("root of a tree of the same size", newer, older)
        return
    whole = [older, *path] if old.bit_count() == 1 else path
    reached = roots_along(old, new, whole)
    _same("older root of the consistency proof", reached[0], older)
    _same("newer root of the consistency proof", reached[1], newer)
