"""Mutual recognition of results: `contracts/Recognitions.sol`, and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from consentry.core.batch_tree import root_along
from consentry.core.codes import CLOCK_TOLERANCE, Category, MarkScope, RecordStatus, RefusalReason, Standing
from consentry.core.refusals import refusal
from consentry.core.signed_act import ActForm, Holds, SignedAct
from consentry.core.signers import check_signed
from consentry.core.terms import ZERO_32, Address, RecordId, RecordLeaf, SubjectId

if TYPE_CHECKING:
    from consentry.core.events import ActPerformed
    from consentry.core.state import LedgerState

_ABOUT: Final = ("bytes32 recordId", "address institution", "bytes32 subjectId")
_END: Final = ("uint256 nonce", "uint64 signBefore")
_PROVINCE: Final = 10_000
_CITY: Final = 100
_LOWEST_REGION: Final = 100_000
_HIGHEST_REGION: Final = 999_999


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark as it stands."""

    issuer: Address
    item_code: int
    scope: int
    region: int

    def covers(self, region: int) -> bool:
        """Tells whether the mark counts in a region."""
        if self.scope == MarkScope.NATIONAL:
            return True
        digits = _PROVINCE if self.scope == MarkScope.PROVINCIAL else _CITY
        return region // digits == self.region // digits


@dataclass(frozen=True, slots=True)
class Study:
    """A registered study as it stands."""

    study_hash: bytes
    instances_root: bytes
    instances: int


@dataclass(frozen=True, slots=True)
class Said:
    """What an institution holds of one result now."""

    accepted: bool
    reason_code: int


@dataclass(slots=True)
class RecognitionFacts:
    """Marks, studies, and what institutions said of results."""

    marks: dict[RecordId, Mark] = field(default_factory=dict)
    studies: dict[RecordId, Study] = field(default_factory=dict)
    said: dict[tuple[RecordId, Address], Said] = field(default_factory=dict)

    def counts_of(self, institution: Address, item_code: int) -> tuple[int, int]:
        """Gives how many results of an item an institution accepted, and how many not."""
        return _counts([s for (r, i), s in self.said.items() if i == institution and self._is_of(r, item_code)])

    def counts_of_issuer(self, issuer: Address, item_code: int) -> tuple[int, int]:
        """Gives how many of an issuer's results of an item were accepted, and how many not."""
        return _counts(
            [s for (r, _), s in self.said.items() if self.marks[r].issuer == issuer and self._is_of(r, item_code)]
        )

    def _is_of(self, record_id: RecordId, item_code: int) -> bool:
        return self.marks[record_id].item_code == item_code

    def is_instance(self, record_id: RecordId, digest: bytes, index: int, path: Sequence[bytes]) -> bool:
        """Tells whether an image is one of a registered study.

        Args:
            record_id: record of the study.
            digest: keyed digest of the image.
            index: its place in the study, from 0.
            path: siblings from the leaf up.
        """
        study = self.studies.get(record_id)
        return study is not None and root_along(digest, index, study.instances, path) == study.instances_root


def _counts(said: Sequence[Said]) -> tuple[int, int]:
    accepted = sum(one.accepted for one in said)
    return accepted, len(said) - accepted


def _active_signer(state: LedgerState, institution: Address, now: int) -> bytes:
    if state.institution_standing(institution, now) != Standing.ACTIVE:
        raise refusal("RecognitionsInstitutionInactive", institution)
    return state.institutions[institution].signer


def _check_current(state: LedgerState, record_id: RecordId, subject_id: SubjectId, custodian: Address) -> RecordLeaf:
    """A record is of the custodian of its subject: anchoring takes no other."""
    known = state.records.get(record_id)
    of_subject = known is not None and known.leaf.subject_id == subject_id
    if known is None or not of_subject or state.custodian_of(subject_id) != custodian:
        raise refusal("RecognitionsRecordMismatch", record_id, subject_id, custodian)
    if known.status != RecordStatus.CURRENT:
        raise refusal("RecognitionsRecordNotCurrent", record_id, known.status)
    return known.leaf


def _check_within(state: LedgerState, mark: Mark, institution: Address) -> None:
    region = state.institutions[institution].region
    if not mark.covers(region):
        raise refusal("RecognitionsRegionMismatch", institution, region, mark.region)


def _is_scope(scope: int, region: int) -> bool:
    if scope == MarkScope.NATIONAL:
        return region == 0
    digits = {int(MarkScope.PROVINCIAL): _PROVINCE, int(MarkScope.CITY): _CITY}.get(scope)
    return digits is not None and _LOWEST_REGION <= region <= _HIGHEST_REGION and region % digits == 0


