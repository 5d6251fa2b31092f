"""What draws a signed act for a random history: the act, and the keys of its signers in their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from consentry.core.signed_act import SignedAct
from consentry.crypto.signing import SigningKey
from tests.property.life import (
    asks,
    assisted_grants,
    bases,
    erasures,
    exclusions,
    guardians,
    keys,
    persons,
    recognitions,
    revocations,
)

if TYPE_CHECKING:
    from tests.property.histories import History

Maker = Callable[["History"], tuple[SignedAct, list[SigningKey]]]

MAKERS: Final[tuple[tuple[int, Maker], ...]] = (
    *((6, exclusions.exclusion), (3, exclusions.lift)),
    *((2, persons.link), (1, persons.unlink)),
    *((4, erasures.admission), (1, erasures.removal), (4, erasures.restriction)),
    *((3, erasures.request), (3, erasures.erasure), (3, erasures.attestation)),
    *((4, recognitions.mark), (4, recognitions.recognition), (2, recognitions.study)),
    *((10, asks.consent_ask), (3, asks.denial), (6, assisted_grants.assistance)),
    *((6, revocations.acknowledgement), (4, revocations.erasure)),
    *((5, bases.notice), (6, bases.review), (4, bases.authorisation), (1, bases.withdrawal)),
    *((5, guardians.appointment), (2, guardians.removal), (5, guardians.circumstances)),
    *((1, guardians.proof_of_life), (2, guardians.directive)),
    *((2, keys.rotation), (2, keys.card), (1, keys.card_removal)),
    *((2, keys.proposal), (1, keys.objection), (2, keys.completion)),
)
"""Every maker with its weight."""
