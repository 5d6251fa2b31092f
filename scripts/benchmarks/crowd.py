"""Whether an answer takes longer when the gateway knows a million live consents instead of ten thousand.

Two gateways of one custodian stand on one chain, each with its own copy of database and vault and a relay of its own.
The one's projection is filled up to ten thousand consents, the other's to a million (`filling`): the chain holds only
those under which is asked, because granting a million takes hours. Both sides take turns, while the other one is held
still. Every call of a round is under a consent that neither gateway was asked for before, so that it is looked up among
all of them; what was asked for stays in memory. Calls are sent at half the rate that the slower one reaches with such
calls: at half the rate of calls under known consents, a gateway that the host slows down is near its limit, and what is
compared is two queues.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import statistics
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from sqlmodel import col, select

from benchmarks.decide import CALLERS, SINGLE
from benchmarks.filling import fill
from benchmarks.load import Call, Outcome, closed_loop, open_loop, signed_call
from benchmarks.material import new_requests, terms_for
from benchmarks.stage import CUSTODIAN, REQUESTER, Place, Stage, open_stage
from benchmarks.usage import cpu_seconds, resident_bytes
from consentry.core.terms import ConsentId, Material
from consentry.core.typed_data import consent_id
from consentry.crypto.keywrap import release_key_hash
from consentry.crypto.signing import sign
from consentry.database.engine import Database
from consentry.demo.gateways import not_ready
from consentry.directory.mirror import Mirror
from consentry.directory.projection import Follower
from consentry.directory.tables import EventRow
from consentry.evidence.notation import hex_of, write
from consentry.ledger.chain import ChainLedger

SMALL, LARGE = CUSTODIAN, f"{CUSTODIAN}-large"
GRANTS_UNDER_WAY: Final = 64
NAMES: Final = {SMALL: "ten_thousand", LARGE: "million"}
NOT_ITS_OWN: Final = ("endpoint.json", "gateway.lock", "gateway.log")
"""What a copy of a gateway's folder leaves out: it belongs to the process."""
AWAKE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: rounds, in each so many calls a side; consents in each projection; views kept in memory."""

    rounds: int
    calls: int
    patients: int
    small: int = 10_000
    large: int = 1_000_000
    views: int = 0


QUICK: Final = Size(rounds=3, calls=40, patients=4)
FULL: Final = Size(rounds=5, calls=200, patients=50, views=200)


def run(*, quick: bool) -> dict[str, float]:
    """Measures.

    Returns:
        ``p99_million_over_ten_thousand_consents``, the median of the rounds' ratios, and the same of processor time of
        the gateway, which other work on the machine hardly touches; latencies, seconds of a start and memory of both
        sides; in a full run ``mirror_bytes_per_consent``.

    Raises:
        RuntimeError: an access was not permitted, or came without its key.
    """
    return asyncio.run(measure(QUICK if quick else FULL))


async def measure(size: Size) -> dict[str, float]:
    """Measures with a size of one's own."""
    async with open_stage(size.patients) as stage:
        return await on_stage(stage, size)


async def on_stage(stage: Stage, size: Size) -> dict[str, float]:
    """Measures on a stage that others may have measured on, or will."""
    # No gateway runs meanwhile: each reads what was granted once it starts.
    filling = asyncio.to_thread(_fill_both, stage, size)
    fresh, _ = await asyncio.gather(_granted(stage, size.calls * (1 + size.rounds)), filling)
    # Else the system writes a gigabyte down while commits of what is measured wait for the disk.
    results, _ = await asyncio.gather(asyncio.to_thread(_start_both, stage), asyncio.to_thread(os.sync))
    try:
        results |= await _in_turns(stage, size, fresh)
    finally:
        await asyncio.to_thread(stage.network.stop_gateway, LARGE)
    if size.views:
        results["mirror_bytes_per_consent"] = await _bytes_per_view(stage, size.views)
    return results


async def _granted(stage: Stage, count: int) -> list[Place]:
    """Has the patients grant so many more consents, each to the same hospital on the same record."""
    ledger = await ChainLedger.connect(stage.network.connection(), stage.manifest, stage.relay_key)
    domain, gate = ledger.domain("Consents"), asyncio.Semaphore(GRANTS_UNDER_WAY)

    async def grant(place: Place, number: int) -> Place:
        leaf, own = place.material.leaf, stage.requester
        terms = terms_for(leaf.subject_id, own.address, nonce=number)
        async with gate:
            await ledger.grant(terms, sign(place.patient, domain, terms))
        return replace(place, consent=consent_id(terms), material=Material(leaf, terms, ()))

    try:
        chosen = enumerate(islice(cycle(stage.sought), count), start=2)
        return list(await asyncio.gather(*(grant(place, number) for number, place in chosen)))
    finally:
        await ledger.close()


def _fill_both(stage: Stage, size: Size) -> None:
    """Stops the gateway, copies it, and fills both projections."""
    network = stage.network
    network.stop_gateway(CUSTODIAN)
    shutil.copytree(network.folder(SMALL), network.state / LARGE, ignore=shutil.ignore_patterns(*NOT_ITS_OWN))
    shutil.copy(network.state / "keys" / SMALL, network.state / "keys" / LARGE)
    # Two gateways with one relay would send under the same nonces.
    shutil.copy(network.folder(REQUESTER) / "keys" / "relay", network.state / LARGE / "keys" / "relay")
    for name, consents in ((SMALL, size.small), (LARGE, size.large)):
        fill(database_of(network.folder(name)), consents)


