"""What can vouch for a block of a node, for every kind of evidence: witnesses of the ledger log, and validators' seals.

What is missing is told, each in one line, and the evidence is made with what there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from consentry.core.chain import BlockReference
from consentry.errors import ConsentryError, InvalidInputError, LedgerUnavailableError
from consentry.evidence import qbft_proof
from consentry.evidence.assemble import ChainFacts
from consentry.evidence.checkpoint import Checkpoint
from consentry.evidence.log_entry import leaves_of
from consentry.evidence.log_root import LogRoot
from consentry.evidence.log_tree_proof import LogTree
from consentry.evidence.note import SignedNote
from consentry.evidence.validator_trail import Anchor
from consentry.evidence.witnesses import AHEAD, verify_checkpoint, verify_note
from consentry.ledger.connection import Connection
from consentry.ledger.manifest import Manifest

NO_WITNESSES: Final = "no witnesses vouch for it"
NO_SEALS: Final = "no seals vouch for it"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to vouch for a block, as far as there is any.

    Attributes:
        log_root: whose cosignatures count; none where nobody says.
        checkpoint: bytes of the newest checkpoint of that log, with its signatures; none where there is none.
        pinned: block that seals are followed from; none where nobody says.
    """

    log_root: LogRoot | None = None
    checkpoint: bytes | None = None
    pinned: Anchor | None = None


@dataclass(frozen=True, slots=True)
class FinalLog:
    """The ledger log up to a checkpoint that enough witnesses cosigned."""

    tree: LogTree
    checkpoint: Checkpoint


class NodeProofs:
    """What one node gives to vouch for its blocks; it is for others to verify."""

    def __init__(self, connection: Connection, manifest: Manifest) -> None:
        """Takes the node and the deployment, which the caller has compared."""
        self._connection = connection
        self._manifest = manifest

    @property
    def facts(self) -> ChainFacts:
        """Which chain and deployment the proofs are about."""
        identity, form = self._manifest.identity, self._connection.profile.header_form
        return ChainFacts(identity.chain_id, identity.genesis_hash, form, identity.contracts)

    async def log_tree(self, note: SignedNote) -> LogTree:
        """Computes the ledger log up to a checkpoint, from all logs of the deployment.

        Raises:
            InvalidInputError: the checkpoint goes further than this node.
            VerificationError: this node's log has another root.
            LedgerUnavailableError: the node does not give what is needed.
        """
        identity = self._manifest.identity
        contracts = [address for _, address in identity.contracts]
        logs = await self._connection.logs(contracts, 0, (await self.block()).number)
        return LogTree(note, [*leaves_of(identity.chain_id, contracts, logs)])

    async def seals(self, anchor: Anchor, block: int) -> tuple[bytes, ...]:
        """Gives the headers that prove a block by its seals, from a pinned one on.

        Raises:
            InvalidInputError: the pinned block comes later, or the validators changed by neither votes nor seals.
            LedgerUnavailableError: the node does not give what is needed.
        """
        headers = [await self._connection.header_bytes(number) for number in range(anchor.number, block + 1)]
        return qbft_proof.select(anchor, headers, block)

    async def block(self, number: int | None = None) -> BlockReference:
        """Gives a block, or the newest.

        Raises:
            LedgerUnavailableError: the node does not give it.
        """
        found = await self._connection.header(number)
        if found is None:
            raise LedgerUnavailableError(
                f"node does not give {'its newest block' if number is None else f'block {number}'}"
            )
        return found.block


async def final_log(node: NodeProofs, wanted: Wanted, now: int, missing: list[str]) -> FinalLog | None:
    """Gives the log up to the checkpoint, and that, if it is final.

    Args:
        node: what has the log.
        wanted: what is to vouch.
        now: seconds since the epoch.
        missing: takes a line where there is no such log.

    Raises:
        LedgerUnavailableError: the node does not answer.
    """
    if wanted.log_root is None:
        missing.append(f"{NO_WITNESSES}: no log root says whose cosignatures count")
        return None
    if wanted.checkpoint is None:
        missing.append(f"{NO_WITNESSES}: no checkpoint of the log is there (--checkpoint names its file or address)")
        return None
    try:
        final = verify_checkpoint(wanted.checkpoint, wanted.log_root.policy, now).checkpoint
        return FinalLog(await node.log_tree(SignedNote.from_bytes(wanted.checkpoint)), final)
    except LedgerUnavailableError:
        raise
    except ConsentryError as error:
        missing.append(f"{NO_WITNESSES}: {error.message}")
        return None


def saw_it(wanted: Wanted, block_time: int, now: int, missing: list[str]) -> bool:
    """Tells whether enough witnesses cosigned when a block was there to be seen, as who verifies it will ask.

    Args:
        wanted: what is to vouch.
        block_time: of the block, in seconds.
        now: seconds since the epoch.
        missing: takes a line where they did not.
    """
    if wanted.log_root is None or wanted.checkpoint is None:
        return False
    note = SignedNote.from_bytes(wanted.checkpoint)
    try:
        verify_note(note, wanted.log_root.policy, now, since=block_time - AHEAD)
    except ConsentryError as error:
        missing.append(f"{NO_WITNESSES}: {error.message}")
        return False
    return True


async def seals_of(node: NodeProofs, wanted: Wanted, block: int, missing: list[str]) -> tuple[bytes, ...] | None:
    """Gives the headers that prove a block by its seals, if blocks of this chain have some.

    Args:
        node: what has the headers.
        wanted: what is to vouch.
        block: number of the block.
        missing: takes a line where there are none.

    Raises:
        LedgerUnavailableError: the node does not answer.
    """
    if node.facts.header_form != "qbft":
        missing.append(f"{NO_SEALS}: blocks of this chain have none")
        return None
    if wanted.pinned is None:
        missing.append(f"{NO_SEALS}: no block is pinned to follow validators from")
        return None
    try:
        return await node.seals(wanted.pinned, block)
    except InvalidInputError as error:
        missing.append(f"{NO_SEALS}: {error.message}")
        return None
