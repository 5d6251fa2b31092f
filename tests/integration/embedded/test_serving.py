"""What the embedded chain answers, what it refuses, and how it is started and stopped."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from consentry.errors import ConfigurationError, ForeignChainError
from consentry.ledger import node
from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.service import READ_LINKS
from tests.support.embedded_chain import (
    Client,
    RpcError,
    Sender,
    client_of,
    deploy_notes,
    kill,
    sender_of,
    write_some_blocks,
)


@pytest.fixture(scope="module")
def quiet_chain(tmp_path_factory: pytest.TempPathFactory, engine: Path) -> Iterator[Client]:
    """A chain that is only asked."""
    assert engine.exists()
    folder = tmp_path_factory.mktemp("quiet") / "chain"
    yield client_of(node.up(folder, 0))
    node.down(folder)


def test_send_answers_with_a_final_receipt_in_the_next_call(state: Path) -> None:
    status = node.up(state, 0)
    client, sender = client_of(status), sender_of(status)
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
    client, senders = client_of(status), [sender_of(status) for _ in range(5)]
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
    client, sender = client_of(status), sender_of(status)
    notes = deploy_notes(client, sender)
    height = client.call("eth_blockNumber")
    stranger = Sender(1)
    with pytest.raises(RpcError, match="intrinsic gas too low"):
        client.call("eth_sendRawTransaction", sender.sign(notes, b"", nonce=1, gas=100))
    with pytest.raises(RpcError, match="gas is too much"):
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
    kill(status)
    assert client_of(node.up(state, 0)).hashes() == hashes, "refused transactions do not disturb a replay"


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
        "eth_feeHistory",
        "nonsense",
    ),
]


@pytest.mark.parametrize("method", ABSENT)
def test_call_what_is_not_offered_is_refused(quiet_chain: Client, method: str) -> None:
    for name in (method, method.upper(), method + " "):
        _, answer = quiet_chain.post({"jsonrpc": "2.0", "id": 7, "method": name, "params": []})
        assert answer == {"jsonrpc": "2.0", "id": 7, "error": {"code": -32601, "message": "method is not offered here"}}


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


UNREADABLE = {
    "nan": b'{"to":NaN}',
    "infinity": b'{"to":1e400}',
    "integer": b'{"to":' + b"1" * 400 + b"}",
    "surrogate": rb'{"data":"\ud800"}',
    "deep": b'{"data":' + b"[" * 300 + b"]" * 300 + b"}",
}


@pytest.mark.parametrize("bad", UNREADABLE.values(), ids=UNREADABLE)
def test_call_that_the_engine_could_not_read_keeps_no_place_of_the_costly_reads(
    quiet_chain: Client, bad: bytes
) -> None:
    call = b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[' + bad + b',"latest"]}'
    for _ in range(READ_LINKS + 1):
        assert quiet_chain.post_raw(call)[1]["error"]["code"] == -32700
    assert quiet_chain.call("eth_call", {"to": "0x" + "11" * 20}, "latest") == "0x"


def test_call_no_keys_and_no_well_known_accounts(quiet_chain: Client) -> None:
    with pytest.raises(RpcError, match="not offered"):
        quiet_chain.call("eth_accounts")
    # The first account of the mnemonic that test chains share.
    assert quiet_chain.call("eth_getBalance", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "latest") == "0x0"


def test_up_files_are_private_and_port_is_loopback(state: Path) -> None:
    status = node.up(state, 0)
    write_some_blocks(status, count=2)
    node.down(state)
    node.up(state, 0)
    for path in [state, *state.rglob("*")]:
        mode = path.stat(follow_symlinks=False).st_mode & 0o777
        assert mode & 0o077 == 0 or path.is_socket(), f"{path} has mode {mode:04o}"
    port = client_of(node.status(state)).port
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


def test_reset_forgets_the_chain_and_founds_another(state: Path) -> None:
    first = node.up(state, 0)
    write_some_blocks(first, count=1)
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


def test_up_folder_open_to_others_is_refused(state: Path) -> None:
    node.up(state, 0)
    node.down(state)
    state.chmod(0o755)
    with pytest.raises(ConfigurationError, match=r"mode of .* does not match \(got 0755, expected 0700: "):
        node.up(state, 0)
    state.chmod(0o700)


def test_up_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="not a directory"):
        node.up(tmp_path / "file" / "chain", 0)
