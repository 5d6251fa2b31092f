"""A chain that is killed again and again comes up: what a start has to replay is bounded."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest

from consentry.errors import LedgerUnavailableError
from consentry.ledger import node
from consentry.ledger.embedded import restore as restoring
from consentry.ledger.embedded import snapshot
from consentry.ledger.embedded.blocklog import BlockLog, LoggedBlock
from consentry.ledger.embedded.blocks import repeat_block
from consentry.ledger.embedded.durable import private_folder
from consentry.ledger.embedded.link import EngineLink
from consentry.ledger.embedded.snapshot import DUE_BLOCKS
from consentry.ledger.installation import provide_engine
from tests.support.embedded_chain import client_of, kill, write_some_blocks
from tests.support.waiting import until


def _numbers(state: Path) -> list[int]:
    return sorted(int(path.stem) for path in (state / "snapshots").glob("*.snapshot"))


def _replayed(state: Path) -> list[int]:
    said = (state / "sealer.log").read_text()
    return [int(number) for number in re.findall(r"from a snapshot and (\d+) replayed", said)]


async def test_chain_takes_snapshots_while_it_seals_and_amid_a_long_replay(state: Path) -> None:
    first = await asyncio.to_thread(node.up, state, 0)
    hashes = await asyncio.to_thread(write_some_blocks, first, DUE_BLOCKS)
    await until(lambda: bool(_numbers(state)))
    kill(first)
    second = await asyncio.to_thread(node.up, state, 0)
    assert client_of(second).hashes() == hashes
    kill(second)
    for number in _numbers(state):
        (state / "snapshots" / f"{number:012d}.snapshot").write_bytes(b"damaged")
    for _ in range(2):
        status = await asyncio.to_thread(node.up, state, 0)
        assert client_of(status).hashes() == hashes
        kill(status)
    _, after_load, from_the_log, after_a_replay = _replayed(state)
    assert from_the_log == len(hashes) - 1
    assert max(after_load, after_a_replay) <= 1


async def test_start_that_is_cut_off_leaves_the_next_one_less_to_replay(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = await asyncio.to_thread(node.up, state, 0)
    hashes = await asyncio.to_thread(write_some_blocks, status, 30)
    kill(status)
    monkeypatch.setattr(snapshot, "DUE_BLOCKS", 10)
    monkeypatch.setattr(snapshot, "DUE_DUMPS", 0)

    async def cut_off(link: EngineLink, block: LoggedBlock) -> None:
        if block.number == 25:
            raise LedgerUnavailableError("killed")
        await repeat_block(link, block)

    monkeypatch.setattr(restoring, "repeat_block", cut_off)
    log = BlockLog.open(state / "blocks.log")
    try:
        with pytest.raises(LedgerUnavailableError, match="killed"):
            await restoring.restore(
                log, provide_engine(state, os.environ), private_folder(state / "run"), state / "snapshots"
            )
    finally:
        log.close()
    assert _numbers(state) == [10, 20]
    again = await asyncio.to_thread(node.up, state, 0)
    assert client_of(again).hashes() == hashes
    assert "of which 20 from a snapshot and 11 replayed" in (state / "sealer.log").read_text()


def test_write_keeps_a_fresh_one_beside_those_of_higher_blocks(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "snapshots")
    for number in (7, 8, 9):
        (folder / f"{number:012d}.snapshot").write_bytes(b"passed over")

    snapshot.write(snapshot.Dump(3, bytes(32), b"state"), folder)

    assert sorted(path.name for path in folder.iterdir()) == ["000000000003.snapshot", "000000000009.snapshot"]


def test_pace_waits_for_enough_blocks_and_rests_in_proportion_to_a_dump() -> None:
    moments = [0.0]
    pace = snapshot.Pace(lambda: moments[-1])
    assert not pace.is_due(DUE_BLOCKS - 1)
    assert pace.is_due(DUE_BLOCKS)
    with pace.dumping():
        moments.append(2.0)
    moments.append(2.0 + 2.0 * snapshot.DUE_DUMPS - 0.1)
    assert not pace.is_due(10 * DUE_BLOCKS)
    moments.append(2.0 + 2.0 * snapshot.DUE_DUMPS)
    assert pace.is_due(DUE_BLOCKS)
    moments.append(2.0 + 2.0 * snapshot.DUE_DUMPS_UNDER_LOAD - 0.1)
    assert not pace.is_due(10 * DUE_BLOCKS, 0.0)
    moments.append(2.0 + 2.0 * snapshot.DUE_DUMPS_UNDER_LOAD)
    assert pace.is_due(DUE_BLOCKS, 0.0)
