"""Two processes follow one chain into the same tables while it is taken back, falls silent, or shows fewer blocks.

Each keeps views in memory. After each time a process has caught up, its views say what the tables say; in the end the
tables are what a rebuild makes (P7).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from consentry.core import events
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import Reason, Standing
from consentry.core.events import LedgerEvent
from consentry.core.terms import ZERO_32, AccessEntry, Address, ConsentId, RecordId
from consentry.database.engine import Database
from consentry.directory.mirror import Mirror
from consentry.directory.projection import Follower, snapshot_rows
from consentry.directory.views import Directory
from consentry.errors import ConsentryError, LedgerUnavailableError
from tests.faults.plan import Plan
from tests.faults.process import Process
from tests.faults.promises import demand
from tests.faults.tables import TableStores
from tests.support import samples
from tests.support.forking_source import DEPLOYED_IN, Block, ForkingSource, any_event
from tests.support.interference import Crash

INSTITUTIONS: Final = tuple(samples.address(0x100 + number) for number in range(2))
RECORDS: Final = tuple(RecordId(samples.word(0x200 + number)) for number in range(2))
CONSENTS: Final = tuple(ConsentId(samples.word(0x300 + number)) for number in range(3))
LASTS: Final = 30.0


class BusySource(ForkingSource):
    """A chain on which few things happen again and again."""

    def add(self, count: int) -> None:
        """Seals a block in which something happens to what is known."""
        super().add(0)
        reference = self.blocks[-1].reference
        places = [EventPlace(reference, b"%032d" % reference.number, index) for index in range(count)]
        self.blocks[-1] = Block(reference, tuple(self._event(place) for place in places))

    def _event(self, place: EventPlace) -> LedgerEvent:
        draw = self._draw
        who, record, consent = draw.choice(INSTITUTIONS), draw.choice(RECORDS), draw.choice(CONSENTS)
        subject, granted = samples.SUBJECT, replace(samples.terms(), nonce=draw.randrange(9))
        asked = replace(samples.request(record, consent, ZERO_32), institution=who)
        reason = draw.choice((Reason.NONE, Reason.CONSENT_REVOKED))
        made: list[Callable[[], LedgerEvent]] = [
            lambda: events.InstitutionAdmitted(place, who, samples.AUTHORITY, 1, who, b"key", ZERO_32),
            lambda: events.InstitutionStandingChanged(
                place, who, samples.AUTHORITY, draw.choice((Standing.ACTIVE, Standing.SUSPENDED)), ZERO_32
            ),
            lambda: events.InstitutionKeysRotated(place, who, samples.AUTHORITY, who, draw.randbytes(4), 0),
            lambda: events.RecordAnchored(place, record, subject, samples.CUSTODIAN, samples.leaf()),
            lambda: events.RecordSuperseded(place, record, RECORDS[0]),
            lambda: events.ConsentGranted(place, consent, subject, granted, b"signed"),
            lambda: events.ConsentRevoked(place, consent, subject, ZERO_32, b"signed"),
            lambda: events.AccessDecided(place, AccessEntry(asked, subject, reason, place.block.time, 1, 1)),
            lambda: any_event(place, draw),
        ]
        return draw.choice(made)()


@dataclass
class NodeView:
    """What one process is shown of the chain: perhaps fewer blocks, perhaps nothing."""

    source: BusySource
    plan: Plan
    process: Process
    lag: int = 0

    async def identity(self) -> Any:  # noqa: ANN401 - as the source gives it
        """Gives which chain it is."""
        await self._pass()
        return await self.source.identity()

    async def head(self) -> BlockReference:
        """Gives the newest block that is shown."""
        await self._pass()
        return self.source.blocks[self._last()].reference

    async def block(self, number: int) -> BlockReference | None:
        """Gives a block that is shown."""
        await self._pass()
        return await self.source.block(number) if number <= self._last() else None

    async def events(self, first: int, last: int) -> Any:  # noqa: ANN401 - as the source gives them
        """Gives the events of blocks that are shown."""
        await self._pass()
        if last > self._last():
            raise LedgerUnavailableError("node refuses (range extends beyond its head)")
        return await self.source.events(first, last)

    def _last(self) -> int:
        return max(DEPLOYED_IN, self.source.height - self.lag)

    async def _pass(self) -> None:
        self.process.pass_point()
        await asyncio.sleep(self.plan.seconds(0, 0.5))
        self.process.check()
        if self.plan.happens("rpc-lost"):
            raise LedgerUnavailableError("node does not answer (simulated)")
        if self.plan.happens("node-lags"):
            self.lag = self.plan.draw.randint(1, 6)
        elif self.plan.draw.random() < 0.3:
            self.lag = 0


class Following:
    """One process after another that follows and looks."""

    def __init__(self, chase: Chase, url: str) -> None:
        self.chase = chase
        self._url = url
        self.begin()

    def begin(self) -> None:
        """Begins a new process, with nothing in memory."""
        chase = self.chase
        self.process = Process(chase.plan)
        self.database = chase.stores.database(self._url, self.process, chase.plan)
        self.node = NodeView(chase.source, chase.plan, self.process)
        self.follower = chase.follower(self.database, self.node, chase.source.known_as, blocks_a_step=3)
        self.mirror = chase.mirror(self.database, self.follower)

    async def live(self, seconds: float) -> None:
        """Follows and looks, and begins anew after each crash."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            if not self.process.alive:
                self.begin()
            try:
                await asyncio.sleep(self.chase.plan.seconds(0, 1))
                await self.look()
                await self.follower.catch_up()
                await self.check()
            except (Crash, ConsentryError, asyncio.CancelledError):
                continue

    async def look(self) -> None:
        """Looks at something, as an access does."""
        draw = self.chase.plan.draw
        for _ in range(3):
            await self._look(draw)

    async def _look(self, draw: random.Random) -> None:
        await self.mirror.institution(draw.choice(INSTITUTIONS))
        await self.mirror.record(draw.choice(RECORDS))
        await self.mirror.consent(draw.choice(CONSENTS))

    async def check(self) -> None:
        """Compares views in memory with the tables: nobody else writes in between.

        Raises:
            BrokenPromiseError: they differ.
        """
        if await self.chase.tables.position() != self.follower._reached:
            return
        mirror, tables = self.mirror, self.chase.tables
        for address, view in list(mirror._institutions.items()):
            demand(view == await tables.institution(Address(address)), "P7: view of an institution")
        for record, view in list(mirror._records.items()):
            demand(view == await tables.record(RecordId(record)), "P7: view of a record")
        for consent, view in list(mirror._consents.items()):
            demand(view == await tables.consent(ConsentId(consent)), "P7: view of a consent")


