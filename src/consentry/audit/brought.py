"""Events that others bring: a debt is opened by an emergency access and closed by the later of two acts, never else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from consentry.audit.findings import Finding, Kind
from consentry.core import events
from consentry.core.chain import EventPlace
from consentry.core.events import LedgerEvent

_BROUGHT = (events.DebtOpened, events.DebtClosed)


@dataclass
class Brought:
    """Compares each event with those that the one before it must bring, in the same transaction."""

    findings: list[Finding]
    _due: list[LedgerEvent] = field(default_factory=list)

    @property
    def is_even(self) -> bool:
        """Whether nothing has to come next."""
        return not self._due

    def expect(self, due: tuple[LedgerEvent, ...]) -> None:
        """Says what has to come next."""
        self._due += due

    def check(self, event: LedgerEvent) -> None:
        """Notes an event that nothing brought, or the lack of one that has to stand here."""
        due = self._due.pop(0) if self._due else None
        brought = due is not None and _as_at(event, due.place) == due and _together(event, due)
        if due is not None and not brought:
            self._find(due, expected=type(due).__name__, got=type(event).__name__)
        elif due is None and isinstance(event, _BROUGHT):
            self._find(event, expected="an event that brings it", got="none")

    def finish(self) -> None:
        """Notes what never came."""
        for due in self._due:
            self._find(due, expected=type(due).__name__, got="nothing")

    def _find(self, event: LedgerEvent, *, expected: str, got: str) -> None:
        about = event.debt_id if isinstance(event, _BROUGHT) else event.place.transaction_hash
        message = "a debt of an emergency access is opened or closed without cause, or is not"
        self.findings.append(Finding(Kind.BROUGHT, "0x" + about.hex(), message, expected, got, event.place))


def _as_at(event: LedgerEvent, place: EventPlace) -> LedgerEvent:
    return replace(event, place=place)


def _together(event: LedgerEvent, due: LedgerEvent) -> bool:
    return event.place.transaction_hash == due.place.transaction_hash
