"""Commitments: blinded, bound to every field, verified by raising."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.crypto.commitment import commit_plaintext, new_blinding, verify_commitment
from consentry.crypto.framing import length_prefixed, uint64, uint256
from consentry.errors import InvalidInputError, VerificationError

FIELDS: dict[str, Any] = {
    "object_id": b"\x05" * 32,
    "version": 1,
    "size": 12,
    "plaintext_sha256": hashlib.sha256(b"plain record").digest(),
}


def test_verify_the_committed_plaintext_passes() -> None:
    blinding = new_blinding()
    verify_commitment(commit_plaintext(blinding, **FIELDS), blinding, **FIELDS)


@pytest.mark.parametrize(
    "change",
    [
        {"object_id": b"\x06" * 32},
        {"version": 2},
        {"size": 13},
        {"plaintext_sha256": hashlib.sha256(b"plain Record").digest()},
    ],
)
def test_verify_with_another_field_is_refused(change: dict[str, Any]) -> None:
    blinding = new_blinding()
    commitment = commit_plaintext(blinding, **FIELDS)
    with pytest.raises(VerificationError) as caught:
        verify_commitment(commitment, blinding, **(FIELDS | change), step=4)
    assert (caught.value.step, caught.value.expected) == (4, commitment.hex())


def test_verify_with_another_blinding_or_commitment_is_refused() -> None:
    blinding = new_blinding()
    commitment = commit_plaintext(blinding, **FIELDS)
    for wrong in (commitment[:-1], bytes(32), b"", bytes([commitment[0] ^ 1]) + commitment[1:]):
        with pytest.raises(VerificationError):
            verify_commitment(wrong, blinding, **FIELDS)
    with pytest.raises(VerificationError):
        verify_commitment(commitment, new_blinding(), **FIELDS)


def test_commit_same_plaintext_twice_gives_unrelated_values() -> None:
    assert commit_plaintext(new_blinding(), **FIELDS) != commit_plaintext(new_blinding(), **FIELDS)


@pytest.mark.parametrize(
    "change", [{"object_id": b""}, {"plaintext_sha256": bytes(31)}, {"version": -1}, {"size": 2**64}]
)
def test_commit_to_malformed_fields_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        commit_plaintext(new_blinding(), **(FIELDS | change))
    with pytest.raises(InvalidInputError):
        commit_plaintext(bytes(31), **FIELDS)


@given(st.lists(st.binary(max_size=6), max_size=5), st.lists(st.binary(max_size=6), max_size=5))
def test_length_prefixed_of_different_fields_differs(left: list[bytes], right: list[bytes]) -> None:
    assert (length_prefixed(*left) == length_prefixed(*right)) == (left == right)


def test_integers_have_a_fixed_width() -> None:
    assert (uint64(1), uint256(1)) == (bytes(7) + b"\x01", bytes(31) + b"\x01")
