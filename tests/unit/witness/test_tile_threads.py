"""A store that does not answer holds no thread that anything else needs, and what waits for it is bounded."""

from __future__ import annotations

import asyncio
import threading

import pytest

from consentry.errors import TilesUnavailableError
from consentry.witness.tile_threads import MOST_READS, TileThreads


async def test_silent_reads_hold_neither_the_log_nor_the_threads_of_accesses() -> None:
    silent, threads = threading.Event(), TileThreads()
    reads = [asyncio.create_task(threads.read(silent.wait)) for _ in range(MOST_READS)]
    await asyncio.sleep(0)
    try:
        with pytest.raises(TilesUnavailableError, match="number of reads"):
            await threads.read(lambda: None)
        assert await asyncio.wait_for(threads.keep(lambda: "kept"), 5) == "kept"
        names = await asyncio.gather(*(asyncio.to_thread(threading.current_thread) for _ in range(6)))
        assert not any(thread.name.startswith("tile") for thread in names)
        # Whoever goes away frees no place: the thread is still held.
        reads[0].cancel()
        await asyncio.sleep(0)
        with pytest.raises(TilesUnavailableError):
            await threads.read(lambda: None)
    finally:
        silent.set()
    assert all(await asyncio.gather(*reads[1:]))
    assert await threads.read(lambda: "read") == "read"


async def test_errors_come_through() -> None:
    def failing() -> None:
        raise TilesUnavailableError("away")

    threads = TileThreads()
    for run in (threads.read, threads.keep):
        with pytest.raises(TilesUnavailableError, match="away"):
            await run(failing)
