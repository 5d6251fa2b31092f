"""The clock of a gateway or of the chain is set while they run: nothing is opened that must not be, and all resumes.

``tests/unit`` and the simulator move time inside a process; here it moves under whoever asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from benchmarks.stage import CUSTODIAN
from consentry.ledger import node
from tests.faults.real.clock import DAY, HOUR, MovableClock
from tests.faults.real.town import Town, town

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("engine")]
MOVED_SECONDS = 3.0
FAR = pytest.mark.parametrize("seconds", [400 * DAY, -HOUR], ids=["ahead", "back"])


@asynccontextmanager
async def town_with_a_clock(folder: Path, again: Callable[[Town], None]) -> AsyncIterator[tuple[Town, MovableClock]]:
    """A town of which a part was stopped and started again under a clock that moves."""
    clock = MovableClock(folder / "clock")
    async with town(folder) as place:
        with clock.given():
            await asyncio.to_thread(again, place)
        yield place, clock


def gateway_again(place: Town) -> None:
    """Stops the gateway and starts it."""
    place.network.stop_gateway(CUSTODIAN)
    place.network.start_gateway(CUSTODIAN)


def chain_again(place: Town) -> None:
    """Stops the chain and starts it."""
    node.down(place.network.chain_folder)
    place.network.start_chain()


async def answered_while_moved(place: Town, clock: MovableClock, seconds: int) -> int:
    """Moves a clock under callers for a while; gives how many were answered meanwhile."""
    await place.ask()
    place.count_anew()
    async with place.busy():
        await asyncio.sleep(0.5)
        clock.move(seconds)
        await asyncio.sleep(1)
        before = len(place.acknowledged)
        await asyncio.sleep(MOVED_SECONDS)
        meanwhile = len(place.acknowledged) - before
        clock.move(0)
    await place.ask()
    return meanwhile


@FAR
async def test_gateway_whose_clock_is_set_releases_nothing_until_it_is_right(tmp_path: Path, seconds: int) -> None:
    async with town_with_a_clock(tmp_path, gateway_again) as (place, clock):
        meanwhile = await answered_while_moved(place, clock, seconds)
        await place.tell_all("clock of the gateway", thoroughly=True, moved_s=seconds, answered_meanwhile=meanwhile)
        assert not meanwhile
        # The time of the caller's signature does not match; a decision made just before is too old, or its request.
        assert "auth.not-authentic" in place.refusals
        assert place.refusals.keys() <= {"auth.not-authentic", "conflict"}


@FAR
async def test_chain_whose_clock_is_set_goes_on_at_nearly_the_right_time(tmp_path: Path, seconds: int) -> None:
    async with town_with_a_clock(tmp_path, chain_again) as (place, clock):
        meanwhile = await answered_while_moved(place, clock, seconds)
        await place.tell_all("clock of the chain", thoroughly=True, moved_s=seconds, answered_meanwhile=meanwhile)
        assert meanwhile
        assert not place.refusals
