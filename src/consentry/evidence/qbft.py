"""QBFT headers: strict reading, the two hashes, and whether enough validators sealed.

Neither hash is that of the header as it is served (Besu's ``BftBlockHashing``): the block is known by the hash of the
header in round zero without seals, and a seal signs the header in its own round without seals. What seals are worth
follows ``BftCommitSealsValidationRule``: no validator twice, nobody else, and two thirds of them, rounded up. GoQuorum
imports a block with a third; that is too few here.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import rlp
from eth_hash.auto import keccak

from consentry.core.terms import Address
from consentry.crypto import signing
from consentry.errors import InvalidInputError, NotAuthenticError, VerificationError
from consentry.evidence import qbft_extra
from consentry.evidence.flat_rlp import number_in, strings_of
from consentry.evidence.qbft_extra import ExtraData

LARGEST_HEADER: Final = 32_768
"""Bytes of the longest header that is read; with 256 validators that all sealed it has some 23,300."""
MIX_HASH: Final = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
_HASH, _NUMBER, _WIDE = 32, 8, 32
_SIZES: Final[dict[str, int]] = {
    "parentHash": _HASH,
    "sha3Uncles": _HASH,
    "miner": 20,
    "stateRoot": _HASH,
    "transactionsRoot": _HASH,
    "receiptsRoot": _HASH,
    "logsBloom": 256,
    "mixHash": _HASH,
    "nonce": 8,
    "withdrawalsRoot": _HASH,
    "parentBeaconBlockRoot": _HASH,
    "requestsHash": _HASH,
}
_WIDTHS: Final[dict[str, int]] = {
    "difficulty": _WIDE,
    "number": _NUMBER,
    "gasLimit": _NUMBER,
    "gasUsed": _NUMBER,
    "timestamp": _NUMBER,
    "baseFeePerGas": _WIDE,
    "blobGasUsed": _NUMBER,
    "excessBlobGas": _NUMBER,
}
FIELDS: Final = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty"),
    *("number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
    *("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash"),
)
_EXTRA: Final = FIELDS.index("extraData")
COUNTS: Final = frozenset({15, 16, 17, 19, 20, 21})
"""How many fields a header has: it ends before the first it lacks, and has both fields of blob gas or neither."""


@dataclass(frozen=True, slots=True)
class SealedHeader:
    """A QBFT header; ``time`` in seconds, ``hash`` what the block is known by, ``seal_hash`` what seals sign."""

    number: int
    time: int
    parent_hash: bytes
    proposer: Address
    state_root: bytes
    receipts_root: bytes
    extra: ExtraData
    hash: bytes
    seal_hash: bytes


def quorum(validators: int) -> int:
    """Gives how many of so many validators must seal a block: two thirds, rounded up."""
    return -(-2 * validators // 3)


def _fields_of(encoded: bytes) -> list[bytes]:
    if len(encoded) > LARGEST_HEADER:
        raise InvalidInputError(f"header does not match (got {len(encoded)} bytes, expected at most {LARGEST_HEADER})")
    items = strings_of(encoded)
    if len(items) not in COUNTS:
        raise InvalidInputError(f"header does not match (got {len(items)} fields, expected one of {sorted(COUNTS)})")
    for name, item in zip(FIELDS, items, strict=False):
        if name in _SIZES and len(item) != _SIZES[name]:
            raise InvalidInputError(f"length of {name} does not match (got {len(item)}, expected {_SIZES[name]})")
        if name in _WIDTHS:
            number_in(item, _WIDTHS[name])
    return items


def _with_extra(items: list[bytes], extra: bytes) -> bytes:
    return keccak(rlp.encode([*items[:_EXTRA], extra, *items[_EXTRA + 1 :]]))


def _check_constants(number: int, mix_hash: bytes, difficulty: bytes, extra: ExtraData) -> None:
    """Checks what consensus fixes: of the first block that nobody sealed it, of others two fields and the order."""
    if number == 0:
        if extra.seals or extra.round or extra.vote:
            raise InvalidInputError("extraData of block 0 does not match (got round, vote or seals, expected none)")
        return
    if mix_hash != MIX_HASH:
        raise InvalidInputError(f"mixHash does not match (got 0x{mix_hash.hex()}, expected 0x{MIX_HASH.hex()})")
    if difficulty != b"\1":
        raise InvalidInputError(f"difficulty does not match (got 0x{difficulty.hex()}, expected 1)")
    if list(extra.validators) != sorted(extra.validators):
        raise InvalidInputError("validators do not match (got them unordered, expected them by rising address)")


def decode(encoded: bytes) -> SealedHeader:
    """Reads a header; whether anybody sealed it is for `sealers`.

    Raises:
        InvalidInputError: it is no QBFT header in header mode, or not in its one form.
    """
    items = _fields_of(encoded)
    field = dict(zip(FIELDS, items, strict=False))
    extra = qbft_extra.decode(field["extraData"])
    number = int.from_bytes(field["number"], "big")
    _check_constants(number, field["mixHash"], field["difficulty"], extra)
    return SealedHeader(
        number=number,
        time=int.from_bytes(field["timestamp"], "big"),
        parent_hash=field["parentHash"],
        proposer=Address(field["miner"]),
        state_root=field["stateRoot"],
        receipts_root=field["receiptsRoot"],
        extra=extra,
        hash=_with_extra(items, extra.on_chain()),
        seal_hash=_with_extra(items, extra.sealed()),
    )


def _sealer(header: SealedHeader, place: int) -> Address:
    seal, v = header.extra.seals[place][:64], header.extra.seals[place][64]
    if v > 1:
        raise VerificationError(
            f"seal {place} of block {header.number}: signature v does not match (got {v}, expected 0 or 1)"
        )
    try:
        return signing.recover(header.seal_hash, seal + bytes([27 + v]))
    except NotAuthenticError as error:
        raise VerificationError(f"seal {place} of block {header.number}: {error.message}") from error


def sealers(header: SealedHeader, validators: AbstractSet[Address]) -> frozenset[Address]:
    """Gives the validators that sealed a header, if they are enough.

    Args:
        header: to be checked.
        validators: those after the parent of the block.

    Raises:
        VerificationError: a seal is malformed, of somebody else or there twice, or there are too few; or the proposer
            is none of the validators.
    """
    if header.proposer not in validators:
        raise VerificationError(
            f"proposer of block {header.number} does not match (got 0x{header.proposer.hex()}, expected a validator)"
        )
    found: set[Address] = set()
    for place in range(len(header.extra.seals)):
        sealer = _sealer(header, place)
        if sealer not in validators:
            raise VerificationError(
                f"seal {place} of block {header.number} does not match (got 0x{sealer.hex()}, expected a validator)"
            )
        if sealer in found:
            raise VerificationError(
                f"seal {place} of block {header.number} does not match (got 0x{sealer.hex()} again, expected each once)"
            )
        found.add(sealer)
    needed = quorum(len(validators))
    if len(found) < needed:
        raise VerificationError(
            f"seals of block {header.number} do not match (got {len(found)}, "
            f"expected {needed} of {len(validators)} validators)",
            expected=needed,
            got=len(found),
        )
    return frozenset(found)
