"""Raw signed transactions with any fields, also such as no library would sign."""

from __future__ import annotations

import os
from typing import Any, Final

import rlp
from coincurve import PrivateKey
from eth_hash.auto import keccak

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
TARGET: Final = b"\x11" * 20
SOUND: Final[dict[str, Any]] = {
    "nonce": 0,
    "priority_price": 0,
    "price": 0,
    "gas": 200_000,
    "to": TARGET,
    "value": 0,
    "data": b"",
    "access_list": [],
}


def number(value: int) -> bytes:
    """Codes a number as RLP has it."""
    return value.to_bytes((value.bit_length() + 7) // 8)


def _coded(value: Any) -> Any:  # noqa: ANN401 - to any depth
    return number(value) if isinstance(value, int) else value


def transaction(chain_id: int | bytes, *, is_high: bool = False, parity: bytes | None = None, **changes: Any) -> bytes:  # noqa: ANN401 - any field
    """Signs a type 2 transaction, or type 4 if there are ``authorisations``.

    Args:
        chain_id: for which chain; bytes stand as they are.
        is_high: signs with the other of the two values of s.
        parity: stands in place of the true one.
        changes: fields in place of those of ``SOUND``; bytes and lists stand as they are.
    """
    kind = b"\x04" if "authorisations" in changes else b"\x02"
    fields = [_coded(value) for value in ({"chain_id": chain_id} | SOUND | changes).values()]
    signed = PrivateKey(os.urandom(32)).sign_recoverable(keccak(kind + rlp.encode(fields)), hasher=None)
    r, s, bit = int.from_bytes(signed[:32]), int.from_bytes(signed[32:64]), signed[64]
    if is_high:
        s, bit = ORDER - s, 1 - bit
    return kind + bytes(rlp.encode([*fields, number(bit) if parity is None else parity, number(r), number(s)]))


def authorisation(chain_id: int) -> list[bytes]:
    """Signs an EIP-7702 authorisation for one chain."""
    fields = [number(chain_id), b"\x22" * 20, b""]
    signed = PrivateKey(os.urandom(32)).sign_recoverable(keccak(b"\x05" + rlp.encode(fields)), hasher=None)
    return [*fields, number(signed[64]), signed[:32].lstrip(b"\0"), signed[32:64].lstrip(b"\0")]


def unfit(chain_id: int) -> dict[str, bytes]:
    """Transactions that no block of a chain can hold, whatever its state is."""
    keys = [[TARGET, [bytes(32)] * 100]]
    return {
        "another chain": transaction(chain_id + 1),
        "gas of more than a transaction": transaction(chain_id, gas=16_777_217),
        "gas too little for a transaction": transaction(chain_id, gas=20_999),
        "gas too little for the floor of its data": transaction(chain_id, gas=21_000 + 40 * 999, data=b"\x01" * 1000),
        "gas too little for its creation": transaction(chain_id, gas=53_000, to=b"", data=b"\0"),
        "gas too little for its access list": transaction(chain_id, gas=200_000, access_list=keys),
        "creation code too long": transaction(chain_id, gas=10_000_000, to=b"", data=bytes(49_153)),
        "price": transaction(chain_id, price=1),
        "value": transaction(chain_id, value=1),
        "priority price above the price": transaction(chain_id, priority_price=1),
        "high s": transaction(chain_id, is_high=True),
        "parity with a leading zero": transaction(chain_id, parity=b"\0"),
        "nonce with a leading zero": transaction(chain_id, nonce=b"\0"),
        "chain id with a leading zero": transaction(b"\0" + number(chain_id)),
        "nonce of nine bytes": transaction(chain_id, nonce=2**64),
        "value of 33 bytes": transaction(chain_id, value=2**256),
        "address of 19 bytes": transaction(chain_id, to=b"\x11" * 19),
        "list for an address": transaction(chain_id, to=[]),
        "list for data": transaction(chain_id, data=[]),
        "one field more": transaction(chain_id, more=b"x"),
        "key of 31 bytes in the access list": transaction(chain_id, access_list=[[TARGET, [bytes(31)]]]),
        "authorisation": transaction(chain_id, authorisations=[authorisation(chain_id)]),
        "text for an access list": transaction(chain_id, access_list=b"x"),
    }


def fit(chain_id: int) -> dict[str, bytes]:
    """Transactions just inside the same bounds."""
    keys = [[TARGET, [bytes(32)] * 10]]
    return {
        "gas of a transaction": transaction(chain_id, gas=16_777_216),
        "gas for nothing": transaction(chain_id, gas=21_000),
        "gas for the floor of its data": transaction(chain_id, gas=21_000 + 40 * 1000, data=b"\x01" * 1000),
        "gas for its creation": transaction(chain_id, gas=53_006, to=b"", data=b"\0"),
        "gas for its access list": transaction(chain_id, gas=21_000 + 2_400 + 19_000, access_list=keys),
        "all gas for zeros": transaction(chain_id, gas=16_777_216, data=bytes(500_000)),
    }
