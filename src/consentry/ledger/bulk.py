"""The chain in bulk, read by other processes (`bulk_blocks`), each of which decodes and hashes what it reads.

A node answers one after the other; while one process waits for it or works, the next asks. Whoever audits takes what is
ready, in the order of the chain.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from consentry.audit.columns import Segment
from consentry.audit.keccak_rows import load_compiled as load_hashing
from consentry.audit.reading import Stride
from consentry.audit.swift import load_compiled as load_deciding
from consentry.core.typed_data import Domain
from consentry.ledger.abi import CONTRACTS, artifact
from consentry.ledger.bulk_blocks import EVENTS_A_QUESTION, FIRST_BLOCKS, BlockReader, Source
from consentry.ledger.bulk_layouts import load_compiled as load_logs
from consentry.ledger.manifest import Manifest


class Bulk:
    """`audit.columns.BulkReader` over a node, with processes of its own."""

    def __init__(self, source: Source, processes: int = 0) -> None:
        """Takes where to read, and how many processes read, each of which waits for the node as long as it works.

        One more than there are cores, if not given.
        """
        self._source = source
        self._processes = processes or (os.cpu_count() or 1) + 1
        self._pool: ProcessPoolExecutor | None = None

    @classmethod
    def of_deployment(cls, url: str, manifest: Manifest, processes: int = 0) -> Bulk:
        """Gives the reader of a deployment behind a node's HTTP address."""
        ledger = manifest.address("AccessLedger")
        domain = Domain("Consentry AccessLedger", manifest.identity.chain_id, ledger)
        contracts = tuple(manifest.address(name) for name in CONTRACTS)
        return cls(Source(url, contracts, ledger, domain), processes)

    def start(self) -> None:
        """Starts the processes, if they do not run; at once where this process has a single thread still."""
        if self._pool is None:
            load_compiled()
            context = multiprocessing.get_context("fork" if _may_fork() else "spawn")
            self._pool = ProcessPoolExecutor(self._processes, context, _begin, (self._source,))
            # Processes start with the first task, and copies have to be made before there is another thread.
            self._pool.submit(_is_awake)

    async def stretches(self, first: int, last: int, key: bytes) -> AsyncIterator[tuple[int, Sequence[Segment]]]:
        """Gives blocks ``first`` to ``last``, some at a time, and reads on meanwhile.

        Raises:
            LedgerUnavailableError: the node does not answer.
        """
        self.start()
        try:
            async for reached, segments in self._ahead(first, last, key):
                yield reached, segments
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Ends the processes, if they run."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)

    async def _ahead(self, first: int, last: int, key: bytes) -> AsyncIterator[tuple[int, Sequence[Segment]]]:
        loop, stride = asyncio.get_running_loop(), Stride(FIRST_BLOCKS, EVENTS_A_QUESTION)
        under_way = deque[tuple[int, int, asyncio.Future[tuple[list[Segment], int, int]]]]()
        while first <= last or under_way:
            while first <= last and len(under_way) <= self._processes:
                end = min(last, first + stride.blocks - 1)
                under_way.append((first, end, loop.run_in_executor(self._pool, _read, first, end, key)))
                first = end + 1
            begun, end, reading = under_way.popleft()
            segments, logs, reached = await reading
            stride.adapt(reached - begun + 1, logs)
            if reached < end:
                rest = loop.run_in_executor(self._pool, _read, reached + 1, end, key)
                under_way.appendleft((reached + 1, end, rest))
            yield reached, segments


def load_compiled() -> None:
    """Has ready what an audit in bulk is made of, here and in every copy of this process."""
    for name in CONTRACTS:
        artifact(name)
    load_hashing()
    load_deciding()
    load_logs()


def _may_fork() -> bool:
    """Tells whether a copy of this process can do without what a copy loses: other threads of Python.

    A copy is there at once; another process has to load first what this one has, which takes a second.
    """
    return sys.platform == "linux" and threading.active_count() == 1


_READER: list[BlockReader] = []
"""The reader of this process, if it is one that reads."""


def _begin(source: Source) -> None:
    _READER[:] = [BlockReader(source)]
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process once whoever started it is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _is_awake() -> bool:
    return bool(_READER)


def _read(first: int, last: int, key: bytes) -> tuple[list[Segment], int, int]:
    return _READER[0].read(first, last, key)
