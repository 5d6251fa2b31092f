"""What the projection needs from the chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from consentry.core.chain import BlockReference, ChainIdentity
from consentry.core.events import LedgerEvent


class EventSource(Protocol):
    """Blocks and events, as ``consentry.ledger`` gives them."""

    async def identity(self) -> ChainIdentity:
        """Gives chain and deployment, verified now.

        Raises:
            ForeignChainError: the node serves another chain or deployment than it did.
        """
        ...

    async def head(self) -> BlockReference:
        """Gives the newest final block."""
        ...

    async def block(self, number: int) -> BlockReference | None:
        """Gives a block, None if the chain is shorter."""
        ...

    async def events(self, first: int, last: int) -> Sequence[LedgerEvent]:
        """Gives the events of blocks ``first`` to ``last``, in chain order."""
        ...
