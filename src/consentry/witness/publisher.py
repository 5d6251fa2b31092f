"""A log that keeps itself: follows its node, signs what it has, asks its witnesses, and shows what they made final.

What is signed waits until enough witnesses cosigned it, and only then is the next one signed: a log that grew on while
it asked would find each witness a moment behind, and nothing would ever be final. After `GIVEN_UP_SECONDS` the newest
tree is signed all the same, since a witness may have gone past what waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import httpx

from consentry.core.log_tiles import WIDTH, Tile
from consentry.errors import GatewayUnavailableError, NotFoundError, VerificationError
from consentry.evidence.checkpoint import LogSigner
from consentry.evidence.note import SignedNote, VerifierKey
from consentry.evidence.witnesses import WitnessPolicy, verify_checkpoint
from consentry.witness.blocks import BlockSource
from consentry.witness.keeper import LogKeeper
from consentry.witness.operator import AskedWitness, LogOperator
from consentry.witness.signed_state import LastSigned
from consentry.witness.tile_threads import TileThreads

GIVEN_UP_SECONDS: Final = 60.0
QUIET_SECONDS: Final = 10.0
"""How long a witness may be missing before that is told: one that is a moment behind is nothing unusual."""
BLOCKS_AT_A_TURN: Final = 256
"""So a turn ends soon, also for a log that has years to catch up on."""

OpenSource = Callable[[], AbstractAsyncContextManager[BlockSource]]
OpenClient = Callable[[], AbstractAsyncContextManager[httpx.AsyncClient]]


class LogPublisher:
    """One log of one gateway; one process at a time may keep it."""

    def __init__(
        self,
        folder: Path,
        keeper: LogKeeper,
        signer: LogSigner,
        witnesses: Sequence[AskedWitness] = (),
        policy: WitnessPolicy | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Takes up a log where it was left.

        Args:
            folder: where signed and published checkpoints are kept.
            keeper: the tree of its node.
            signer: name and key of the log.
            witnesses: whom to ask.
            policy: how many cosignatures make a checkpoint final; none where nobody says, and then each that is signed
                is shown with those it has.
            clock: seconds since the epoch.

        Raises:
            ConfigurationError: a kept checkpoint cannot be read, or was not signed by the key.
        """
        self._keeper = keeper
        self._threads = TileThreads()
        self._operator = LogOperator(folder / "signed" / "checkpoint", keeper, signer, self._threads)
        self._published = LastSigned(folder / "published" / "checkpoint", signer.verifier_key)
        self._key = signer.verifier_key
        self._witnesses = tuple(witnesses)
        self._policy = policy
        self._clock = clock
        self._signed_at = clock()
        self._missing_since: dict[str, float] = {}

    @property
    def key(self) -> VerifierKey:
        """What others need to check its signatures."""
        return self._key

    def checkpoint(self) -> bytes:
        """Gives the newest checkpoint that is shown, with all the signatures it got.

        Raises:
            NotFoundError: there is none yet.
        """
        if self._published.note is None:
            raise NotFoundError("no checkpoint of the log is published yet")
        return self._published.note.to_bytes()

    async def tile(self, path: str) -> tuple[bytes, bool]:
        """Gives the bytes of a tile by its path, and whether they stay the same for ever.

        Raises:
            InvalidInputError: it is no path of a tile.
            NotFoundError: the tree does not go as far.
            ConfigurationError: it is missing, or cannot be read.
            TilesUnavailableError: the store of the tiles does not answer, or too many wait for it.
        """
        wanted = Tile.from_path(path)
        return await self._threads.read(lambda: self._keeper.tile(wanted)), wanted.width == WIDTH

    async def follow(self, open_source: OpenSource) -> None:
        """Reads what the node has that the tree has not, `BLOCKS_AT_A_TURN` blocks at most; errors as of the keeper.

        It is done in a thread of its own: whoever waits for an answer is not to wait for hashes of other people's.
        """

        async def once() -> None:
            async with open_source() as source:
                await self._keeper.follow(source, most=BLOCKS_AT_A_TURN)

        await self._threads.keep(lambda: asyncio.run(once()))

    async def publish(self, open_client: OpenClient) -> None:
        """Signs the tree if nothing waits, asks who did not cosign it yet, and shows it once it is final.

        Raises:
            ConfigurationError: the tree is another than the one that was signed, or the disk fails.
            TilesUnavailableError: the store of the tiles does not answer.
            GatewayUnavailableError: a witness has been missing for `QUIET_SECONDS`; what was shown before stays.
        """
        if self._keeper.size == 0:
            return
        if not self._waits or self._clock() - self._signed_at > GIVEN_UP_SECONDS:
            # Tiles may come from another machine, so they are read in a thread; nothing is signed in one that would go
            # on while the log is already given up to another process.
            await self._threads.keep(self._operator.read_ahead)
            self._operator.checkpoint()
            self._signed_at = self._clock()
        failed = await self._ask(open_client)
        note = self._operator.note
        if self._published.note != note and self._is_final(note):
            self._published.keep(note)
        self._tell_missing(failed)

    def _tell_missing(self, failed: dict[str, str]) -> None:
        now = self._clock()
        self._missing_since = {name: self._missing_since.get(name, now) for name in failed}
        long = [name for name, since in sorted(self._missing_since.items()) if now - since >= QUIET_SECONDS]
        if long:
            raise GatewayUnavailableError("; ".join(f"{name}: {failed[name]}" for name in long))

    @property
    def _waits(self) -> bool:
        """Whether what was signed last is not shown yet."""
        signed, published = self._operator.signed, self._published.note
        return signed is not None and (published is None or published.text != signed.text)

    async def _ask(self, open_client: OpenClient) -> dict[str, str]:
        missing = [one for one in self._witnesses if self._operator.note.signature_of(one.key) is None]
        if not missing:
            return {}
        async with open_client() as client:
            failed = await self._operator.ask(missing, client)
        return {name: error.message for name, error in failed.items()}

    def _is_final(self, note: SignedNote) -> bool:
        if self._policy is None:
            return True
        try:
            verify_checkpoint(note.to_bytes(), self._policy, int(self._clock()))
        except VerificationError:
            return False
        return True
