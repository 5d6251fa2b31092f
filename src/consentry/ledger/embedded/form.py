"""What a raw transaction must be before it is logged: whatever else the engine refuses, it refuses for the state alone.

A refused transaction must not take room in the block log, nor time between two blocks. So everything that can be told
from the bytes is told here: canonical RLP, fields of the right kind, gas that pays for the bytes, and nothing to pay,
because no account of this chain has a balance.

Of the types of transactions those are taken in which nothing but an account's own transactions moves its number. One
that carries authorisations (EIP-7702) moves the numbers of others in the middle of a block: what waits of theirs then
drops out of that block, and the engine does not make the same block again from what stayed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from consentry.errors import InvalidInputError

TRANSACTION_GAS_LIMIT: Final = 16_777_216
"""EIP-7825; the same as in the engine's profile."""
RAW_LIMIT: Final = 512 << 10
"""Bytes. Gas bounds what is not zero to 418,905 bytes of calldata (EIP-7623); this bounds the work of finding that out.
A batch of 64 accesses with the longest signatures and proofs has 453,000."""

LEGACY: Final = -1
"""Stands for the type of a transaction that has none (EIP-155)."""

_ADDRESS_BYTES: Final = 20
_WORD_BYTES: Final = 32
_UINT64: Final = 8
_INITCODE_LIMIT: Final = 49_152
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
# EIP-155: v = 2 * chain id + 35 + parity. A smaller one names no chain and could be replayed on any.
_FIRST_BOUND_V: Final = 35

_BASE_GAS: Final = 21_000
_CREATION_GAS: Final = 32_000
_INITCODE_WORD_GAS: Final = 2
_TOKEN_GAS: Final = 4
_FLOOR_TOKEN_GAS: Final = 10
_ADDRESS_GAS: Final = 2_400
_KEY_GAS: Final = 1_900

# The fields by EIP-2718 type, as in the EIPs that define them.
_NAMES: Final = {
    LEGACY: ("nonce", "gas_price", "gas", "to", "value", "data", "v", "r", "s"),
    1: ("chain_id", "nonce", "gas_price", "gas", "to", "value", "data", "access_list", "parity", "r", "s"),
    2: (
        *("chain_id", "nonce", "priority_price", "gas_price", "gas", "to", "value", "data", "access_list"),
        *("parity", "r", "s"),
    ),
}
_TEXTS: Final = frozenset({"to", "data"})
_UNNUMBERED: Final = _TEXTS | {"access_list"}
_UINT64_NAMES: Final = frozenset({"nonce", "gas", "chain_id"})


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a transaction that is well formed, as far as anybody asks.

    Attributes:
        chain_id: which chain it is for.
        nonce: its number among those of its sender.
        gas: gas limit.
        parity: of its signature.
        needed_gas: the least gas limit that pays for the bytes alone.
        cost: the wei it may take from its sender, saturated or not.
    """

    chain_id: int
    nonce: int
    gas: int
    parity: int
    needed_gas: int
    cost: int


def read_form(kind: int, fields: Any) -> Form:  # noqa: ANN401 - decoded RLP is bytes, or lists of such, to any depth
    """Reads the fields of a transaction of an EIP-2718 type, or ``LEGACY``.

    Raises:
        InvalidInputError: it names no chain.
        ValueError: the engine would not take it for a transaction.
    """
    names = _NAMES[kind]
    _require(isinstance(fields, list) and len(fields) == len(names), "number of fields")
    found = dict(zip(names, fields, strict=True))
    numbers = {
        name: _number(found[name], _UINT64 if name in _UINT64_NAMES else _WORD_BYTES)
        for name in names
        if name not in _UNNUMBERED
    }
    if kind == LEGACY:
        numbers["chain_id"], numbers["parity"] = _named_by(numbers["v"])
    _require(numbers["parity"] <= 1 and numbers["r"] > 0 and 0 < numbers["s"] <= _HALF_ORDER, "signature")
    _require(numbers.get("priority_price", 0) <= numbers["gas_price"], "priority price")
    _require(all(isinstance(found[name], bytes) for name in _TEXTS), "to and data")
    _require(len(found["to"]) in {0, _ADDRESS_BYTES}, "to")
    is_creation = not found["to"]
    if is_creation:
        _require(len(found["data"]) <= _INITCODE_LIMIT, "length of the creation code")
    return Form(
        chain_id=numbers["chain_id"],
        nonce=numbers["nonce"],
        gas=numbers["gas"],
        parity=numbers["parity"],
        needed_gas=_needed_gas(
            found["data"],
            _access_gas(found.get("access_list", [])),
            is_creation=is_creation,
        ),
        cost=numbers["gas"] * numbers["gas_price"] + numbers["value"],
    )


def _named_by(v: int) -> tuple[int, int]:
    """Chain id and parity of a legacy transaction."""
    if v < _FIRST_BOUND_V:
        raise InvalidInputError("chain id of the raw transaction is missing (expected an EIP-155 signature)")
    return divmod(v - _FIRST_BOUND_V, 2)


def check_form(form: Form, chain_id: int) -> None:
    """Refuses a well-formed transaction that can be in no block of this chain.

    Raises:
        InvalidInputError: it is for another chain, its gas is too much or too little, or it has something to pay.
    """
    if form.chain_id != chain_id:
        raise InvalidInputError(f"chain id does not match (got {form.chain_id}, expected {chain_id})")
    if form.gas > TRANSACTION_GAS_LIMIT:
        raise InvalidInputError(f"gas is too much for a transaction (got {form.gas}, at most {TRANSACTION_GAS_LIMIT})")
    if form.gas < form.needed_gas:
        raise InvalidInputError(f"intrinsic gas too low (got {form.gas}, expected at least {form.needed_gas})")
    if form.cost:
        raise InvalidInputError("price and value are not zero: no account of this chain has a balance")


def _needed_gas(data: bytes, lists: int, *, is_creation: bool) -> int:
    """The larger of intrinsic gas and calldata floor (EIP-2028, EIP-3860, EIP-7623)."""
    tokens = 4 * len(data) - 3 * data.count(0)
    creation = _CREATION_GAS + _INITCODE_WORD_GAS * -(-len(data) // _WORD_BYTES) if is_creation else 0
    return _BASE_GAS + max(_TOKEN_GAS * tokens + creation + lists, _FLOOR_TOKEN_GAS * tokens)


def _access_gas(access_list: Sequence[Any]) -> int:
    _require(isinstance(access_list, list), "access list")
    gas = 0
    for entry in access_list:
        address, keys = entry
        _require(isinstance(address, bytes) and len(address) == _ADDRESS_BYTES, "address of the access list")
        _require(isinstance(keys, list) and all(_is_word(key) for key in keys), "keys of the access list")
        gas += _ADDRESS_GAS + _KEY_GAS * len(keys)
    return gas


def _is_word(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == _WORD_BYTES


def _number(value: object, size: int) -> int:
    """A number as RLP has it: no leading zero, nothing at all for zero."""
    if not isinstance(value, bytes) or len(value) > size or value[:1] == b"\0":
        raise ValueError("number is not canonical")
    return int.from_bytes(value)


def _require(holds: bool, what: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise ValueError(f"{what} of the transaction cannot be")
