"""The end of a record: `contracts/modules/Erasures.sol`, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final

from consentry.core.codes import (
    CLOCK_TOLERANCE,
    ErasureReason,
    GuardianScope,
    RecordStatus,
    RestrictionReason,
    Standing,
)
from consentry.core.participants import ADDRESS_SIZE, is_acceptable_signer
from consentry.core.refusals import refusal
from consentry.core.retention import retention_end
from consentry.core.signed_act import ActForm, Holds, SignedAct
from consentry.core.signers import check_signed, signer_for
from consentry.core.terms import ZERO_32, Address, RecordId, SubjectId

if TYPE_CHECKING:
    from consentry.core.events import ActPerformed
    from consentry.core.state import LedgerState, RecordState

_CUSTODIAN: Final = ("custodian",)
_SUBJECT: Final = ("subject or guardian",)
_ABOUT: Final = ("bytes32 recordId", "address institution", "bytes32 subjectId")
_END: Final = ("uint256 nonce", "uint64 signBefore")
_KEY_SIZE: Final = 84
"""Bytes of a verifier's address with a P-256 key."""
_OF_ONE: Final = (ADDRESS_SIZE, _KEY_SIZE)
"""Sizes of signers that are one key: a council is several, and two councils may have one member."""
_OFFICER: Final = ("address institution", "bytes officer", *_END)


@dataclass(frozen=True, slots=True)
class RecordEnd:
    """What the chain remembers of the end of a record version; times in seconds, zero where it did not come."""

    requested_at: int = 0
    erased_at: int = 0
    attested_at: int = 0
    reason_code: int = 0


NO_END: Final = RecordEnd()


@dataclass(slots=True)
class ErasureFacts:
    """Officers of every institution, and the ends of records."""

    officers: set[tuple[Address, bytes]] = field(default_factory=set)
    ends: dict[RecordId, RecordEnd] = field(default_factory=dict)

    def end_of(self, record_id: RecordId) -> RecordEnd:
        """Gives what is known of the end of a record."""
        return self.ends.get(record_id, NO_END)


def active_signer(state: LedgerState, institution: Address, now: int) -> bytes:
    """Gives the signer of an institution that is active at a block time.

    Raises:
        LedgerRejectedError: it is not.
    """
    if state.institution_standing(institution, now) != Standing.ACTIVE:
        raise refusal("ErasuresInstitutionInactive", institution)
    return state.institutions[institution].signer


def _record(state: LedgerState, record_id: RecordId, subject_id: SubjectId, institution: Address) -> RecordState:
    """A record is of the custodian of its subject: anchoring takes no other."""
    known = state.records.get(record_id)
    of_subject = known is not None and known.leaf.subject_id == subject_id
    if known is None or not of_subject or state.custodian_of(subject_id) != institution:
        raise refusal("ErasuresRecordMismatch", record_id, subject_id, institution)
    return known


def _is_same_key(a: bytes, b: bytes) -> bool:
    """Tells whether two signers are one key, also where two verifiers take it."""
    keys = len(a) == len(b) == _KEY_SIZE
    return a[ADDRESS_SIZE:] == b[ADDRESS_SIZE:] if keys else a == b


def _check_officer(state: LedgerState, institution: Address, officer: bytes) -> None:
    if (institution, officer) not in state.erasures.officers:
        raise refusal("ErasuresOfficerUnknown", institution, officer)


def _set_status(state: LedgerState, record_id: RecordId, status: RecordStatus) -> None:
    known = state.records.get(record_id)
    if known:
        state.records[record_id] = replace(known, status=status)


@dataclass(frozen=True, slots=True)
class ErasureOfficerAdmission(SignedAct):
    """Makes a person one of those who may erase records of an institution."""

    FORM: ClassVar = ActForm(
        contract="Records",
        function="admitErasureOfficer",
        event="ErasureOfficerAdmitted",
        signers=("institution", "officer"),
        members=_OFFICER,
        help="Lets a person erase records of the institution, together with another one.",
    )

    institution: Address
    officer: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks institution, officer and signatures."""
        signer = active_signer(state, self.institution, now)
        acceptable = is_acceptable_signer(self.officer, state.verifiers) and len(self.officer) in _OF_ONE
        if not acceptable or _is_same_key(self.officer, signer):
            raise refusal("ErasuresOfficerInvalid", self.officer)
        if (self.institution, self.officer) in state.erasures.officers:
            raise refusal("ErasuresOfficerKnown", self.institution, self.officer)
        check_signed(self, 0, signer, holds)
        check_signed(self, 1, self.officer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Adds the officer."""
        state.erasures.officers.add((self.institution, self.officer))


