"""The engine's process: finding the anvil binary, starting it where nobody else can reach it, ending it.

anvil has commands that rewrite the chain and no way to switch them off, so nobody but the sealer may reach it:

* the sealer speaks to a Unix socket inside a folder of mode 0700;
* anvil opens a TCP port as well and cannot be told not to. Where Linux allows it, anvil therefore runs in a network
  namespace of its own, in which that port leads nowhere. Elsewhere it is a random port on the loopback interface, which
  other users of the same machine could find: ``AnvilProcess.is_isolated`` says which it is, and the log warns.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from consentry.errors import ConfigurationError, LedgerUnavailableError
from consentry.ledger.embedded.durable import private_folder
from consentry.ledger.embedded.link import EngineLink
from consentry.ledger.embedded.records import Genesis

LOG = logging.getLogger(__name__)
ANVIL_VERSION = "1.7.1"
START_SECONDS = 60.0
# The longest path of a Unix socket is 104 bytes on macOS and 108 on Linux.
SOCKET_PATH_LIMIT = 100
# States kept for historical reads; blocks, logs and receipts are kept whatever this says.
KEPT_STATES = 64
_NAMESPACE = ("unshare", "--user", "--map-current-user", "--net")
_DIE_WITH_SEALER = ("setpriv", "--pdeathsig", "KILL")


def npm_binary(modules: Path) -> Path | None:
    """The native anvil inside a ``node_modules`` folder, if it is installed there for this machine."""
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    chip = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    binary = modules / "@foundry-rs" / f"anvil-{system}-{chip}" / "bin" / "anvil"
    return binary if os.access(binary, os.X_OK) else None


def anvil_version(binary: Path) -> str:
    """What the binary says its version is, such as ``1.7.1``.

    Raises:
        ConfigurationError: it cannot be run.
    """
    try:
        output = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout  # noqa: S603 - our engine
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigurationError(f"engine {binary} cannot be run ({type(error).__name__})") from error
    words = output.split()
    position = next((place for place, word in enumerate(words) if word.startswith("Version")), 0) + 1
    return words[position].split("-")[0] if position < len(words) else ""


class AnvilProcess:
    """A running anvil. Make it with ``launch``."""

    def __init__(self, process: subprocess.Popen[bytes], socket: Path, *, is_isolated: bool) -> None:
        self.pid = process.pid
        self.socket = socket
        self.is_isolated = is_isolated
        self._process = process

    @classmethod
    async def launch(cls, binary: Path, folder: Path, genesis: Genesis, state: Path | None = None) -> AnvilProcess:
        """Starts anvil on a fresh or a dumped state and waits until it answers.

        Args:
            binary: the native binary.
            folder: where its socket, output and cache go; made with mode 0700.
            genesis: chain id, time, gas limit and hardfork; the hash is not used here.
            state: a dumped state to go on from.

        Raises:
            LedgerUnavailableError: it ends at once or does not answer within a minute.
        """
        private_folder(folder)
        socket = _socket_path(folder)
        socket.unlink(missing_ok=True)
        is_isolated = _can_isolate()
        output = folder / "anvil.out"
        with output.open("wb") as sink:
            output.chmod(0o600)
            process = subprocess.Popen(  # noqa: S603, ASYNC220 - forks at once; waiting for it is done below
                [
                    *_wrapper(is_isolated=is_isolated),
                    str(binary),
                    *_flags(genesis, socket, state, folder, is_isolated=is_isolated),
                ],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={"HOME": str(folder), "PATH": os.environ.get("PATH", os.defpath)},
                start_new_session=True,
            )
        running = cls(process, socket, is_isolated=is_isolated)
        await running._wait_for_socket(output)
        return running

    async def connect(self) -> EngineLink:
        """One more connection to this process."""
        return await EngineLink.connect(self.socket)

    @property
    def is_running(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ends the process at once: what it holds is a copy of the block log."""
        if self.is_running:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self.socket.unlink(missing_ok=True)
        if self.socket.parent.name.startswith("consentry-chain-"):
            shutil.rmtree(self.socket.parent, ignore_errors=True)

    async def _wait_for_socket(self, output: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.is_running:
                last = _first_error(output)
                raise LedgerUnavailableError(f"engine ended while starting ({last})")
            try:
                link = await EngineLink.connect(self.socket)
                await link.call("eth_chainId")
                await link.close()
            except (OSError, LedgerUnavailableError):
                await asyncio.sleep(0.01)
            else:
                return
        self.stop()
        raise LedgerUnavailableError(f"engine does not answer within {START_SECONDS:.0f} seconds of its start")


def _first_error(output: Path) -> str:
    lines = output.read_text(errors="replace").strip().splitlines()
    return next((line for line in lines if line.lower().startswith("error")), "".join(lines[-1:]))[:200]


def _socket_path(folder: Path) -> Path:
    path = folder.resolve() / "anvil.ipc"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    # mkdtemp makes the folder with mode 0700.
    return Path(tempfile.mkdtemp(prefix="consentry-chain-")) / "anvil.ipc"


def _flags(genesis: Genesis, socket: Path, state: Path | None, folder: Path, *, is_isolated: bool) -> Sequence[str]:
    # In its own namespace no interface is up, so only the unspecified address can be bound; it leads nowhere.
    host = "0.0.0.0" if is_isolated else "127.0.0.1"  # noqa: S104 - as said, a namespace without interfaces
    flags = ["--ipc", str(socket), "--host", host, "--port", "0", "--no-cors"]
    flags += ["--chain-id", str(genesis.chain_id), "--timestamp", str(genesis.time), "--hardfork", genesis.hardfork]
    flags += [
        "--accounts",
        "0",
        "--mnemonic-random",
        "--no-mining",
        "--order",
        "fifo",
        "--disable-default-create2-deployer",
    ]
    flags += ["--block-base-fee-per-gas", "0", "--gas-price", "0", "--disable-min-priority-fee"]
    flags += ["--gas-limit", str(genesis.gas_limit), "--enable-tx-gas-limit"]
    flags += ["--prune-history", str(KEPT_STATES), "--cache-path", str(folder / "cache")]
    flags += ["--no-request-size-limit", "--quiet"]
    return [*flags, "--load-state", str(state)] if state else flags


def _wrapper(*, is_isolated: bool) -> Sequence[str]:
    """Commands that exec the engine: its process id stays the one that was started."""
    prefix = _NAMESPACE if is_isolated else ()
    return (*prefix, *_DIE_WITH_SEALER) if shutil.which("setpriv") else prefix


def _can_isolate() -> bool:
    if not all(shutil.which(tool) for tool in ("unshare", "setpriv")):
        return _warn_shared()
    command = [*_NAMESPACE, *_DIE_WITH_SEALER, "true"]
    probe = subprocess.run(command, capture_output=True, check=False, timeout=10)  # noqa: S603 - fixed arguments
    return probe.returncode == 0 or _warn_shared()


def _warn_shared() -> bool:
    LOG.warning("engine: no network namespace here; its port is on loopback, open to other users of this machine")
    return False
