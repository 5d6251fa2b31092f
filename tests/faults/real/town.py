"""A small town of real processes: a chain, a gateway with sealed records, and a hospital that asks for them.

Whoever asks keeps asking with the same request until there is an answer, as a hospital does. In the end it is checked
what must hold whatever failed: each acknowledged decision is on the chain once, no key was given without one that
permits, the tables equal a rebuild, and an audit of chain, tables and objects finds nothing.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlmodel import select

from benchmarks.stage import CUSTODIAN, REQUESTER, Place, lift_limit, new_place
from consentry.client.hospital import Hospital
from consentry.core import heads
from consentry.core.codes import Reason
from consentry.core.events import AccessDecided
from consentry.demo.network import Network
from consentry.errors import ConsentryError, OverloadError
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader
from consentry.vault.database import Database
from consentry.vault.tables import Release
from consentry.wiring.audits import run_audit
from consentry.wiring.copies import rebuild
from tests.faults.real.figures import tell

GIVEN: Mapping[str, Any] = {"requests_about_subject": 0}
PATIENTS = 3
PATIENCE_SECONDS = 90.0


@dataclass
class Town:
    """What runs, who asks, and what was answered."""

    network: Network
    hospital: Hospital
    sought: list[Place]
    acknowledged: set[int] = field(default_factory=set)
    refusals: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    async def ask(self) -> float:
        """Has one access decided and its key opened, however often it takes; gives the seconds it took."""
        place, begun = secrets.choice(self.sought), time.monotonic()
        request = self.hospital.new_request(place.record, place.consent, practitioner=secrets.token_bytes(32))
        while True:
            try:
                await self.hospital.access(request)
            except ConsentryError as error:
                self.refusals[error.code] += 1
                if time.monotonic() - begun > PATIENCE_SECONDS:
                    raise
                await asyncio.sleep(1 if isinstance(error, OverloadError) else 0.2)
            else:
                self.acknowledged.add(request.request_id)
                self.waits.append(time.monotonic() - begun)
                return self.waits[-1]

    @asynccontextmanager
    async def busy(self, callers: int = 4) -> AsyncIterator[None]:
        """Has callers ask one time after the other until the end of the block, then lets each finish."""
        stop = asyncio.Event()

        async def caller() -> None:
            while not stop.is_set():
                await self.ask()

        working = [asyncio.create_task(caller()) for _ in range(callers)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*working)

    async def check(self, *, thoroughly: bool = False) -> dict[str, int]:
        """Checks what must hold; gives how much it was checked on. Thoroughly: also by a rebuild and an audit."""
        reader = ChainReader(self.network.connection(), Manifest.read(self.network.manifest_path))
        try:
            events = await reader.events(0, (await reader.head()).number)
        finally:
            await reader.close()
        decided = [event.entry for event in events if isinstance(event, AccessDecided)]
        times = Counter(entry.request.request_id for entry in decided)
        assert set(times.values()) == {1}
        lost = self.acknowledged - set(times)
        assert not lost
        settings = self.network.settings(CUSTODIAN)
        database = Database(settings.database)
        async with database.reading() as session:
            released = set((await session.exec(select(Release.decision_id))).all())
        await database.close()
        permitted = {heads.hash_of(entry): entry.request.request_id for entry in decided if entry.reason == Reason.NONE}
        assert released <= permitted.keys()
        assert self.acknowledged <= {permitted[decision] for decision in released}
        if thoroughly:
            outcome = await rebuild(settings, replace=False)
            assert not outcome.differing
            findings = (await run_audit(settings, chain_only=False)).findings
            assert not findings, findings
        known = {"acknowledged": len(self.acknowledged), "released": len(released), "lost": len(lost)}
        return {"decided": len(decided), **known}

    def count_anew(self) -> None:
        """Forgets refusals and waits so far."""
        self.refusals.clear()
        self.waits.clear()

    async def tell_all(self, fault: str, *, thoroughly: bool = False, **figures: object) -> None:
        """Checks what must hold, and tells what was seen."""
        longest = round(max(self.waits), 2) if self.waits else 0
        told = {"answered": len(self.waits), "refusals": dict(self.refusals), "longest_wait_s": longest}
        tell(fault, **told, **figures, **await self.check(thoroughly=thoroughly))


@asynccontextmanager
async def town(folder: Path, **given: Any) -> AsyncIterator[Town]:  # noqa: ANN401 - settings by name
    """Starts everything, and ends it."""
    network = Network(folder / "town", given={**GIVEN, **given})
    try:
        network.start_chain()
        await lift_limit(network, await network.deploy())
        # Not in this thread: the gateway may need what it serves.
        await asyncio.to_thread(network.start_gateway, CUSTODIAN)
        sought = [await new_place(network, folder / f"record-{number}") for number in range(PATIENTS)]
        yield Town(network, network.hospital(REQUESTER, CUSTODIAN), sought)
    finally:
        with suppress(ConsentryError):
            await network.hang_up()
        network.stop()
