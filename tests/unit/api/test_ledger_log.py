"""The ledger log a gateway serves: public, by the paths of the standard, and nothing but what is in it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import cast

import httpx

from consentry.core.log_tiles import WIDTH, Tile
from consentry.evidence.note import SignedNote, VerifierKey
from consentry.witness.keeper import LogKeeper
from consentry.witness.publisher import LogPublisher
from consentry.witness.tile_threads import MOST_READS
from tests.support.gateway_world import MemoryParts, World, served
from tests.support.header_chain import HeaderChain
from tests.support.log_people import LOG
from tests.unit.witness.kept import keeper_in


def nobody() -> AbstractAsyncContextManager[httpx.AsyncClient]:
    raise AssertionError("there is nobody to ask")


async def test_gateway_without_a_log_says_that_it_has_none(world: World) -> None:
    for path in ("checkpoint", "key", "tile/0/000"):
        answer = await world.http.get(f"/log/{path}")
        assert (answer.status_code, answer.json()["detail"]) == (404, "this gateway keeps no ledger log")


async def test_checkpoint_and_tiles_are_public(tmp_path: Path, world: World, parts: MemoryParts) -> None:
    chain = HeaderChain()
    for number in range(90):
        chain.seal(*(f"{number} {place}" for place in range(3)))
    keeper = await _followed(tmp_path, chain)
    log, leaves = LogPublisher(tmp_path / "log", keeper, LOG), chain.leaves()
    context = replace(parts.context(world.people.custodian.address), log=log)
    async with served(context, world.people, world.chain) as gateway:
        assert (await gateway.http.get("/log/checkpoint")).status_code == 404
        await log.publish(nobody)
        shown = await gateway.http.get("/log/checkpoint")
        full = await gateway.http.get("/log/tile/0/000")
        partial = await gateway.http.get("/log/tile/0/001.p/3")
        named = await gateway.http.get("/log/key")
        missing = [await gateway.http.get(f"/log/tile/{path}") for path in ("0/002", "0/001.p/99", "1/001")]
        malformed = [await gateway.http.get(f"/log/tile/{path}") for path in ("0/0", "00/000", "0/000.p/256")]
    assert SignedNote.from_bytes(shown.content).signature_of(LOG.verifier_key)
    assert shown.headers["cache-control"] == "no-store"
    assert full.content == b"".join(leaves[:WIDTH])
    assert full.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert partial.content == b"".join(leaves[WIDTH : WIDTH + 3])
    assert partial.headers["cache-control"] == "no-store"
    assert VerifierKey.parse(named.text.strip()) == LOG.verifier_key
    assert [answer.status_code for answer in missing] == [404, 404, 404]
    assert [answer.status_code for answer in malformed] == [422, 422, 422]


class SilentTree:
    """A tree whose store does not answer until it is let go."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.size = 0

    def tile(self, tile: Tile) -> bytes:
        self.answers.wait(30)
        return bytes(32 * tile.width)


async def test_tiles_of_a_silent_store_hold_no_thread_of_accesses_and_are_refused_beyond_a_bound(
    tmp_path: Path, world: World, parts: MemoryParts
) -> None:
    tree = SilentTree()
    context = parts.context(world.people.custodian.address)
    log = LogPublisher(tmp_path / "log", cast("LogKeeper", tree), LOG)
    async with served(replace(context, log=log), world.people, world.chain) as gateway:
        reads = [asyncio.create_task(gateway.http.get("/log/tile/0/000")) for _ in range(MOST_READS + 1)]
        try:
            async with asyncio.timeout(10):
                (refused,), _ = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
                # More than this machine has threads for signing and sealing, all of which are free.
                await asyncio.gather(*(asyncio.to_thread(int) for _ in range(64)))
        finally:
            tree.answers.set()
        answers = await asyncio.gather(*reads)
    assert sorted(answer.status_code for answer in answers) == [200] * MOST_READS + [503]
    assert refused.result().json()["code"] == "log.tiles-unavailable"


async def _followed(folder: Path, chain: HeaderChain) -> LogKeeper:
    keeper = keeper_in(folder, chain)
    await keeper.follow(chain)
    return keeper
