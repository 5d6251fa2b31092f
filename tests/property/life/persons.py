"""Links of random histories, made and undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consentry.core.persons import SubjectLink, SubjectUnlink
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32
from consentry.crypto.signing import AccountKey, SigningKey

if TYPE_CHECKING:
    from tests.property.histories import History


def _authority(history: History) -> AccountKey:
    return history.account() if history.chance(5) else history.any_authority()


def _commitment(history: History) -> bytes:
    used = sorted(history.ledger.state.links.commitments)
    return history.random.choice([ZERO_32, *used]) if history.chance(6) else history.word()


def link(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Links subjects."""
    key = _authority(history)
    return SubjectLink(key.address, _commitment(history), history.deadline()), [key]


def unlink(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Undoes a link, mostly one there is."""
    key, links = _authority(history), list(history.ledger.state.links.links)
    chosen = history.random.choice(links) if links and history.chance(90) else history.word()
    return SubjectUnlink(key.address, chosen, _commitment(history), history.deadline()), [key]
