"""The pool of waiting transactions, and what it takes for one."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from consentry.errors import ConflictError, InvalidInputError, LedgerUnavailableError
from consentry.ledger.embedded.pool import Pool, Transaction, Waiting, decode_transaction

CHAIN = 1_900_000_001
TO = "0x52908400098527886E0F7030069857D2E4169EE7"
FIELDS: dict[str, Any] = {"nonce": 7, "gas": 21_000, "to": TO, "value": 0, "data": b"", "chainId": CHAIN}
LEGACY = {**FIELDS, "gasPrice": 0}
ACCESS_LIST = {**FIELDS, "type": 1, "gasPrice": 0, "accessList": []}
DYNAMIC = {**FIELDS, "type": 2, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0}


def _transaction(sender: str, nonce: int, gas: int = 1) -> Transaction:
    return Transaction(b"", keccak(f"{sender}{nonce}{gas}".encode()), sender, nonce, gas)


@pytest.mark.parametrize("fields", [LEGACY, ACCESS_LIST, DYNAMIC])
def test_decode_signed_transaction_names_sender_nonce_and_gas(fields: dict[str, Any]) -> None:
    account = Account.from_key(os.urandom(32))
    signed = account.sign_transaction(fields)
    raw = bytes(signed.raw_transaction)
    assert decode_transaction(raw, CHAIN) == Transaction(raw, bytes(signed.hash), account.address.lower(), 7, 21_000)


def test_decode_legacy_transaction_without_chain_id_is_refused() -> None:
    raw = bytes(Account.from_key(os.urandom(32)).sign_transaction({**LEGACY, "chainId": None}).raw_transaction)
    with pytest.raises(InvalidInputError, match="EIP-155"):
        decode_transaction(raw, CHAIN)


@pytest.mark.parametrize(
    "raw", [b"", b"\x02", b"\x03\xc0", b"\xc0", b"\x02\xc0", b"\x7f", b"\xf8\xff", b"\x05" + b"\xc0"]
)
def test_decode_malformed_transaction_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInputError):
        decode_transaction(raw, CHAIN)


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7), length=st.integers(0, 10**6))
def test_decode_altered_transaction_is_refused_or_another(place: int, bit: int, length: int) -> None:
    signed = Account.from_key(b"\x01" * 32).sign_transaction(DYNAMIC)
    raw = bytearray(signed.raw_transaction)
    raw[place % len(raw)] ^= 1 << bit
    for altered in (bytes(raw), bytes(signed.raw_transaction)[: length % len(raw)]):
        try:
            decoded = decode_transaction(altered, CHAIN)
        except InvalidInputError:
            continue
        assert decoded.hash != bytes(signed.hash)


async def test_take_gives_unbroken_runs_of_known_senders_within_the_gas_limit() -> None:
    pool = Pool()
    for sender, nonce in [("a", 6), ("a", 5), ("a", 8), ("b", 0), ("stranger", 0)]:
        pool.add(_transaction(sender, nonce), 1.0)
    taken = pool.take({"a": 5, "b": 0}, 100, 100)
    assert [(one.transaction.sender, one.transaction.nonce) for one in taken] == [("a", 5), ("a", 6), ("b", 0)]
    assert sorted(one.transaction.sender for one in pool) == ["a", "stranger"]


async def test_take_stops_at_either_limit_but_never_starves_a_large_one() -> None:
    pool = Pool()
    for nonce, gas in enumerate([60, 60, 500, 1]):
        pool.add(_transaction("a", nonce, gas), 1.0)
    assert [one.transaction.nonce for one in pool.take({"a": 0}, 100, 100)] == [0]
    assert [one.transaction.nonce for one in pool.take({"a": 1}, 100, 100)] == [1]
    assert [one.transaction.nonce for one in pool.take({"a": 2}, 100, 100)] == [2]
    for nonce in range(4, 9):
        pool.add(_transaction("a", nonce), 1.0)
    assert [one.transaction.nonce for one in pool.take({"a": 3}, 100, 2)] == [3, 4]
    assert len(pool) == 4


async def test_add_same_transaction_joins_and_another_is_refused() -> None:
    pool = Pool()
    first = pool.add(_transaction("a", 0), 1.0)
    assert pool.add(_transaction("a", 0), 2.0) is first
    with pytest.raises(ConflictError):
        pool.add(_transaction("a", 0, gas=2), 1.0)
    assert len(pool) == 1


async def test_add_bounds_the_bytes_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consentry.ledger.embedded.pool.WAITING_BYTES", 10)
    pool = Pool()

    def add(nonce: int) -> Waiting:
        return pool.add(replace(_transaction("a", nonce), raw=bytes(5)), 1.0)

    add(0)
    add(1)
    with pytest.raises(LedgerUnavailableError, match="wait already"):
        add(2)
    for taken in pool.take({"a": 0}, 1, 10):
        with pytest.raises(LedgerUnavailableError):
            add(2)  # What is under way is still held.
        pool.put_back(taken)
        with pytest.raises(LedgerUnavailableError):
            add(2)
    for taken in pool.take({"a": 0}, 1, 10):
        pool.release(taken)
        pool.release(taken)  # Once is enough.
    add(2)
    with pytest.raises(LedgerUnavailableError):
        add(3)
    assert len(pool.take_stale({}, 1.0)) == 2
    add(3)
    add(4)


async def test_take_stale_removes_used_nonces_and_expired_gaps() -> None:
    pool = Pool()
    for nonce, deadline in [(1, 9.0), (7, 9.0), (8, 4.0)]:
        pool.add(_transaction("a", nonce), deadline)
    assert [one.transaction.nonce for one in pool.take_stale({"a": 5}, 4.0)] == [1, 8]
    assert [one.transaction.nonce for one in pool] == [7]
    assert pool.next_nonce("a", 7) == 8
    assert pool.next_nonce("a", 6) == 6
    assert [one.transaction.nonce for one in pool.take_stale({}, 9.0)] == [7]
    assert pool.senders() == []


async def test_put_back_waits_again_with_the_same_future() -> None:
    pool = Pool()
    pool.add(_transaction("a", 0), 1.0)
    (taken,) = pool.take({"a": 0}, 10, 10)
    with pytest.raises(ConflictError):
        pool.add(_transaction("a", 0, gas=2), 1.0)
    assert pool.add(_transaction("a", 0), 1.0) is taken
    assert pool.next_nonce("a", 0) == 1, "what is under way counts"
    pool.put_back(taken)
    assert list(pool) == [taken]
    assert isinstance(taken, Waiting)
    assert isinstance(taken.done, asyncio.Future)
