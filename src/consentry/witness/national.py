"""A witness that signs for the national ledger: only what its own tree and node bear out, and never back.

Two checkpoints that contradict each other convict at the national ledger whoever signed both. So what is signed is kept
first, and nothing is signed that lies before it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from consentry.core.codes import CLOCK_TOLERANCE
from consentry.core.ledger_checkpoint import LedgerCheckpoint
from consentry.crypto.signing import SigningKey, sign
from consentry.errors import ConfigurationError, ConsentryError, VerificationError
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.ledger.embedded.durable import explained, private_folder, write_synced
from consentry.witness.blocks import BlockSource, read_blocks
from consentry.witness.keeper import LogKeeper
from consentry.witness.tiles import FollowedLog

SKEW_SECONDS: Final = 300
"""How far the time of a proposed checkpoint may be from the witness's clock."""
_AT_ONCE: Final = 16


class NationalWitness:
    """Proposes checkpoints of its own tree, and signs those of others that its tree bears out."""

    def __init__(self, file: Path, keeper: LogKeeper, log: FollowedLog, key: SigningKey) -> None:
        """Takes up the witness where it was left.

        Args:
            file: where the last signed checkpoint is kept; its folder is made if it is missing.
            keeper: the tree of its own node.
            log: which log that is of.
            key: signs for the national ledger, and for nothing else.

        Raises:
            ConfigurationError: the last checkpoint cannot be read.
        """
        self._file = file
        self._keeper = keeper
        self._log = log
        self._key = key
        with explained("opening the folder of signed checkpoints"):
            private_folder(file.parent)
        try:
            self._last = NationalCheckpoint.from_json(file.read_bytes()).checkpoint if file.exists() else None
        except (OSError, ConsentryError) as error:
            raise ConfigurationError(f"signed checkpoint {file.name} cannot be read ({error})") from error

    def propose(self, ledger: bytes, now: int) -> LedgerCheckpoint:
        """Gives the checkpoint of the tree as it is; ``now`` in seconds.

        Raises:
            VerificationError: the tree is empty.
        """
        keeper = self._keeper
        if keeper.size == 0:
            raise VerificationError("size of the log does not match (got 0, expected an event at least)")
        return LedgerCheckpoint(ledger, keeper.size, keeper.root, keeper.block, keeper.block_hash, now)

    async def cosign(self, proposed: NationalCheckpoint, source: BlockSource, now: int) -> NationalCheckpoint:
        """Signs a checkpoint that the tree bears out; it is kept before the signature is given out.

        Args:
            proposed: by this witness or another one.
            source: the own node, which the tree has followed.
            now: seconds since the epoch.

        Raises:
            VerificationError: the tree has another root or block, the clock another time, or what was signed before
                contradicts it; nothing is signed.
            ConfigurationError: the disk does not take it.
        """
        checkpoint = proposed.checkpoint
        if self._keeper.trouble is not None:
            raise VerificationError(f"node does not bear the tree out ({self._keeper.trouble})")
        if not now - SKEW_SECONDS <= checkpoint.seen_at <= now + CLOCK_TOLERANCE:
            raise VerificationError(f"time of the checkpoint does not match (got {checkpoint.seen_at}, expected {now})")
        await self._check_tree(checkpoint, source)
        self._check_last(checkpoint)
        signature = sign(self._key, proposed.domain, checkpoint)
        signed = proposed.signed_by(self._key.signer, signature)
        with explained("keeping a signed checkpoint"):
            write_synced(self._file, signed.to_json())
        self._last = checkpoint
        return signed

    async def _check_tree(self, checkpoint: LedgerCheckpoint, source: BlockSource) -> None:
        keeper = self._keeper
        if not 0 <= checkpoint.block_number <= keeper.block:
            raise VerificationError(
                f"block of the checkpoint does not match "
                f"(got {checkpoint.block_number}, expected at most {keeper.block})"
            )
        size, block_hash = keeper.size, keeper.block_hash
        for first in range(keeper.block, checkpoint.block_number, -_AT_ONCE):
            lowest = max(first - _AT_ONCE + 1, checkpoint.block_number + 1)
            for block in reversed(await read_blocks(source, lowest, first)):
                if block.hash != block_hash:
                    raise VerificationError(f"hash of block {block.number} does not match that of the tree")
                size -= sum(log.address in self._log.contracts for log in block.logs)
                block_hash = block.parent_hash
        for what, got, expected in (
            ("size", checkpoint.size, size),
            ("block hash", checkpoint.block_hash.hex(), block_hash.hex()),
        ):
            if got != expected:
                raise VerificationError(f"{what} of the checkpoint does not match (got {got}, expected {expected})")
        root = keeper.root_at(size)
        if checkpoint.root != root:
            raise VerificationError(
                f"root of the checkpoint does not match (got 0x{checkpoint.root.hex()}, expected 0x{root.hex()})",
                got=checkpoint.root,
                expected=root,
            )

    def _check_last(self, checkpoint: LedgerCheckpoint) -> None:
        """A larger tree comes in a later block and not earlier; the same one may be signed again, a smaller one not."""
        last = self._last
        if last is None or last == checkpoint:
            return
        grown = checkpoint.size > last.size and checkpoint.block_number > last.block_number
        again = checkpoint.size == last.size and checkpoint.root == last.root
        if last.ledger_id != checkpoint.ledger_id or not (grown or again) or checkpoint.seen_at < last.seen_at:
            raise VerificationError(
                f"checkpoint does not match what was signed before (got {checkpoint.size} leaves in block "
                f"{checkpoint.block_number} at {checkpoint.seen_at}, expected more than {last.size} behind block "
                f"{last.block_number}, not before {last.seen_at})"
            )
