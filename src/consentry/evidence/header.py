"""Block headers: from JSON-RPC to bytes, and from bytes to the hash the chain knows them by.

Sources: the Ethereum yellow paper and EIPs 1559, 4895, 4844, 4788 and 7685 for the order of fields; Besu's
``BlockHeader`` and ``BftBlockHashing`` for the two ways in which a QBFT header differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import rlp
from eth_hash.auto import keccak

from consentry.errors import InvalidInputError

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
_EXTRA: Final = _PLACE["extraData"]
_HASH_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class Header:
    """What a proof needs of a header; ``time`` in seconds."""

    hash: bytes
    parent_hash: bytes
    receipts_root: bytes
    number: int
    time: int


def _item(name: str, text: object) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise InvalidInputError(f"header field {name} does not match (got {text!r:.80}, expected 0x and digits)")
    if name in _NUMBERS:
        number = int(text, 16)
        return number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes.fromhex(text[2:])


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
    names = [*_REQUIRED]
    for name in _OPTIONAL:
        if block.get(name) is None:
            break
        names.append(name)
    encoded: bytes = rlp.encode([_item(name, block[name]) for name in names])
    found, expected = decode(encoded, form).hash, _item("hash", block.get("hash"))
    if found != expected:
        raise InvalidInputError(f"header hash does not match (got 0x{found.hex()}, expected 0x{expected.hex()})")
    return encoded


def _without_seals(items: list[bytes]) -> bytes:
    """Gives the RLP a QBFT block hash is taken over: round zero, no seals."""
    extra = rlp.decode(items[_EXTRA], strict=True)
    vanity, validators, vote = extra[:3]
    stripped = rlp.encode([vanity, validators, vote, b"", []])
    encoded: bytes = rlp.encode([*items[:_EXTRA], stripped, *items[_EXTRA + 1 :]])
    return encoded


def decode(encoded: bytes, form: HeaderForm = "ethereum") -> Header:
    """Reads the RLP of a header and derives its hash.

    Raises:
        InvalidInputError: it is no header.
    """
    try:
        items = list(rlp.decode(encoded, strict=True))
        if not len(_REQUIRED) <= len(items) <= len(_REQUIRED) + len(_OPTIONAL):
            raise InvalidInputError("header does not match (got another structure, expected 15 to 21 fields)")
        hashed = _without_seals(items) if form == "qbft" else encoded
        header = Header(
            hash=keccak(hashed),
            parent_hash=items[_PLACE["parentHash"]],
            receipts_root=items[_PLACE["receiptsRoot"]],
            number=int.from_bytes(items[_PLACE["number"]], "big"),
            time=int.from_bytes(items[_PLACE["timestamp"]], "big"),
        )
    except (rlp.exceptions.RLPException, TypeError, ValueError, IndexError) as error:
        raise InvalidInputError(f"header does not match (got bytes that are none: {error})") from error
    if len(header.parent_hash) != _HASH_SIZE or len(header.receipts_root) != _HASH_SIZE:
        raise InvalidInputError("header does not match (got a hash of another size, expected 32 bytes)")
    return header