@dataclass
class Chase:
    """A seed played."""

    plan: Plan
    stores: TableStores
    mirror: type[Mirror] = Mirror
    follower: type[Follower] = Follower
    source: BusySource = field(init=False)
    tables: Directory = field(init=False)

    async def play(self) -> None:
        """Plays it.

        Raises:
            BrokenPromiseError: a promise was broken.
        """
        self.source = BusySource(self.plan.seed)
        url = self.stores.url()
        plain = self.stores.database(url)
        self.tables = Directory(plain, Follower(plain, self.source, self.source.known_as))
        following = [Following(self, url) for _ in range(2)]
        try:
            await asyncio.gather(self._chain(), *(each.live(LASTS) for each in following))
            self.plan.healed = True
            for each in following:
                each.begin()
                await each.follower.catch_up()
                await each.check()
            await self._check_rebuilt(plain)
        finally:
            await self.stores.close()

    async def _chain(self) -> None:
        draw, end = self.plan.draw, asyncio.get_running_loop().time() + LASTS
        pace = draw.choice((2, 10))
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(draw.uniform(0, pace))
            if draw.random() < 0.15:
                self.plan.note("taken back")
                self.source.take_back(draw.randint(1, 5))
            for _ in range(draw.choice((1, 1, 2, 6))):
                self.source.add(draw.choice((0, 1, 1, 3)))

    async def _check_rebuilt(self, plain: Database) -> None:
        rebuilt = self.stores.database(self.stores.url())
        await Follower(rebuilt, self.source, self.source.known_as).catch_up()
        demand(await snapshot_rows(plain) == await snapshot_rows(rebuilt), "P7: rows are not what a rebuild makes")
