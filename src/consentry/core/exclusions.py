"""Named denies: `contracts/modules/Exclusions.sol`, and what they leave behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from consentry.core.codes import Category, ExclusionKind, GuardianScope
from consentry.core.refusals import refusal
from consentry.core.signed_act import ActForm, Holds, SignedAct
from consentry.core.signers import check_signed, is_kept_from, signer_for
from consentry.core.terms import ZERO_32, Address, SubjectId

if TYPE_CHECKING:
    from consentry.core.events import ActPerformed
    from consentry.core.state import LedgerState

MOST_GROUPS: Final = 8
"""Groups a subject may exclude: each is asked about in a decision."""
_ADDRESS_BITS: Final = 160
_MEMBERS: Final = (
    "bytes32 subjectId",
    "bytes32 guardian",
    "uint8 kind",
    "bytes32 target",
    "uint256 nonce",
    "uint64 signBefore",
)


@dataclass(slots=True)
class ExclusionFacts:
    """Targets that are excluded, of every subject."""

    standing: dict[SubjectId, dict[tuple[int, bytes], bytes]] = field(default_factory=dict)

    def of(self, subject_id: SubjectId) -> Mapping[tuple[int, bytes], bytes]:
        """Gives kind and target of every exclusion of a subject, with the guardian who made it; zero for itself."""
        return self.standing.get(subject_id, {})

    def groups_of(self, subject_id: SubjectId) -> set[bytes]:
        """Gives the groups a subject excludes."""
        return {target for kind, target in self.of(subject_id) if kind == ExclusionKind.GROUP}


def target_of_institution(institution: Address) -> bytes:
    """Gives the target that names an institution: its address, left-padded to 32 bytes."""
    return institution.rjust(len(ZERO_32), b"\0")


def target_of_category(category: int) -> bytes:
    """Gives the target that names a class of documents: its number."""
    return category.to_bytes(len(ZERO_32), "big")


def is_excluded(
    state: LedgerState, subject_id: SubjectId, institution: Address, practitioner: bytes, category: int
) -> bool:
    """Tells whether an exclusion names who asks, a group of theirs, or the class of the record."""
    standing = state.exclusions.of(subject_id)
    named = {
        (ExclusionKind.INSTITUTION, target_of_institution(institution)),
        (ExclusionKind.PRACTITIONER, practitioner),
        (ExclusionKind.CATEGORY, target_of_category(category)),
    }
    groups = state.exclusions.groups_of(subject_id)
    return bool(standing.keys() & named) or any((group, institution) in state.members for group in groups)


def _is_target(kind: int, target: bytes) -> bool:
    number = int.from_bytes(target, "big")
    if kind == ExclusionKind.INSTITUTION:
        return 0 < number < 1 << _ADDRESS_BITS
    if kind == ExclusionKind.CATEGORY:
        return 0 < number <= max(Category)
    return kind in (ExclusionKind.GROUP, ExclusionKind.PRACTITIONER) and number > 0


def _check_target(state: LedgerState, act: Exclusion | ExclusionLift) -> None:
    if act.subject_id not in state.subjects:
        raise refusal("ExclusionsSubjectUnknown", act.subject_id)
    if not _is_target(act.kind, act.target):
        raise refusal("ExclusionsTargetInvalid", act.kind, act.target)


def _check_unshielded(state: LedgerState, act: Exclusion | ExclusionLift, now: int) -> None:
    """Refuses guardians of a shielded minor: they exclude nobody, which would undo what it granted."""
    if is_kept_from(state, act.guardian, act.subject_id, now):
        raise refusal("ExclusionsShielded", act.subject_id, act.guardian)


@dataclass(frozen=True, slots=True)
class Exclusion(SignedAct):
    """Excludes an institution, a group, a practitioner or a class of documents."""

    FORM: ClassVar = ActForm(
        contract="Consents",
        function="exclude",
        event="ExclusionMade",
        signers=("subject or guardian",),
        members=_MEMBERS,
        help="Excludes an institution, a group, a practitioner or a category; beats every grant.",
        codes={"kind": ExclusionKind},
    )

    subject_id: SubjectId
    guardian: bytes
    kind: int
    target: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks target and signature."""
        _check_target(state, self)
        made = state.exclusions.of(self.subject_id).get((self.kind, self.target))
        taken_over = made is not None and made != ZERO_32 and self.guardian == ZERO_32
        if made is not None and not taken_over:
            raise refusal("ExclusionsAlreadyMade", self.kind, self.target)
        if (
            not taken_over
            and self.kind == ExclusionKind.GROUP
            and len(state.exclusions.groups_of(self.subject_id)) == MOST_GROUPS
        ):
            raise refusal("ExclusionsFull", self.kind, MOST_GROUPS)
        _check_unshielded(state, self, now)
        signer = signer_for(state, self.subject_id, self.guardian, GuardianScope.GRANT, now)
        check_signed(self, 0, signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Adds the target."""
        state.exclusions.standing.setdefault(self.subject_id, {})[self.kind, self.target] = self.guardian


@dataclass(frozen=True, slots=True)
class ExclusionLift(SignedAct):
    """Takes an exclusion back."""

    FORM: ClassVar = ActForm(
        contract="Consents",
        function="liftExclusion",
        event="ExclusionLifted",
        signers=("subject or guardian",),
        members=_MEMBERS,
        help="Takes an exclusion back.",
        codes={"kind": ExclusionKind},
    )

    subject_id: SubjectId
    guardian: bytes
    kind: int
    target: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks target and signature."""
        _check_target(state, self)
        if (self.kind, self.target) not in state.exclusions.of(self.subject_id):
            raise refusal("ExclusionsNotMade", self.kind, self.target)
        if state.exclusions.of(self.subject_id)[self.kind, self.target] == ZERO_32:
            # What a shielded minor excluded itself is not its guardians' to lift.
            _check_unshielded(state, self, now)
        signer = signer_for(state, self.subject_id, self.guardian, GuardianScope.GRANT, now)
        check_signed(self, 0, signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Takes the target out."""
        state.exclusions.standing.get(self.subject_id, {}).pop((self.kind, self.target), None)
