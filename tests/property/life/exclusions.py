"""Exclusions of random histories, made and lifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consentry.core.codes import Category, ExclusionKind
from consentry.core.exclusions import Exclusion, ExclusionLift, target_of_category, target_of_institution
from consentry.core.signed_act import SignedAct
from consentry.core.terms import ZERO_32
from consentry.crypto.signing import SigningKey

if TYPE_CHECKING:
    from tests.property.histories import History


def _target(history: History, kind: int) -> bytes:
    """Draws a target, mostly one of its kind."""
    usual = {
        ExclusionKind.INSTITUTION: target_of_institution(history.any_institution().address),
        ExclusionKind.GROUP: history.any_group(),
        ExclusionKind.PRACTITIONER: history.any_practitioner(),
        ExclusionKind.CATEGORY: target_of_category(history.random.choice(list(Category))),
    }
    if kind not in usual or history.chance(5):
        return history.random.choice([ZERO_32, target_of_category(max(Category) + 1), history.word()])
    return usual[ExclusionKind(kind)]


def _kind(history: History) -> int:
    return history.random.choice([0, 5]) if history.chance(4) else history.random.choice(list(ExclusionKind))


def exclusion(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Excludes something."""
    subject, key = history.any_subject()
    kind, guardian = _kind(history), history.word() if history.chance(2) else ZERO_32
    if history.chance(20):
        guardian, key = history.guardian_of(subject)
    act = Exclusion(subject, guardian, kind, _target(history, kind), history.number(), history.deadline())
    return act, [key]


def lift(history: History) -> tuple[SignedAct, list[SigningKey]]:
    """Takes an exclusion back, mostly one that stands."""
    subject, key = history.any_subject()
    standing = sorted(history.ledger.state.exclusions.of(subject))
    kind, target = history.random.choice(standing) if standing and history.chance(90) else (1, history.word())
    guardian, key = history.guardian_of(subject) if history.chance(30) else (ZERO_32, key)
    return ExclusionLift(subject, guardian, kind, target, history.number(), history.deadline()), [key]
