"""The national chain at the command line: its options, and a node of it that is verified before anything is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from consentry.cli import values
from consentry.config import load_settings
from consentry.core.ledger_checkpoint import LedgerCheckpoint, LedgerIdentity, ledger_id
from consentry.errors import ConfigurationError
from consentry.evidence.national_checkpoint import NationalCheckpoint
from consentry.ledger.abi import NATIONAL
from consentry.ledger.connection import Connection
from consentry.ledger.deployment import verify_identity
from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.manifest import Manifest
from consentry.ledger.national import NationalLedger

NationalNode = Annotated[str, typer.Option("--node", help="address of a node of the national chain")]
National = Annotated[Path, typer.Option("--nation", help="manifest of the national ledger")]
Province = Annotated[Path, typer.Option("--manifest", help="deployment manifest of the province")]
Origin = Annotated[str, typer.Option("--origin", help="origin of the province's log")]
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Nation:
    """A national ledger on a node of its chain."""

    connection: Connection
    manifest: Manifest

    @property
    def ledger(self) -> NationalLedger:
        """Reads and anchors."""
        return NationalLedger(self.connection, self.manifest)


def at(node: str, manifest: Path, engine: str, act: Callable[[Nation], Awaitable[Outcome]]) -> Outcome:
    """Does something on the national chain, once node and deployment are verified.

    Raises:
        InvalidInputError: the node is no HTTP address.
        ConfigurationError: the manifest cannot be used.
        ForeignChainError: the node serves another chain or deployment.
        LedgerUnavailableError: it does not answer.
    """
    values.origin(node)
    known, profile = Manifest.read(manifest), load_profile(engine or load_settings().engine)

    async def run() -> Outcome:
        connection = DirectConnection(node, profile)
        try:
            await verify_identity(connection, known)
            return await act(Nation(connection, known))
        finally:
            await connection.close()

    return asyncio.run(run())


def identity_of(manifest: Path, origin: str) -> LedgerIdentity:
    """Gives who the ledger of a province is to the nation."""
    known = Manifest.read(manifest)
    chain = known.identity
    return LedgerIdentity(origin, chain.chain_id, chain.genesis_hash, known.address("AccessLedger"))


def check_made_for(found: NationalCheckpoint, chain: Manifest, identity: LedgerIdentity) -> None:
    """Checks that a file is for this nation and this ledger: nobody signs or brings it for another.

    Raises:
        ConfigurationError: it is for another.
    """
    got = found.chain_id, found.contract, found.checkpoint.ledger_id
    if got != (chain.identity.chain_id, chain.address(NATIONAL), ledger_id(identity)):
        raise ConfigurationError("checkpoint does not match (it is for another national ledger, or of another ledger)")


def shown_checkpoint(found: LedgerCheckpoint) -> dict[str, Any]:
    """Shows what a checkpoint says of a log."""
    hashes = {"root": "0x" + found.root.hex(), "blockHash": "0x" + found.block_hash.hex()}
    return {"size": found.size, "block": found.block_number, **hashes, "since": found.seen_at}
