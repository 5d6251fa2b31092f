"""Block headers: from JSON-RPC to bytes, and from bytes to the hash the chain knows them by.

Sources: the Ethereum yellow paper and EIPs 1559, 4895, 4844, 4788 and 7685 for the order of fields; Besu's
``BlockHeader`` for where they end. What is different in a QBFT header is in ``qbft.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, Literal

import rlp
from eth_hash.auto import keccak

from consentry.errors import InvalidInputError
from consentry.evidence import qbft
from consentry.evidence.flat_rlp import strings_of

HeaderForm = Literal["ethereum", "qbft"]

_REQUIRED: Final = (
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
)
_OPTIONAL: Final = (
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
)
_NUMBERS: Final = frozenset(
    {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas"}
)
_PLACE: Final = {name: place for place, name in enumerate(_REQUIRED)}
_HASH_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class Header:
    """What a proof needs of a header; ``time`` in seconds."""

    hash: bytes
    parent_hash: bytes
    state_root: bytes
    receipts_root: bytes
    number: int
    time: int


def _item(name: str, text: object) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise InvalidInputError(f"header field {name} does not match (got {text!r:.80}, expected 0x and digits)")
    try:
        if name in _NUMBERS:
            number = int(text, 16)
            return number.to_bytes((number.bit_length() + 7) // 8, "big")
        return bytes.fromhex(text[2:])
    except ValueError:
        raise InvalidInputError(
            f"header field {name} does not match (got {text:.80}, expected 0x and digits)"
        ) from None


def encode(block: Mapping[str, Any], form: HeaderForm = "ethereum") -> bytes:
    """Gives the RLP of a header from the raw answer of ``eth_getBlockByNumber``.

    Optional fields stop at the first that is missing, as Besu writes them. The result is checked against the hash the
    node gives, so a field this module does not know is found at once.

    Raises:
        InvalidInputError: a field is missing or malformed, or the hash is another.
    """
    missing = [name for name in _REQUIRED if name not in block]
    if missing:
        raise InvalidInputError(f"header fields do not match (got none of {missing}, expected all)")
    present = [*takewhile(lambda name: block.get(name) is not None, _OPTIONAL)]
    if present[-1:] == ["blobGasUsed"]:
        present.pop()  # Besu writes both fields of blob gas or neither
    names = [*_REQUIRED, *present]
    encoded: bytes = rlp.encode([_item(name, block[name]) for name in names])
    found, expected = decode(encoded, form).hash, _item("hash", block.get("hash"))
    if found != expected:
        raise InvalidInputError(f"header hash does not match (got 0x{found.hex()}, expected 0x{expected.hex()})")
    return encoded


def decode(encoded: bytes, form: HeaderForm = "ethereum") -> Header:
    """Reads the RLP of a header and derives its hash.

    Raises:
        InvalidInputError: it is no header.
    """
    if form == "qbft":
        sealed = qbft.decode(encoded)
        return Header(
            hash=sealed.hash,
            parent_hash=sealed.parent_hash,
            state_root=sealed.state_root,
            receipts_root=sealed.receipts_root,
            number=sealed.number,
            time=sealed.time,
        )
    items = strings_of(encoded)
    if not len(_REQUIRED) <= len(items) <= len(_REQUIRED) + len(_OPTIONAL):
        raise InvalidInputError(f"header does not match (got {len(items)} fields, expected 15 to 21)")
    header = Header(
        hash=keccak(encoded),
        parent_hash=items[_PLACE["parentHash"]],
        state_root=items[_PLACE["stateRoot"]],
        receipts_root=items[_PLACE["receiptsRoot"]],
        number=int.from_bytes(items[_PLACE["number"]], "big"),
        time=int.from_bytes(items[_PLACE["timestamp"]], "big"),
    )
    if {len(header.parent_hash), len(header.state_root), len(header.receipts_root)} != {_HASH_SIZE}:
        raise InvalidInputError("header does not match (got a hash of another size, expected 32 bytes)")
    return header
