"""The sealer against the real engine, in this process: what readers see while a block is not synced yet."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from eth_hash.auto import keccak

from consentry.errors import LedgerUnavailableError
from consentry.ledger.embedded import pool
from consentry.ledger.embedded.blocklog import BlockLog, _read_frames
from consentry.ledger.embedded.identity import open_chain
from consentry.ledger.embedded.link import EngineLink
from consentry.ledger.embedded.records import Seal, decode_record
from consentry.ledger.embedded.restore import restore
from consentry.ledger.embedded.rpc import ChainRpc
from consentry.ledger.embedded.sealer import Sealer
from consentry.ledger.installation import provide_engine
from tests.support.embedded_chain import NOTE_CREATION, Sender
from tests.support.raw_transactions import fit, unfit
from tests.support.waiting import until


class Bench:
    """A sealer, its log and its JSON-RPC side, without HTTP."""

    def __init__(self, log: BlockLog, sealer: Sealer, rpc: ChainRpc) -> None:
        self.log = log
        self.sealer = sealer
        self.rpc = rpc
        self.sender = Sender(log.genesis.chain_id)

    async def ask(self, method: str, *params: object) -> dict[str, Any]:
        """One call through the JSON-RPC side."""
        pieces = await self.rpc._handle({"id": 1, "method": method, "params": list(params)}, asyncio.Lock())
        answer: dict[str, Any] = json.loads(b"".join(pieces))
        return answer


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A fresh chain with a running sealer."""
    binary = provide_engine(tmp_path, os.environ)
    run_folder = tmp_path / "run"
    log = await open_chain(tmp_path, binary, run_folder, None)
    process, link, _ = await restore(log, binary, run_folder, tmp_path / "snapshots")
    reader = await process.connect()
    sealer = Sealer(log, link)
    running = asyncio.create_task(sealer.run())
    yield Bench(log, sealer, ChainRpc(sealer, log, [reader]))
    sealer.stop()
    await asyncio.gather(running, return_exceptions=True)
    await reader.close()
    await link.close()
    process.stop()
    log.close()


async def test_read_while_a_hash_is_unsynced_is_held_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, let_go = threading.Event(), threading.Event()
    seal_for_real = bench.log.seal

    def seal_slowly(seal: Seal) -> None:
        reached.set()
        assert let_go.wait(30)
        seal_for_real(seal)

    monkeypatch.setattr(bench.log, "seal", seal_slowly)
    raw = bench.sender.sign(None, NOTE_CREATION)
    sending = asyncio.create_task(bench.ask("eth_sendRawTransaction", raw))
    assert await asyncio.to_thread(reached.wait, 30)
    questions: list[tuple[object, ...]] = [
        ("eth_blockNumber",),
        ("eth_getBlockByNumber", "latest", *[False]),
        ("eth_getLogs", {"fromBlock": "0x0"}),
        ("eth_getTransactionCount", bench.sender.account.address, "latest"),
        ("eth_getTransactionCount", bench.sender.account.address, "pending"),
    ]
    reading = [asyncio.create_task(bench.ask(str(method), *params)) for method, *params in questions]
    done, _ = await asyncio.wait([sending, *reading], timeout=0.5)
    assert not done, "an answer left although the block's hash is not synced"
    assert bench.log.height == 0
    let_go.set()
    assert "result" in await sending
    assert [answer["result"] for answer in await asyncio.gather(reading[0], *reading[3:])] == ["0x1", "0x1", "0x1"]
    assert bench.log.height == 1


async def test_seal_that_cannot_be_written_is_fatal_and_never_acknowledged(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_seal: Seal) -> None:
        raise LedgerUnavailableError("block log cannot be synced (input/output error)")

    monkeypatch.setattr(bench.log, "seal", refuse)
    answer = await bench.ask("eth_sendRawTransaction", bench.sender.sign(None, NOTE_CREATION))
    assert answer["error"]["code"] == -32002
    reading = asyncio.create_task(bench.ask("eth_blockNumber"))
    done, _ = await asyncio.wait([reading], timeout=0.3)
    assert not done, "a reader saw a block that is not in the log"
    reading.cancel()
    again = await bench.ask("eth_sendRawTransaction", bench.sender.sign(None, NOTE_CREATION))
    assert again["error"]["message"] == "chain is stopping"


async def test_intent_that_cannot_be_written_is_refused_and_the_chain_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    raw = bench.sender.sign(None, NOTE_CREATION)
    with monkeypatch.context() as patch:
        patch.setattr("consentry.ledger.embedded.blocklog.write_all", full)
        answer = await bench.ask("eth_sendRawTransaction", raw)
    assert answer["error"] == {"code": -32002, "message": "block log cannot be written (no space left on device)"}
    assert (await bench.ask("eth_blockNumber"))["result"] == "0x0"
    assert "result" in await bench.ask("eth_sendRawTransaction", raw)
    assert (await bench.ask("eth_blockNumber"))["result"] == "0x1"


