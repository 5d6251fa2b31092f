"""A gateway and its chain as real processes, while callers misbehave and processes stop or die.

Through all of it a hospital keeps asking, each time with the same request until it is answered; what it waited is told,
not judged. ``CONSENTRY_SOAK_SECONDS`` says how long memory is watched: a night's run takes 3600.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import secrets
import signal
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio

from benchmarks.stage import CUSTODIAN
from consentry.client.bulk import Sought
from consentry.demo.gateways import HOST, free_port
from consentry.errors import ConsentryError, OverloadError
from consentry.ledger import node
from tests.faults.real.figures import tell
from tests.faults.real.town import Town, town
from tests.support.on_a_port import Caller

SOAK_SECONDS = int(os.environ.get("CONSENTRY_SOAK_SECONDS", "30"))
pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600 + 2 * SOAK_SECONDS)]
STOPPED_SECONDS = 3.0
ATTACKER = "127.0.0.2"
HEAD = b"POST /v1/auth/siwe/challenge HTTP/1.1\r\nHost: gateway.test\r\nContent-Type: application/json\r\n"
MIB = 2**20
MOST_GROWTH = 300 * MIB
"""A flood fills the room for those who wait and no more."""
MOST_BYTES_PER_ACCESS = 2_048
"""What the process may grow by an access once it is warm; tables and caches are bounded, or on the disk."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A town for all tests of this module."""
    del engine
    async with town(tmp_path_factory.mktemp("services")) as made:
        yield made
        tell("after all of them", **await made.check(thoroughly=True))


def gateway(place: Town) -> psutil.Process:
    """The gateway's process."""
    pid = place.network.gateway_pid(CUSTODIAN)
    assert pid is not None
    return psutil.Process(pid)


def port_of(place: Town) -> int:
    """The gateway's port."""
    return int(place.network.hospital_url(CUSTODIAN).rpartition(":")[2])


async def released(port: int) -> None:
    """Waits until a killed process has let go of its port: whoever starts it anew would be given another one."""
    while free_port(port) != port:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)


async def slow_head(port: int) -> bytes:
    """Sends a header a byte a second."""
    caller = await Caller.connect(port, source=ATTACKER)
    await caller.trickle(HEAD, 1.0)
    return await caller.rest()


async def slow_body(port: int) -> bytes:
    """Announces a body and sends a byte a second."""
    caller = await Caller.connect(port, source=ATTACKER)
    await caller.send(HEAD + b"Content-Length: 1000\r\n\r\n")
    await caller.trickle(b" " * 1_000, 1.0)
    return await caller.rest()


async def idle(port: int) -> bytes:
    """Connects and says nothing."""
    return await (await Caller.connect(port, source=ATTACKER)).rest()


async def endless_head(port: int) -> bytes:
    """Sends headers without end."""
    caller = await Caller.connect(port, source=ATTACKER)
    await caller.send(HEAD + b"X-Many: 1\r\n" * 100_000)
    return await caller.rest()


def whole(content: bytes, extra: bytes = b"") -> Callable[[int], Awaitable[bytes]]:
    """Sends a body at once."""

    async def send(port: int) -> bytes:
        caller = await Caller.connect(port, source=ATTACKER)
        length = f"Content-Length: {len(content)}\r\nConnection: close\r\n".encode()
        await caller.send(HEAD + extra + length + b"\r\n" + content)
        return await caller.rest()

    return send


ATTACKS: dict[str, tuple[int, Callable[[int], Awaitable[bytes]]]] = {
    "slow headers": (50, slow_head),
    "slow body": (50, slow_body),
    "idle": (50, idle),
    "headers without end": (20, endless_head),
    "nested": (20, whole(b"[" * 500_000)),
    "huge": (20, whole(b"[" + b"1," * 2_000_000 + b"1]")),
    "bomb": (20, whole(gzip.compress(bytes(64 * MIB)), b"Content-Encoding: gzip\r\n")),
    "many": (200, idle),
}


async def test_slow_large_and_many_callers_are_let_go_and_nobody_waits_for_them(place: Town) -> None:
    port, process = port_of(place), gateway(place)
    before = process.memory_info().rss
    names = [name for name, (count, _) in ATTACKS.items() for _ in range(count)]
    place.count_anew()
    async with place.busy(2):
        answers = await asyncio.gather(*(ATTACKS[name][1](port) for name in names), return_exceptions=True)
    seen: dict[str, Counter[str]] = {name: Counter() for name in ATTACKS}
    for name, answer in zip(names, answers, strict=True):
        # No answer: the connection was one too many, or ended while the attacker still sent.
        line = answer[9:12].decode() if isinstance(answer, bytes) else ""
        seen[name][line or "closed"] += 1
    figures = {name: dict(found) for name, found in seen.items()}
    grown = round((process.memory_info().rss - before) / MIB, 1)
    await place.tell_all("callers that attack", attacks=figures, grown_mib=grown)
    assert set(seen["slow headers"]) <= {"408", "closed"}
    assert set(seen["slow body"]) <= {"408", "429", "closed"}
    assert set(seen["nested"]) <= {"400", "413", "422", "429", "closed"}
    assert set(seen["bomb"]) <= {"415", "413", "429", "closed"}
    assert not any("200" in found for found in seen.values())
    assert process.is_running()
    assert gateway(place).pid == process.pid


