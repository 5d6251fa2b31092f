"""Kills at random moments under load: two gateways on one database, the chain, PostgreSQL; then everything is compared.

Moments are as far apart as those of a Poisson process, so several parts may be down at once and a part may be killed
while it starts. A kill counts if its process lived when the signal was sent, and was gone afterwards.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from consentry.audit.ports import KeptRelease
from consentry.demo.chaos_book import Book
from consentry.demo.chaos_check import Facts, check
from consentry.demo.chaos_course import Course, Kill, Witnessed, course_of
from consentry.demo.chaos_load import Load
from consentry.demo.chaos_parts import CHAIN, DATABASE, DATABASE_NAME, GATEWAYS, Site, open_site
from consentry.errors import VerificationError
from consentry.ledger.manifest import Manifest
from consentry.ledger.processes import process_started
from consentry.ledger.reader import ChainReader
from consentry.vault.database import Database
from consentry.vault.outbox import RequestOutbox
from consentry.vault.releases import ReleaseRows
from consentry.wiring.audits import run_audit
from consentry.wiring.copies import rebuild

ENGINE: Final = "engine of the chain"
BACKEND: Final = "backend amid a transaction"
WHOLE_DATABASE: Final = "whole database"
VICTIMS: Final = (*GATEWAYS, CHAIN, ENGINE, DATABASE, WHOLE_DATABASE, BACKEND)
MEAN_GAP_SECONDS: Final = 6.0
MEAN_PAUSE_SECONDS: Final = 0.3
ANSWER_SECONDS: Final = 180.0
"""How long, after the last kill, everything may take until it is whole, answered and empty."""
GONE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.1

Say = Callable[[str], None]
Mark = tuple[int, str]
"""A process and when it was started."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened, and what was found; of the latter everything must be zero."""

    course: Course
    found: dict[str, int]
    unforeseen: list[str]

    @property
    def clean(self) -> bool:
        """Whether every promise held."""
        return not any(self.found.values())

    def describe(self) -> dict[str, Any]:
        """Gives everything as JSON."""
        return {**asdict(self.course), "found": self.found, "unforeseen": self.unforeseen, "clean": self.clean}


async def play_load(state: Path, seed: int, kills: int, say: Say, mean_gap: float = MEAN_GAP_SECONDS) -> Outcome:
    """Kills under load in an empty folder, and compares everything.

    Raises:
        ConfigurationError: a program is missing, or something does not start although nothing was killed yet.
        VerificationError: something does not come up any more although nothing is killed any more.
    """
    book = Book()
    async with open_site(state) as site:
        load = Load(site, book, seed, MEAN_PAUSE_SECONDS)
        await load.prepare(site.network.state)
        say("everything is up; clients begin")
        began = time.monotonic()
        killer, watch = Killer(site, random.Random(seed), say), Watch(site)  # noqa: S311 - a seeded exercise, not a key
        watching = asyncio.create_task(watch.look())
        load.begin()
        done = await killer.kill(kills, mean_gap)
        say("last kill; clients end once they have their answers")
        await watch.until_whole(ANSWER_SECONDS)
        await load.end(ANSWER_SECONDS)
        seconds = time.monotonic() - began
        watching.cancel()
        left_over = await _left_over(site)
        facts, found = await _compared(site, book, left_over)
        starts = {name: part.starts for name, part in site.parts.items()}
        course = course_of(book, facts, Witnessed(done, watch.whole, seconds, starts))
        return Outcome(course, found, book.unforeseen)


