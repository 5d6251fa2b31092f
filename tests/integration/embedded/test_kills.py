"""The embedded chain under ``kill -9`` at random moments, with writers and readers at work.

``CONSENTRY_KILL_ROUNDS`` says how many rounds to do; the suite does four.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import pytest

from consentry.ledger import node
from consentry.ledger.node import NodeStatus
from tests.support.embedded_chain import Client, RpcError, Sender, deploy_notes

ROUNDS = int(os.environ.get("CONSENTRY_KILL_ROUNDS", "4"))
WRITERS = 4


@dataclass(slots=True)
class Writer:
    """Sends one transaction after the other and remembers what it was promised."""

    sender: Sender
    notes: str
    promised: dict[str, str] = field(default_factory=dict)
    open_raw: str | None = None
    trouble: Exception | None = None

    def work(self, port: int) -> None:
        """Send until the chain is gone; what was under way is kept and sent again the next time."""
        client = Client(port)
        while True:
            self.open_raw = self.open_raw or self.sender.sign(self.notes, os.urandom(32))
            try:
                done = client.call("eth_sendRawTransaction", self.open_raw)
                self.promised[done] = client.call("eth_getTransactionReceipt", done)["blockHash"]
            except (OSError, HTTPException, RpcError) as error:
                self.trouble = error
                return
            self.open_raw = None


@dataclass(slots=True)
class Reader:
    """Looks at the newest block and its logs all the time and remembers every hash it was shown."""

    seen: dict[int, str] = field(default_factory=dict)

    def work(self, port: int) -> None:
        """Read until the chain is gone."""
        client = Client(port)
        while True:
            try:
                block = client.block("latest")
                logs = client.call("eth_getLogs", {"fromBlock": block["number"], "toBlock": "latest"})
            except (OSError, HTTPException, RpcError):
                return
            for number, block_hash in [
                (block["number"], block["hash"]),
                *((log["blockNumber"], log["blockHash"]) for log in logs),
            ]:
                assert self.seen.setdefault(int(number, 16), block_hash) == block_hash


def _run(writers: list[Writer], reader: Reader, port: int, victim: int, seconds: float) -> None:
    """Let all work, and kill the victim some time after the first promise."""
    works = [*(writer.work for writer in writers), reader.work]
    threads = [threading.Thread(target=work, args=(port,)) for work in works]
    before = _promised(writers)
    for thread in threads:
        thread.start()
    while _promised(writers) == before:
        assert any(thread.is_alive() for thread in threads[:-1]), f"nobody got anything done: {writers[0].trouble}"
        time.sleep(0.001)
    time.sleep(seconds)
    os.kill(victim, signal.SIGKILL)
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def _promised(writers: list[Writer]) -> int:
    return sum(len(writer.promised) for writer in writers)


def _start(state: Path) -> tuple[NodeStatus, Client]:
    status = node.up(state, 0)
    assert status.url is not None
    return status, Client(int(status.url.rpartition(":")[2]))


@pytest.mark.slow
@pytest.mark.timeout(120 + 30 * ROUNDS)
def test_kill_at_random_moments_loses_nothing_acknowledged(state: Path) -> None:
    chance = random.Random(20_261_123)
    status, client = _start(state)
    assert status.chain_id is not None
    notes = deploy_notes(client, Sender(status.chain_id))
    writers = [Writer(Sender(status.chain_id), notes) for _ in range(WRITERS)]
    reader = Reader()
    for round_ in range(ROUNDS):
        engine_pid = json.loads((state / "endpoint.json").read_text())["engine_pid"]
        victim = engine_pid if round_ % 2 else status.pid
        assert victim is not None
        _run(writers, reader, client.port, victim, chance.uniform(0.0, 1.0))
        while node.status(state).is_running:
            time.sleep(0.01)
        again, client = _start(state)
        assert (again.chain_id, again.genesis_hash) == (status.chain_id, status.genesis_hash)
        status = again
        hashes = client.hashes()
        assert all(hashes[number] == block_hash for number, block_hash in reader.seen.items())
        for writer in writers:
            for done, block_hash in writer.promised.items():
                receipt = client.call("eth_getTransactionReceipt", done)
                assert receipt is not None, f"{done} was acknowledged and is lost"
                assert (receipt["blockHash"], receipt["status"]) == (block_hash, "0x1")
    counted = len(client.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"}))
    promised = _promised(writers)
    # What was under way at a kill may or may not be in: at most one a writer that it has not heard about yet.
    assert promised <= counted <= promised + WRITERS
