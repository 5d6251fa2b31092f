"""The records of a block log, as a list to be forged."""

from __future__ import annotations

from pathlib import Path

from consentry.ledger.embedded.blocklog import BlockLog
from consentry.ledger.embedded.records import Intent, Record, Seal


def records_of(path: Path) -> list[Record]:
    """Genesis, then intent and seal of every block."""
    log = BlockLog.look(path)
    records: list[Record] = [log.genesis]
    for block in log.blocks(after=0):
        records += [
            Intent(block.number, block.time, block.transactions),
            Seal(block.number, block.block_hash, tuple(range(len(block.transactions)))),
        ]
    return records