def _start_both(stage: Stage) -> dict[str, float]:
    """Starts both gateways; gives how long a start took, and the memory after it."""
    results: dict[str, float] = {}
    for name in NAMES:
        begun = time.perf_counter()
        stage.network.start_gateway(name)
        results[f"start_seconds_{NAMES[name]}_consents"] = time.perf_counter() - begun
        results[f"start_mb_{NAMES[name]}_consents"] = resident_bytes(_pid(stage, name)) / 1e6
    return results


def database_of(folder: Path) -> Path:
    """Gives the file with a gateway's tables."""
    return folder / "gateway.db"


def _pid(stage: Stage, name: str) -> int:
    pid = stage.network.gateway_pid(name)
    if pid is None:
        raise RuntimeError(f"gateway {name} does not run")
    return pid


async def _in_turns(stage: Stage, size: Size, fresh: Sequence[Place]) -> dict[str, float]:
    p99, cpu = ({name: list[float]() for name in NAMES} for _ in range(2))
    every = {name: Outcome() for name in NAMES}
    most = min([await _warmed_up(stage, name, fresh[: size.calls]) for name in NAMES])
    for number in range(size.rounds):
        places = fresh[(number + 1) * size.calls : (number + 2) * size.calls]
        # Who comes first finds the chain's caches cold: they take turns at that too.
        for name in list(NAMES)[:: 1 if number % 2 else -1]:
            async with _alone(stage, name):
                url = stage.network.hospital_url(name)
                calls, used = _calls(stage, url, places), cpu_seconds(_pid(stage, name))
                outcome = await open_loop(url, calls, most / 2)
                cpu[name].append((cpu_seconds(_pid(stage, name)) - used) / _permitted(outcome))
                p99[name].append(outcome.percentile(99))
                every[name].latencies += outcome.latencies
    results = {"consents_load_per_s": most / 2}
    for name, word in NAMES.items():
        results |= {f"single_p{share}_ms_{word}_consents": 1000 * every[name].percentile(share) for share in (50, 99)}
        results[f"single_cpu_ms_{word}_consents"] = 1000 * statistics.median(cpu[name])
        results[f"gateway_mb_{word}_consents"] = resident_bytes(_pid(stage, name)) / 1e6
    results["p99_million_over_ten_thousand_consents"] = _large_over_small(p99)
    results["cpu_million_over_ten_thousand_consents"] = _large_over_small(cpu)
    return results


def _large_over_small(values: Mapping[str, Sequence[float]]) -> float:
    return statistics.median(large / small for small, large in zip(values[SMALL], values[LARGE], strict=True))


async def _warmed_up(stage: Stage, name: str, fresh: Sequence[Place]) -> float:
    """Loads the code of a gateway and opens its connections; gives the calls a second it then answers."""
    async with _alone(stage, name):
        url, known = stage.network.hospital_url(name), list(islice(cycle(stage.sought), len(fresh)))
        _permitted(await closed_loop(url, _calls(stage, url, known), CALLERS))
        outcome = await closed_loop(url, _calls(stage, url, fresh), CALLERS)
        return _permitted(outcome) / outcome.seconds


@asynccontextmanager
async def _alone(stage: Stage, name: str) -> AsyncIterator[None]:
    """Holds the other gateway still meanwhile, and lets this one take in what it missed at first."""
    other = next(one for one in NAMES if one != name)
    with _held(_pid(stage, other)):
        deadline = time.monotonic() + AWAKE_SECONDS
        while await asyncio.to_thread(not_ready, int(stage.network.hospital_url(name).rsplit(":", 1)[1])) is not None:
            if time.monotonic() > deadline:
                raise RuntimeError(f"gateway {name} does not come back")
            await asyncio.sleep(0.1)
        yield


@contextmanager
def _held(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _permitted(outcome: Outcome) -> int:
    answers = [json.loads(body) for body in outcome.bodies]
    if any(not answer["decision"]["permitted"] or not answer["key"]["wrapped"] for answer in answers):
        raise RuntimeError("an access was not permitted, or came without its key")
    return len(answers)


def _calls(stage: Stage, url: str, places: Sequence[Place]) -> list[Call]:
    own, domain = stage.requester, stage.domain("AccessLedger")
    sought = [(place.record, place.consent) for place in places]
    return [
        signed_call(
            own,
            url,
            SINGLE,
            {"request": write(asked), "scopeProof": [], "signature": hex_of(sign(own.key, domain, asked))},
        )
        for asked in new_requests(own.address, release_key_hash(own.release_key), sought)
    ]


async def _bytes_per_view(stage: Stage, views: int) -> float:
    """Gives what a consent takes that a gateway keeps in memory, measured by allocation on the large projection."""
    ledger = await ChainLedger.connect(stage.network.connection(), stage.manifest, stage.relay_key)
    database = Database(f"sqlite+aiosqlite:///{database_of(stage.network.folder(LARGE))}")
    try:
        follower = Follower(database, ledger, await ledger.identity())
        mirror = Mirror(database, follower)
        await follower.catch_up()
        query = select(EventRow.consent_id).where(col(EventRow.kind) == "ConsentGranted").limit(2 * views)
        async with database.reading() as session:
            ids = [ConsentId(found) for found in await session.exec(query) if found]
        for one in ids[:views]:
            await mirror.consent(one)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for one in ids[views:]:
            await mirror.consent(one)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return (after - before) / views
    finally:
        await database.close()
        await ledger.close()
