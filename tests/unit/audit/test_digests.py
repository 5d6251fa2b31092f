"""Ids in little memory: the same answers as a set, whatever the order, and few bytes for each."""

from __future__ import annotations

import random

import numpy as np
import pytest

from consentry.audit.digests import DigestSet, UsedRequests, digests_by
from consentry.core.terms import Address

ONE, OTHER = Address(bytes(20)), Address(b"\1" * 20)


@pytest.mark.parametrize("seed", range(4))
def test_digest_set_answers_like_a_set(seed: int) -> None:
    drawn, known, kept = random.Random(seed), set[bytes](), DigestSet()
    for _ in range(60):
        ids = [drawn.randrange(4000).to_bytes(4, "big") for _ in range(drawn.randrange(1, 120))]
        asked = [drawn.randrange(4000).to_bytes(4, "big") for _ in range(50)]
        kept.add(kept.digests_of(ids))
        known.update(ids)
        assert kept.holds(kept.digests_of(asked)).tolist() == [each in known for each in asked]
    assert len(kept) == len(known)


def test_slots_that_many_want_are_shared_out() -> None:
    kept = DigestSet()
    # All want the last slot, so that probing goes round the end of the table.
    digests = np.array([[1023 + 1024 * high, low] for high in range(20) for low in range(20)], np.uint64)
    kept.add(digests[::2])
    assert kept.holds(digests).tolist() == [place % 2 == 0 for place in range(len(digests))]


def test_digest_that_is_zero_is_no_empty_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consentry.audit.digests.keccak", lambda _: bytes(32))
    kept = DigestSet()
    assert not kept.holds(kept.digests_of([b"any"]))[0]
    kept.add(kept.digests_of([b"any"]))
    assert kept.holds(kept.digests_of([b"any"]))[0]


def test_digests_of_rows_are_those_of_what_stands_in_them() -> None:
    kept, drawn = DigestSet(), random.Random(3)
    ids = [drawn.randbytes(52) for _ in range(20)]
    rows = np.frombuffer(b"".join(ids), np.uint8).reshape(20, 52)
    assert (digests_by(kept.key, rows[:, :20], rows[:, 20:]) == kept.digests_of(ids)).all()


def test_digests_are_told_apart_by_both_halves_and_around_the_end() -> None:
    kept, last = DigestSet(), 2**10 - 1
    # All of them want the last slot, and go on at the first.
    there = np.array([[last, 1], [last, 2], [2 * last + 1, 1], [last, 2**64 - 1]], np.uint64)
    kept.add_new(there)
    assert kept.holds(there).all()
    assert not kept.holds(np.array([[last, 3], [3 * last + 2, 1], [0, 1]], np.uint64)).any()


def test_two_sets_have_keys_of_their_own() -> None:
    one, other = DigestSet(), DigestSet()
    assert (one.digests_of([b"id"]) != other.digests_of([b"id"])).any()


def test_used_requests_tell_institutions_and_numbers_apart() -> None:
    used = UsedRequests()
    for member in ((ONE, 7), (ONE, 2**256 - 1), (ONE, 7)):
        used.add(member)
    assert len(used) == 2
    asked = [(ONE, 7), (ONE, 2**256 - 1), (ONE, 8), (OTHER, 7)]
    assert [member in used for member in asked] == [True, True, False, False]
    with pytest.raises(TypeError):
        next(iter(used))
    with pytest.raises(TypeError):
        used.discard((ONE, 7))


def test_table_stays_below_56_bytes_for_each() -> None:
    kept = DigestSet()
    drawn = np.random.default_rng(1)
    for _ in range(40):
        kept.add(drawn.integers(1, 2**64, (5_000, 2), np.uint64))
    assert kept.nbytes / len(kept) < 56
