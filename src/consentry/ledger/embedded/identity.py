"""Which chain a state folder holds: made once, at the first start, and never changed.

``chain.json`` is the readable copy of the block log's first record; the two must agree.
"""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path

from consentry.errors import ConfigurationError, ForeignChainError
from consentry.ledger.embedded.anvil import AnvilProcess, anvil_version
from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.durable import write_synced
from consentry.ledger.embedded.records import Genesis

LOG_NAME = "blocks.log"
IDENTITY_NAME = "chain.json"
# Chain ids of embedded chains are drawn from here: they fit 31 bits, lie far above the ids that public chains use, and
# two installations meet by chance once in a hundred million.
CHAIN_IDS = range(1_900_000_000, 2_000_000_000)
BLOCK_GAS_LIMIT = 300_000_000
HARDFORK = "osaka"


async def open_chain(state: Path, binary: Path, run_folder: Path, chain_id: int | None) -> BlockLog:
    """Opens the chain of a state folder, or founds one in an empty folder.

    Args:
        state: the chain's state folder.
        binary: the engine's binary, which makes the genesis block.
        run_folder: where the engine may keep its passing files.
        chain_id: the chain id that a new chain is to have and an existing one must have; drawn at random if none.

    Raises:
        ForeignChainError: the folder holds another chain than asked for, or its two descriptions differ.
        ConfigurationError: the block log is missing where a chain was founded before.
    """
    log_path, identity_path = state / LOG_NAME, state / IDENTITY_NAME
    if log_path.exists():
        log = BlockLog.open(log_path)
    elif identity_path.exists():
        raise ConfigurationError(
            f"block log {log_path} is missing: restore it from a backup, or reset the chain on purpose"
        )
    else:
        log = await _found(log_path, binary, run_folder, chain_id)
    if chain_id is not None and log.genesis.chain_id != chain_id:
        raise ForeignChainError(f"chain id of {state} does not match (got {log.genesis.chain_id}, expected {chain_id})")
    agree(identity_path, log.genesis)
    return log


def describe(genesis: Genesis) -> dict[str, int | str]:
    """The content of ``chain.json``."""
    return {
        "format": 1,
        "chain_id": genesis.chain_id,
        "genesis_time": genesis.time,
        "genesis_hash": "0x" + genesis.block_hash.hex(),
        "block_gas_limit": genesis.gas_limit,
        "hardfork": genesis.hardfork,
        "engine": genesis.engine,
    }


async def _found(log_path: Path, binary: Path, run_folder: Path, chain_id: int | None) -> BlockLog:
    number = chain_id if chain_id is not None else secrets.choice(CHAIN_IDS)
    engine = f"anvil/{anvil_version(binary)}"
    plan = Genesis(number, int(time.time()), BLOCK_GAS_LIMIT, HARDFORK, engine, bytes(32))
    process = await AnvilProcess.launch(binary, run_folder, plan)
    try:
        link = await process.connect()
        block = await link.call("eth_getBlockByNumber", "0x0", False)  # noqa: FBT003 - JSON-RPC is positional
        await link.close()
    finally:
        process.stop()
    block_hash = bytes.fromhex(block["hash"][2:])
    return BlockLog.create(
        log_path, Genesis(plan.chain_id, plan.time, plan.gas_limit, plan.hardfork, plan.engine, block_hash)
    )


def agree(path: Path, genesis: Genesis) -> None:
    """Compares the readable description of a chain with its log's first record; writes it if it is missing.

    Raises:
        ForeignChainError: the two differ.
    """
    expected = describe(genesis)
    if not path.exists():
        write_synced(path, json.dumps(expected, indent=2).encode() + b"\n")
        return
    try:
        got = json.loads(path.read_bytes())
    except ValueError as error:
        raise ForeignChainError(f"description {path} cannot be read: it is no JSON") from error
    if got != expected:
        raise ForeignChainError(f"description {path} does not match the block log (got {got}, expected {expected})")