@dataclass(frozen=True, slots=True)
class ErasureOfficerRemoval(SignedAct):
    """Ends what an officer may do."""

    FORM: ClassVar = ActForm(
        contract="Records",
        function="removeErasureOfficer",
        event="ErasureOfficerRemoved",
        signers=("institution",),
        members=_OFFICER,
        help="Takes an officer out, who may erase no more.",
    )

    institution: Address
    officer: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks institution, officer and signature."""
        signer = active_signer(state, self.institution, now)
        _check_officer(state, self.institution, self.officer)
        check_signed(self, 0, signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Takes the officer out."""
        state.erasures.officers.discard((self.institution, self.officer))


@dataclass(frozen=True, slots=True)
class Restriction(SignedAct):
    """Has a record stored and nothing else, or ends that."""

    FORM: ClassVar = ActForm(
        contract="Records",
        function="changeRestriction",
        event="RestrictionChanged",
        signers=_CUSTODIAN,
        members=(*_ABOUT, "bool restricted", "uint8 reasonCode", *_END),
        help="Restricts a current record to storage, or lifts that.",
        codes={"reason_code": RestrictionReason},
    )

    record_id: RecordId
    institution: Address
    subject_id: SubjectId
    restricted: bool
    reason_code: int
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks ground, record and signature."""
        if not 0 < self.reason_code <= max(RestrictionReason):
            raise refusal("ErasuresReasonUnknown", self.reason_code)
        signer = active_signer(state, self.institution, now)
        status = _record(state, self.record_id, self.subject_id, self.institution).status
        # A version that gave way is closed for good: lifting would bring it back.
        if status != (RecordStatus.CURRENT if self.restricted else RecordStatus.RESTRICTED):
            raise refusal("ErasuresStatusInvalid", self.record_id, status)
        check_signed(self, 0, signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Changes the status."""
        _set_status(state, self.record_id, RecordStatus.RESTRICTED if self.restricted else RecordStatus.CURRENT)


@dataclass(frozen=True, slots=True)
class ErasureRequest(SignedAct):
    """A patient asks for a record to be erased; what became of it stands beside it in the log."""

    FORM: ClassVar = ActForm(
        contract="Records",
        function="requestErasure",
        event="ErasureRequested",
        signers=_SUBJECT,
        members=(*_ABOUT, "bytes32 guardian", *_END),
        help="Asks the custodian to erase a record.",
    )

    record_id: RecordId
    institution: Address
    subject_id: SubjectId
    guardian: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks record and signature."""
        status = _record(state, self.record_id, self.subject_id, self.institution).status
        if status == RecordStatus.ERASED:
            raise refusal("ErasuresStatusInvalid", self.record_id, status)
        signer = signer_for(state, self.subject_id, self.guardian, GuardianScope.CORRECT, now)
        check_signed(self, 0, signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Notes the first request."""
        end = state.erasures.end_of(self.record_id)
        if not end.requested_at:
            state.erasures.ends[self.record_id] = replace(end, requested_at=event.place.block.time)


@dataclass(frozen=True, slots=True)
class CorrectionRequest(SignedAct):
    """A patient asks for a record to be corrected; the next version answers it."""

    FORM: ClassVar = ActForm(
        contract="Records",
        function="requestCorrection",
        event="CorrectionRequested",
        signers=_SUBJECT,
        members=(*_ABOUT, "bytes32 guardian", "bytes32 reasonHash", *_END),
        help="Asks the custodian to correct a record.",
    )

    record_id: RecordId
    institution: Address
    subject_id: SubjectId
    guardian: bytes
    reason_hash: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks record and signature."""
        if self.reason_hash == ZERO_32:
            raise refusal("ErasuresDigestMissing")
        status = _record(state, self.record_id, self.subject_id, self.institution).status
        if status in (RecordStatus.SUPERSEDED, RecordStatus.ERASED):
            raise refusal("ErasuresStatusInvalid", self.record_id, status)
        signer = signer_for(state, self.subject_id, self.guardian, GuardianScope.CORRECT, now)
        check_signed(self, 0, signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Changes nothing: the log holds it."""


