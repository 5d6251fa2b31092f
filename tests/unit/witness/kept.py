"""Trees, witnesses and logs of a chain, each in a folder of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx

from consentry.core.log_tree import consistency_proof as proof_of
from consentry.core.log_tree import nodes_of, root_of
from consentry.evidence.checkpoint import Checkpoint, checkpoint_note
from consentry.evidence.note import SignedNote
from consentry.witness.blocks import BlockSource
from consentry.witness.exhibits import Exhibits
from consentry.witness.keeper import LogKeeper
from consentry.witness.submission import Submission
from consentry.witness.tiles import TileFolder
from consentry.witness.witness import Witness
from tests.support.header_chain import HeaderChain
from tests.support.log_people import LOG, NOW, ORIGIN, WITNESSES

COSIGNER = WITNESSES[0]


class Drip(httpx.AsyncByteStream):
    """The body of an answer that goes on and on: one byte, and soon another."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Gives them."""
        while True:
            await asyncio.sleep(0.05)
            yield b"x"


def exhibits_in(folder: Path) -> Exhibits:
    """Opens the evidence of a witness."""
    return Exhibits(folder / "evidence")


def keeper_in(folder: Path, chain: HeaderChain) -> LogKeeper:
    """Opens a tree."""
    return LogKeeper(TileFolder(folder / "tree"), chain.log, "ethereum", exhibits_in(folder))


def followed(folder: Path, chain: HeaderChain) -> LogKeeper:
    """Opens a tree and has it follow a chain to its end."""
    keeper = keeper_in(folder, chain)
    follow(keeper, chain)
    return keeper


def follow(keeper: LogKeeper, chain: BlockSource) -> int:
    """Has a tree follow a chain to its end."""
    return asyncio.run(keeper.follow(chain))


def witness_in(
    folder: Path, keeper: LogKeeper, clock: Callable[[], float] = lambda: NOW, exhibits: Exhibits | None = None
) -> Witness:
    """Opens a witness with a tree."""
    file = folder / "cosigned" / "checkpoint"
    return Witness(file, keeper, COSIGNER, [LOG.verifier_key], exhibits or exhibits_in(folder), clock)


def expected_root(chain: HeaderChain, size: int | None = None) -> bytes:
    """Gives the root over the leaves of a chain, or the first of them."""
    leaves = chain.leaves()[:size]
    return root_of(len(leaves), nodes_of(leaves))


def signed(chain: HeaderChain, size: int, *extensions: str) -> SignedNote:
    """Gives the checkpoint of a chain's log at a size, signed by the log."""
    made = Checkpoint(ORIGIN, size, expected_root(chain, size), extensions)
    return checkpoint_note(made, LOG.sign(made))


def shown(chain: HeaderChain, old: int, size: int) -> Submission:
    """Gives what a log that tells the history of a chain sends to a witness."""
    nodes = nodes_of(chain.leaves())
    proof = proof_of(old, size, nodes) if old else ()
    note = signed(chain, size)
    return Submission(old, proof, note, Checkpoint.parse(note.text))
