"""When debts of emergency accesses were notified, referred, reviewed and closed: the contract keeps that, not when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from consentry.core import events
from consentry.core.codes import ReviewOutcome
from consentry.core.emergencies import EmergencyNotice, EmergencyReview
from consentry.core.events import LedgerEvent


@dataclass(slots=True)
class DebtLife:
    """What became of a debt and when; times of blocks in seconds, none where it did not come."""

    request_id: int
    notified: int | None = None
    notified_by: int | None = None
    referred: int | None = None
    reviewed: int | None = None
    reviewer: int | None = None
    outcome: int | None = None
    closed: int | None = None


@dataclass
class DebtTimes:
    """The life of every debt that was opened."""

    known: dict[bytes, DebtLife] = field(default_factory=dict)

    def take(self, event: LedgerEvent) -> None:
        """Notes what an event says of a debt; of one that nobody opened there is nothing to note."""
        match event:
            case events.DebtOpened():
                self.known[event.debt_id] = DebtLife(event.request_id)
            case events.ActPerformed(act=EmergencyNotice() | EmergencyReview() as act):
                if life := self.known.get(act.debt_id):
                    _note(life, act, event.place.block.time)
            case events.DebtClosed():
                if life := self.known.get(event.debt_id):
                    life.closed = event.place.block.time


@dataclass(frozen=True, slots=True)
class RowPlace:
    """SHA-256 of the parts of each table, and what is known of debts: enough to go back there."""

    parts: Mapping[str, tuple[bytes, ...]]
    debts: DebtTimes


def _note(life: DebtLife, act: EmergencyNotice | EmergencyReview, now: int) -> None:
    if isinstance(act, EmergencyNotice):
        life.notified, life.notified_by = now, act.by
    elif act.outcome == ReviewOutcome.REFERRED:
        life.referred, life.reviewer, life.outcome = now, act.role, act.outcome
    else:
        life.reviewed, life.reviewer, life.outcome = now, act.role, act.outcome
