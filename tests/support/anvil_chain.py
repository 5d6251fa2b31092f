"""The contracts on a bare anvil with the P-256 precompile (Osaka), with a clock that moves one second a block."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from web3 import HTTPProvider, Web3

from tests.support.contract_suite import GAS_LIMIT, NOW, ContractSuite

START_SECONDS: Final = 30
CHAIN_ID: Final = 131_277_322_940_537
"""That of the in-process chain, so that both sign the same."""


class AnvilClock:
    """Moves the time of the chain, as the in-process chain does."""

    def __init__(self, w3: Web3) -> None:
        self._w3 = w3

    def time_travel(self, timestamp: int) -> None:
        """Sets the time of the next block, in seconds."""
        _rpc(self._w3, "evm_setNextBlockTimestamp", timestamp)


def _rpc(w3: Web3, method: str, *arguments: int) -> None:
    answer = w3.provider.make_request(method, list(arguments))  # type: ignore[arg-type]  # methods of anvil alone
    assert "error" not in answer, answer


def _wait(w3: Web3, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not w3.is_connected():
        assert process.poll() is None, "anvil ended while it started"
        assert time.monotonic() < deadline, "anvil did not answer in time"
        time.sleep(0.05)


@contextmanager
def anvil_chain(binary: Path) -> Iterator[ContractSuite]:
    """Runs an anvil on a free port of the loopback interface for as long as the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {
        "port": port,
        "chain-id": CHAIN_ID,
        "hardfork": "osaka",
        "timestamp": NOW - 1,
        "gas-limit": GAS_LIMIT,
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    process = subprocess.Popen([binary, *words, "--quiet"])
    try:
        w3 = Web3(HTTPProvider(f"http://127.0.0.1:{port}"))
        _wait(w3, process)
        _rpc(w3, "anvil_setBlockTimestampInterval", 1)
        yield ContractSuite(w3, AnvilClock(w3))
    finally:
        process.terminate()
        process.wait(START_SECONDS)
