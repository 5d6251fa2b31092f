"""A chain that is reorganised on demand, for what follows one: events without meaning, in blocks that fit together."""

from __future__ import annotations

import dataclasses
import hashlib
import random
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from consentry.core.act_table import ACTS
from consentry.core.chain import BlockReference, ChainIdentity, EventPlace
from consentry.core.events import LedgerEvent
from consentry.core.signed_act import SignedAct
from consentry.core.terms import Address
from consentry.errors import ForeignChainError

DEPLOYED_IN: Final = 3
KINDS: Final = typing.get_args(LedgerEvent)
CONTRACTS: Final = (("AccessLedger", Address(b"\x0a" * 20)), ("Consents", Address(b"\x0c" * 20)))
_BYTES: Final = (0, 1, 20, 32, 84)
_SIZES: Final = (0, 1, 7, 2**32, 2**64 - 1, 2**256 - 1)


def any_value(kind: Any, draw: random.Random) -> Any:  # noqa: ANN401 - a value of whatever type a field has
    """Gives a value of the type of a field, at the edges more often than elsewhere."""
    base = getattr(kind, "__supertype__", kind)
    if base is SignedAct:
        return any_value(draw.choice(ACTS), draw)
    if typing.get_origin(base) is tuple:
        return tuple(any_value(bytes, draw) for _ in range(draw.choice((0, 1, 2))))
    if dataclasses.is_dataclass(base) and isinstance(base, type):
        hints = typing.get_type_hints(base)
        return base(*(any_value(hints[f.name], draw) for f in dataclasses.fields(base)))
    if base is bytes:
        return draw.randbytes(draw.choice(_BYTES))
    if base is bool:
        return draw.random() < 0.5
    if isinstance(base, type) and issubclass(base, IntEnum):
        return draw.choice(list(base))
    assert base is int, kind
    return draw.choice(_SIZES)


def any_event(place: EventPlace, draw: random.Random) -> LedgerEvent:
    """Gives an event of any kind at a place."""
    kind = draw.choice(KINDS)
    hints = typing.get_type_hints(kind)
    values = [any_value(hints[f.name], draw) for f in dataclasses.fields(kind) if f.name != "place"]
    event: LedgerEvent = kind(place, *values)
    return event


@dataclass(frozen=True, slots=True)
class Block:
    """A block and what happened in it."""

    reference: BlockReference
    events: tuple[LedgerEvent, ...] = ()


@dataclass
class ForkingSource:
    """The port ``directory.ports.EventSource`` over a chain that can be taken back.

    Attributes:
        blocks: the chain as it is now.
        between: called before each answer: there the chain may change, or the node fall silent.
        chain: which chain this is; another one has another genesis block.
    """

    seed: int = 0
    chain: bytes = b"genesis"
    between: Callable[[str], None] = lambda _: None
    blocks: list[Block] = field(default_factory=list)
    known_as: ChainIdentity = field(init=False)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)
        self.blocks.append(Block(BlockReference(0, hashlib.sha256(self.chain).digest(), 0)))
        for _ in range(1, DEPLOYED_IN):
            self.add(0)
        self.add(2)
        self.known_as = ChainIdentity(7, self.blocks[0].reference.hash, CONTRACTS, DEPLOYED_IN)

    @property
    def height(self) -> int:
        """Number of the newest block."""
        return len(self.blocks) - 1

    def add(self, events: int) -> None:
        """Seals a block; its hash depends on everything before it."""
        parent = self.blocks[-1].reference
        salt = self._draw.randbytes(8)
        reference = BlockReference(len(self.blocks), hashlib.sha256(parent.hash + salt).digest(), parent.time + 5)
        transaction = hashlib.sha256(reference.hash).digest()
        places = [EventPlace(reference, transaction, index) for index in range(events)]
        self.blocks.append(Block(reference, tuple(any_event(place, self._draw) for place in places)))

    def take_back(self, depth: int) -> None:
        """Takes back the newest blocks, but never the deployment."""
        keep = max(len(self.blocks) - depth, DEPLOYED_IN + 1)
        del self.blocks[keep:]

    def all_events(self) -> list[LedgerEvent]:
        """Gives what the chain holds now."""
        return [event for block in self.blocks for event in block.events]

    # The port.

    async def identity(self) -> ChainIdentity:
        """Gives chain and deployment as a node would, checked against what was known at the beginning."""
        self.between("identity")
        if self.blocks[0].reference.hash != self.known_as.genesis_hash:
            raise ForeignChainError("genesis hash does not match")
        return self.known_as

    async def head(self) -> BlockReference:
        """Gives the newest block."""
        self.between("head")
        return self.blocks[-1].reference

    async def block(self, number: int) -> BlockReference | None:
        """Gives a block, None if the chain is shorter."""
        self.between("block")
        return self.blocks[number].reference if number < len(self.blocks) else None

    async def events(self, first: int, last: int) -> Sequence[LedgerEvent]:
        """Gives the events of some blocks."""
        self.between("events")
        return [event for block in self.blocks[first : last + 1] for event in block.events]
