"""What every signed act of a life cycle has in common: `contracts/modules/SignedActs.sol`.

An act is one class. It says how it is signed (`ActForm`), when the contract takes it (`check`) and what it leaves
behind (`leave`). Its struct hash is its name: the same act counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from consentry.core.events import ActPerformed, LedgerEvent
    from consentry.core.state import LedgerState

Holds = Callable[[int, bytes], bool]
"""Tells whether the signature at a place, from 0, is one of an ERC-7913 signer over the act."""


@dataclass(frozen=True, slots=True)
class ActForm:
    """How an act is signed and sent.

    Attributes:
        contract: that takes it.
        function: of that contract.
        event: it leaves.
        signers: who signs, in the order of the signatures.
        members: of the EIP-712 type, in the order of the fields.
        codes: table of the members that are codes.
        sets: table of the members that are sets of codes, bit ``1 << code`` for each.
        help: what it does, for people.
        optional: fields that may be zero.
    """

    contract: str
    function: str
    event: str
    signers: tuple[str, ...]
    members: tuple[str, ...]
    help: str
    codes: Mapping[str, type[IntEnum]] = field(default_factory=dict)
    sets: Mapping[str, type[IntEnum]] = field(default_factory=dict)
    optional: frozenset[str] = frozenset({"guardian"})


class SignedAct:
    """An act; its classes are frozen dataclasses whose last field is ``sign_before``, in seconds, exclusive."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]
    FORM: ClassVar[ActForm]
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks the act at block time ``now``, in seconds, as the contract does.

        Raises:
            LedgerRejectedError: the first Solidity error that applies.
        """
        raise NotImplementedError

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Changes the state as the act does."""
        raise NotImplementedError

    def brings(self, state: LedgerState, event: ActPerformed) -> tuple[LedgerEvent, ...]:
        """Gives the events that follow the act's own in the same transaction, seen after it; mostly none."""
        del state, event
        return ()
