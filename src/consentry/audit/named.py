"""What events name that the state they lead to forgets again: a relay, a membership, an office, a card."""

from __future__ import annotations

from dataclasses import dataclass, field

from consentry.core import events
from consentry.core.events import LedgerEvent
from consentry.core.guardianship import GuardianAppointment
from consentry.core.signer_keys import CardRegistration, CardRemoval
from consentry.core.terms import Address, SubjectId


@dataclass
class Named:
    """What is to be asked of the contracts as well: what was taken back must be gone there too."""

    memberships: set[tuple[bytes, Address]] = field(default_factory=set)
    relays: set[Address] = field(default_factory=set)
    officers: set[Address] = field(default_factory=set)
    carded: set[SubjectId] = field(default_factory=set)
    appointed: set[bytes] = field(default_factory=set)

    def take(self, event: LedgerEvent) -> None:
        """Notes what an event names."""
        match event:
            case events.GroupMembershipChanged():
                self.memberships.add((event.group, event.institution))
            case events.RelayAdmitted() | events.RelayRemoved():
                self.relays.add(event.relay)
            case events.OfficerAppointed() | events.OfficerDismissed():
                self.officers.add(event.officer)
            case events.ActPerformed(act=CardRegistration() | CardRemoval()):
                self.carded.add(event.subject_id)
            case events.ActPerformed(act=GuardianAppointment()):
                self.appointed.add(event.act_hash)
