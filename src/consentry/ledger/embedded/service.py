"""The chain's process: one state folder, one lock, one engine, one HTTP port.

Life: lock the folder → open the log → restore → serve and seal → snapshot → end. The engine's end, a failed sync or any
surprise ends the process with a non-zero status; the next start brings the chain back from its log.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from consentry.errors import ConfigurationError, LedgerUnavailableError
from consentry.ledger.claims import FolderLock, open_door
from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.durable import explained, private_folder, write_synced
from consentry.ledger.embedded.identity import describe, open_chain
from consentry.ledger.embedded.keeper import SnapshotKeeper
from consentry.ledger.embedded.link import EngineLink
from consentry.ledger.embedded.recovery import LOCK_NAME, RUN_NAME, SNAPSHOTS_NAME
from consentry.ledger.embedded.restore import restore
from consentry.ledger.embedded.rpc import ChainRpc
from consentry.ledger.embedded.sealer import Sealer
from consentry.ledger.processes import process_started

LOG = logging.getLogger(__name__)
HOST = "127.0.0.1"
ENDPOINT_NAME = "endpoint.json"
# Readers' connections to the engine: one slow question must not hold up the others.
READ_LINKS = 4
# A machine whose clock lies further behind the chain's last block would refuse nothing in time.
CLOCK_TOLERANCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """What the process needs to know.

    Attributes:
        state: the chain's own folder; made with mode 0700.
        port: TCP port on 127.0.0.1; 0 takes a free one.
        binary: the engine's native binary.
        chain_id: demanded chain id; a new chain draws one if this is none.
    """

    state: Path
    port: int
    binary: Path
    chain_id: int | None = None


async def serve(settings: ChainSettings) -> None:
    """Runs the chain until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: folder, port, clock or engine cannot be used.
        LedgerError: log, snapshot or replay does not hold, or the engine ends.
    """
    with explained("preparing the state folder"):
        state = private_folder(settings.state)
        lock = FolderLock(state / LOCK_NAME, "in use")
    door: socket.socket | None = None
    try:
        door = open_door(HOST, settings.port)
        with explained("opening the chain"):
            _end_orphan(state)
            _announce(state)
            run_folder = state / RUN_NAME
            shutil.rmtree(run_folder, ignore_errors=True)
            log = await open_chain(state, settings.binary, private_folder(run_folder), settings.chain_id)
        _check_clock(log)
        await _serve_chain(settings, log, run_folder, door)
    finally:
        if door is not None:
            door.close()
        lock.release()


async def _serve_chain(settings: ChainSettings, log: BlockLog, run_folder: Path, door: socket.socket) -> None:
    snapshots = settings.state / SNAPSHOTS_NAME
    with explained("restoring the chain"):
        process, link, newest = await restore(log, settings.binary, run_folder, snapshots)
    try:
        readers = [await process.connect() for _ in range(READ_LINKS)]
        sealer = Sealer(log, link)
        web = _Web(
            uvicorn.Config(
                ChainRpc(sealer, log, readers).app(),
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                timeout_graceful_shutdown=5,
            )
        )
        port = door.getsockname()[1]
        engine = {"engine_pid": process.pid, "engine_started": process_started(process.pid)}
        facts = {**engine, "port": port, "url": f"http://{HOST}:{port}", **describe(log.genesis)}
        _announce(settings.state, facts)
        await _run_until_stopped(web, sealer, link, SnapshotKeeper(sealer, link, log, snapshots, newest), door)
    finally:
        process.stop()
        log.close()


async def _run_until_stopped(
    web: _Web, sealer: Sealer, link: EngineLink, keeper: SnapshotKeeper, door: socket.socket
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    sealing = asyncio.create_task(sealer.run())
    serving = asyncio.create_task(web.serve([door]))
    keeping = asyncio.create_task(keeper.run())
    watched = {sealing, serving, keeping, asyncio.create_task(link.closed.wait()), asyncio.create_task(stop.wait())}
    await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
    web.should_exit = True
    is_asked = stop.is_set() and not link.closed.is_set()
    sealer.stop()
    keeper.stop()
    await asyncio.gather(sealing, serving, keeping)
    if not is_asked:
        raise LedgerUnavailableError("engine ended: the chain stops; its next start replays the block log")
    await keeper.take()


class _Web(uvicorn.Server):
    """A web server that leaves signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Does nothing: ``_run_until_stopped`` handles them."""
        yield


def _check_clock(log: BlockLog) -> None:
    behind = log.last_time - int(time.time())
    if behind > CLOCK_TOLERANCE_SECONDS:
        raise ConfigurationError(f"clock of this machine is {behind} seconds behind the last block: set it right first")


def _end_orphan(state: Path) -> None:
    """Ends the engine of an earlier process that was killed, where the system did not do so itself."""
    try:
        earlier = json.loads((state / ENDPOINT_NAME).read_bytes())
        pid, mark = int(earlier["engine_pid"]), earlier["engine_started"]
    except (OSError, ValueError, LookupError, TypeError):
        return
    if mark is not None and process_started(pid) == mark:
        os.kill(pid, signal.SIGKILL)


def _announce(state: Path, more: dict[str, int | str | None] | None = None) -> None:
    """Says in the state folder which process this is and, once it is ready, where it answers."""
    me = {"pid": os.getpid(), "started": process_started(os.getpid()), **(more or {})}
    write_synced(state / ENDPOINT_NAME, json.dumps(me, indent=2).encode() + b"\n")
