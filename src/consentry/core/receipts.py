"""`FinalReceipt`: the only thing a data key is released against (promise P2).

The seal below is what makes it: only ``consentry.ledger`` may import it, which an architecture test checks, and that
room builds a receipt only after it verified the event and its finality on the chain.
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from typing import Final, NoReturn

from consentry.core.chain import EventPlace
from consentry.core.codes import Reason
from consentry.core.terms import AccessEntry

LEDGER_SEAL: Final = object()
"""Proof of origin, by identity. For the chain room alone."""


@dataclass(frozen=True, slots=True)
class FinalReceipt:
    """A decision that is on the chain and can no longer be undone.

    Attributes:
        entry: the decision.
        place: block, transaction and log of its event.
        finality: in words, by which rule the block is final.
        seal: ``LEDGER_SEAL``.

    Raises:
        TypeError: the seal is another object; a receipt cannot be made, copied or unpickled outside the chain room.
    """

    entry: AccessEntry
    place: EventPlace
    finality: str
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not LEDGER_SEAL:
            raise TypeError("seal of a final receipt does not match (got another object, expected the chain room's)")

    @property
    def permitted(self) -> bool:
        """Whether the decision was yes."""
        return self.entry.reason == Reason.NONE

    def __reduce__(self) -> NoReturn:
        raise TypeError("a final receipt cannot be copied or pickled")
