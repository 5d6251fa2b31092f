"""Key wrapping: opens for one institution and one access decision alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consentry.crypto.commitment import new_blinding
from consentry.crypto.keywrap import (
    PUBLIC_KEY_SIZE,
    WRAPPED_SIZE,
    RecordKeys,
    ReleaseContext,
    new_release_seed,
    release_key_hash,
    release_public_key,
    unwrap_record_keys,
    wrap_record_keys,
)
from consentry.crypto.sealing import new_data_key
from consentry.errors import InvalidInputError, VerificationError

SEED = new_release_seed()
PUBLIC_KEY = release_public_key(SEED)
KEYS = RecordKeys(data_key=new_data_key(), blinding=new_blinding())
CONTEXT = ReleaseContext(
    chain_id=1337,
    access_ledger=b"\xaa" * 20,
    record_id=b"\x01" * 32,
    record_version=2,
    consent_id=b"\x02" * 32,
    request_id=3,
    decision_id=b"\x04" * 32,
    release_key_hash=release_key_hash(PUBLIC_KEY),
)
WRAPPED = wrap_record_keys(KEYS, PUBLIC_KEY, CONTEXT)

OTHER_CONTEXTS = [
    replace(CONTEXT, chain_id=1338),
    replace(CONTEXT, access_ledger=b"\xab" * 20),
    replace(CONTEXT, record_id=b"\x11" * 32),
    replace(CONTEXT, record_version=3),
    replace(CONTEXT, consent_id=bytes(32)),
    replace(CONTEXT, request_id=4),
    replace(CONTEXT, decision_id=b"\x14" * 32),
]


def test_unwrap_for_the_right_key_and_decision_returns_the_keys() -> None:
    assert (len(PUBLIC_KEY), len(WRAPPED)) == (PUBLIC_KEY_SIZE, WRAPPED_SIZE)
    assert unwrap_record_keys(WRAPPED, SEED, CONTEXT) == KEYS
    assert wrap_record_keys(KEYS, PUBLIC_KEY, CONTEXT) != WRAPPED


@pytest.mark.parametrize("context", OTHER_CONTEXTS)
def test_unwrap_under_another_context_is_refused(context: ReleaseContext) -> None:
    with pytest.raises(VerificationError) as caught:
        unwrap_record_keys(WRAPPED, SEED, context, step=7)
    assert caught.value.step == 7


def test_unwrap_with_another_key_is_refused() -> None:
    seed = new_release_seed()
    with pytest.raises(InvalidInputError):
        unwrap_record_keys(WRAPPED, seed, CONTEXT)
    with pytest.raises(VerificationError):
        unwrap_record_keys(WRAPPED, seed, replace(CONTEXT, release_key_hash=release_key_hash(release_public_key(seed))))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, WRAPPED_SIZE - 1), st.integers(1, 255))
def test_unwrap_with_any_byte_changed_is_refused(at: int, mask: int) -> None:
    changed = bytearray(WRAPPED)
    changed[at] ^= mask
    with pytest.raises(VerificationError):
        unwrap_record_keys(bytes(changed), SEED, CONTEXT)


@pytest.mark.parametrize("wrapped", [b"", WRAPPED[:-1], WRAPPED + b"\x00"])
def test_unwrap_of_wrong_length_is_refused(wrapped: bytes) -> None:
    with pytest.raises(InvalidInputError):
        unwrap_record_keys(wrapped, SEED, CONTEXT)


def test_wrap_to_a_key_the_context_does_not_name_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        wrap_record_keys(KEYS, release_public_key(new_release_seed()), CONTEXT)


def test_wrap_to_a_malformed_key_is_refused() -> None:
    for public_key in (b"", PUBLIC_KEY[:-1], PUBLIC_KEY + b"\x00"):
        with pytest.raises(InvalidInputError):
            wrap_record_keys(KEYS, public_key, CONTEXT)
    # Every coefficient of an ML-KEM public key is below 3329 (FIPS 203, section 7.2); all bits set is above.
    public_key = b"\xff" * PUBLIC_KEY_SIZE
    with pytest.raises(InvalidInputError):
        wrap_record_keys(KEYS, public_key, replace(CONTEXT, release_key_hash=release_key_hash(public_key)))


def test_release_context_of_malformed_fields_is_refused() -> None:
    short: dict[str, Any]
    for name in ("record_id", "consent_id", "decision_id", "release_key_hash", "access_ledger"):
        short = {name: b"\x01" * 31}
        with pytest.raises(InvalidInputError):
            replace(CONTEXT, **short)
    integers: list[dict[str, Any]] = [
        {"chain_id": -1},
        {"chain_id": 2**256},
        {"request_id": 2**256},
        {"record_version": 2**64},
    ]
    for wrong in integers:
        with pytest.raises(InvalidInputError):
            replace(CONTEXT, **wrong).info()


def test_record_keys_never_show_themselves() -> None:
    assert KEYS.data_key.hex() not in repr(KEYS)
    assert repr(KEYS.data_key) not in repr(KEYS)
    assert RecordKeys.from_bytes(KEYS.to_bytes()) == KEYS
    with pytest.raises(InvalidInputError):
        RecordKeys.from_bytes(KEYS.to_bytes()[:-1])
