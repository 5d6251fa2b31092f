"""Calldata of decisions is read as the contract reads it, and no call makes its reader run out of memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consentry.core.access import shown_of
from consentry.core.batch_tree import batch_of, is_asked_for
from consentry.core.merkle import proof_of, root_of
from consentry.core.terms import ZERO_32, AccessRequest, Material
from consentry.core.typed_data import consent_id, record_id, scope_key
from consentry.errors import InvalidInputError
from consentry.ledger.calldata import encode_decide, encode_decide_batch, submitted_in
from tests.support import samples

WORD = 32
SIGNATURE = bytes(range(1, 66))


def pairs() -> list[tuple[AccessRequest, Material]]:
    """Gives requests of every kind: by category, by named record, for a later version, without a consent."""
    first = samples.leaf()
    later = replace(first, previous=record_id(first), lineage=record_id(first), version=2)
    keys = [scope_key(first), samples.word(3), samples.word(4)]
    plain = replace(samples.terms(), subject_id=first.subject_id)
    named = replace(plain, records_root=root_of(keys), categories=0)
    proof = proof_of(keys, scope_key(first))
    materials = [Material(first, plain), Material(first, named, proof), Material(later, named, proof), Material(first)]
    return [
        (
            replace(
                samples.request(
                    record_id(material.leaf), consent_id(material.terms) if material.terms else ZERO_32, samples.word(7)
                ),
                request_id=number,
            ),
            material,
        )
        for number, material in enumerate(materials)
    ]


def test_requests_come_back_as_they_were_coded() -> None:
    items = pairs()
    found = submitted_in(encode_decide(items, [SIGNATURE] * len(items)))

    assert found is not None
    assert [(item.request, item.shown) for item in found] == [
        (request, shown_of(request, material)) for request, material in items
    ]
    assert {item.signature for item in found} == {SIGNATURE}
    assert {item.within for item in found} == {None}


def test_requests_of_a_batch_come_back_with_their_paths() -> None:
    items = pairs()
    found = submitted_in(encode_decide_batch(items, SIGNATURE))

    assert found is not None
    batch = batch_of(items[0][0].institution, [request for request, _ in items])
    assert all(item.within is not None and item.within.batch == batch for item in found)
    assert all(item.within is not None and is_asked_for(item.request, item.within) for item in found)


def test_other_calls_are_none_of_ours() -> None:
    assert submitted_in(b"") is None
    assert submitted_in(bytes(100)) is None


def test_padding_that_is_not_zero_is_read_as_the_contract_reads_it() -> None:
    items = pairs()[:1]
    data = encode_decide(items, [SIGNATURE])
    end = data.index(SIGNATURE) + len(SIGNATURE)

    found = submitted_in(data[:end] + b"\x01" + data[end + 1 :])

    assert found is not None
    assert found[0].signature == SIGNATURE


def test_truncated_call_is_refused() -> None:
    data = encode_decide(pairs(), [SIGNATURE] * 4)

    for length in range(4, len(data) - WORD, 97):
        with pytest.raises(InvalidInputError):
            submitted_in(data[:length])


def test_pointers_that_make_much_of_few_bytes_are_refused() -> None:
    """Every inner array is the same one: a decoder that follows each would need a gigabyte for a hundred kilobytes."""
    count = 1_500
    data = encode_decide(pairs()[:1], [SIGNATURE])
    head, coded = data[:4], data[4:]
    tables = int.from_bytes(coded[2 * WORD : 3 * WORD], "big")
    proofs = len(coded) - tables
    pointers = (count * WORD).to_bytes(WORD, "big") * count
    bomb = count.to_bytes(WORD, "big") + pointers + count.to_bytes(WORD, "big") + bytes(count * WORD)
    place = tables + 5 * WORD
    coded = coded[:place] + proofs.to_bytes(WORD, "big") + coded[place + WORD :] + bomb

    with pytest.raises(InvalidInputError):
        submitted_in(head + coded)
