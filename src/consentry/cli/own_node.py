"""The user's own node, which what a gateway answers is compared with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from consentry.ledger.direct import DirectConnection
from consentry.ledger.engines import load_profile
from consentry.ledger.manifest import Manifest
from consentry.ledger.reader import ChainReader


@asynccontextmanager
async def open_reader(url: str, engine: str, manifest: Path) -> AsyncIterator[ChainReader]:
    """Opens a deployment on a node, and closes the connection afterwards.

    Raises:
        ForeignChainError: the node serves another chain or deployment.
        LedgerUnavailableError: the node does not answer.
    """
    connection = DirectConnection(url, load_profile(engine))
    try:
        reader = ChainReader(connection, Manifest.read(manifest))
        await reader.identity()
        yield reader
    finally:
        await connection.close()
