"""How often one may ask: rates, and where they are counted."""

from __future__ import annotations

import pytest

from consentry.api.limits import MOST_KEPT, Bounds, Rates
from consentry.client.transport import error_of
from consentry.crypto.signing import AccountKey
from consentry.errors import TooOftenError
from tests.support.gateway_world import World, done
from tests.unit.api.test_batches import granted


class Clock:
    """Time that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_rate_lets_a_burst_through_then_one_at_a_time() -> None:
    clock = Clock()
    rates = Rates[str](10, 5, clock)
    for _ in range(5):
        assert not rates.wait_of("a")
        rates.take("a")
    assert rates.wait_of("a") == pytest.approx(0.1)
    assert not rates.wait_of("b")
    clock.now += 0.1
    assert rates.wait_of("a") == pytest.approx(0, abs=1e-9)


def test_many_at_once_overdraw_once_and_wait_for_it() -> None:
    clock = Clock()
    rates = Rates[str](1, 10, clock)
    rates.take("a", 500)
    assert rates.wait_of("a") == pytest.approx(491)


def test_bound_of_nothing_lets_everything_through() -> None:
    rates = Rates[str](0, 0)
    rates.take("a", 10_000)
    assert not rates.is_bounded
    assert not rates.wait_of("a")


def test_names_are_forgotten_before_memory_grows() -> None:
    clock = Clock()
    rates = Rates[int](1, 1, clock)
    for name in range(MOST_KEPT + 10):
        rates.take(name)
    assert len(rates._free_at) == MOST_KEPT
    assert rates.wait_of(MOST_KEPT + 9)
    clock.now += 3
    rates.take(-1)
    assert len(rates._free_at) == 1


async def test_address_that_proves_nothing_is_held_off_and_told_how_long(world: World) -> None:
    world.app.state.bounds = Bounds.of(1, 0)
    answers = [await world.anyone().get("/v1/subjects") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    refused = answers[-1]
    assert refused.json()["code"] == "gateway.too-often"
    assert refused.headers["Retry-After"] == "1"
    assert isinstance(error_of(429, refused.json()), TooOftenError)


async def test_institution_that_proves_itself_is_not_counted_by_address(world: World) -> None:
    world.app.state.bounds = Bounds.of(1, 0)
    answers = [await world.institution(world.people.hospital).get("/v1/access/0") for _ in range(15)]
    assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize("batched", [False, True], ids=["single", "batch"])
async def test_flood_about_one_person_is_refused_before_anything_is_kept(world: World, *, batched: bool) -> None:
    subject, records, consent = await granted(world)
    hospital = world.people.hospital
    asked = [world.request(record, consent, hospital) for record in records[:2]]
    done(await world.ask_many(asked, hospital), 200)
    world.app.state.bounds = Bounds.of(0, 3)
    world.app.state.bounds.about_subject.take((hospital.address, subject), 3)
    again = [world.request(record, consent, hospital) for record in records[:2]]

    refused = await (world.ask_many(again, hospital) if batched else world.ask(again[0], hospital))

    assert (refused.status_code, refused.json()["code"]) == (429, "gateway.too-often")
    assert 0 < int(refused.headers["Retry-After"]) <= 20
    for request in again:
        assert await world.context.ledger.find_decision(hospital.address, request.request_id) is None
    neighbour = AccountKey.generate()
    elsewhere = await world.enrol(neighbour)
    record = await world.add_record(elsewhere)
    other = await world.grant(neighbour, world.terms(elsewhere))
    done(await world.ask(world.request(record, other, hospital), hospital), 200)