@dataclass(frozen=True, slots=True)
class Erasure(SignedAct):
    """Erases a record: after it, its keys are destroyed and then its object."""

    FORM: ClassVar = ActForm(
        contract="Records",
        function="eraseRecord",
        event="RecordErased",
        signers=("first officer", "second officer"),
        members=(
            *(*_ABOUT, "uint8 reasonCode", "bytes32 keysDestroyed", "bytes firstOfficer", "bytes secondOfficer"),
            *_END,
        ),
        help="Erases a record for ever; two officers of its custodian sign.",
        codes={"reason_code": ErasureReason},
    )

    record_id: RecordId
    institution: Address
    subject_id: SubjectId
    reason_code: int
    keys_destroyed: bytes
    first_officer: bytes
    second_officer: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks ground, record, retention, officers and signatures."""
        self._check_erasable(state, now)
        if _is_same_key(self.first_officer, self.second_officer):
            raise refusal("ErasuresOfficersAlike", self.first_officer)
        _check_officer(state, self.institution, self.first_officer)
        _check_officer(state, self.institution, self.second_officer)
        check_signed(self, 0, self.first_officer, holds)
        check_signed(self, 1, self.second_officer, holds)

    def _check_erasable(self, state: LedgerState, now: int) -> None:
        if not 0 < self.reason_code <= max(ErasureReason):
            raise refusal("ErasuresReasonUnknown", self.reason_code)
        if self.keys_destroyed == ZERO_32:
            raise refusal("ErasuresDigestMissing")
        active_signer(state, self.institution, now)
        known = _record(state, self.record_id, self.subject_id, self.institution)
        if known.status == RecordStatus.ERASED:
            raise refusal("ErasuresStatusInvalid", self.record_id, known.status)
        on_request = self.reason_code == ErasureReason.SUBJECT_REQUEST
        if on_request and not state.erasures.end_of(self.record_id).requested_at:
            raise refusal("ErasuresRequestMissing", self.record_id)
        # Here nothing is left to keep: the record is of nobody, or a court decided.
        if self.reason_code in (ErasureReason.WRONG_PATIENT, ErasureReason.COURT_ORDER):
            return
        until = retention_end(known.leaf.data_month, known.leaf.retention)
        if now < until:
            raise refusal("ErasuresRetentionRunning", self.record_id, until)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Ends the record."""
        _set_status(state, self.record_id, RecordStatus.ERASED)
        end = state.erasures.end_of(self.record_id)
        state.erasures.ends[self.record_id] = replace(
            end, erased_at=event.place.block.time, reason_code=self.reason_code
        )


@dataclass(frozen=True, slots=True)
class DeletionAttestation(SignedAct):
    """The custodian says that the object of an erased record is gone."""

    FORM: ClassVar = ActForm(
        contract="Records",
        function="attestDeletion",
        event="DeletionAttested",
        signers=_CUSTODIAN,
        members=(*_ABOUT, "uint64 deletedAt", "uint8 objects", *_END),
        help="Attests that the object of an erased record was deleted.",
    )

    record_id: RecordId
    institution: Address
    subject_id: SubjectId
    deleted_at: int
    objects: int
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks record, time and signature."""
        signer = active_signer(state, self.institution, now)
        status = _record(state, self.record_id, self.subject_id, self.institution).status
        if status != RecordStatus.ERASED:
            raise refusal("ErasuresStatusInvalid", self.record_id, status)
        end = state.erasures.end_of(self.record_id)
        if end.attested_at:
            raise refusal("ErasuresAttested", self.record_id)
        if not end.erased_at <= self.deleted_at <= now + CLOCK_TOLERANCE or self.objects == 0:
            raise refusal("ErasuresDeletionInvalid", self.deleted_at, end.erased_at, self.objects)
        check_signed(self, 0, signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Notes that it was attested."""
        end = state.erasures.end_of(self.record_id)
        state.erasures.ends[self.record_id] = replace(end, attested_at=event.place.block.time)
