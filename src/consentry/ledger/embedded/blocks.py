"""One block: made from an intent, or made again from the log.

Both set the block's time, hand the transactions over in order, and ask for one block. anvil derives everything else,
``mixHash`` included, from the parent, so the same transactions at the same time give the same hash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eth_hash.auto import keccak

from consentry.errors import ForeignChainError, LedgerUnavailableError
from consentry.ledger.embedded.blocklog import LoggedBlock
from consentry.ledger.embedded.link import EngineLink, Refusal
from consentry.ledger.embedded.records import Intent, Seal

# A larger batch is worked on concurrently by anvil and arrives in the pool out of order.
SEND_BATCH = 16


async def hand_over(link: EngineLink, transactions: Sequence[bytes], batch: int = SEND_BATCH) -> dict[int, Refusal]:
    """Puts raw transactions into the engine's pool; the refused ones come back by position."""
    refusals: dict[int, Refusal] = {}
    for start in range(0, len(transactions), batch):
        part = [["0x" + raw.hex()] for raw in transactions[start : start + batch]]
        answers = await link.call_many("eth_sendRawTransaction", part)
        refusals |= {start + place: answer for place, answer in enumerate(answers) if isinstance(answer, Refusal)}
    return refusals


async def make_block(link: EngineLink, intent: Intent, refusals: Mapping[int, Refusal]) -> Seal:
    """Seals the block of an intent that was handed over.

    Args:
        link: the engine.
        intent: what was logged before.
        refusals: what ``hand_over`` returned. If everything was refused, no block is made and the seal is a void.

    Raises:
        LedgerUnavailableError: the engine made another block than the one asked for.
    """
    if len(refusals) == len(intent.transactions):
        return Seal(intent.number, b"", ())
    await _mine(link, intent.time)
    block = await link.call("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - JSON-RPC is positional
    made = int(block["number"], 16), int(block["timestamp"], 16)
    if made != (intent.number, intent.time):
        raise LedgerUnavailableError(
            f"block of the engine does not match (got {made}, expected {intent.number, intent.time})"
        )
    positions = {"0x" + keccak(raw).hex(): position for position, raw in enumerate(intent.transactions)}
    included = tuple(positions[transaction] for transaction in block["transactions"])
    # What was taken but did not go in would otherwise enter a later block behind the log's back.
    left = [[hash_] for hash_, position in positions.items() if position not in {*included, *refusals}]
    if left:
        await link.call_many("anvil_dropTransaction", left)
    return Seal(intent.number, bytes.fromhex(block["hash"][2:]), included)


async def repeat_block(link: EngineLink, block: LoggedBlock) -> None:
    """Makes a logged block again.

    Raises:
        ForeignChainError: its hash is not the logged one.
    """
    # One by one: here the order decides about the hash.
    refusals = await hand_over(link, block.transactions, batch=1)
    await _mine(link, block.time)
    again = await link.call("eth_getBlockByNumber", hex(block.number), False)  # noqa: FBT003 - JSON-RPC is positional
    got = again["hash"] if again else None
    if got != "0x" + block.block_hash.hex():
        raise ForeignChainError(
            f"replayed block {block.number} does not match (got {got}, expected 0x{block.block_hash.hex()}, "
            f"{len(refusals)} of {len(block.transactions)} transactions refused)"
        )


async def _mine(link: EngineLink, time: int) -> None:
    await link.call("evm_setNextBlockTimestamp", time)
    await link.call("evm_mine")
