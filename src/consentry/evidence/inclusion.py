"""Where an event of a bundle stands, and what shows it: the receipt it is in, or its path in the ledger log.

Paths in one tree share nodes. In the file each node stands once, under ``logNodes``, in the order of its first use, and
a path is a list of places in that list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from consentry.core.log_tree import HASH_SIZE, LONGEST_PATH
from consentry.errors import InvalidInputError
from consentry.evidence.notation import Json, bytes_of, hex_of

_BY_RECEIPT: Final = frozenset({"blockHash", "transactionIndex", "logIndex", "nodes"})
_BY_LOG: Final = frozenset({"blockHash", "blockNumber", "leafIndex", "path"})
_INDEX_BITS: Final = 32
_NUMBER_BITS: Final = 48


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Where an event stands: block, index of the transaction, index of the log in its receipt, and the trie nodes."""

    block_hash: bytes
    transaction_index: int
    log_index: int
    nodes: tuple[bytes, ...]

    @property
    def group(self) -> tuple[bytes, int]:
        """What logs have in common that are counted one behind the other: their transaction."""
        return self.block_hash, self.transaction_index

    @property
    def position(self) -> int:
        """The count of the log in its group."""
        return self.log_index


@dataclass(frozen=True, slots=True)
class LogInclusion:
    """Where an event stands: block, place of its leaf in the ledger log, and the siblings from the leaf up."""

    block_hash: bytes
    block_number: int
    leaf_index: int
    path: tuple[bytes, ...]

    @property
    def group(self) -> tuple[bytes, int]:
        """What logs have in common that are counted one behind the other: their block."""
        return self.block_hash, self.block_number

    @property
    def position(self) -> int:
        """The count of the log in its group, from wherever that begins."""
        return self.leaf_index


Shown = Inclusion | LogInclusion
"""What shows an event."""


def write_shown(shown: Shown) -> Json:
    """Writes what shows an event; a path as its nodes, until `pool` gathers them."""
    if isinstance(shown, LogInclusion):
        return {
            "blockHash": hex_of(shown.block_hash),
            "blockNumber": shown.block_number,
            "leafIndex": shown.leaf_index,
            "path": [hex_of(node) for node in shown.path],
        }
    return {
        "blockHash": hex_of(shown.block_hash),
        "transactionIndex": shown.transaction_index,
        "logIndex": shown.log_index,
        "nodes": [hex_of(node) for node in shown.nodes],
    }


def read_shown(value: object) -> Shown:
    """Reads what shows an event; a path must have its nodes by now.

    Raises:
        InvalidInputError: it is neither form.
    """
    if not isinstance(value, dict) or frozenset(value) not in (_BY_RECEIPT, _BY_LOG):
        found = sorted(value) if isinstance(value, dict) else type(value).__name__
        raise InvalidInputError(f"members of an inclusion do not match (got {found!r:.200}, expected those of a form)")
    block_hash = bytes_of(value["blockHash"], HASH_SIZE)
    if "path" in value:
        path = tuple(bytes_of(node, HASH_SIZE) for node in _list(value["path"]))
        places = _index(value["blockNumber"], _NUMBER_BITS), _index(value["leafIndex"], _NUMBER_BITS)
        return LogInclusion(block_hash, *places, path)
    nodes = tuple(bytes_of(node) for node in _list(value["nodes"]))
    places = _index(value["transactionIndex"], _INDEX_BITS), _index(value["logIndex"], _INDEX_BITS)
    return Inclusion(block_hash, *places, nodes)


def pool(written: Json) -> list[str]:
    """Puts places in place of the nodes of all paths in a document; gives the nodes, each once."""
    nodes: dict[str, int] = {}
    for shown in _paths(written):
        shown["path"] = [nodes.setdefault(node, len(nodes)) for node in shown["path"]]
    return list(nodes)


def unpool(found: Json, nodes: object) -> None:
    """Puts the nodes in place of the places in all paths of a document.

    Raises:
        InvalidInputError: there are no such nodes.
    """
    pooled = _list(nodes)
    for shown in _paths(found):
        path = _list(shown["path"])
        if len(path) > LONGEST_PATH:
            raise InvalidInputError(f"length of a path does not match (got {len(path)}, expected at most 63)")
        shown["path"] = [pooled[_index(place, _INDEX_BITS, len(pooled))] for place in path]


def _paths(document: Json) -> Iterator[Json]:
    """Gives every inclusion by the log, in the order of the file: that of the names."""
    for name in sorted(document):
        value = document[name]
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, dict):
                shown = part.get("inclusion", part)
                if isinstance(shown, dict) and shown.keys() == _BY_LOG:
                    yield shown


def _list(value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        raise InvalidInputError(f"list does not match (got {type(value).__name__}, expected a list)")
    return value


def _index(value: object, bits: int, below: int | None = None) -> int:
    limit = 1 << bits if below is None else below
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < limit:
        raise InvalidInputError(f"index does not match (got {value!r:.80}, expected a number below {limit})")
    return value
