"""Every way an embedded chain comes back, or is refused: kills, losses, damage and forgery."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from consentry.errors import BlockLogCorruptError, ConfigurationError, ForeignChainError
from consentry.ledger import node
from consentry.ledger.embedded.blocklog import MAGIC, encode_frame
from consentry.ledger.embedded.records import Intent, Record, Seal
from consentry.ledger.node import NodeStatus
from consentry.ledger.processes import process_started
from tests.integration.embedded.records import records_of
from tests.support.embedded_chain import (
    RpcError,
    client_of,
    deploy_notes,
    kill,
    sender_of,
    write_some_blocks,
)


def _rewrite(path: Path, records: list[Record]) -> None:
    path.write_bytes(MAGIC + b"".join(map(encode_frame, records)))


@pytest.mark.parametrize("end", [kill, lambda status: node.down(status.state)], ids=["killed", "stopped"])
def test_restart_keeps_every_hash_receipt_and_log(state: Path, end: Callable[[NodeStatus], None]) -> None:
    first = node.up(state, 0)
    hashes = write_some_blocks(first, count=70)
    client = client_of(first)
    question = {"fromBlock": "0x0", "toBlock": "latest"}
    logs, receipts = client.call("eth_getLogs", question), client.call("eth_getBlockReceipts", "0x2")
    end(first)
    second = node.up(state, 0)
    again = client_of(second)
    assert (second.chain_id, second.genesis_hash) == (first.chain_id, first.genesis_hash)
    assert again.hashes() == hashes
    assert again.call("eth_getLogs", question) == logs
    assert len(logs) == 70
    assert again.call("eth_getBlockReceipts", "0x2") == receipts
    end(second)
    third = node.up(state, 0)
    assert client_of(third).hashes() == hashes
    assert write_some_blocks(third, count=1)[: len(hashes)] == hashes


def test_up_engine_that_dies_takes_the_process_along(state: Path) -> None:
    status = node.up(state, 0)
    hashes = write_some_blocks(status)
    engine_pid = json.loads((state / "endpoint.json").read_text())["engine_pid"]
    os.kill(engine_pid, signal.SIGKILL)
    while node.status(state).is_running:
        pass
    assert "engine ended" in (state / "sealer.log").read_text()
    assert client_of(node.up(state, 0)).hashes() == hashes


def test_up_flipped_byte_in_the_log_is_refused(state: Path) -> None:
    status = node.up(state, 0)
    write_some_blocks(status)
    kill(status)
    path = state / "blocks.log"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BlockLogCorruptError, match="does not match at byte"):
        node.up(state, 0)
    assert path.read_bytes() == content


@pytest.mark.parametrize("what", ["transaction", "time", "hash", "order", "dropped"])
def test_up_forged_log_with_valid_checksums_is_refused(state: Path, what: str) -> None:
    status = node.up(state, 0)
    client, sender, other = client_of(status), sender_of(status), sender_of(status)
    notes = deploy_notes(client, sender)
    raws = [one.sign(notes, os.urandom(32)) for one in (sender, other)]
    asked = [{"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw]} for raw in raws]
    client.post(asked)
    write_some_blocks(status, count=1)
    kill(status)
    path = state / "blocks.log"
    records = records_of(path)
    intent, seal = records[3], records[4]
    assert isinstance(intent, Intent)
    assert isinstance(seal, Seal)
    assert len(intent.transactions) == 2
    forged = bytes.fromhex(sender.sign(notes, os.urandom(32), nonce=1)[2:])
    if what == "time":
        later: list[Record] = [
            Intent(r.number, r.time + 1, r.transactions) if isinstance(r, Intent) else r for r in records[3:]
        ]
        records[3:] = later
    else:
        forgeries: dict[str, list[Record]] = {
            "transaction": [Intent(2, intent.time, (forged, intent.transactions[1])), seal],
            "hash": [intent, Seal(2, bytes(32), seal.included)],
            "order": [intent, Seal(2, seal.block_hash, seal.included[::-1])],
            "dropped": [intent, Seal(2, seal.block_hash, seal.included[:1])],
        }
        records[3:5] = forgeries[what]
    _rewrite(path, records)
    with pytest.raises(ForeignChainError, match="replayed block 2 does not match"):
        node.up(state, 0)
    assert not node.status(state).is_running


def test_up_log_that_ends_in_an_intent_makes_that_block(state: Path) -> None:
    status = node.up(state, 0)
    hashes = write_some_blocks(status)
    kill(status)
    path = state / "blocks.log"
    seal = encode_frame(records_of(path)[-1])
    for lost in (1, len(seal)):
        path.write_bytes(path.read_bytes()[:-lost])
        status = node.up(state, 0)
        assert client_of(status).hashes() == hashes
        kill(status)
    assert "was begun but not sealed" in (state / "sealer.log").read_text()


def test_up_damaged_snapshot_is_passed_over(state: Path) -> None:
    status = node.up(state, 0)
    hashes = write_some_blocks(status)
    node.down(state)
    (snapshot,) = (state / "snapshots").iterdir()
    content = bytearray(snapshot.read_bytes())
    content[-20] ^= 1
    snapshot.write_bytes(content)
    assert client_of(node.up(state, 0)).hashes() == hashes
    assert "is damaged and is passed over" in (state / "sealer.log").read_text()


def test_up_snapshot_with_forged_state_is_refused(state: Path) -> None:
    status = node.up(state, 0)
    write_some_blocks(status)
    node.down(state)
    (snapshot,) = (state / "snapshots").iterdir()
    head, _, dump = snapshot.read_bytes().partition(b"\n")
    content = json.loads(gzip.decompress(dump))
    notes = next(account for account in content["accounts"].values() if account.get("storage"))
    slot = next(iter(notes["storage"]))
    del notes["storage"][slot]
    forged = gzip.compress(json.dumps(content).encode())
    snapshot.write_bytes(
        json.dumps({**json.loads(head), "sha256": sha256(forged).hexdigest()}).encode() + b"\n" + forged
    )
    with pytest.raises(ForeignChainError, match="state of the snapshot does not match"):
        node.up(state, 0)
    snapshot.unlink()
    assert node.up(state, 0).is_ready, "the log alone is enough"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets one process limit the files of another")
def test_send_on_a_full_disk_is_refused_and_loses_nothing(state: Path) -> None:
    status = node.up(state, 0)
    write_some_blocks(status)
    client, sender = client_of(status), sender_of(status)
    notes = deploy_notes(client, sender)
    hashes = client.hashes()
    assert status.pid is not None
    size = (state / "blocks.log").stat().st_size
    resource.prlimit(status.pid, resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
    raw = sender.sign(notes, bytes(32))
    with pytest.raises(RpcError, match="block log cannot be written"):
        client.call("eth_sendRawTransaction", raw)
    assert client.hashes() == hashes, "what is there can still be read"
    assert (state / "blocks.log").stat().st_size == size
    resource.prlimit(status.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert client.call("eth_sendRawTransactionSync", raw)["status"] == "0x1"
    hashes = client.hashes()
    kill(status)
    assert client_of(node.up(state, 0)).hashes() == hashes


def test_up_ends_the_engine_that_a_killed_process_left_behind(state: Path) -> None:
    node.up(state, 0)
    node.down(state)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as orphan:
        path = state / "endpoint.json"
        facts = json.loads(path.read_text())
        path.write_text(json.dumps({**facts, "engine_pid": orphan.pid, "engine_started": "another process"}))
        node.up(state, 0)
        assert orphan.poll() is None, "a process that is not the engine is left alone"
        node.down(state)
        path.write_text(json.dumps({**facts, "engine_pid": orphan.pid, "engine_started": process_started(orphan.pid)}))
        node.up(state, 0)
        assert orphan.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("lost", ["blocks.log", "chain.json"])
def test_up_lost_file_is_refused_or_made_again(state: Path, lost: str) -> None:
    status = node.up(state, 0)
    hashes = write_some_blocks(status)
    node.down(state)
    content = (state / "chain.json").read_bytes()
    (state / lost).unlink()
    if lost == "blocks.log":
        with pytest.raises(ConfigurationError, match="is missing: restore it from a backup"):
            node.up(state, 0)
    else:
        assert client_of(node.up(state, 0)).hashes() == hashes
        assert (state / "chain.json").read_bytes() == content


def test_up_description_of_another_chain_is_refused(state: Path) -> None:
    node.up(state, 0)
    node.down(state)
    path = state / "chain.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "chain_id": 1}))
    with pytest.raises(ForeignChainError, match=r"description .* does not match the block log"):
        node.up(state, 0)


def test_up_clock_far_behind_the_chain_is_refused(state: Path) -> None:
    status = node.up(state, 0)
    write_some_blocks(status, count=1)
    kill(status)
    path = state / "blocks.log"
    records = records_of(path)
    last = records[-2]
    assert isinstance(last, Intent)
    records[-2:] = [Intent(last.number, last.time + 3600, last.transactions), records[-1]]
    _rewrite(path, records)
    with pytest.raises(ConfigurationError, match=r"clock of this machine is 3\d{3} seconds behind the last block"):
        node.up(state, 0)
