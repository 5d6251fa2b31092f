"""What draws a signed act for a random history: the act, and the keys of its signers in their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from consentry.core.signed_act import SignedAct
from consentry.crypto.signing import SigningKey
from tests.property.life import bases, exclusions, persons

if TYPE_CHECKING:
    from tests.property.histories import History

Maker = Callable[["History"], tuple[SignedAct, list[SigningKey]]]

MAKERS: Final[tuple[tuple[int, Maker], ...]] = (
    (6, exclusions.exclusion),
    (3, exclusions.lift),
    (2, persons.link),
    (1, persons.unlink),
    (5, bases.notice),
    (6, bases.review),
    (4, bases.authorisation),
    (1, bases.withdrawal),
)
"""Every maker with its weight."""