@dataclass(frozen=True, slots=True)
class ResultMark(SignedAct):
    """A quality mark: within its scope, a result counts as if it had been made there."""

    FORM: ClassVar = ActForm(
        contract="Recognitions",
        function="markResult",
        event="ResultMarked",
        signers=("issuer",),
        members=(*_ABOUT, "uint32 itemCode", "uint8 scope", "uint32 region", "uint64 issuedAt", *_END),
        help="Marks a result as fit to be recognised in the country, a province or a city.",
        codes={"scope": MarkScope},
        optional=frozenset({"region"}),
    )

    record_id: RecordId
    institution: Address
    subject_id: SubjectId
    item_code: int
    scope: int
    region: int
    issued_at: int
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks item, scope, record, issuer and signature."""
        if self.item_code == 0:
            raise refusal("RecognitionsItemMissing")
        if not _is_scope(self.scope, self.region):
            raise refusal("RecognitionsScopeInvalid", self.scope, self.region)
        if not 0 < self.issued_at <= now + CLOCK_TOLERANCE:
            raise refusal("RecognitionsTimeInvalid", self.issued_at, now)
        signer = _active_signer(state, self.institution, now)
        leaf = _check_current(state, self.record_id, self.subject_id, self.institution)
        if leaf.category not in (Category.LABORATORY, Category.IMAGING):
            raise refusal("RecognitionsCategoryInvalid", self.record_id, leaf.category)
        if self.record_id in state.recognitions.marks:
            raise refusal("RecognitionsAlreadyMarked", self.record_id)
        _check_within(state, self._mark(), self.institution)
        check_signed(self, 0, signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Adds the mark."""
        state.recognitions.marks[self.record_id] = self._mark()

    def _mark(self) -> Mark:
        return Mark(self.institution, self.item_code, self.scope, self.region)


@dataclass(frozen=True, slots=True)
class Recognition(SignedAct):
    """What a receiving institution made of a marked result."""

    FORM: ClassVar = ActForm(
        contract="Recognitions",
        function="recordRecognition",
        event="RecognitionRecorded",
        signers=("receiving institution",),
        members=(*_ABOUT, "bytes32 practitioner", "bool accepted", "uint8 reasonCode", "bool explained", *_END),
        help="Says whether a marked result was accepted, and if not why.",
        codes={"reason_code": RefusalReason},
        optional=frozenset({"reason_code", "explained"}),
    )

    record_id: RecordId
    institution: Address
    subject_id: SubjectId
    practitioner: bytes
    accepted: bool
    reason_code: int
    explained: bool
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks answer, mark, receiver and signature."""
        if self.practitioner == ZERO_32:
            raise refusal("RecognitionsPractitionerMissing")
        if not self._is_whole():
            raise refusal("RecognitionsAnswerInvalid", self.accepted, self.reason_code, self.explained)
        signer = _active_signer(state, self.institution, now)
        mark = state.recognitions.marks.get(self.record_id)
        if mark is None:
            raise refusal("RecognitionsNotMarked", self.record_id)
        _check_current(state, self.record_id, self.subject_id, mark.issuer)
        if self.institution == mark.issuer:
            raise refusal("RecognitionsOwnResult", self.record_id, self.institution)
        _check_within(state, mark, self.institution)
        check_signed(self, 0, signer, holds)

    def _is_whole(self) -> bool:
        if self.accepted:
            return self.reason_code == 0
        return 0 < self.reason_code <= max(RefusalReason) and self.explained

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Takes the place of what the same institution said before."""
        state.recognitions.said[self.record_id, self.institution] = Said(self.accepted, self.reason_code)


@dataclass(frozen=True, slots=True)
class StudyRegistration(SignedAct):
    """An imaging study, so that images received elsewhere can be told to be those of the study."""

    FORM: ClassVar = ActForm(
        contract="Recognitions",
        function="registerStudy",
        event="StudyRegistered",
        signers=("custodian",),
        members=(*_ABOUT, "bytes32 studyHash", "bytes32 instancesRoot", "uint32 instances", *_END),
        help="Registers an imaging study by keyed digests of its images.",
    )

    record_id: RecordId
    institution: Address
    subject_id: SubjectId
    study_hash: bytes
    instances_root: bytes
    instances: int
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks study, record and signature."""
        if ZERO_32 in (self.study_hash, self.instances_root) or self.instances == 0:
            raise refusal("RecognitionsStudyInvalid")
        signer = _active_signer(state, self.institution, now)
        leaf = _check_current(state, self.record_id, self.subject_id, self.institution)
        if leaf.category != Category.IMAGING:
            raise refusal("RecognitionsCategoryInvalid", self.record_id, leaf.category)
        if self.record_id in state.recognitions.studies:
            raise refusal("RecognitionsStudyKnown", self.record_id)
        check_signed(self, 0, signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Adds the study."""
        state.recognitions.studies[self.record_id] = Study(self.study_hash, self.instances_root, self.instances)
