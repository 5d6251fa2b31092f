"""Which signer stood behind a consent: the acts that gave a subject another key, or made a guardian.

A bundle carries the enrolment, and of the acts after it those that name who could sign the terms at their assurance
level: none while the subject has the signer it was enrolled with, the latest change of signer before the grant, the
registration of the card, or the guardian's appointment. Where staff assisted, device and card could; both are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consentry.core import events
from consentry.core.act_table import BY_NAME, name_of
from consentry.core.chain import EventPlace
from consentry.core.codes import Assurance
from consentry.core.guardianship import GuardianAppointment
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import (
    NAMING,
    CardRegistration,
    CardRemoval,
    RecoveryCompletion,
    RecoveryProposal,
    SignerRotation,
)
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, ConsentTerms, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.errors import InvalidInputError
from consentry.evidence.notation import Json, hex_of, read, write

BY_CARD: Final = frozenset({Assurance.CARD_AND_CODE, Assurance.STAFF_ASSISTED})
"""Assurance levels at which a card may sign."""


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
    """Picks from the events before a grant those that name who could sign its terms, in their order."""
    terms = granted.terms
    acts = [event for event in found if isinstance(event, events.ActPerformed) and event.subject_id == terms.subject_id]
    if terms.guardian != ZERO_32:
        return tuple(event for event in acts if event.act_hash == terms.guardian)
    device = _device_events(acts) if terms.assurance != Assurance.CARD_AND_CODE else ()
    return (*device, *(_card_events(acts) if terms.assurance in BY_CARD else ()))


def _device_events(acts: Sequence[events.ActPerformed]) -> tuple[events.ActPerformed, ...]:
    last = next((event for event in reversed(acts) if isinstance(event.act, NAMING)), None)
    if last is None:
        return ()
    if isinstance(last.act, RecoveryCompletion):
        recovery = last.act.recovery
        return (*(event for event in acts if event.act_hash == recovery), last)
    return (last,)


def _card_events(acts: Sequence[events.ActPerformed]) -> tuple[events.ActPerformed, ...]:
    last = next((event for event in reversed(acts) if isinstance(event.act, CardRegistration | CardRemoval)), None)
    return (last,) if last is not None and isinstance(last.act, CardRegistration) else ()


def signers_named(enrolled: bytes, acts: Sequence[SignedAct], terms: ConsentTerms) -> tuple[bytes, ...]:
    """Gives the signers of which the terms need one, as enrolment and acts name them.

    Args:
        enrolled: signer at enrolment.
        acts: of the bundle, in their order.
        terms: of the consent.

    Returns:
        One, or two where staff assisted a subject that has a card.

    Raises:
        InvalidInputError: the acts are not those that name them.
    """
    if any(getattr(act, "subject_id", None) != terms.subject_id for act in acts):
        raise InvalidInputError("subject of an act does not match that of the terms")
    if terms.guardian != ZERO_32:
        match acts:
            case [GuardianAppointment() as appointment] if struct_hash(appointment) == terms.guardian:
                return (appointment.guardian,)
        raise _unnamed(acts)
    cards = tuple(act.signer for act in acts[-1:] if isinstance(act, CardRegistration) and terms.assurance in BY_CARD)
    if terms.assurance == Assurance.CARD_AND_CODE:
        if len(acts) != 1 or not cards:
            raise _unnamed(acts)
        return cards
    return (_device(enrolled, acts[: len(acts) - len(cards)]), *cards)


def _device(enrolled: bytes, acts: Sequence[SignedAct]) -> bytes:
    match acts:
        case []:
            return enrolled
        case [SignerRotation() as rotation]:
            return rotation.signer
        case [RecoveryProposal() as proposal, RecoveryCompletion() as done] if done.recovery == struct_hash(proposal):
            return proposal.signer
    raise _unnamed(acts)


def _unnamed(acts: Sequence[SignedAct]) -> InvalidInputError:
    listed = ", ".join(name_of(type(act)) for act in acts) or "none"
    return InvalidInputError(f"acts do not match the signer of the terms (got {listed})")


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
