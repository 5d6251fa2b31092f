"""What follows a revocation: `contracts/modules/Revocations.sol`, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from consentry.core.codes import DAY, Action, Copies, Duty
from consentry.core.refusals import refusal
from consentry.core.signed_act import ActForm, Holds, SignedAct
from consentry.core.signers import check_signed
from consentry.core.terms import ZERO_32, ZERO_ADDRESS, Address, ConsentId, ConsentTerms, SubjectId

if TYPE_CHECKING:
    from consentry.core.events import ActPerformed
    from consentry.core.state import LedgerState

TIME_TO_ACKNOWLEDGE: Final = 24 * 3600
"""Seconds an institution has to acknowledge a revocation."""
TIME_TO_ERASE: Final = 7 * DAY
"""Seconds a grantee has to erase copies, unless the terms say sooner."""

Answer = tuple[ConsentId, Address, Duty]


@dataclass(frozen=True, slots=True)
class Revoked:
    """A granted consent that was revoked; ``erase_due`` is zero when no erasure is owed. Times in seconds."""

    subject_id: SubjectId
    grantee: Address
    group: bytes
    custodian: Address
    revoked_at: int
    erase_due: int


@dataclass(frozen=True, slots=True)
class OpenDuty:
    """What an institution owes after a revocation; overdue from ``due_at`` on, in seconds."""

    consent_id: ConsentId
    kind: Duty
    due_at: int


@dataclass(slots=True)
class RevocationFacts:
    """Revoked consents, what was answered about them, and for which of them an institution owes something."""

    revoked: dict[ConsentId, Revoked] = field(default_factory=dict)
    answers: set[Answer] = field(default_factory=set)
    owing: dict[Address, set[ConsentId]] = field(default_factory=dict)

    def open(self, consent: ConsentId, terms: ConsentTerms, custodian: Address, uses: int, now: int) -> None:
        """Opens the duties that follow the revocation of a granted consent at a time in seconds."""
        stored = uses > 0 and terms.institution != ZERO_ADDRESS and terms.actions >> Action.STORE & 1
        erase_due = min(terms.erase_by, now + TIME_TO_ERASE) if stored else 0
        self.revoked[consent] = Revoked(terms.subject_id, terms.institution, terms.group, custodian, now, erase_due)
        for institution in {custodian, terms.institution} - {ZERO_ADDRESS}:
            self.owing.setdefault(institution, set()).add(consent)

    def answer(self, consent: ConsentId, institution: Address, duty: Duty) -> None:
        """Notes that an institution did what it owes, or said so unasked; also where nobody knows of a revocation."""
        self.answers.add((consent, institution, duty))
        if consent in self.revoked and not list(self._duties_about(consent, institution)):
            self.owing.get(institution, set()).discard(consent)

    def duties_of(self, institution: Address) -> list[OpenDuty]:
        """Gives what an institution owes, due or not, the earliest first."""
        found = [d for consent in self.owing.get(institution, ()) for d in self._duties_about(consent, institution)]
        return sorted(found, key=lambda duty: (duty.due_at, duty.consent_id, duty.kind))

    def overdue(self, institution: Address, now: int) -> list[OpenDuty]:
        """Gives what an institution owes and has not done by a time in seconds."""
        return [duty for duty in self.duties_of(institution) if duty.due_at <= now]

    def _duties_about(self, consent: ConsentId, institution: Address) -> Iterator[OpenDuty]:
        revoked = self.revoked[consent]
        if (consent, institution, Duty.ACKNOWLEDGE) not in self.answers:
            yield OpenDuty(consent, Duty.ACKNOWLEDGE, revoked.revoked_at + TIME_TO_ACKNOWLEDGE)
        owes = revoked.erase_due > 0 and institution == revoked.grantee
        if owes and (consent, institution, Duty.ERASE) not in self.answers:
            yield OpenDuty(consent, Duty.ERASE, revoked.erase_due)


def _is_grantee(state: LedgerState, revoked: Revoked, institution: Address) -> bool:
    if revoked.group == ZERO_32:
        return revoked.grantee == institution
    return (revoked.group, institution) in state.members


def _revoked(state: LedgerState, consent: ConsentId, subject_id: SubjectId) -> Revoked:
    known = state.revocations.revoked.get(consent)
    if known is None or known.subject_id != subject_id:
        raise refusal("RevocationsNotRevoked", consent, subject_id)
    return known


def _check_first_and_signed(
    state: LedgerState, act: RevocationAcknowledgement | ErasureAttestation, duty: Duty, holds: Holds
) -> None:
    if (act.consent_id, act.institution, duty) in state.revocations.answers:
        raise refusal("RevocationsAlreadyDone", act.consent_id, act.institution, duty)
    known = state.institutions.get(act.institution)
    check_signed(act, 0, known.signer if known else b"", holds)


@dataclass(frozen=True, slots=True)
class RevocationAcknowledgement(SignedAct):
    """Says that an institution knows of a revocation, and what became of copies."""

    FORM: ClassVar = ActForm(
        contract="Consents",
        function="acknowledgeRevocation",
        event="RevocationAcknowledged",
        signers=("institution",),
        members=("bytes32 consentId", "address institution", "bytes32 subjectId", "uint8 copies", "uint64 signBefore"),
        help="Says that a grantee or the custodian knows of a revocation, and what became of copies.",
        codes={"copies": Copies},
    )

    consent_id: ConsentId
    institution: Address
    subject_id: SubjectId
    copies: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks that the revocation concerns the institution."""
        revoked = _revoked(state, self.consent_id, self.subject_id)
        concerned = _is_grantee(state, revoked, self.institution)
        if not concerned and state.custodian_of(self.subject_id) != self.institution:
            raise refusal("RevocationsNotConcerned", self.consent_id, self.institution)
        if self.copies not in set(Copies):
            raise refusal("RevocationsCopiesUnknown", self.copies)
        _check_first_and_signed(state, self, Duty.ACKNOWLEDGE, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Closes the duty, if there was one."""
        state.revocations.answer(self.consent_id, self.institution, Duty.ACKNOWLEDGE)


@dataclass(frozen=True, slots=True)
class ErasureAttestation(SignedAct):
    """Attests that a former grantee erased its copies."""

    FORM: ClassVar = ActForm(
        contract="Consents",
        function="attestErasure",
        event="ErasureAttested",
        signers=("institution",),
        members=(
            "bytes32 consentId",
            "address institution",
            "bytes32 subjectId",
            "uint32 copies",
            "uint64 erasedAt",
            "bytes32 practitioner",
            "uint64 signBefore",
        ),
        help="Attests that a former grantee erased its copies.",
    )

    consent_id: ConsentId
    institution: Address
    subject_id: SubjectId
    copies: int
    erased_at: int
    practitioner: bytes
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks that the institution was a grantee, and that somebody answers for a past erasure."""
        revoked = _revoked(state, self.consent_id, self.subject_id)
        if not _is_grantee(state, revoked, self.institution):
            raise refusal("RevocationsNotConcerned", self.consent_id, self.institution)
        if self.practitioner == ZERO_32 or not 0 < self.erased_at <= now:
            raise refusal("RevocationsErasureInvalid", self.practitioner, self.erased_at, now)
        _check_first_and_signed(state, self, Duty.ERASE, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Closes the duty, if there was one."""
        state.revocations.answer(self.consent_id, self.institution, Duty.ERASE)
