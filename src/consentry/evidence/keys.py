"""Which signer stood behind a consent: the acts that gave a subject another key, or made a guardian.

A bundle carries the enrolment, and of the acts after it those that name the signer of the terms: none while the subject
has the signer it was enrolled with, the latest change of signer before the grant, or the guardian's appointment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consentry.core import events
from consentry.core.act_table import BY_NAME, name_of
from consentry.core.chain import EventPlace
from consentry.core.guardianship import GuardianAppointment
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import NAMING, RecoveryCompletion, RecoveryProposal, SignerRotation
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, ConsentTerms, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.errors import InvalidInputError
from consentry.evidence.notation import Json, hex_of, read, write


@dataclass(frozen=True, slots=True)
class Performed:
    """A signed act on chain."""

    act: SignedAct
    signatures: tuple[bytes, ...]

    def event(self, place: EventPlace) -> events.ActPerformed:
        """Gives the event it left."""
        subject: SubjectId = self.act.subject_id  # type: ignore[attr-defined]  # every act here is about a subject
        return events.ActPerformed(place, struct_hash(self.act), subject, ZERO_ADDRESS, self.act, self.signatures)


def key_events(found: Sequence[events.LedgerEvent], granted: events.ConsentGranted) -> tuple[events.ActPerformed, ...]:
    """Picks from the events before a grant those that name the signer of its terms, in their order."""
    terms = granted.terms
    acts = [event for event in found if isinstance(event, events.ActPerformed) and event.subject_id == terms.subject_id]
    if terms.guardian != ZERO_32:
        return tuple(event for event in acts if event.act_hash == terms.guardian)
    last = next((event for event in reversed(acts) if isinstance(event.act, NAMING)), None)
    if last is None:
        return ()
    if isinstance(last.act, RecoveryCompletion):
        recovery = last.act.recovery
        return (*(event for event in acts if event.act_hash == recovery), last)
    return (last,)


def signer_named(enrolled: bytes, acts: Sequence[SignedAct], terms: ConsentTerms) -> bytes:
    """Gives the signer that the terms need, as enrolment and acts name it.

    Args:
        enrolled: signer at enrolment.
        acts: of the bundle, in their order.
        terms: of the consent.

    Raises:
        InvalidInputError: the acts are not those that name it.
    """
    if any(getattr(act, "subject_id", None) != terms.subject_id for act in acts):
        raise InvalidInputError("subject of an act does not match that of the terms")
    match acts:
        case [GuardianAppointment() as appointment] if struct_hash(appointment) == terms.guardian:
            return appointment.guardian
        case [] if terms.guardian == ZERO_32:
            return enrolled
        case [SignerRotation() as rotation] if terms.guardian == ZERO_32:
            return rotation.signer
        case [RecoveryProposal() as proposal, RecoveryCompletion() as completion] if (
            terms.guardian == ZERO_32 and completion.recovery == struct_hash(proposal)
        ):
            return proposal.signer
    listed = ", ".join(name_of(type(act)) for act in acts) or "none"
    raise InvalidInputError(f"acts do not match the signer of the terms (got {listed})")


def write_performed(performed: Performed) -> Json:
    """Writes an act of a bundle."""
    signatures = [hex_of(signature) for signature in performed.signatures]
    return {"kind": name_of(type(performed.act)), "act": write(performed.act), "signatures": signatures}


def read_performed(kind: object, act: object, signatures: Sequence[bytes]) -> Performed:
    """Reads an act of a bundle.

    Raises:
        InvalidInputError: it is none.
    """
    struct = BY_NAME.get(kind) if isinstance(kind, str) else None
    if struct is None:
        raise InvalidInputError(f"kind of act does not match (got {kind!r:.40}, expected one of {', '.join(BY_NAME)})")
    return Performed(read(struct, act), tuple(signatures))
