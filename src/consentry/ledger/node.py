"""The embedded chain as a background process: up, down, status, reset; its backups.

Its state folder holds::

    chain.json      which chain this is                    blocks.log     every block, synced
    snapshots/      dumped states, to start faster         endpoint.json  process, port and address while it runs
    engine/         anvil from npm, if it was not found    sealer.log     what the process said
    run/            passing files of the engine            lock           held by the running process
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import consentry
from consentry.errors import (
    BlockLogCorruptError,
    ConfigurationError,
    ConsentryError,
    ForeignChainError,
    LedgerUnavailableError,
)
from consentry.ledger.embedded.backup import Backup, read_backup, write_backup
from consentry.ledger.embedded.durable import FILE_MODE, explained, private_folder
from consentry.ledger.embedded.identity import IDENTITY_NAME, LOG_NAME
from consentry.ledger.embedded.recovery import LOCK_NAME, RUN_NAME, SNAPSHOTS_NAME, recover
from consentry.ledger.embedded.service import ENDPOINT_NAME, HOST
from consentry.ledger.installation import provide_engine
from consentry.ledger.processes import process_started

OUTPUT_NAME = "sealer.log"
# A start may have to replay a long log; an end may have to write a snapshot.
UP_SECONDS = 600.0
DOWN_SECONDS = 120.0
_POLL_SECONDS = 0.02
_OWNED = (LOG_NAME, IDENTITY_NAME, ENDPOINT_NAME, OUTPUT_NAME, LOCK_NAME, SNAPSHOTS_NAME, RUN_NAME)
_FAILURES: dict[str, type[ConsentryError]] = {
    kind.code: kind for kind in (ConfigurationError, ForeignChainError, BlockLogCorruptError, LedgerUnavailableError)
}
# Processes started here are kept: their end is noticed, and nobody warns of one that is left running on purpose.
_STARTED: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """The embedded chain as it is now.

    Attributes:
        state: its folder.
        is_running: whether its process is there.
        is_ready: whether it answers; false while it replays its log.
        pid: process id.
        url: where it answers JSON-RPC.
        chain_id: the chain's id, also while it does not run; nothing if there is no chain yet.
        genesis_hash: hash of block 0, with 0x.
        block_number: number of the newest block, if it is ready.
    """

    state: Path
    is_running: bool = False
    is_ready: bool = False
    pid: int | None = None
    url: str | None = None
    chain_id: int | None = None
    genesis_hash: str | None = None
    block_number: int | None = None


def up(state_dir: Path, port: int, *, chain_id: int | None = None) -> NodeStatus:
    """Starts the chain in the background, and returns once it answers. Does nothing if it already runs on that port.

    Args:
        state_dir: the chain's own folder; made if it is missing.
        port: TCP port on 127.0.0.1; 0 takes a free one.
        chain_id: demanded chain id; a new chain draws one at random if none is given.

    Raises:
        ConfigurationError: port, folder, disk or engine cannot be used; one line says which.
        ForeignChainError: the folder holds another chain, or a replay does not give the logged hashes.
        BlockLogCorruptError: the block log is damaged.
        LedgerUnavailableError: the process ends otherwise, or is not ready within ten minutes.
    """
    state = state_dir.absolute()
    known = _wait_until_ready(state) if status(state).is_running else status(state)
    if known.is_running:
        if port not in {0, _port(known)}:
            raise ConfigurationError(f"port of the running chain does not match (got {port}, expected {_port(known)})")
        return known
    binary = provide_engine(state, os.environ)
    command = [sys.executable, "-m", "consentry.ledger.embedded"]
    command += ["--state", str(state), "--port", str(port), "--engine", str(binary)]
    command += ["--chain-id", str(chain_id)] if chain_id is not None else []
    with explained("starting the chain"):
        private_folder(state)
        output = os.open(state / OUTPUT_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
    try:
        begun_at = os.fstat(output).st_size
        process = subprocess.Popen(  # noqa: S603 - ourselves
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_environment(), start_new_session=True
        )
    finally:
        os.close(output)
    _STARTED[process.pid] = process
    return _wait_until_ready(state, process, begun_at)


def down(state_dir: Path) -> NodeStatus:
    """Stops the chain in good order (it writes a snapshot), and returns once its process is gone.

    Killing it instead would lose nothing, only time at the next start; that is what happens after two minutes.
    """
    known = status(state_dir.absolute())
    mark = process_started(known.pid) if known.pid else None
    if known.pid is None or mark is None:
        return known
    os.kill(known.pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS
    while _is_there(known.pid, mark):
        if time.monotonic() > deadline:
            os.kill(known.pid, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
    return status(known.state)


def status(state_dir: Path) -> NodeStatus:
    """Looks at the chain without changing anything."""
    state = state_dir.absolute()
    identity, endpoint = _read(state / IDENTITY_NAME), _read(state / ENDPOINT_NAME)
    chain_id, genesis_hash = identity.get("chain_id"), identity.get("genesis_hash")
    pid = endpoint.get("pid")
    if not isinstance(pid, int) or not _is_there(pid, endpoint.get("started")):
        return NodeStatus(state, chain_id=chain_id, genesis_hash=genesis_hash)
    number = _block_number(endpoint["port"]) if "port" in endpoint else None
    return NodeStatus(state, True, number is not None, pid, endpoint.get("url"), chain_id, genesis_hash, number)  # noqa: FBT003 - named by the class


def reset(state_dir: Path, *, confirm: bool) -> NodeStatus:
    """Stops the chain and deletes it for good: log, snapshots and identity. The installed engine stays.

    Raises:
        ConfigurationError: without ``confirm``, or if the folder holds no chain.
    """
    state = state_dir.absolute()
    if not confirm:
        raise ConfigurationError(f"reset of {state} deletes every block for good and needs to be confirmed")
    if state.exists() and not (state / LOG_NAME).exists() and not (state / IDENTITY_NAME).exists():
        raise ConfigurationError(f"folder {state} holds no chain: nothing was deleted")
    down(state)
    with explained("deleting the chain"):
        for name in _OWNED:
            path = state / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    return status(state)


def backup(state_dir: Path, path: Path) -> Backup:
    """Backs the chain up into one file, whether or not it runs: every block that was sealed when this was called.

    Raises:
        ConfigurationError: the folder holds no chain, there is a file of that name, or the disk refuses.
        BlockLogCorruptError: the block log is damaged.
    """
    log = state_dir.absolute() / LOG_NAME
    if not log.exists():
        raise ConfigurationError(f"folder {state_dir} holds no chain: nothing was backed up")
    with explained("writing the backup"):
        return write_backup(log, path.absolute())


def restore(state_dir: Path, path: Path, head: bytes | None = None) -> Backup:
    """Makes the chain of a backup in an empty folder: every block is made again, and its hash compared.

    A backup only proves that it agrees with itself: what came after it, or was cut off at its end, is not missed.

    Args:
        state_dir: folder of the chain.
        path: the backup.
        head: hash that its last block must have, known from elsewhere; any if none is given.

    Raises:
        ConfigurationError: the file is no backup or of another format, or the folder is not empty.
        BlockLogCorruptError: the backup is cut off, or was altered.
        ForeignChainError: a block does not come out with the hash it had, or the last one is not ``head``.
        LedgerUnavailableError: the engine does not start.
    """
    state = state_dir.absolute()
    with explained("restoring the chain"):
        found = read_backup(path.absolute())
        if head is not None and found.block_hash != head:
            raise ForeignChainError(
                f"last block of the backup does not match (got 0x{found.block_hash.hex()}, expected 0x{head.hex()})"
            )
        if status(state).is_running:
            raise ConfigurationError(f"folder {state_dir} is not empty (its chain runs): restore into an empty one")
        asyncio.run(recover(found, state, provide_engine(state, os.environ)))
    return found


def _wait_until_ready(state: Path, process: subprocess.Popen[bytes] | None = None, begun_at: int = 0) -> NodeStatus:
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline:
        known = status(state)
        if known.is_ready and process in {None, _STARTED.get(known.pid or 0)}:
            return known
        if process is not None and process.poll() is not None:
            _STARTED.pop(process.pid, None)
            raise _failure(state, begun_at)
        if process is None and not known.is_running:
            return known
        time.sleep(_POLL_SECONDS)
    if process is not None:
        process.kill()
        process.wait()
    raise LedgerUnavailableError(
        f"chain does not answer within {UP_SECONDS:.0f} seconds of its start (see {state / OUTPUT_NAME})"
    )


def _failure(state: Path, begun_at: int) -> ConsentryError:
    """The error that the ended process wrote as its last line, as the same error here."""
    with (state / OUTPUT_NAME).open("rb") as file:
        file.seek(begun_at)
        lines = file.read().decode(errors="replace").splitlines()
    for line in reversed(lines):
        if line.startswith("error "):
            code, _, message = line.removeprefix("error ").partition(": ")
            return _FAILURES.get(code, LedgerUnavailableError)(message)
    return LedgerUnavailableError(f"chain ended while starting (see {state / OUTPUT_NAME})")


def _is_there(pid: int, mark: object) -> bool:
    """Whether the process lives and is the one that was meant, not a later one with its number."""
    started = _STARTED.get(pid)
    if started is not None and started.poll() is not None:
        _STARTED.pop(pid, None)
    return mark is not None and process_started(pid) == mark


def _block_number(port: int) -> int | None:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    question = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "consentry_status", "params": []})
    try:
        connection.request("POST", "/", question, {"Content-Type": "application/json"})
        return int(json.loads(connection.getresponse().read())["result"]["blockNumber"], 16)
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return None
    finally:
        connection.close()


def _environment() -> dict[str, str]:
    """This environment, with the very package that runs here first on the path."""
    here = str(Path(consentry.__file__).resolve().parents[1])
    inherited = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([here, inherited] if inherited else [here])}


def _port(known: NodeStatus) -> int | None:
    return int(known.url.rpartition(":")[2]) if known.url else None


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
