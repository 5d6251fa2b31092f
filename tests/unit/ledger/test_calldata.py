"""Calldata of decisions is read as the contract reads it, and no call makes its reader run out of memory."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest

from consentry.audit.ports import SubmittedRequest
from consentry.core.access import shown_of
from consentry.core.batch_tree import batch_of, is_asked_for
from consentry.core.merkle import proof_of, root_of
from consentry.core.terms import ZERO_32, AccessRequest, Material
from consentry.core.typed_data import consent_id, record_id, scope_key
from consentry.errors import InvalidInputError
from consentry.ledger.calldata import encode_decide, encode_decide_batch, submitted_in
from tests.support import samples

WORD = 32
SELECTOR = 4
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


def read(data: bytes) -> list[SubmittedRequest]:
    """Gives the items of a call, each of which can be read."""
    found = submitted_in(data)
    assert found is not None
    items = [item for item in found if item is not None]
    assert len(items) == len(found)
    return items


def with_proof_table(data: bytes, table: bytes) -> bytes:
    """Gives a call with another table of scope proofs, which stands at its end."""
    members = SELECTOR + int.from_bytes(data[SELECTOR + 2 * WORD : SELECTOR + 3 * WORD], "big")
    pointer = members + 5 * WORD
    return data[:pointer] + (len(data) - members).to_bytes(WORD, "big") + data[pointer + WORD :] + table


def test_requests_come_back_as_they_were_coded() -> None:
    items = pairs()
    found = read(encode_decide(items, [SIGNATURE] * len(items)))

    assert [(item.request, item.shown) for item in found] == [
        (request, shown_of(request, material)) for request, material in items
    ]
    assert {item.signature for item in found} == {SIGNATURE}
    assert {item.within for item in found} == {None}


def test_requests_of_a_batch_come_back_with_their_paths() -> None:
    items = pairs()
    found = read(encode_decide_batch(items, SIGNATURE))

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

    found = read(data[:end] + b"\x01" + data[end + 1 :])

    assert found[0].signature == SIGNATURE


@pytest.mark.parametrize("whole", [False, True])
def test_truncated_call_gives_no_item_that_was_not_sent(whole: bool) -> None:  # noqa: FBT001 - a case of the test
    items = pairs()
    data = encode_decide_batch(items, SIGNATURE) if whole else encode_decide(items, [SIGNATURE] * 4)
    sent, unread = read(data), 0

    for length in range(4, len(data) - WORD, 97):
        try:
            found = submitted_in(data[:length])
        except InvalidInputError:
            unread += 1
            continue
        assert found is not None
        assert all(item in (None, each) for item, each in zip(found, sent, strict=True))
        unread += None in found
    assert unread > 5


def test_pointers_that_make_much_of_few_bytes_spoil_nothing() -> None:
    """Every inner array is the same one: a decoder that follows each would need a gigabyte for a hundred kilobytes."""
    count = 1_500
    pointers = (count * WORD).to_bytes(WORD, "big") * count
    bomb = count.to_bytes(WORD, "big") + pointers + count.to_bytes(WORD, "big") + bytes(count * WORD)
    category, named = (encode_decide([pair], [SIGNATURE]) for pair in pairs()[:2])

    assert read(with_proof_table(category, bomb)) == read(category)
    [item] = read(with_proof_table(named, bomb))
    assert item.shown.scope_proof == (bytes(WORD),) * count


@pytest.mark.parametrize("place", [4, 5])
def test_table_that_leads_nowhere_spoils_only_the_item_that_names_it(place: int) -> None:
    items = pairs()
    data = encode_decide(items, [SIGNATURE] * len(items))
    members = SELECTOR + int.from_bytes(data[SELECTOR + 2 * WORD : SELECTOR + 3 * WORD], "big")
    pointer = members + place * WORD
    found = submitted_in(data[:pointer] + (1 << 200).to_bytes(WORD, "big") + data[pointer + WORD :])

    spoiled = {4: {2}, 5: {1, 2}}[place]
    assert found is not None
    assert [*found] == [None if number in spoiled else item for number, item in enumerate(read(data))]


def test_proof_that_leads_nowhere_spoils_no_other_item_under_the_signature() -> None:
    items = pairs()
    data = with_proof_table(encode_decide_batch(items, SIGNATURE), (1).to_bytes(WORD, "big") + bytes([1] * WORD))
    found = submitted_in(data)

    assert found is not None
    sent = read(encode_decide_batch(items, SIGNATURE))
    assert [*found] == [sent[0], None, None, sent[3]]


def test_pointer_that_leads_backwards_is_followed() -> None:
    """The compiler compares pointers as signed, so the contract follows them."""
    data = encode_decide(pairs()[1:2], [SIGNATURE])
    named = read(data)
    inner = data.index(named[0].shown.scope_proof[0]) - WORD
    table = (1).to_bytes(WORD, "big")
    back = inner - (len(data) + WORD)

    assert read(with_proof_table(data, table + back.to_bytes(WORD, "big", signed=True))) == named
    zeros = (-len(data) - 500).to_bytes(WORD, "big", signed=True)
    [item] = read(with_proof_table(data, table + zeros))
    assert item.shown.scope_proof == ()


def test_other_number_of_signatures_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        submitted_in(encode_decide(pairs(), [SIGNATURE] * 3))


def held_by_all(data: bytes) -> tuple[int, list[SubmittedRequest]]:
    """Gives the bytes that all items of a call take while all of them are kept, and the items."""
    tracemalloc.start()
    try:
        found = read(data)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return held, found


def asking(count: int) -> bytes:
    """Gives a call of so many requests that name one proof, of which a relay may have sent any."""
    request, material = pairs()[1]
    return encode_decide([(replace(request, request_id=each), material) for each in range(count)], [SIGNATURE] * count)


def test_proof_that_every_item_names_is_not_copied_for_each() -> None:
    """Where a signature does not hold the contract reads no proof: one of any length costs whoever sends it once."""
    count, words = 300, 3_000
    one = (1).to_bytes(WORD, "big") + WORD.to_bytes(WORD, "big") + words.to_bytes(WORD, "big") + bytes(words * WORD)
    data = with_proof_table(asking(count), one)
    plain, _ = held_by_all(asking(count))
    held, items = held_by_all(data)

    assert held < plain + 2 * len(data)
    assert {len(item.shown.scope_proof) for item in items} == {words}


def test_proofs_that_overlap_are_not_copied() -> None:
    """Every word is the length of an array of those behind it: so many arrays need no more bytes than one."""
    count, words = 300, 3_000
    pointers = b"".join((count * WORD + each * WORD).to_bytes(WORD, "big") for each in range(count))
    table = count.to_bytes(WORD, "big") + pointers + words.to_bytes(WORD, "big") * (words + count)
    data = with_proof_table(asking(count), table)
    spread = bytearray(data)
    for each in range(count):
        # Its place in the table of proofs, counted from 1; six places of sixteen bits stand behind it.
        end = SELECTOR + 4 * WORD + (3 * each + 3) * WORD - 10
        spread[end - 2 : end] = (each + 1).to_bytes(2, "big")
    plain, _ = held_by_all(asking(count))
    held, items = held_by_all(bytes(spread))

    assert held < plain + 2 * len(data)
    assert {item.shown.scope_proof[0] for item in items} == {words.to_bytes(WORD, "big")}


def test_words_of_a_call_are_as_those_of_a_tuple() -> None:
    [item] = read(encode_decide(pairs()[1:2], [SIGNATURE]))
    found, expected = item.shown.scope_proof, pairs()[1][1].scope_proof

    assert found == expected
    assert expected == found
    assert hash(found) == hash(expected)
    assert found != expected[:-1]
    assert found != (*expected[:-1], bytes(WORD))
    assert [found[each] for each in range(-len(expected), len(expected))] == [*expected, *expected]
    assert found[1:] == expected[1:]
    for beyond in (len(expected), -len(expected) - 1):
        with pytest.raises(IndexError):
            found[beyond]
