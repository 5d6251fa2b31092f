"""Rows are told apart as Python tells their bytes apart, and chains go on as `core.heads` has them go on."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentry.audit.chains import Chains, first_times, places_of
from consentry.audit.columns import WORD
from consentry.core.heads import SEQUENCE_BYTES, advance, sequence_of
from consentry.core.terms import ZERO_32, SubjectId

ROWS = st.lists(st.tuples(*[st.integers(0, 2)] * 4), max_size=40)
"""Of four words each that are mostly those of another row."""


def words_of(rows: list[tuple[int, ...]]) -> np.typing.NDArray[np.uint64]:
    return np.array(rows, np.uint64).reshape(-1, 4)


@given(ROWS)
def test_rows_are_told_apart(rows: list[tuple[int, ...]]) -> None:
    slots, firsts = places_of(words_of(rows))
    distinct = list(dict.fromkeys(rows))
    assert slots.tolist() == [distinct.index(row) for row in rows]
    assert firsts.tolist() == [rows.index(row) for row in distinct]
    assert first_times(words_of(rows)).tolist() == [row not in rows[:place] for place, row in enumerate(rows)]


@pytest.mark.parametrize("width", [8, 16, 64])
def test_rows_of_other_sizes_are_told_apart(width: int) -> None:
    drawn = random.Random(width)
    known = [drawn.randbytes(width) for _ in range(300)]
    rows = [drawn.choice(known) for _ in range(900)]
    slots, firsts = places_of(np.frombuffer(b"".join(rows), np.uint8).reshape(-1, width))
    assert [rows[firsts[slot]] for slot in slots] == rows
    assert len(firsts) == len(set(rows))


def test_rows_that_differ_in_any_byte_are_two() -> None:
    first = bytes(WORD)
    for place in range(WORD):
        other = first[:place] + b"\x01" + first[place + 1 :]
        assert len(places_of(np.frombuffer(first + other, np.uint8).reshape(2, WORD))[1]) == 2


@pytest.mark.parametrize("word", range(4))
def test_hundreds_of_rows_that_differ_in_one_word_are_told_apart(word: int) -> None:
    rows = np.full((500, 4), 7, np.uint64)
    # Drawn, so that some fall on one place of the table.
    rows[:, word] = np.frombuffer(random.Random(word).randbytes(8 * len(rows)), np.uint64)
    assert places_of(rows)[1].tolist() == [*range(500)]


def chains_of(names: list[bytes]) -> Chains[SubjectId]:
    return Chains.of(np.frombuffer(b"".join(names), np.uint8).reshape(-1, WORD), SubjectId)


@given(st.lists(st.sampled_from([bytes([n]) * WORD for n in range(5)]), min_size=1), st.randoms(use_true_random=False))
def test_rows_are_counted_by_name(names: list[bytes], drawn: random.Random) -> None:
    counted = [drawn.random() < 0.5 for _ in names]
    start, end = sorted((drawn.randrange(len(names) + 1), drawn.randrange(len(names) + 1)))
    found = dict(chains_of(names).counts(slice(start, end), np.array(counted[start:end], np.bool_)))
    assert found == Counter(name for name, one in zip(names[start:end], counted[start:end], strict=True) if one)


@pytest.mark.parametrize("step", [-2, -1, 1, 2**40])
@pytest.mark.parametrize("wrong", [0, 7, 29, None])
def test_first_number_that_is_not_the_next_ends_the_line(wrong: int | None, step: int) -> None:
    drawn = random.Random(3)
    known = [SubjectId(drawn.randbytes(WORD)) for _ in range(4)]
    heads = {name: drawn.randbytes(WORD - SEQUENCE_BYTES) + (n * 5).to_bytes(6, "big") for n, name in enumerate(known)}
    # One is not known yet: its first number is one.
    del heads[known[3]]
    names, numbers, last = [drawn.choice(known) for _ in range(30)], [], dict.fromkeys(known, 0)
    last |= {name: sequence_of(head) for name, head in heads.items()}
    for row, name in enumerate(names):
        last[name] += 1
        numbers.append(max(0, last[name] + step) if row == wrong else last[name])
    chains: Chains[SubjectId] = chains_of([*names])
    assert chains.first_out_of_line(heads, 0, 30, np.array(numbers, np.uint64)) == (30 if wrong is None else wrong)


def test_heads_of_the_rows_alone_move() -> None:
    drawn = random.Random(4)
    known = [SubjectId(drawn.randbytes(WORD)) for _ in range(3)]
    heads = {known[0]: drawn.randbytes(26) + (9).to_bytes(6, "big"), known[2]: drawn.randbytes(WORD)}
    names = [known[2], known[0], known[1], known[1], known[0]]
    entries = [drawn.randbytes(WORD) for _ in names]
    expected, numbers = dict(heads), list[bytes]()
    for name, entry in list(zip(names, entries, strict=True))[1:]:
        expected[name] = advance(name, expected.get(name, ZERO_32), entry)
        numbers.append(sequence_of(expected[name]).to_bytes(SEQUENCE_BYTES, "big"))
    some = slice(1, 5)
    keys, entered = (np.frombuffer(b"".join(content[some]), np.uint8).reshape(-1, WORD) for content in (names, entries))
    said = np.frombuffer(b"".join(numbers), np.uint8).reshape(-1, SEQUENCE_BYTES)
    chains_of([*names]).move(heads, some, keys, entered, said)
    assert heads == expected


def test_all_rows_may_be_of_one_chain() -> None:
    one = Chains.of_one(SubjectId(bytes(WORD)), 3)
    assert one.are_of(0).tolist() == [True] * 3
    assert dict(one.counts(slice(0, 3), np.array([True, False, True]))) == {bytes(WORD): 2}
