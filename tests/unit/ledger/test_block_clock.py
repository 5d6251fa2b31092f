"""Block time follows the machine's clock at no less than half and no more than twice the speed of time."""

from __future__ import annotations

import time

import pytest

from consentry.ledger.embedded.clock import BlockClock

NOW = 1_800_000_000.0
DAY = 86_400


class Machine:
    """A clock that can be set, and time that passes."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.off = 0.0
        self.clock = BlockClock(lambda: NOW + self.passed + self.off, lambda: 77 + self.passed)

    def after(self, seconds: float) -> float:
        """Gives the block time so many seconds later, since the start."""
        self.passed += seconds
        return self.clock() - NOW


@pytest.fixture
def machine() -> Machine:
    """A machine whose clock is right."""
    return Machine()


def test_right_clock_is_followed(machine: Machine) -> None:
    assert [machine.after(seconds) for seconds in (0, 1, 0.25, 3600)] == [0, 1, 1.25, 3601.25]


def test_clock_set_ahead_moves_the_chain_by_no_more_than_it_lasts(machine: Machine) -> None:
    machine.off = 400 * DAY
    assert [machine.after(1) for _ in range(3)] == [2, 4, 6]
    machine.off = 0
    assert [machine.after(1) for _ in range(7)] == [6.5, 7, 7.5, 8, 8.5, 9, 10]


def test_clock_set_back_does_not_stop_the_chain(machine: Machine) -> None:
    machine.off = -3600
    assert [machine.after(10) for _ in range(3)] == [5, 10, 15]
    machine.off = 0
    assert [machine.after(10) for _ in range(3)] == [35, 50, 60]


def test_what_went_by_while_the_machine_was_held_is_made_up(machine: Machine) -> None:
    machine.off = 20
    assert [machine.after(10) for _ in range(3)] == [20, 40, 50]


def test_small_steps_of_a_time_service_are_followed_at_once(machine: Machine) -> None:
    machine.after(1)
    machine.off = 0.3
    assert machine.after(1) == pytest.approx(2.3)
    machine.off = -0.3
    assert machine.after(1) == pytest.approx(2.8)
    assert machine.after(1) == pytest.approx(3.7)


def test_clock_is_that_of_this_machine() -> None:
    assert BlockClock()() == pytest.approx(time.time(), abs=5)
