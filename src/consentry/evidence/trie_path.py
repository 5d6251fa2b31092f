"""One way down a Merkle Patricia trie: what stands under a key, or that nothing does.

Source: Ethereum yellow paper, appendix D. Written for bytes of strangers: every node must be the one its parent names,
none may be left over, the way is as long as the key at most, and nothing recurses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from eth_hash.auto import keccak

from consentry.errors import InvalidInputError
from consentry.evidence.flat_rlp import members_of, string_of

EMPTY: Final = keccak(b"\x80")
"""Root of a trie that holds nothing."""
_BRANCH, _SHORT = 17, 2
_HASH_SIZE: Final = 32
_LIST: Final = 0xC0


def _refuse(got: str, expected: str) -> InvalidInputError:
    return InvalidInputError(f"trie proof does not match (got {got}, expected {expected})")


def _nibbles(data: bytes) -> tuple[int, ...]:
    return tuple(nibble for byte in data for nibble in (byte >> 4, byte & 15))


def _part_in(item: bytes) -> tuple[bool, tuple[int, ...]]:
    """Reads the part of a key in a node of two members: whether it is the last one, and its nibbles."""
    nibbles = _nibbles(string_of(item))
    if not nibbles or nibbles[0] > 3 or (not nibbles[0] & 1 and nibbles[1]):  # noqa: PLR2004 - two flags
        raise _refuse("a part of a key with other flags", "those of a leaf or an extension")
    return nibbles[0] >= 2, nibbles[1 if nibbles[0] & 1 else 2 :]  # noqa: PLR2004 - the flag of a leaf


def _next(members: tuple[bytes, ...], rest: tuple[int, ...]) -> tuple[bytes, tuple[int, ...], bool] | None:
    """Gives the member a key leads to, what is left of the key, and whether it is a value; none if the key ends."""
    if len(members) == _BRANCH:
        return (members[rest[0]], rest[1:], False) if rest else (members[-1], (), True)
    if len(members) != _SHORT:
        raise _refuse(f"a node of {len(members)} members", "two or seventeen")
    is_leaf, part = _part_in(members[0])
    if is_leaf:
        return (members[1], (), True) if part == rest else None
    if not part or members[1] == b"\x80":
        raise _refuse("an extension that leads nowhere", "a part of the key and a node")
    return (members[1], rest[len(part) :], False) if rest[: len(part)] == part else None


def _node(reference: bytes, nodes: Iterator[bytes]) -> bytes:
    """Gives the node a parent names: the next one given, of that hash, or the one that stands in the parent itself."""
    if reference[0] >= _LIST:
        return reference
    name, node = string_of(reference), next(nodes, None)
    if len(name) != _HASH_SIZE:
        raise _refuse(f"a reference of {len(name)} bytes", "32 bytes")
    if node is None:
        raise _refuse("nodes that end early", f"node 0x{name.hex()}")
    if keccak(node) != name:
        raise _refuse(f"node 0x{keccak(node).hex()}", f"node 0x{name.hex()}")
    return node


def value_at(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes | None:
    """Gives what stands under a key, or None if it is proved that nothing does.

    Args:
        root: hash of the root node, 32 bytes.
        key: as it stands in the trie.
        nodes: RLP of the nodes from the root down, without those that stand in their parent.

    Raises:
        InvalidInputError: the nodes prove neither.
    """
    if root == EMPTY and tuple(nodes) in {(), (b"\x80",)}:
        return None
    given, rest = iter(nodes), _nibbles(key)
    reference, value = b"\xa0" + root, None
    while True:
        step = _next(members_of(_node(reference, given)), rest)
        if step is None or step[0] == b"\x80":
            break
        reference, rest, is_value = step
        if is_value:
            value = string_of(reference)
            break
    if next(given, None) is not None:
        raise _refuse("a node left over", "those on the way alone")
    return value
