"""Load on a gateway: signed HTTP requests made beforehand, sent by many callers at once, each answer timed and read."""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from consentry.client.hospital import Institution
from consentry.crypto.sign_in import SignedRequest, body_sha256, bound_headers, content_digest

_JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request as it goes out."""

    target: str
    content: bytes
    headers: dict[str, str]


@dataclass(slots=True)
class Outcome:
    """What came of a load: seconds it took in all, and of each call; bodies of the answers."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    def percentile(self, share: int) -> float:
        """Gives a percentile of the latencies, in seconds."""
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[share - 1]


def signed_call(own: Institution, url: str, target: str, body: object) -> Call:
    """Makes a request that the institution signs, as its SDK does."""
    content = json.dumps(body, separators=(",", ":")).encode()
    digest = body_sha256(content)
    signed = SignedRequest(
        institution=own.address,
        method="POST",
        host=urlsplit(url).netloc,
        target=target,
        body_sha256=digest,
        created=int(time.time()),
        nonce=secrets.token_hex(16),
        bound=bound_headers(_JSON),
    )
    proof = {
        "Consentry-Signature": signed.header(own.key.sign_digest(signed.digest())),
        "Content-Digest": content_digest(digest),
        "Idempotency-Key": secrets.token_hex(16),
    }
    return Call(target, content, {**_JSON, **proof})


async def closed_loop(url: str, calls: Sequence[Call], callers: int) -> Outcome:
    """Sends calls from so many callers, each of whom sends the next when it has its answer.

    Raises:
        RuntimeError: an answer was not 200.
    """
    outcome, left = Outcome(), iter(calls)
    async with _session(callers) as session:

        async def caller() -> None:
            for call in left:
                await _send(session, url, call, outcome)

        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(caller())
        outcome.seconds = time.perf_counter() - begun
    return outcome


async def open_loop(url: str, calls: Sequence[Call], per_second: float) -> Outcome:
    """Sends calls at a fixed rate, whether or not earlier ones were answered; a late start counts as waiting."""
    outcome = Outcome()
    async with _session(0) as session, asyncio.TaskGroup() as group:
        begun = time.perf_counter()
        for place, call in enumerate(calls):
            due = begun + place / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(_send(session, url, call, outcome, due))
    outcome.seconds = time.perf_counter() - begun
    return outcome


def _session(callers: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=callers), trust_env=False)


async def _send(
    session: aiohttp.ClientSession, url: str, call: Call, outcome: Outcome, due: float | None = None
) -> None:
    begun = time.perf_counter() if due is None else due
    method = "POST" if call.content else "GET"
    async with session.request(method, url + call.target, data=call.content or None, headers=call.headers) as answer:
        body = await answer.read()
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"gateway answers {answer.status} to {call.target}: {body[:200]!r}")
    outcome.latencies.append(time.perf_counter() - begun)
    outcome.bodies.append(body)
