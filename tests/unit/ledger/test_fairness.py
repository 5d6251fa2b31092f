"""Room and turns of requests that wait."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from consentry.core.terms import Address
from consentry.errors import OverloadError, TooManyWaitingError
from consentry.ledger.fairness import FairQueue, Room

A, B, C = (Address(bytes([number]) * 20) for number in (1, 2, 3))


def test_one_institution_has_no_more_than_its_part() -> None:
    room = Room(most=10, most_of_one=3)
    with room.entered(A, 3):
        with pytest.raises(TooManyWaitingError, match="expected 3 at most"), room.entered(A):
            pass
        with room.entered(B, 3):
            pass
    with room.entered(A, 3):
        pass


def test_room_is_bounded_in_all() -> None:
    room = Room(most=5, most_of_one=3)
    full = room.entered(A, 3), room.entered(B, 2)
    with full[0], full[1], pytest.raises(OverloadError, match="got 5, expected 5 at most"), room.entered(C):
        pass
    with room.entered(C, 3):
        pass


def test_refused_entry_takes_no_room() -> None:
    room = Room(most=2, most_of_one=2)
    for _ in range(3):
        with pytest.raises(TooManyWaitingError), room.entered(A, 3):
            pass
    with room.entered(A, 2):
        pass


def test_room_is_given_back_whatever_ends_the_waiting() -> None:
    room = Room(most=1, most_of_one=1)
    with pytest.raises(LookupError), room.entered(A):
        raise LookupError
    with ExitStack() as stack:
        stack.enter_context(room.entered(B))


def queue_of(**lines: str) -> FairQueue[str]:
    queue, addresses = FairQueue[str](), {"a": A, "b": B, "c": C}
    for name, items in lines.items():
        for item in items:
            queue.put(addresses[name], item)
    return queue


def test_lines_take_turns_and_keep_their_own_order() -> None:
    queue = queue_of(a="123456", b="xy", c="p")
    assert "".join(queue.take(6, lambda _: True)) == "1xp2y3"
    assert "".join(queue.take(6, lambda _: True)) == "456"
    assert (len(queue), queue.take(6, lambda _: True)) == (0, [])


def test_next_batch_begins_with_whoever_has_waited_longest() -> None:
    queue = queue_of(a="123", b="xyz")
    assert [queue.take(1, lambda _: True) for _ in range(4)] == [["1"], ["x"], ["2"], ["y"]]


def test_item_that_does_not_fit_is_first_the_next_time() -> None:
    queue = queue_of(a="12", b="xy")
    assert queue.take(4, lambda item: item != "x") == ["1"]
    assert queue.take(4, lambda _: True) == ["x", "2", "y"]


def test_flood_of_one_makes_others_wait_for_no_more_than_a_turn() -> None:
    queue = queue_of(a="f" * 1000, b="x")
    assert "x" in queue.take(2, lambda _: True)
