"""What a gateway shows of the ledger log it keeps: checkpoints, tiles and the key that signs."""

from __future__ import annotations

from typing import Protocol


class PublishedLog(Protocol):
    """A log that is served; everything in it is public."""

    @property
    def key(self) -> object:
        """The verifier key, whose text is that of C2SP ``signed-note``."""
        ...

    def checkpoint(self) -> bytes:
        """Gives the newest checkpoint that is shown, with all the signatures it got.

        Raises:
            NotFoundError: there is none yet.
        """
        ...

    async def tile(self, path: str) -> tuple[bytes, bool]:
        """Gives the bytes of a tile by its path, and whether they stay the same for ever.

        Raises:
            InvalidInputError: it is no path of a tile.
            NotFoundError: the tree does not go as far.
            ConfigurationError: it is missing, or cannot be read.
            TilesUnavailableError: the store of the tiles does not answer, or too many wait for it.
        """
        ...
