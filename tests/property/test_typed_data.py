"""Structs packed at once: the digests of eth-account for any value, and no value cut or padded to fit."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from consentry.core.act_table import ACTS
from consentry.core.terms import AccessRequest, Address
from consentry.core.typed_data import TYPES, Domain, digest, document, members_of, struct_hash
from tests.support import samples

STRUCTS: list[Any] = [*TYPES, *ACTS]
DOMAINS = st.builds(
    Domain, st.text(max_size=30), st.integers(1, 2**64), st.binary(min_size=20, max_size=20).map(Address)
)
REQUEST = samples.request(samples.word(1), samples.word(2), samples.word(3))


def values(kind: str) -> st.SearchStrategy[Any]:
    if kind.startswith("uint"):
        return st.integers(0, 2 ** int(kind[4:]) - 1)
    plain: dict[str, st.SearchStrategy[Any]] = {
        "bytes32": st.binary(min_size=32, max_size=32),
        "address": st.binary(min_size=20, max_size=20),
        "bytes": st.binary(max_size=150),
        "bool": st.booleans(),
    }
    return plain[kind]


def structs(kind: type) -> st.SearchStrategy[Any]:
    """Values of one signed struct, each member as wide as its type allows."""
    members = [values(member.split(" ")[0]) for member in members_of(kind)]
    return st.builds(kind, *members)


def changed(**members: Any) -> AccessRequest:  # noqa: ANN401 - also what no request may hold
    return dataclasses.replace(REQUEST, **members)


def word_by_word(value: AccessRequest) -> bytes:
    """The struct hash with each member put into its word by itself, whatever its width."""
    words = [
        member.rjust(32, b"\0") if isinstance(member, bytes) else int(member).to_bytes(32, "big")
        for member in dataclasses.astuple(value)
    ]
    text = f"AccessRequest({','.join(members_of(AccessRequest))})"
    return keccak(keccak(text.encode()) + b"".join(words))


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_digest_is_that_of_eth_account(kind: type, data: st.DataObject) -> None:
    value = data.draw(structs(kind))
    domain = data.draw(DOMAINS)

    theirs = encode_typed_data(full_message=document(domain, value))

    assert struct_hash(value) == theirs.body
    assert digest(domain, value) == keccak(b"\x19" + theirs.version + theirs.header + theirs.body)


@pytest.mark.parametrize("length", [0, 20, 31, 33, 64])
@pytest.mark.parametrize("name", ["record_id", "practitioner", "release_key_hash"])
def test_word_of_another_length_is_refused(name: str, length: int) -> None:
    with pytest.raises(ValueError, match=f"got {length}, expected 32"):
        struct_hash(changed(**{name: b"\x07" * length}))


def test_words_whose_lengths_even_out_are_refused() -> None:
    with pytest.raises(ValueError, match="got 33, expected 32"):
        struct_hash(changed(record_id=b"\x07" * 33, consent_id=b"\x07" * 31))


@pytest.mark.parametrize("name", ["request_id", "purpose", "issued_at"])
@pytest.mark.parametrize("number", [-1, 2**256])
def test_number_that_no_word_holds_is_refused(name: str, number: int) -> None:
    with pytest.raises(OverflowError):
        struct_hash(changed(**{name: number}))


@pytest.mark.parametrize(
    "change",
    [{"issued_at": 2**64}, {"purpose": 2**255}, {"institution": b"\x05" * 19}, {"institution": b"\x05" * 21}],
    ids=["wide time", "wide code", "short address", "long address"],
)
def test_value_wider_than_its_type_is_hashed_as_it_is(change: dict[str, Any]) -> None:
    value = changed(**change)
    assert struct_hash(value) == word_by_word(value) != struct_hash(REQUEST)
