"""The log a gateway keeps beside its projection: where it lies, who signs it, who is asked, and how it is made anew."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from consentry.core.log_tiles import HEIGHT, Tile, full_tiles
from consentry.core.terms import Address
from consentry.crypto.ed25519 import Ed25519Key
from consentry.errors import ConfigurationError, ConsentryError
from consentry.evidence import log_root
from consentry.evidence.checkpoint import LogSigner
from consentry.evidence.log_root import LogRoot
from consentry.ledger.claims import FolderLock
from consentry.ledger.direct import DirectConnection
from consentry.ledger.embedded.durable import private_folder
from consentry.ledger.engines import EngineProfile
from consentry.ledger.keyfiles import load_or_create_key
from consentry.ledger.manifest import Manifest
from consentry.witness.blocks import NodeBlocks
from consentry.witness.exhibits import Exhibits
from consentry.witness.keeper import LogKeeper
from consentry.witness.operator import AskedWitness
from consentry.witness.publisher import LogPublisher
from consentry.witness.remembered import RememberedTiles
from consentry.witness.tiles import FollowedLog, TileFolder, TileStore

ASK_SECONDS: Final = 5.0
"""How long a witness may take to answer."""


def followed_log(manifest: Manifest) -> FollowedLog:
    """Gives the log of a deployment: the logs of all its contracts."""
    identity = manifest.identity
    contracts = tuple(sorted(Address(address) for _, address in identity.contracts))
    return FollowedLog(identity.chain_id, identity.genesis_hash, contracts)


def read_log_root(file: Path) -> LogRoot:
    """Reads a log root and checks that enough of its own keys signed it.

    Raises:
        ConfigurationError: it cannot be read, or is not signed by enough of them.
    """
    try:
        root = LogRoot.from_json(file.read_bytes())
        log_root.verify_root(root)
    except (OSError, ConsentryError) as error:
        raise ConfigurationError(f"log root {file} cannot be used ({error})") from error
    return root


@dataclass(frozen=True, slots=True)
class LogPlan:
    """Where a gateway's log lies, and who has to do with it.

    Attributes:
        folder: of its own: signed and published checkpoints, evidence.
        tiles: where the tree is kept.
        origin: name of the log.
        key: file of the key it signs with; made if it is missing.
        witnesses: who is asked, as `AskedWitness.parse` reads them.
        root: log root that says how many cosignatures make a checkpoint final; none where nobody says.
        node: address of the node.
        profile: engine of the node.
        manifest: the deployment.
    """

    folder: Path
    tiles: TileStore
    origin: str
    key: Path
    witnesses: str
    root: Path | None
    node: str
    profile: EngineProfile
    manifest: Manifest

    def keeper(self) -> LogKeeper:
        """Opens the tree of the log; errors as of `LogKeeper`."""
        return self._keeper(self.tiles, self.folder)

    def _keeper(self, tiles: TileStore, folder: Path) -> LogKeeper:
        form = self.profile.header_form
        return LogKeeper(tiles, followed_log(self.manifest), form, Exhibits(folder / "evidence"))

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Takes the folder for this process alone."""
        lock = FolderLock(private_folder(self.folder) / "lock", "used")
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def opened(self) -> Iterator[LogPublisher]:
        """Takes up the log; nobody else can until the end.

        Raises:
            ConfigurationError: another process has it, a file of it cannot be used, or the log root is that of another.
            TilesUnavailableError: the store of its tiles does not answer.
            InvalidInputError: a witness is none.
        """
        with self._held():
            yield self._publisher()

    def _publisher(self) -> LogPublisher:
        signer = LogSigner(self.origin, Ed25519Key(load_or_create_key(self.key)))
        asked = [AskedWitness.parse(text) for text in self.witnesses.split(",") if text.strip()]
        root = read_log_root(self.root) if self.root else None
        if root is not None and signer.verifier_key not in root.policy.log_keys:
            raise ConfigurationError(f"log root {self.root} does not match (it names no key {signer.verifier_key})")
        return LogPublisher(self.folder, self.keeper(), signer, asked, root.policy if root else None)

    @asynccontextmanager
    async def source(self) -> AsyncIterator[NodeBlocks]:
        """Connects to the node."""
        connection = DirectConnection(self.node, self.profile)
        try:
            yield NodeBlocks(connection, self.manifest)
        finally:
            await connection.close()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Gives what witnesses are asked with."""
        async with httpx.AsyncClient(timeout=ASK_SECONDS) as client:
            yield client

    async def rebuild(self, *, replace: bool) -> RebuiltLog:
        """Makes the tree anew from the chain and compares it with the kept one, as far as both go.

        Args:
            replace: puts the new tree in place of one that differs; no gateway may have it open.

        Raises:
            VerificationError: the node contradicts itself.
            LedgerUnavailableError: it does not answer.
            ConfigurationError: the disk fails.
            TilesUnavailableError: the store of the tiles does not answer.
        """
        with tempfile.TemporaryDirectory(dir=private_folder(self.folder), prefix="rebuild-") as made:
            fresh = self._keeper(TileFolder(Path(made) / "tree"), Path(made))
            async with self.source() as source:
                await fresh.follow(source)
            differs = self._differs(fresh)
            if differs and replace:
                with self._held():
                    # What was signed stays: a log that was signed otherwise must not be signed anew.
                    fresh.put_into(self.tiles)
        return RebuiltLog(fresh.size, differs=differs, replaced=differs and replace)

    def _differs(self, fresh: LogKeeper) -> bool:
        try:
            kept = self.keeper()
            # A head that is not known to be from here is compared all the same: `--replace` is the way past it.
            unproved = self.tiles.unproved if isinstance(self.tiles, RememberedTiles) else None
            size, root = (unproved.size, unproved.root) if unproved else (kept.size, kept.root)
            if size > fresh.size or fresh.root_at(size) != root:
                return True
            return any(self._is_spoilt(tile, fresh, size) for tile in full_tiles(fresh.size))
        except ConfigurationError:
            return True

    def _is_spoilt(self, tile: Tile, fresh: LogKeeper, size: int) -> bool:
        """Tells of a tile that is another; ahead of the head it may be missing, but another would stop the tree."""
        found = self.tiles.tile(tile.path)
        if found is None:
            return tile.index < size >> (HEIGHT * (tile.level + 1))
        return found != fresh.tile(tile)


@dataclass(frozen=True, slots=True)
class RebuiltLog:
    """Outcome of making the tree anew: its leaves, and whether the kept one was another and was replaced."""

    size: int
    differs: bool
    replaced: bool
