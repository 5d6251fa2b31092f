"""Receipt tries: building them from JSON-RPC answers, proving one receipt, checking a proof.

A receipt stands under the RLP of its transaction's index. A proof is accepted only if it leads to a value; an absent
key is no proof of anything here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import rlp
from trie.hexary import HexaryTrie

from consentry.errors import InvalidInputError
from consentry.evidence.canonical import UNREADABLE
from consentry.evidence.flat_rlp import members_of, string_of
from consentry.evidence.trie_path import value_at

_Trie: Final[Any] = HexaryTrie
"""The library has no complete annotations."""


@dataclass(frozen=True, slots=True)
class Log:
    """One log as it stands in a receipt."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


def _raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _number(text: str) -> bytes:
    number = int(text, 16)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def encode_receipt(receipt: Mapping[str, Any]) -> bytes:
    """Gives the bytes of a receipt in the trie from the raw answer of ``eth_getBlockReceipts``.

    Raises:
        InvalidInputError: a field is missing or malformed.
    """
    try:
        logs = [[_raw(log["address"]), [_raw(t) for t in log["topics"]], _raw(log["data"])] for log in receipt["logs"]]
        fields = [
            _number(receipt["status"]),
            _number(receipt["cumulativeGasUsed"]),
            _raw(receipt["logsBloom"]),
            logs,
        ]
        kind = _number(receipt.get("type", "0x0"))
    except UNREADABLE as error:
        raise InvalidInputError(f"receipt does not match (got no usable {error})") from error
    return kind + bytes(rlp.encode(fields))


def _key(index: int) -> bytes:
    key: bytes = rlp.encode(index)
    return key


def _trie(receipts: Sequence[bytes]) -> Any:  # noqa: ANN401 - as _Trie
    trie = _Trie({})
    for index, receipt in enumerate(receipts):
        trie[_key(index)] = receipt
    return trie


def root_of(receipts: Sequence[bytes]) -> bytes:
    """Gives the receipts root of a block's receipts in order."""
    return bytes(_trie(receipts).root_hash)


def prove(receipts: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Gives the nodes from the root to one receipt, each as RLP."""
    return tuple(bytes(rlp.encode(node)) for node in _trie(receipts).get_proof(_key(index)))


def receipt_at(root: bytes, index: int, nodes: Sequence[bytes]) -> bytes:
    """Gives the receipt that stands at an index, if the nodes prove that one does.

    Raises:
        InvalidInputError: the nodes do not lead from the root to a value.
    """
    value = value_at(root, _key(index), nodes)
    if not value:
        raise InvalidInputError(f"trie proof does not match (got the absence of receipt {index}, expected its value)")
    return value


def _log(encoded: bytes) -> Log:
    address, topics, data = members_of(encoded)
    return Log(string_of(address), tuple(string_of(topic) for topic in members_of(topics)), string_of(data))


def logs_of(receipt: bytes) -> tuple[Log, ...]:
    """Reads the logs of a receipt of a transaction that succeeded.

    Raises:
        InvalidInputError: it is no receipt, or that of a failed transaction.
    """
    succeeded, logs = _outcome(receipt)
    if not succeeded:
        raise InvalidInputError("receipt does not match (got a failed transaction, expected a successful one)")
    return logs


def emitted_in(receipt: bytes) -> tuple[Log, ...]:
    """Reads what a transaction logged, by its receipt; one that failed logged nothing.

    Raises:
        InvalidInputError: it is no receipt, or that of a transaction that failed and logged.
    """
    return _outcome(receipt)[1]


def _outcome(receipt: bytes) -> tuple[bool, tuple[Log, ...]]:
    """Reads status (EIP-658) and logs; any other status is no receipt, and is never taken for a failure."""
    body = receipt if receipt[:1] >= b"\xc0" else receipt[1:]  # EIP-2718: a lower byte is a type
    try:
        status, _, _, logs = members_of(body)
        status = string_of(status)
        read = tuple(_log(log) for log in members_of(logs))
    except ValueError as error:  # of another number of members
        raise InvalidInputError("receipt does not match (got bytes that are none)") from error
    if status not in {b"", b"\x01"} or (read and not status):
        raise InvalidInputError(
            f"status of a receipt does not match (got 0x{status.hex():.64} with {len(read)} logs, "
            "expected 1, or none with no logs)"
        )
    return bool(status), read