async def test_seal_follows_the_order_that_loses_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    sync_for_real, call_for_real = os.fsync, EngineLink._ask

    def sync(handle: int) -> None:
        sync_for_real(handle)
        kinds = [type(record).__name__ for record in _appended(bench.log)]
        seen.append(f"synced {kinds[-1]}")

    async def ask(link: EngineLink, *items: dict[str, object], is_batch: bool = False) -> bytes:
        seen.append(str(items[0]["method"]))
        return await call_for_real(link, *items, is_batch=is_batch)

    monkeypatch.setattr("consentry.ledger.embedded.blocklog.os.fsync", sync)
    monkeypatch.setattr(EngineLink, "_ask", ask)
    await bench.ask("eth_sendRawTransaction", bench.sender.sign(None, NOTE_CREATION))
    seen.append("answered")
    assert seen == [
        "eth_getTransactionCount",
        "synced Intent",
        "eth_sendRawTransaction",
        "evm_setNextBlockTimestamp",
        "evm_mine",
        "eth_getBlockByNumber",
        "synced Seal",
        "answered",
    ]


def _appended(log: BlockLog) -> list[object]:
    """What stands in the file now, read anew."""
    with log.path.open("rb") as file:
        return [decode_record(frame.content) for frame in _read_frames(file)]


async def test_send_what_no_block_can_hold_is_never_logged(bench: Bench) -> None:
    chain_id, link = bench.log.genesis.chain_id, bench.sealer._link
    for case, raw in fit(chain_id).items():
        assert "result" in await bench.ask("eth_sendRawTransaction", "0x" + raw.hex()), case
    before = bench.log.path.read_bytes()
    cases = unfit(chain_id)
    for case, raw in cases.items():
        answer = await bench.ask("eth_sendRawTransaction", "0x" + raw.hex())
        assert answer["error"]["code"] == -32602, case
    assert bench.log.path.read_bytes() == before
    # The engine is of the same opinion, at the latest when it makes a block, but for these two.
    await link.call_many("eth_sendRawTransaction", [["0x" + raw.hex()] for raw in cases.values()])
    await link.call("evm_mine")
    mined = set((await link.call("eth_getBlockByNumber", "latest", *[False]))["transactions"])
    assert [case for case, raw in cases.items() if "0x" + keccak(raw).hex() in mined] == ["high s", "authorisation"]


async def test_send_behind_a_refused_one_waits_for_the_gap_to_be_filled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # What is refused for the bytes alone does not reach the engine otherwise.
    monkeypatch.setattr(pool, "check_form", lambda *_: None)
    address = (await bench.ask("eth_sendRawTransactionSync", bench.sender.sign(None, NOTE_CREATION)))["result"][
        "contractAddress"
    ]
    too_little = bench.sender.sign(address, bytes(32), nonce=1, gas=100)
    following = asyncio.create_task(bench.ask("eth_sendRawTransaction", bench.sender.sign(address, bytes(32), nonce=2)))
    refused = await bench.ask("eth_sendRawTransaction", too_little)
    assert "intrinsic gas" in refused["error"]["message"]
    assert not following.done()
    filled = await bench.ask("eth_sendRawTransaction", bench.sender.sign(address, bytes(32), nonce=1))
    assert "result" in filled
    assert "result" in await following
    assert bytes.fromhex(too_little[2:]) in bench.log.path.read_bytes(), "it was on its way into a block"
    copy = BlockLog.open(Path(shutil.copy(bench.log.path, tmp_path / "copy.log")))
    assert bytes.fromhex(too_little[2:]) not in [raw for block in copy.blocks(after=0) for raw in block.transactions]
    binary = provide_engine(tmp_path, os.environ)
    process, link, _ = await restore(copy, binary, tmp_path / "run-again", tmp_path / "snapshots")
    assert int(await link.call("eth_blockNumber"), 16) == bench.log.height, "it made every hash again"
    await link.close()
    process.stop()
    copy.close()


async def test_send_two_transactions_of_one_nonce_keeps_the_first(bench: Bench) -> None:
    first = asyncio.create_task(bench.ask("eth_sendRawTransaction", bench.sender.sign(None, NOTE_CREATION, nonce=1)))
    await until(lambda: len(bench.sealer.pool) == 1)
    second = await bench.ask("eth_sendRawTransaction", bench.sender.sign(None, NOTE_CREATION, nonce=1, gas=300_000))
    assert "waits with another transaction" in second["error"]["message"]
    pending = await bench.ask("eth_getTransactionCount", bench.sender.account.address, "pending")
    assert pending["result"] == "0x0", "a gap is not counted"
    assert "result" in await bench.ask("eth_sendRawTransaction", bench.sender.sign(None, NOTE_CREATION, nonce=0))
    assert "result" in await first
    count = await bench.ask("eth_getTransactionCount", bench.sender.account.address, "latest")
    assert count["result"] == "0x2"


async def test_block_time_never_falls_when_the_clock_does(bench: Bench) -> None:
    now = float(bench.log.genesis.time + 100)
    bench.sealer._clock = lambda: now
    times = []
    for change in (0, -50, -500, 7):
        now += change
        receipt = (await bench.ask("eth_sendRawTransactionSync", bench.sender.sign(None, NOTE_CREATION)))["result"]
        block = (await bench.ask("eth_getBlockByNumber", receipt["blockNumber"], *[False]))["result"]
        times.append(int(block["timestamp"], 16) - bench.log.genesis.time)
    assert times == [100, 100, 100, 100]
