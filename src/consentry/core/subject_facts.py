"""What bears on who may sign for a subject: `contracts/types/SubjectFacts.sol`, and what `Subjects` keeps beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from consentry.core.codes import DAY
from consentry.core.terms import Address, SubjectId

TIME_TO_COMPLETE: Final = 30 * DAY
"""Seconds for which a recovery can be completed once its delay is over."""
RECOVERY_DELAY: Final = 7 * DAY
"""Seconds for which a recovery is public before it can be completed, unless a deployment says otherwise."""


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """What is noted of a subject, and its directive.

    Attributes:
        minor_until: end of its minority in seconds, the first of a quarter; zero for one never noted as a minor.
        shielded: whether what the minor signs itself is kept from its guardians.
        deceased: whether it died.
        emergency_forbidden: whether it forbade access without consent in an emergency.
        relatives_forbidden: whether it forbade near relatives to act after its death.
    """

    minor_until: int = 0
    shielded: bool = False
    deceased: bool = False
    emergency_forbidden: bool = False
    relatives_forbidden: bool = False

    def is_minor(self, now: int) -> bool:
        """Tells whether the subject is a minor at a time in seconds."""
        return now < self.minor_until

    def is_shielded_minor(self, now: int) -> bool:
        """Tells whether the subject is a minor whose own acts are kept from its guardians."""
        return self.shielded and self.is_minor(now)

    def may_sign(self, now: int, *, grants: bool) -> bool:
        """Tells whether the subject's own signer may: not after death, as an unshielded minor nothing that grants."""
        return not self.deceased and (not grants or self.shielded or not self.is_minor(now))

    @classmethod
    def of_word(cls, word: int) -> SubjectFacts:
        """Reads the word the contract keeps, without the custodian in it."""
        flags = (bool(word >> place & 1) for place in range(224, 228))
        return cls(word >> 160 & 2**64 - 1, *flags)

    def word(self, custodian: Address) -> int:
        """Gives the word the contract keeps."""
        flags = (self.shielded, self.deceased, self.emergency_forbidden, self.relatives_forbidden)
        packed = sum(flag << place for place, flag in enumerate(flags))
        return int.from_bytes(custodian, "big") | self.minor_until << 160 | packed << 224


UNNOTED: Final = SubjectFacts()


@dataclass(frozen=True, slots=True)
class Appointment:
    """An appointment that was not removed; ``of_minor`` if the subject was a minor when it was made."""

    subject_id: SubjectId
    kind: int
    scopes: int
    valid_from: int
    valid_until: int
    of_minor: bool
    signer: bytes


@dataclass(frozen=True, slots=True)
class Recovery:
    """A recovery that is open: named by the hash of its proposal, to be completed from ``effective_at`` on."""

    recovery_id: bytes
    effective_at: int
    by: int
    proposer: bytes
    signer: bytes


@dataclass(slots=True)
class GuardianFacts:
    """Appointments by their hashes, and what is noted of each subject.

    Appointments are changed by `keep` and `forget` alone: they are also found by their subject, so that an act about
    one subject does not go through those of all others.
    """

    appointments: dict[bytes, Appointment] = field(default_factory=dict)
    noted: dict[SubjectId, SubjectFacts] = field(default_factory=dict)
    _of_subject: dict[SubjectId, dict[bytes, Appointment]] = field(default_factory=dict)

    def facts_of(self, subject_id: SubjectId) -> SubjectFacts:
        """Gives what is noted of a subject."""
        return self.noted.get(subject_id, UNNOTED)

    def appointments_of(self, subject_id: SubjectId) -> dict[bytes, Appointment]:
        """Gives the appointments of a subject that were not removed, over or not."""
        return dict(self._of_subject.get(subject_id, {}))

    def keep(self, name: bytes, appointment: Appointment) -> None:
        """Adds an appointment under its hash."""
        self.appointments[name] = appointment
        self._of_subject.setdefault(appointment.subject_id, {})[name] = appointment

    def forget(self, name: bytes) -> None:
        """Takes an appointment out; one that is not there changes nothing."""
        kept = self.appointments.pop(name, None)
        if kept is not None:
            del self._of_subject[kept.subject_id][name]


@dataclass(slots=True)
class KeyFacts:
    """Cards and open recoveries of subjects; ``delay`` in seconds is that of the deployment."""

    delay: int = RECOVERY_DELAY
    cards: dict[SubjectId, bytes] = field(default_factory=dict)
    recoveries: dict[SubjectId, Recovery] = field(default_factory=dict)

    def open_at(self, subject_id: SubjectId, now: int) -> Recovery | None:
        """Gives the recovery of a subject that is open at a block time in seconds; one that lapsed is not."""
        found = self.recoveries.get(subject_id)
        return found if found and now < found.effective_at + TIME_TO_COMPLETE else None
