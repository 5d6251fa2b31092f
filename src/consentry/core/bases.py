"""Accesses that rest on no consent: emergencies, statutory duties, public health (PIPL 13).

``contracts/libraries/BasisRules.sol`` states the same. Each list gives its rules in their order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from consentry.core.authorisations import StandingAuthorisation
from consentry.core.codes import (
    EMERGENCY_WINDOW,
    HIGHEST_SENSITIVITY,
    Action,
    ActorKind,
    AuthorisationStatus,
    EmergencyReason,
    Purpose,
    Reason,
)
from consentry.core.terms import ZERO_32, AccessRequest, RecordLeaf


@dataclass(frozen=True, slots=True)
class EmergencyFacts:
    """What an emergency access depends on beside the request.

    Attributes:
        forbidden: whether the patient forbids emergency accesses.
        excluded: whether an exclusion of the patient names who asks, or the class of the record.
        opened: emergency accesses of the institution that were permitted today.
        limit: how many may be.
    """

    forbidden: bool = False
    excluded: bool = False
    opened: int = 0
    limit: int = 0


def _is_incomplete(request: AccessRequest) -> bool:
    for_treatment = request.purpose in (Purpose.ETREAT, Purpose.BTG)
    explained = min(EmergencyReason) <= request.reason_code <= max(EmergencyReason) and request.reason_hash != ZERO_32
    seen = request.actor_kind == ActorKind.HUMAN and request.action == Action.VIEW
    brief = request.expires_at <= request.issued_at + EMERGENCY_WINDOW
    return not (for_treatment and explained and seen and brief)


EmergencyRule = Callable[[AccessRequest, EmergencyFacts], bool]

EMERGENCY_RULES: Final[tuple[tuple[Reason, EmergencyRule], ...]] = (
    (Reason.EMERGENCY_INCOMPLETE, lambda r, _: _is_incomplete(r)),
    (Reason.EMERGENCY_FORBIDDEN, lambda _, f: f.forbidden),
    (Reason.EXCLUDED, lambda _, f: f.excluded),
    (Reason.EMERGENCY_LIMIT, lambda _, f: f.opened >= f.limit),
)
"""A person looks, for the treatment at hand, says why, within a quarter of an hour; unless the patient forbade it."""


@dataclass(frozen=True, slots=True)
class AuthorisationCase:
    """A request with the authorisation it invokes, seen at block time ``now`` in seconds."""

    request: AccessRequest
    leaf: RecordLeaf
    terms: StandingAuthorisation
    status: AuthorisationStatus
    now: int


def _is_beyond(case: AuthorisationCase) -> bool:
    request, leaf, terms = case.request, case.leaf, case.terms
    named = terms.institution == request.institution and terms.basis == request.legal_basis
    asked = terms.purposes >> request.purpose & 1 and terms.actions >> request.action & 1
    content = terms.categories >> leaf.category & 1 and terms.data_from <= leaf.data_month <= terms.data_until
    open_to_many = leaf.sensitivity < HIGHEST_SENSITIVITY and leaf.sensitivity <= terms.max_sensitivity
    return not (named and asked and content and open_to_many)


AuthorisationRule = Callable[[AuthorisationCase], bool]

AUTHORISATION_RULES: Final[tuple[tuple[Reason, AuthorisationRule], ...]] = (
    (Reason.AUTHORISATION_MISSING, lambda c: c.request.authorisation_id == ZERO_32),
    (Reason.AUTHORISATION_UNKNOWN, lambda c: c.status == AuthorisationStatus.NONE),
    (Reason.AUTHORISATION_WITHDRAWN, lambda c: c.status != AuthorisationStatus.ACTIVE),
    (Reason.AUTHORISATION_EXPIRED, lambda c: not c.terms.valid_from <= c.now < c.terms.valid_until),
    (Reason.AUTHORISATION_SCOPE, _is_beyond),
)
"""An authorisation is in force and covers the request; it names classes, so level 5 is beyond it."""


def judge_emergency(request: AccessRequest, facts: EmergencyFacts) -> Reason:
    """Gives the first reason that stands against an emergency access."""
    return next((reason for reason, applies in EMERGENCY_RULES if applies(request, facts)), Reason.NONE)


def judge_authorisation(case: AuthorisationCase) -> Reason:
    """Gives the first reason that stands against an access under an authorisation."""
    return next((reason for reason, applies in AUTHORISATION_RULES if applies(case)), Reason.NONE)
