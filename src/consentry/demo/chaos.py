"""The story under fire: gateways and chain are killed at random moments, restarted, and everything is checked.

A round plays the whole story on a state folder of its own while one process after another is killed with SIGKILL. What
was acknowledged must be there afterwards, nothing may be decided twice, and nothing may have been released without a
final, permitted decision.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from consentry.core import heads
from consentry.core.codes import Reason
from consentry.core.events import AccessDecided
from consentry.demo.data import DemoFiles
from consentry.demo.network import HOSPITALS, Network
from consentry.demo.story import Story, Told
from consentry.errors import ConsentryError, VerificationError
from consentry.ledger import node
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader
from consentry.wiring.audits import run_audit
from consentry.wiring.copies import rebuild

MOST_ATTEMPTS: Final = 8
LATEST_KILL_SECONDS: Final = 6.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did and found; every count but the first three must be zero."""

    kills: int
    attempts: int
    decisions: int
    decided_twice: int
    released_without_decision: int
    lost: int
    rows_differing: int
    findings: int

    @property
    def clean(self) -> bool:
        """Whether every promise held."""
        return not any(
            (self.decided_twice, self.released_without_decision, self.lost, self.rows_differing, self.findings)
        )


async def play(state: Path, files: DemoFiles, seed: int, kills: int, say: Callable[[str], None]) -> Round:
    """Plays one round.

    Raises:
        VerificationError: the story did not come to its end although nothing was killed any more.
    """
    network, chance = Network(state), random.Random(seed)  # noqa: S311 - a seeded exercise, not a key
    told: list[Told] = []
    left, attempts = kills, 0
    while True:
        attempts += 1
        killer = asyncio.create_task(_kill_later(network, chance, say)) if left else None
        try:
            await _attempt(network, files, told.append)
        except (ConsentryError, OSError) as error:
            if killer is None and attempts > MOST_ATTEMPTS:
                raise VerificationError(f"story does not end: {error}") from error
            say(f"attempt {attempts} ended: {error}")
        else:
            if killer is None or killer.done():
                left = 0
        if killer is not None:
            await killer
            left = max(0, left - 1)
            continue
        if not left:
            break
    try:
        return await _check(network, {t.transaction for t in told if t.transaction}, kills, attempts)
    finally:
        network.stop()


async def _attempt(network: Network, files: DemoFiles, tell: Callable[[Told], None]) -> None:
    await asyncio.to_thread(network.start_chain)
    await network.deploy()
    for party in HOSPITALS:
        await asyncio.to_thread(network.start_gateway, party.name)
    await Story(network, files, tell).run()


async def _kill_later(network: Network, chance: random.Random, say: Callable[[str], None]) -> None:
    await asyncio.sleep(chance.uniform(0.0, LATEST_KILL_SECONDS))
    victim = chance.choice(("chain", *(party.name for party in HOSPITALS)))
    pid = node.status(network.chain_folder).pid if victim == "chain" else network.gateway_pid(victim)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        say(f"killed {victim}")


async def _check(network: Network, acknowledged: set[str], kills: int, attempts: int) -> Round:
    reader = ChainReader(network.connection(), Manifest.read(network.manifest_path))
    try:
        head = await reader.head()
        events = await reader.events(0, head.number)
    finally:
        await reader.close()
    decided = [event for event in events if isinstance(event, AccessDecided)]
    times = Counter((e.entry.request.institution, e.entry.request.request_id) for e in decided)
    permitted = {heads.hash_of(e.entry) for e in decided if e.entry.reason == Reason.NONE}
    on_chain = {"0x" + event.place.transaction_hash.hex() for event in events}
    differing, findings, released = 0, 0, set[bytes]()
    for party in HOSPITALS:
        settings = network.settings(party.name)
        differing += (await rebuild(settings, replace=False)).differing
        findings += len((await run_audit(settings, chain_only=False)).findings)
        released |= _releases(network.folder(party.name) / "gateway.db")
    return Round(
        kills=kills,
        attempts=attempts,
        decisions=len(decided),
        decided_twice=sum(count - 1 for count in times.values()),
        released_without_decision=len(released - permitted),
        lost=len(acknowledged - on_chain),
        rows_differing=differing,
        findings=findings,
    )


def _releases(database: Path) -> set[bytes]:
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    try:
        return {row[0] for row in connection.execute("SELECT decision_id FROM releases")}
    finally:
        connection.close()