async def test_address_that_floods_without_an_identity_is_held_off_alone(place: Town) -> None:
    url = f"http://{HOST}:{port_of(place)}/v1/subjects"

    async def strangers() -> list[int]:
        transport = httpx.AsyncHTTPTransport(local_address=ATTACKER)
        async with httpx.AsyncClient(transport=transport, timeout=60) as flood:
            return [(await flood.get(url)).status_code for _ in range(75)]

    place.count_anew()
    async with place.busy(1):
        found = await asyncio.gather(*(strangers() for _ in range(20)))
    answers = Counter(status for statuses in found for status in statuses)
    await place.tell_all("flood of one address", answers={str(int(k)): v for k, v in answers.items()})
    assert answers[429]
    assert answers[401]
    assert not place.refusals


@pytest.mark.parametrize("victim", ["chain", "engine", "gateway"])
async def test_process_that_stops_for_a_while_goes_on(place: Town, victim: str) -> None:
    status = node.status(place.network.chain_folder)
    pids = {"chain": status.pid, "gateway": gateway(place).pid}
    engine = next(child.pid for child in psutil.Process(status.pid).children(recursive=True))
    pid = pids.get(victim, engine) or engine
    place.count_anew()
    async with place.busy():
        await asyncio.sleep(0.5)
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(STOPPED_SECONDS)
        os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(0.5)
    await place.tell_all(f"{victim} stopped for a while", stopped_s=STOPPED_SECONDS)


@pytest.mark.parametrize("victim", ["chain", "engine", "gateway"])
async def test_process_that_is_killed_is_started_again_and_nothing_is_lost(place: Town, victim: str) -> None:
    status, port = node.status(place.network.chain_folder), port_of(place)
    place.count_anew()
    async with place.busy():
        await asyncio.sleep(0.5)
        if victim == "gateway":
            os.kill(gateway(place).pid, signal.SIGKILL)
            begun = time.monotonic()
            await released(port)
            await asyncio.to_thread(place.network.start_gateway, CUSTODIAN)
        else:
            assert status.pid is not None
            engine = next(child.pid for child in psutil.Process(status.pid).children(recursive=True))
            os.kill(status.pid if victim == "chain" else engine, signal.SIGKILL)
            begun = time.monotonic()
            while node.status(place.network.chain_folder).is_running:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
            await released(int((status.url or "").rpartition(":")[2]))
            await asyncio.to_thread(place.network.start_chain)
        back = round(time.monotonic() - begun, 2)
        await asyncio.sleep(0.5)
    await place.tell_all(f"{victim} killed", started_again_s=back)
    assert port_of(place) == port


async def test_flood_of_one_institution_takes_bounded_memory_and_loses_nothing(place: Town) -> None:
    process, seen = gateway(place), Counter[str]()
    sought = [Sought(one.record, one.consent) for one in place.sought]
    made = place.hospital.new_requests(sought, practitioner=bytes(31) + b"\x01")
    before, peak = process.memory_info().rss, 0

    async def call() -> None:
        one_each = islice(cycle(made), 200)
        asked = [replace(one, request=replace(one.request, request_id=secrets.randbits(256))) for one in one_each]
        try:
            answers = await place.hospital.access_many(asked)
        except OverloadError as error:
            seen[error.code] += len(asked)
        except ConsentryError as error:
            seen[f"other: {error.code}"] += len(asked)
        else:
            for one, answer in zip(asked, answers, strict=True):
                if isinstance(answer, ConsentryError):
                    seen[answer.code] += 1
                else:
                    seen["permitted"] += 1
                    place.acknowledged.add(one.request.request_id)

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(0.1)

    place.count_anew()
    watching = asyncio.create_task(watch())
    await asyncio.gather(*(call() for _ in range(24)))
    watching.cancel()
    after = await place.ask()
    grown, kept = ((bytes_ - before) / MIB for bytes_ in (peak, process.memory_info().rss))
    figures = {"grown_mib": round(grown, 1), "still_grown_mib": round(kept, 1), "next_access_s": round(after, 2)}
    await place.tell_all("flood of one institution", offered=4_800, seen=dict(seen), **figures)
    assert seen["permitted"]
    assert not [name for name in seen if name.startswith("other")]
    assert peak - before < MOST_GROWTH


async def test_memory_stays_flat_while_accesses_go_on(place: Town) -> None:
    process = gateway(place)
    points: list[tuple[float, int]] = []
    place.count_anew()
    async with place.busy(8):
        await asyncio.sleep(SOAK_SECONDS / 4)
        begun = time.monotonic()
        while time.monotonic() - begun < SOAK_SECONDS:
            points.append((float(len(place.waits)), process.memory_info().rss))
            await asyncio.sleep(0.25)
    slope = _slope(points)
    accesses = int(points[-1][0] - points[0][0])
    ends = {"first_mib": round(points[0][1] / MIB, 1), "last_mib": round(points[-1][1] / MIB, 1)}
    figures: dict[str, Any] = {
        "seconds": SOAK_SECONDS,
        "accesses": accesses,
        "bytes_an_access": round(slope, 1),
        **ends,
    }
    await place.tell_all("soak", **figures)
    assert slope < MOST_BYTES_PER_ACCESS


def _slope(points: list[tuple[float, int]]) -> float:
    """Gives the bytes an access, by least squares."""
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope
