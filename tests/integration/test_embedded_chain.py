"""The embedded chain with the real engine: what it promises, and what it refuses."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consentry.errors import BlockLogCorruptError, ConfigurationError, ForeignChainError
from consentry.ledger import node
from consentry.ledger.embedded.blocklog import MAGIC, BlockLog, encode_frame
from consentry.ledger.embedded.records import Intent, Record, Seal
from consentry.ledger.installation import provide_engine
from consentry.ledger.processes import process_started
from tests.support.embedded_chain import Client, RpcError, Sender, deploy_notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from consentry.ledger.node import NodeStatus


@pytest.fixture(scope="session", autouse=True)
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The engine's binary, installed once if it is nowhere yet."""
    binary = provide_engine(tmp_path_factory.mktemp("engine") / "state", os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONSENTRY_ANVIL", str(binary))
        yield binary


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A folder for a chain, which is stopped afterwards."""
    folder = tmp_path / "chain"
    yield folder
    node.down(folder)


def _client(status: NodeStatus) -> Client:
    assert status.url is not None
    return Client(int(status.url.rpartition(":")[2]))


def _sender(status: NodeStatus) -> Sender:
    assert status.chain_id is not None
    return Sender(status.chain_id)


def _kill(status: NodeStatus) -> None:
    """End the sealer as a power failure would, and wait until its folder is free again."""
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)
    while node.status(status.state).is_running:
        pass


def _write_some_blocks(status: NodeStatus, count: int = 5) -> list[str]:
    client, sender = _client(status), _sender(status)
    notes = deploy_notes(client, sender)
    for number in range(count):
        client.call("eth_sendRawTransaction", sender.sign(notes, number.to_bytes(32, "big")))
    return client.hashes()


@pytest.mark.parametrize("end", [_kill, lambda status: node.down(status.state)], ids=["killed", "stopped"])
def test_restart_keeps_every_hash_receipt_and_log(state: Path, end: Callable[[NodeStatus], None]) -> None:
    first = node.up(state, 0)
    hashes = _write_some_blocks(first, count=70)
    client = _client(first)
    question = {"fromBlock": "0x0", "toBlock": "latest"}
    logs, receipts = client.call("eth_getLogs", question), client.call("eth_getBlockReceipts", "0x2")
    end(first)
    second = node.up(state, 0)
    again = _client(second)
    assert (second.chain_id, second.genesis_hash) == (first.chain_id, first.genesis_hash)
    assert again.hashes() == hashes
    assert again.call("eth_getLogs", question) == logs
    assert len(logs) == 70
    assert again.call("eth_getBlockReceipts", "0x2") == receipts
    end(second)
    third = node.up(state, 0)
    assert _client(third).hashes() == hashes
    assert _write_some_blocks(third, count=1)[: len(hashes)] == hashes


def test_send_answers_with_a_final_receipt_in_the_next_call(state: Path) -> None:
    status = node.up(state, 0)
    client, sender = _client(status), _sender(status)
    raw = sender.sign(None, bytes.fromhex("5f5ff3"))
    done = client.call("eth_sendRawTransaction", raw)
    receipt = client.call("eth_getTransactionReceipt", done)
    assert receipt["status"] == "0x1"
    assert client.call("eth_sendRawTransaction", raw) == done, "the same transaction again is no error"
    assert client.block("finalized")["hash"] == receipt["blockHash"]
    assert client.call("eth_getTransactionCount", sender.account.address, "pending") == "0x1"
    log = BlockLog.open(state / "blocks.log")
    assert log.height == 1
    log.close()


def test_send_batch_in_any_nonce_order_lands_in_one_chain(state: Path) -> None:
    status = node.up(state, 0)
    client, senders = _client(status), [_sender(status) for _ in range(5)]
    notes = deploy_notes(client, senders[0])
    raws = [sender.sign(notes, os.urandom(32)) for sender in senders for _ in range(40)]
    asked = [
        {"jsonrpc": "2.0", "id": place, "method": "eth_sendRawTransaction", "params": [raw]}
        for place, raw in enumerate(reversed(raws))
    ]
    _, answers = client.post(asked)
    assert [answer["id"] for answer in answers] == list(range(200))
    assert all("result" in answer for answer in answers)
    assert (
        len({client.call("eth_getTransactionReceipt", answer["result"])["transactionHash"] for answer in answers})
        == 200
    )
    assert len(client.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})) == 200


def test_send_refused_transaction_reports_why_and_is_not_in_a_block(state: Path) -> None:
    status = node.up(state, 0)
    client, sender = _client(status), _sender(status)
    notes = deploy_notes(client, sender)
    height = client.call("eth_blockNumber")
    stranger = Sender(1)
    with pytest.raises(RpcError, match="intrinsic gas too low"):
        client.call("eth_sendRawTransaction", sender.sign(notes, b"", nonce=1, gas=100))
    with pytest.raises(RpcError, match="tx_gas_limit_cap"):
        client.call("eth_sendRawTransaction", sender.sign(notes, b"", nonce=1, gas=16_777_217))
    with pytest.raises(RpcError, match=r"nonce of .* does not match \(got 0, expected 1\)"):
        client.call("eth_sendRawTransaction", sender.sign(notes, b"", nonce=0))
    with pytest.raises(RpcError, match=r"nonce of .* does not match \(got 9, expected 1\)"):
        client.call("eth_sendRawTransaction", sender.sign(notes, b"", nonce=9))
    with pytest.raises(RpcError, match="chain"):
        client.call("eth_sendRawTransaction", stranger.sign(None, bytes.fromhex("5f5ff3")))
    with pytest.raises(RpcError, match="cannot be decoded"):
        client.call("eth_sendRawTransaction", "0x1234")
    assert client.call("eth_blockNumber") == height, "no empty block for what was refused"
    done = client.call("eth_sendRawTransactionSync", sender.sign(notes, bytes(32)))
    assert done["status"] == "0x1"
    hashes = client.hashes()
    _kill(status)
    assert _client(node.up(state, 0)).hashes() == hashes, "refused transactions do not disturb a replay"


# Commands that rewrite a chain, sign with the node's keys, wait for events, or show the pool.
ABSENT = [
    *(
        "anvil_setBalance",
        "anvil_setCode",
        "anvil_impersonateAccount",
        "anvil_reset",
        "anvil_dumpState",
        "anvil_loadState",
    ),
    *("evm_mine", "evm_snapshot", "evm_revert", "evm_setNextBlockTimestamp", "evm_increaseTime", "debug_setHead"),
    *("hardhat_setStorageAt", "hardhat_impersonateAccount", "eth_sendTransaction", "eth_sendUnsignedTransaction"),
    *(
        "eth_sign",
        "eth_signTransaction",
        "personal_sign",
        "eth_newFilter",
        "eth_subscribe",
        "txpool_content",
        "nonsense",
    ),
]


@pytest.mark.parametrize("method", ABSENT)
def test_call_what_is_not_offered_is_refused(quiet_chain: Client, method: str) -> None:
    for name in (method, method.upper(), method + " "):
        _, answer = quiet_chain.post({"jsonrpc": "2.0", "id": 7, "method": name, "params": []})
        assert answer == {"jsonrpc": "2.0", "id": 7, "error": {"code": -32601, "message": "method is not offered here"}}


@pytest.fixture(scope="module")
def quiet_chain(tmp_path_factory: pytest.TempPathFactory, engine: Path) -> Iterator[Client]:
    """A chain that is only asked."""
    assert engine.exists()
    folder = tmp_path_factory.mktemp("quiet") / "chain"
    yield _client(node.up(folder, 0))
    node.down(folder)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.org"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Host": "example.org"},
        {"Host": "example.org:8545"},
        {"Host": "127.0.0.1.example.org"},
        {"Host": ""},
    ],
)
def test_call_from_a_browser_or_for_another_host_is_refused(quiet_chain: Client, headers: dict[str, str]) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
    status, answer = quiet_chain.post(asked, headers)
    assert (status, answer) == (403, "origin and foreign hosts are refused")
    assert quiet_chain.post(asked)[0] == 200


@pytest.mark.parametrize(
    "asked", [[], 1, "x", None, {"id": 1}, {"id": 1, "method": 5}, [1, {}], {"id": [], "method": "eth_chainId"}]
)
def test_call_malformed_request_is_answered_with_an_error(quiet_chain: Client, asked: object) -> None:
    status, answer = quiet_chain.post(asked)
    assert status == 200
    for one in answer if isinstance(answer, list) else [answer]:
        assert one["error"]["code"] == -32600


def test_call_no_keys_and_no_well_known_accounts(quiet_chain: Client) -> None:
    with pytest.raises(RpcError, match="not offered"):
        quiet_chain.call("eth_accounts")
    # The first account of the mnemonic that test chains share.
    assert quiet_chain.call("eth_getBalance", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "latest") == "0x0"


def test_up_files_are_private_and_port_is_loopback(state: Path) -> None:
    status = node.up(state, 0)
    _write_some_blocks(status, count=2)
    node.down(state)
    node.up(state, 0)
    for path in [state, *state.rglob("*")]:
        mode = path.stat(follow_symlinks=False).st_mode & 0o777
        assert mode & 0o077 == 0 or path.is_socket(), f"{path} has mode {mode:04o}"
    port = _client(node.status(state)).port
    outside = [info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    for address in outside:
        if not str(address).startswith("127."):
            with pytest.raises(OSError, match=r"refused|unreachable"):
                socket.create_connection((str(address), port), timeout=2)


def test_up_second_process_on_the_same_folder_is_refused(state: Path, engine: Path) -> None:
    status = node.up(state, 0)
    command = [
        sys.executable,
        "-m",
        "consentry.ledger.embedded",
        "--state",
        str(state),
        "--port",
        "0",
        "--engine",
        str(engine),
    ]
    source = str(Path(node.__file__).parents[2])
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": source}
    )
    assert done.returncode == 1
    assert "error configuration: state folder" in done.stderr
    assert "in use" in done.stderr
    assert node.status(state) == status, "the first goes on undisturbed"
    assert node.up(state, 0) == status


def test_up_used_port_is_one_clear_error(state: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigurationError, match=rf"^port {port} on 127.0.0.1 cannot be used \(address already in use\)$"
        ):
            node.up(state, port)
    assert node.up(state, port).is_ready


def test_up_demanded_chain_id_is_kept_and_compared(state: Path) -> None:
    assert node.up(state, 0, chain_id=424242).chain_id == 424242
    node.down(state)
    with pytest.raises(ForeignChainError, match=r"got 424242, expected 5"):
        node.up(state, 0, chain_id=5)
    assert node.up(state, 0).chain_id == 424242


def test_up_engine_that_dies_takes_the_process_along(state: Path) -> None:
    status = node.up(state, 0)
    hashes = _write_some_blocks(status)
    engine_pid = json.loads((state / "endpoint.json").read_text())["engine_pid"]
    os.kill(engine_pid, signal.SIGKILL)
    while node.status(state).is_running:
        pass
    assert "engine ended" in (state / "sealer.log").read_text()
    assert _client(node.up(state, 0)).hashes() == hashes


def test_reset_forgets_the_chain_and_founds_another(state: Path) -> None:
    first = node.up(state, 0)
    _write_some_blocks(first, count=1)
    with pytest.raises(ConfigurationError, match="needs to be confirmed"):
        node.reset(state, confirm=False)
    assert node.status(state).is_ready
    assert not node.reset(state, confirm=True).is_running
    second = node.up(state, 0)
    assert second.block_number == 0
    assert (second.chain_id, second.genesis_hash) != (first.chain_id, first.genesis_hash)


def test_reset_folder_without_a_chain_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    with pytest.raises(ConfigurationError, match="holds no chain"):
        node.reset(tmp_path, confirm=True)
    assert (tmp_path / "precious").read_text() == "x"


def _records(path: Path) -> list[Record]:
    log = BlockLog.open(path)
    records: list[Record] = [log.genesis]
    for block in log.blocks(after=0):
        records += [
            Intent(block.number, block.time, block.transactions),
            Seal(block.number, block.block_hash, tuple(range(len(block.transactions)))),
        ]
    log.close()
    return records


def _rewrite(path: Path, records: list[Record]) -> None:
    path.write_bytes(MAGIC + b"".join(map(encode_frame, records)))


def test_up_flipped_byte_in_the_log_is_refused(state: Path) -> None:
    status = node.up(state, 0)
    _write_some_blocks(status)
    _kill(status)
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
    client, sender, other = _client(status), _sender(status), _sender(status)
    notes = deploy_notes(client, sender)
    raws = [one.sign(notes, os.urandom(32)) for one in (sender, other)]
    asked = [{"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raw]} for raw in raws]
    client.post(asked)
    _write_some_blocks(status, count=1)
    _kill(status)
    path = state / "blocks.log"
    records = _records(path)
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
    hashes = _write_some_blocks(status)
    _kill(status)
    path = state / "blocks.log"
    seal = encode_frame(_records(path)[-1])
    for lost in (1, len(seal)):
        path.write_bytes(path.read_bytes()[:-lost])
        status = node.up(state, 0)
        assert _client(status).hashes() == hashes
        _kill(status)
    assert "was begun but not sealed" in (state / "sealer.log").read_text()


def test_up_damaged_snapshot_is_passed_over(state: Path) -> None:
    status = node.up(state, 0)
    hashes = _write_some_blocks(status)
    node.down(state)
    (snapshot,) = (state / "snapshots").iterdir()
    content = bytearray(snapshot.read_bytes())
    content[-20] ^= 1
    snapshot.write_bytes(content)
    assert _client(node.up(state, 0)).hashes() == hashes
    assert "is damaged and is passed over" in (state / "sealer.log").read_text()


def test_up_snapshot_with_forged_state_is_refused(state: Path) -> None:
    status = node.up(state, 0)
    _write_some_blocks(status)
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
    _write_some_blocks(status)
    client, sender = _client(status), _sender(status)
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
    _kill(status)
    assert _client(node.up(state, 0)).hashes() == hashes


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
    hashes = _write_some_blocks(status)
    node.down(state)
    content = (state / "chain.json").read_bytes()
    (state / lost).unlink()
    if lost == "blocks.log":
        with pytest.raises(ConfigurationError, match="is missing: restore it from a backup"):
            node.up(state, 0)
    else:
        assert _client(node.up(state, 0)).hashes() == hashes
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
    _write_some_blocks(status, count=1)
    _kill(status)
    path = state / "blocks.log"
    records = _records(path)
    last = records[-2]
    assert isinstance(last, Intent)
    records[-2:] = [Intent(last.number, last.time + 3600, last.transactions), records[-1]]
    _rewrite(path, records)
    with pytest.raises(ConfigurationError, match=r"clock of this machine is 3\d{3} seconds behind the last block"):
        node.up(state, 0)


def test_up_folder_open_to_others_is_refused(state: Path) -> None:
    node.up(state, 0)
    node.down(state)
    state.chmod(0o755)
    with pytest.raises(ConfigurationError, match=r"mode of .* does not match \(got 0755, expected 0700\)"):
        node.up(state, 0)
    state.chmod(0o700)


def test_up_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="not a directory"):
        node.up(tmp_path / "file" / "chain", 0)
