"""The log a gateway keeps: what it signs waits for its witnesses, and what they made final is shown and stays."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from consentry.api.witnessing import create_witness
from consentry.core.log_tiles import Tile
from consentry.errors import GatewayUnavailableError, InvalidInputError, NotFoundError
from consentry.evidence.checkpoint import Checkpoint, Cosigner
from consentry.evidence.note import SignedNote
from consentry.evidence.witnesses import WitnessPolicy, verify_checkpoint
from consentry.witness.keeper import LogKeeper
from consentry.witness.operator import AskedWitness
from consentry.witness.publisher import GIVEN_UP_SECONDS, QUIET_SECONDS, LogPublisher
from consentry.witness.witness import Witness
from tests.support.header_chain import HeaderChain
from tests.support.log_people import LOG, NOW, POLICY, WITNESSES
from tests.unit.witness.kept import Drip, exhibits_in, expected_root, follow, followed, keeper_in

TWO_OF_THREE = replace(POLICY, witnesses=POLICY.witnesses[:3], threshold=2)
ASKED = [AskedWitness(f"http://w{number}", WITNESSES[number].verifier_key) for number in range(3)]


class Crowd(httpx.AsyncBaseTransport):
    """Three witnesses, each with a tree of its own; those that are away do not answer, and some never end to."""

    def __init__(self, folder: Path, chain: HeaderChain) -> None:
        self.away: set[str] = set()
        self.dripping: set[str] = set()
        self.keepers: dict[str, LogKeeper] = {}
        self._inner: dict[str, httpx.ASGITransport] = {}
        for number in range(3):
            name, own = f"w{number}", folder / f"w{number}"
            self.keepers[name] = keeper_in(own, chain)
            witness = self._witness(own, self.keepers[name], WITNESSES[number])
            self._inner[name] = httpx.ASGITransport(create_witness(witness, chain, exhibits_in(own)))

    @staticmethod
    def _witness(own: Path, keeper: LogKeeper, cosigner: Cosigner) -> Witness:
        return Witness(own / "c" / "checkpoint", keeper, cosigner, [LOG.verifier_key], exhibits_in(own), lambda: NOW)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host in self.away:
            raise httpx.ConnectError("away")
        if request.url.host in self.dripping:
            return httpx.Response(200, stream=Drip())
        return await self._inner[request.url.host].handle_async_request(request)

    def follow(self, chain: HeaderChain, *names: str) -> None:
        for name in names or self.keepers:
            follow(self.keepers[name], chain)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(transport=self) as client:
            yield client


@pytest.fixture
def chain() -> HeaderChain:
    return HeaderChain().grow(12)


@pytest.fixture
def crowd(tmp_path: Path, chain: HeaderChain) -> Crowd:
    return Crowd(tmp_path, chain)


def publisher_in(
    folder: Path,
    keeper: LogKeeper,
    policy: WitnessPolicy | None = TWO_OF_THREE,
    clock: Callable[[], float] = lambda: NOW,
) -> LogPublisher:
    return LogPublisher(folder / "log", keeper, LOG, ASKED, policy, clock)


def publish(publisher: LogPublisher, crowd: Crowd) -> None:
    asyncio.run(publisher.publish(crowd.client))


def told(publisher: LogPublisher, crowd: Crowd, now: list[float]) -> str:
    """Publishes, and once more when witnesses have been missing for too long; gives what is told then."""
    publish(publisher, crowd)
    now[0] += QUIET_SECONDS
    with pytest.raises(GatewayUnavailableError) as caught:
        publish(publisher, crowd)
    return caught.value.message


def shown(publisher: LogPublisher) -> tuple[Checkpoint, int]:
    """Gives the shown checkpoint, verified as by anybody, and how many vouch for it."""
    final = verify_checkpoint(publisher.checkpoint(), TWO_OF_THREE, NOW)
    return final.checkpoint, len(final.witnesses)


def test_checkpoint_is_shown_once_enough_cosigned_it_and_never_before(
    tmp_path: Path, chain: HeaderChain, crowd: Crowd
) -> None:
    keeper = followed(tmp_path, chain)
    now = [float(NOW)]
    publisher, size = publisher_in(tmp_path, keeper, clock=lambda: now[0]), len(chain.leaves())
    crowd.follow(chain, "w0")
    assert re.match(r"b\.example\.org/witness.*c\.example\.org/witness", told(publisher, crowd, now))
    with pytest.raises(NotFoundError, match="no checkpoint"):
        publisher.checkpoint()
    crowd.follow(chain, "w1")
    # Who has been missing all the while is told at once, whatever was signed meanwhile.
    with pytest.raises(GatewayUnavailableError, match=r"^c\.example\.org/witness"):
        publish(publisher, crowd)
    assert shown(publisher) == (Checkpoint(LOG.name, size, expected_root(chain)), 2)
    crowd.follow(chain)
    publish(publisher, crowd)
    assert shown(publisher)[1] == 3
    assert shown(publisher_in(tmp_path, keeper))[1] == 3


def test_what_is_signed_waits_for_its_witnesses_while_the_log_grows(
    tmp_path: Path, chain: HeaderChain, crowd: Crowd
) -> None:
    keeper, now = followed(tmp_path, chain), [float(NOW)]
    publisher, first = publisher_in(tmp_path, keeper, clock=lambda: now[0]), len(chain.leaves())
    publish(publisher, crowd)
    crowd.follow(chain)
    follow(keeper, chain.grow(5))
    publish(publisher, crowd)
    assert shown(publisher)[0].size == first
    crowd.follow(chain)
    publish(publisher, crowd)
    assert shown(publisher)[0].size == len(chain.leaves()) > first
    # After a minute the newest is signed though nobody answered: a witness may be past what waits.
    follow(keeper, chain.grow(3))
    publish(publisher, crowd)
    waiting = len(chain.leaves())
    follow(keeper, chain.grow(3))
    crowd.follow(chain)
    now[0] += GIVEN_UP_SECONDS + 1
    publish(publisher, crowd)
    assert shown(publisher)[0].size == len(chain.leaves()) > waiting


def test_witnesses_that_are_away_take_nothing_back(tmp_path: Path, chain: HeaderChain, crowd: Crowd) -> None:
    keeper = followed(tmp_path, chain)
    now = [float(NOW)]
    publisher = publisher_in(tmp_path, keeper, clock=lambda: now[0])
    crowd.follow(chain)
    publish(publisher, crowd)
    before = publisher.checkpoint()
    crowd.away = {"w0", "w1", "w2"}
    follow(keeper, chain.grow(5))
    assert told(publisher, crowd, now).count("does not answer") == 3
    assert publisher.checkpoint() == before
    tile = Tile(0, 0, 9)
    assert asyncio.run(publisher.tile(tile.path)) == (b"".join(chain.leaves()[:9]), False)
    with pytest.raises(InvalidInputError):
        asyncio.run(publisher.tile("tile/0/0"))


def test_witness_that_never_ends_its_answer_is_away_and_stops_nothing(
    tmp_path: Path, chain: HeaderChain, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consentry.witness.operator.WITNESS_SECONDS", 1.5)
    keeper, now = followed(tmp_path, chain), [float(NOW)]
    publisher = publisher_in(tmp_path, keeper, clock=lambda: now[0])
    crowd.follow(chain)
    crowd.dripping = {"w0"}

    async def at_last() -> None:
        async with asyncio.timeout(20):
            await publisher.publish(crowd.client)

    asyncio.run(at_last())
    assert shown(publisher) == (Checkpoint(LOG.name, keeper.size, expected_root(chain)), 2)
    assert re.match(r"a\.example\.org/witness.*does not answer \(TimeoutError\)$", told(publisher, crowd, now))
    crowd.dripping = set()
    publish(publisher, crowd)
    assert shown(publisher)[1] == 3


def test_without_a_policy_each_signed_checkpoint_is_shown(tmp_path: Path, chain: HeaderChain) -> None:
    publisher = LogPublisher(tmp_path / "log", followed(tmp_path, chain), LOG)

    def nobody() -> AbstractAsyncContextManager[httpx.AsyncClient]:
        raise AssertionError("there is nobody to ask")

    asyncio.run(publisher.publish(nobody))
    assert SignedNote.from_bytes(publisher.checkpoint()).signature_of(LOG.verifier_key)


def test_log_that_has_much_to_read_does_so_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consentry.witness.publisher.BLOCKS_AT_A_TURN", 20)
    chain = HeaderChain().grow(45)
    keeper = keeper_in(tmp_path, chain)
    publisher = publisher_in(tmp_path, keeper)

    @asynccontextmanager
    async def source() -> AsyncIterator[HeaderChain]:
        yield chain

    reached = []
    for _ in range(3):
        asyncio.run(publisher.follow(source))
        reached.append(keeper.block)
    assert reached == [19, 39, 45]
