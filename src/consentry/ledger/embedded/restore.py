"""Bringing the engine to where the block log says it was, or refusing.

1. Start from the newest snapshot that belongs to the log, or from genesis.
2. Compare the genesis hash, the snapshot's block hash, and the state itself with that block's state root.
3. Make every later block of the log again and compare each hash.
   Snapshots are taken on the way, so that a start that is killed leaves the next one less to do.
4. If the log ends in an intent, make that block now: its transactions were accepted, nobody has its receipts yet.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import NamedTuple

from eth_hash.auto import keccak

from consentry.errors import ForeignChainError, LedgerError
from consentry.ledger.embedded import snapshot
from consentry.ledger.embedded.anvil import AnvilProcess
from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.blocks import hand_over, make_block, repeat_block
from consentry.ledger.embedded.link import EngineLink

LOG = logging.getLogger(__name__)
_NOBODY = "0x" + "00" * 20


class Restored(NamedTuple):
    """The running engine, a connection to it, and the block of the newest snapshot that holds, 0 if none does."""

    process: AnvilProcess
    link: EngineLink
    snapshot: int


async def restore(log: BlockLog, binary: Path, folder: Path, snapshots: Path) -> Restored:
    """Starts the engine and brings it to the log's newest block.

    Args:
        log: the open block log.
        binary: the engine's binary.
        folder: where the engine may keep its passing files.
        snapshots: where snapshots are, and where those taken on the way go.

    Raises:
        ForeignChainError: any block hash, or the state, does not come out as logged.
        LedgerUnavailableError: the engine does not start.
    """
    start = snapshot.newest(log, snapshots)
    state = start.unpack(folder / "state.json") if start else None
    process = await AnvilProcess.launch(binary, folder, log.genesis, state)
    try:
        link = await process.connect()
        try:
            newest = await _replay(link, log, start.number if start else 0, snapshots)
        except LedgerError:
            await link.close()
            raise
    except LedgerError:
        process.stop()
        raise
    finally:
        if state:
            state.unlink(missing_ok=True)
    return Restored(process, link, newest)


async def _replay(link: EngineLink, log: BlockLog, done: int, snapshots: Path) -> int:
    """Brings an engine from a snapshot's block, or from genesis, to the log's newest; gives the newest snapshot's."""
    await _check_hash(link, log, 0)
    if done:
        await _check_hash(link, log, done)
        await _check_state(link)
    pace, newest = snapshot.Pace(), done
    for block in log.blocks(after=done):
        await repeat_block(link, block)
        if pace.is_due(block.number - newest):
            with pace.dumping():
                is_kept = await _keep(link, log, block.number, snapshots)
            newest = block.number if is_kept else newest
    LOG.info("restored: block %d, of which %d from a snapshot and %d replayed", log.height, done, log.height - done)
    await _finish_intent(link, log)
    return newest


async def _keep(link: EngineLink, log: BlockLog, number: int, snapshots: Path) -> bool:
    """Takes a snapshot amid a replay; a full disk costs the snapshot alone."""
    try:
        snapshot.write(await snapshot.dump(link, log, number), snapshots)
    except OSError as error:
        LOG.warning("snapshot: not written (%s)", os.strerror(error.errno or 0).lower())
        return False
    return True


async def _check_hash(link: EngineLink, log: BlockLog, number: int) -> None:
    block = await link.call("eth_getBlockByNumber", hex(number), False)  # noqa: FBT003 - JSON-RPC is positional
    got = block["hash"] if block else None
    expected = "0x" + log.hash_of(number).hex()
    if got != expected:
        raise ForeignChainError(
            f"block {number} of the engine does not match the block log (got {got}, expected {expected})"
        )


async def _check_state(link: EngineLink) -> None:
    """The first node of any account proof hashes to the state root: compare it with the newest header's."""
    header = await link.call("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - JSON-RPC is positional
    nodes = (await link.call("eth_getProof", _NOBODY, [], "latest"))["accountProof"]
    got = "0x" + keccak(bytes.fromhex(nodes[0][2:]) if nodes else b"\x80").hex()
    if got != header["stateRoot"]:
        raise ForeignChainError(
            f"state of the snapshot does not match (got root {got}, expected {header['stateRoot']})"
        )


async def _finish_intent(link: EngineLink, log: BlockLog) -> None:
    intent = log.unsealed
    if intent is None:
        return
    refusals = await hand_over(link, intent.transactions)
    seal = await make_block(link, intent, refusals)
    log.seal(seal)
    LOG.warning(
        "restored: block %d was begun but not sealed; now it is, with %d transactions",
        intent.number,
        len(seal.included),
    )
