"""Who stands for a subject, read from the projection by the rules of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consentry.core.codes import GuardianScope
from consentry.core.guardianship import Circumstances, Directive, GuardianAppointment, GuardianRemoval, ProofOfLife
from consentry.core.signer_keys import CardRegistration, CardRemoval
from consentry.core.signers import card_signer_for, signer_for
from consentry.core.state import LedgerState, SubjectState
from consentry.core.subject_facts import SubjectFacts
from consentry.core.terms import ZERO_32, ConsentTerms, SubjectId
from consentry.gateway.ports import Projection, SubjectView

KINDS: Final = (
    *(GuardianAppointment, GuardianRemoval, Circumstances, ProofOfLife, Directive),
    *(CardRegistration, CardRemoval),
)
"""Acts that bear on who may sign for a subject, beside its signer."""
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class GuardedSubject:
    """What is known of one subject, and who stands for it."""

    subject: SubjectView
    _state: LedgerState

    @property
    def facts(self) -> SubjectFacts:
        """What is noted of the subject."""
        return self._state.guardians.facts_of(self.subject.subject_id)

    def sees(self, signer: bytes, now: int) -> bool:
        """Tells whether a signer is a guardian who may see what concerns the subject, at a time in seconds."""
        subject_id = self.subject.subject_id
        names = self._state.guardians.appointments_of(subject_id)
        asked = (signer_for(self._state, subject_id, name, GuardianScope.SEE, now) for name in names)
        return bool(signer) and signer in asked

    def takes_back_with(self, signer: bytes, now: int) -> bool:
        """Tells whether a signer is the card of the subject, and may take consents back at a time in seconds."""
        card = card_signer_for(self._state, self.subject.subject_id, GuardianScope.REVOKE, now)
        return bool(signer) and signer == card

    def keeps_from_guardians(self, terms: ConsentTerms, now: int) -> bool:
        """Tells whether a consent is one that a shielded minor granted itself."""
        return terms.guardian == ZERO_32 and self.facts.is_shielded_minor(now)


async def guarded_subject(projection: Projection, subject_id: SubjectId) -> GuardedSubject | None:
    """Gives who stands for a subject; none if nobody enrolled it."""
    subject = await projection.subject(subject_id)
    if subject is None:
        return None
    state = LedgerState(subjects={subject_id: SubjectState(subject.custodian, subject.signer)})
    after: tuple[int, int] | None = None
    while True:
        found = await projection.acts(subject_id=subject_id, kinds=KINDS, after=after, limit=_PAGE)
        for event in found:
            state.fold(event)
        if len(found) < _PAGE:
            return GuardedSubject(subject, state)
        after = found[-1].place.block.number, found[-1].place.log_index


async def wards_of(projection: Projection, signer: bytes, now: int) -> Sequence[SubjectView]:
    """Gives the subjects for which a signer is a guardian who may see, at a time in seconds."""
    named = dict.fromkeys(event.subject_id for event in await projection.appointments_of(signer))
    found = [await guarded_subject(projection, subject_id) for subject_id in named]
    return [each.subject for each in found if each is not None and each.sees(signer, now)]
