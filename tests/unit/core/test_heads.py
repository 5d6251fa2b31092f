"""Head arithmetic against words written out by hand."""

from __future__ import annotations

from eth_abi.abi import encode
from eth_hash.auto import keccak

from consentry.core import heads
from tests.support.samples import HOSPITAL, NOW, SUBJECT, word


def test_entry_hash_equals_abi_encoding() -> None:
    expected = keccak(encode(["bytes32", "bytes32", "uint8", "uint64"], [word(1), SUBJECT, 18, NOW]))
    assert heads.entry_hash(word(1), SUBJECT, 18, NOW) == expected


def test_advance_twice_links_and_counts() -> None:
    key = heads.institution_key(HOSPITAL)
    one = heads.advance(key, bytes(32), word(1))
    two = heads.advance(key, one, word(2))
    digest = keccak(encode(["bytes32", "bytes32", "bytes32"], [key, one, word(2)]))
    assert two == digest[:26] + (2).to_bytes(6, "big")
    assert (heads.sequence_of(bytes(32)), heads.sequence_of(one), heads.sequence_of(two)) == (0, 1, 2)


def test_advance_in_other_order_gives_another_head() -> None:
    key = heads.subject_key(SUBJECT)
    forth = heads.advance(key, heads.advance(key, bytes(32), word(1)), word(2))
    back = heads.advance(key, heads.advance(key, bytes(32), word(2)), word(1))
    assert forth != back
