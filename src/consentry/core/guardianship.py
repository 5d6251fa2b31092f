"""Guardians, and what bears on who may sign for a subject: `contracts/modules/Guardianship.sol`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

from consentry.core.calendar import begins_quarter
from consentry.core.codes import DAY, DirectiveAnswer, GuardianKind, GuardianRemover, GuardianScope, Standing, bits
from consentry.core.participants import is_acceptable_signer
from consentry.core.refusals import refusal
from consentry.core.signed_act import ActForm, Holds, SignedAct
from consentry.core.signers import check_signed, own_signer, signer_for
from consentry.core.subject_facts import Appointment, SubjectFacts
from consentry.core.terms import ZERO_32, SubjectId

if TYPE_CHECKING:
    from consentry.core.events import ActPerformed
    from consentry.core.state import LedgerState

MOST_APPOINTMENTS: Final = 8
"""Delegates of a subject that can stand at once, and others beside them."""
LONGEST_MINORITY: Final = (18 * 365 + 5 + 92) * DAY
"""Eighteen years in seconds, with all the leap days there can be in them, and a quarter: ends are rounded up."""
SCOPES_OF_RELATIVES: Final = bits(GuardianScope.SEE, GuardianScope.CORRECT, GuardianScope.REVOKE)
"""What a near relative may do: see, correct, take back (PIPL 49); never grant or recover."""
_ALL_SCOPES: Final = bits(*GuardianScope)
_NEVER: Final = 2**64 - 1


def _facts(state: LedgerState, subject_id: SubjectId) -> SubjectFacts:
    if subject_id not in state.subjects:
        raise refusal("GuardianshipSubjectUnknown", subject_id)
    return state.guardians.facts_of(subject_id)


def _custodian_signer(state: LedgerState, subject_id: SubjectId, now: int) -> bytes:
    custodian = state.custodian_of(subject_id)
    if state.institution_standing(custodian, now) != Standing.ACTIVE:
        raise refusal("GuardianshipCustodianInactive", custodian)
    return state.institutions[custodian].signer


def _check_evidence(subject_id: SubjectId, evidence_hash: bytes) -> None:
    if evidence_hash == ZERO_32:
        raise refusal("GuardianshipEvidenceMissing", subject_id)


@dataclass(frozen=True, slots=True)
class GuardianAppointment(SignedAct):
    """Makes somebody a guardian of a subject."""

    FORM: ClassVar = ActForm(
        contract="Subjects",
        function="appointGuardian",
        event="GuardianAppointed",
        signers=("guardian", "subject for a delegate, else custodian"),
        members=(
            "bytes32 subjectId",
            "bytes guardian",
            "uint8 kind",
            "uint16 scopes",
            "uint64 validFrom",
            "uint64 validUntil",
            "bytes32 evidenceHash",
            "uint256 nonce",
            "uint64 signBefore",
        ),
        help="Makes somebody a guardian, with kind, scopes and period.",
        codes={"kind": GuardianKind},
        sets={"scopes": GuardianScope},
        optional=frozenset({"valid_from", "evidence_hash"}),
    )

    subject_id: SubjectId
    guardian: bytes
    kind: int
    scopes: int
    valid_from: int
    valid_until: int
    evidence_hash: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks kind, scopes, period, evidence, and who appoints."""
        facts = _facts(state, self.subject_id)
        self._check_form(state)
        self._check_possible(facts, now)
        delegate = self.kind == GuardianKind.DELEGATE
        if not delegate:
            _check_evidence(self.subject_id, self.evidence_hash)
        self._check_room(state, now)
        appointer = (
            own_signer(state, self.subject_id, now, grants=True)
            if delegate
            else _custodian_signer(state, self.subject_id, now)
        )
        check_signed(self, 0, self.guardian, holds)
        check_signed(self, 1, appointer, holds)

    def _check_room(self, state: LedgerState, now: int) -> None:
        """Counts delegates alone, or all others: the first lock none out whom a custodian appoints."""
        kept = state.guardians.appointments_of(self.subject_id).values()
        delegate = self.kind == GuardianKind.DELEGATE
        alike = [each for each in kept if (each.kind == GuardianKind.DELEGATE) == delegate]
        if sum(now < each.valid_until for each in alike) == MOST_APPOINTMENTS:
            raise refusal("GuardianshipFull", self.subject_id, MOST_APPOINTMENTS)

    def _check_form(self, state: LedgerState) -> None:
        possible = SCOPES_OF_RELATIVES if self.kind == GuardianKind.NEAR_RELATIVE else _ALL_SCOPES
        if self.kind not in set(GuardianKind) or self.scopes == 0 or self.scopes & ~possible:
            raise refusal("GuardianshipScopesInvalid", self.kind, self.scopes)
        own = self.guardian == state.subjects[self.subject_id].signer
        if own or not is_acceptable_signer(self.guardian, state.verifiers):
            raise refusal("GuardianshipSignerInvalid", self.guardian)

    def _check_possible(self, facts: SubjectFacts, now: int) -> None:
        relative, minor = self.kind == GuardianKind.NEAR_RELATIVE, facts.is_minor(now)
        possible = facts.deceased == relative and not (relative and facts.relatives_forbidden)
        if not possible or (self.kind == GuardianKind.PARENT and not minor):
            raise refusal("GuardianshipKindRefused", self.kind)
        latest = facts.minor_until if minor and not relative else _NEVER
        if not (self.valid_until > self.valid_from and now < self.valid_until <= latest):
            raise refusal("GuardianshipPeriodInvalid", self.valid_from, self.valid_until, latest)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Keeps the appointment; forgets those of the subject that are over."""
        now, guardians = event.place.block.time, state.guardians
        for name, earlier in guardians.appointments_of(self.subject_id).items():
            if now >= earlier.valid_until:
                guardians.forget(name)
        of_minor = guardians.facts_of(self.subject_id).is_minor(now)
        period = self.valid_from, self.valid_until
        made = Appointment(self.subject_id, self.kind, self.scopes, *period, of_minor, self.guardian)
        guardians.keep(event.act_hash, made)


@dataclass(frozen=True, slots=True)
class GuardianRemoval(SignedAct):
    """Takes an appointment back; what was done under it stands."""

    FORM: ClassVar = ActForm(
        contract="Subjects",
        function="removeGuardian",
        event="GuardianRemoved",
        signers=("subject, guardian, or custodian that appointed",),
        members=(
            "bytes32 appointment",
            "bytes32 subjectId",
            "uint8 by",
            "uint256 nonce",
            "uint64 signBefore",
        ),
        help="Takes a guardian's appointment back; what was done under it stands.",
        codes={"by": GuardianRemover},
    )

    appointment: bytes
    subject_id: SubjectId
    by: int
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks the appointment, and who removes."""
        kept = state.guardians.appointments.get(self.appointment)
        if kept is None or kept.subject_id != self.subject_id:
            raise refusal("GuardianshipUnknown", self.appointment)
        check_signed(self, 0, self._remover(state, kept, now), holds)

    def _remover(self, state: LedgerState, kept: Appointment, now: int) -> bytes:
        if self.by == GuardianRemover.SUBJECT:
            return own_signer(state, self.subject_id, now, grants=False)
        if self.by == GuardianRemover.GUARDIAN:
            return kept.signer
        if self.by != GuardianRemover.CUSTODIAN or kept.kind == GuardianKind.DELEGATE:
            raise refusal("GuardianshipRemoverInvalid", self.by)
        return _custodian_signer(state, self.subject_id, now)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Forgets the appointment."""
        state.guardians.forget(self.appointment)


@dataclass(frozen=True, slots=True)
class Circumstances(SignedAct):
    """Says what the custodian knows of a subject that bears on who may sign; in place of what was said before."""

    FORM: ClassVar = ActForm(
        contract="Subjects",
        function="noteCircumstances",
        event="CircumstancesNoted",
        signers=("custodian",),
        members=(
            "bytes32 subjectId",
            "uint64 minorUntil",
            "bool shielded",
            "bool deceased",
            "bytes32 evidenceHash",
            "uint256 nonce",
            "uint64 signBefore",
        ),
        help="Notes a minority (until the first second of a quarter), its shield, or a death.",
        optional=frozenset({"minor_until", "shielded", "deceased"}),
    )

    subject_id: SubjectId
    minor_until: int
    shielded: bool
    deceased: bool
    evidence_hash: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks what a custodian cannot say, the evidence, and that the custodian says it."""
        facts = _facts(state, self.subject_id)
        self._check_end(facts.minor_until, now)
        self._check_rest(facts, now)
        _check_evidence(self.subject_id, self.evidence_hash)
        check_signed(self, 0, _custodian_signer(state, self.subject_id, now), holds)

    def _check_end(self, current: int, now: int) -> None:
        over = current != 0 and now >= current
        ahead = now < self.minor_until <= now + LONGEST_MINORITY and begins_quarter(self.minor_until)
        if self.minor_until != current and (over or not ahead):
            raise refusal("GuardianshipMinorEndInvalid", self.minor_until, current)

    def _check_rest(self, facts: SubjectFacts, now: int) -> None:
        minor = self.minor_until > now
        if (self.shielded and not minor) or (minor and facts.shielded and not self.shielded):
            raise refusal("GuardianshipShieldInvalid", self.shielded, self.minor_until)
        if facts.deceased and not self.deceased:
            raise refusal("GuardianshipDeathInvalid", self.subject_id, facts.deceased)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Notes the circumstances."""
        facts = state.guardians.facts_of(self.subject_id)
        noted = replace(facts, minor_until=self.minor_until, shielded=self.shielded, deceased=self.deceased)
        state.guardians.noted[self.subject_id] = noted


@dataclass(frozen=True, slots=True)
class ProofOfLife(SignedAct):
    """Takes the note of a death back."""

    FORM: ClassVar = ActForm(
        contract="Subjects",
        function="proveLife",
        event="LifeProved",
        signers=("custodian", "subject"),
        members=("bytes32 subjectId", "bytes32 evidenceHash", "uint256 nonce", "uint64 signBefore"),
        help="Takes the note of a death back.",
        optional=frozenset(),
    )

    subject_id: SubjectId
    evidence_hash: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks that a death is noted, the evidence, and both signatures."""
        facts = _facts(state, self.subject_id)
        if not facts.deceased:
            raise refusal("GuardianshipDeathInvalid", self.subject_id, facts.deceased)
        _check_evidence(self.subject_id, self.evidence_hash)
        check_signed(self, 0, _custodian_signer(state, self.subject_id, now), holds)
        check_signed(self, 1, state.subjects[self.subject_id].signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Takes the death back."""
        noted = state.guardians.noted
        noted[self.subject_id] = replace(state.guardians.facts_of(self.subject_id), deceased=False)


@dataclass(frozen=True, slots=True)
class Directive(SignedAct):
    """Says what a subject wants for when it cannot be asked; in place of what it said before."""

    FORM: ClassVar = ActForm(
        contract="Subjects",
        function="giveDirective",
        event="DirectiveGiven",
        signers=("subject, or guardian of a minor",),
        members=(
            "bytes32 subjectId",
            "bytes32 guardian",
            "uint8 emergency",
            "uint8 relatives",
            "uint256 nonce",
            "uint64 signBefore",
        ),
        help="Allows or forbids access in an emergency, and near relatives after death.",
        codes={"emergency": DirectiveAnswer, "relatives": DirectiveAnswer},
    )

    subject_id: SubjectId
    guardian: bytes
    emergency: int
    relatives: int
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks the answers and the signature."""
        facts = _facts(state, self.subject_id)
        if not {self.emergency, self.relatives} <= set(DirectiveAnswer):
            raise refusal("GuardianshipDirectiveInvalid", self.emergency, self.relatives)
        # What somebody wants for when it cannot be asked nobody else says; for a child somebody has to, unless its own
        # acts are shielded.
        may = self.guardian == ZERO_32 or (facts.is_minor(now) and not facts.shielded)
        signer = signer_for(state, self.subject_id, self.guardian, GuardianScope.GRANT, now) if may else b""
        check_signed(self, 0, signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Keeps the answers."""
        state.guardians.noted[self.subject_id] = replace(
            state.guardians.facts_of(self.subject_id),
            emergency_forbidden=self.emergency == DirectiveAnswer.FORBID,
            relatives_forbidden=self.relatives == DirectiveAnswer.FORBID,
        )