class Killer:
    """Sends the signals."""

    def __init__(self, site: Site, chance: random.Random, say: Say) -> None:
        """Takes what to kill, which moments and victims to choose, and whom to tell."""
        self._site, self._chance, self._say = site, chance, say
        self._struck: set[Mark] = set()

    async def kill(self, count: int, mean_gap: float) -> list[Kill]:
        """Kills so many times; gives those that count."""
        done: list[Kill] = []
        began = time.monotonic()
        while len(done) < count:
            await asyncio.sleep(self._chance.expovariate(1 / mean_gap))
            victim = self._chance.choice(VICTIMS)
            pids = await self._processes(victim)
            moment, struck = time.monotonic(), strike(pids, self._struck)
            if struck and await _are_gone(struck):
                done.append(Kill(victim, moment))
                self._say(f"kill {len(done)} of {count} after {moment - began:.1f} s: {victim}, process {pids[0]}")
        return done

    async def _processes(self, victim: str) -> list[int]:
        """Gives the processes of a victim that live now; the first is the one that counts."""
        parts, found = self._site.parts, list[int | None]()
        if victim == ENGINE:
            found = [self._site.engine_pid]
        elif victim == BACKEND:
            found = [await asyncio.to_thread(self._site.cluster.stop_amid_transaction, DATABASE_NAME)]
        elif victim == WHOLE_DATABASE:
            first = parts[DATABASE].pid
            found = [first, *(_children(first) if first else ())]
        else:
            found = [parts[victim].pid]
        return [pid for pid in found if pid is not None]


def strike(pids: Sequence[int], struck: set[Mark]) -> list[Mark]:
    """Sends SIGKILL to processes, of which the first is the one that counts.

    Args:
        pids: the processes.
        struck: those that were struck before; what is struck now is added.

    Returns:
        Those that lived, or none if the first did not, or is dying of an earlier strike.
    """
    marks = [(pid, mark) for pid in pids if (mark := process_started(pid)) is not None]
    if not marks or marks[0][0] != pids[0] or marks[0] in struck:
        return []
    for pid, _ in marks:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            if pid == pids[0]:
                return []
    struck.update(marks)
    return marks


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


async def _are_gone(marks: Sequence[Mark]) -> bool:
    deadline = time.monotonic() + GONE_SECONDS
    while any(process_started(pid) == mark for pid, mark in marks):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.001)
    return True


class Watch:
    """Looks again and again whether everything is ready."""

    def __init__(self, site: Site) -> None:
        """Takes what to look at."""
        self._site = site
        self.whole: list[float] = []
        """Moments at which a look began that found everything ready."""

    async def look(self) -> None:
        """Looks until it is cancelled."""
        while True:
            began = time.monotonic()
            if await self._site.is_whole():
                self.whole.append(began)
            await asyncio.sleep(_POLL_SECONDS)

    async def until_whole(self, seconds: float) -> None:
        """Returns once everything was found ready from now on.

        Raises:
            VerificationError: it was not in time.
        """
        began = time.monotonic()
        while not self.whole or self.whole[-1] < began:
            if time.monotonic() > began + seconds:
                raise VerificationError(f"parts are not ready {seconds:.0f} s after the last kill")
            await asyncio.sleep(_POLL_SECONDS)


async def _left_over(site: Site) -> int:
    """Counts what the outbox still holds, once the gateways had the time to take it up."""
    database = Database(site.cluster.url(DATABASE_NAME))
    outbox, deadline = RequestOutbox(database), time.monotonic() + ANSWER_SECONDS
    try:
        while left := len(await outbox.unsettled()) + len(await outbox.batches()):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(_POLL_SECONDS)
        return left
    finally:
        await database.close()


async def _compared(site: Site, book: Book, left_over: int) -> tuple[Facts, dict[str, int]]:
    """Compares everything, once nothing is written any more; gives the facts and how many of each fault there are."""
    await site.stop_gateways()
    facts, differing, findings = await _facts(site, book), 0, 0
    for name in GATEWAYS:
        differing += (await rebuild(site.settings(name), replace=False)).differing
        findings += len((await run_audit(site.settings(name), chain_only=False)).findings)
    return facts, {
        **asdict(check(facts)),
        "permitted_after_revocation": book.permitted_after_revocation,
        "unforeseen_answers": len(book.unforeseen),
        "left_in_outbox": left_over,
        "rows_differing": differing,
        "audit_findings": findings,
    }


async def _facts(site: Site, book: Book) -> Facts:
    reader = ChainReader(site.network.connection(), Manifest.read(site.network.manifest_path))
    database = Database(site.cluster.url(DATABASE_NAME))
    try:
        events = await reader.events(0, (await reader.head()).number)
        releases: list[KeptRelease] = [release async for release in ReleaseRows(database).releases()]
    finally:
        await reader.close()
        await database.close()
    return Facts(book.sent, book.answered, book.told, book.acts, events, releases)
