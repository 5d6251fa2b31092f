"""Consents that staff prepared: `contracts/modules/AssistedGrants.sol`, and what they leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final

from consentry.core.calendar import quarter_of
from consentry.core.codes import DAY, Action, Assurance, ConsentStatus, Purpose, Standing, bits
from consentry.core.refusals import refusal
from consentry.core.signed_act import ActForm, Holds, SignedAct
from consentry.core.signers import check_signed
from consentry.core.terms import ZERO_32, Address, ConsentId, ConsentTerms, SubjectId
from consentry.core.typed_data import consent_id

if TYPE_CHECKING:
    from consentry.core.events import ActPerformed
    from consentry.core.state import LedgerState

TIME_TO_GRANT: Final = 24 * 3600
"""Seconds for which what was prepared can be granted."""
TIME_TO_UNDO: Final = 72 * 3600
"""Seconds for which a revocation counts as undoing."""
LONGEST: Final = 90 * DAY
HIGHEST_LEVEL: Final = 3
ACTIONS: Final = bits(Action.VIEW)
PURPOSES: Final = bits(Purpose.TREAT, Purpose.COC, Purpose.CAREMGT, Purpose.HPAYMT, Purpose.HOPERAT)
"""Caps of an assisted consent."""

Key = tuple[ConsentId, SubjectId]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Who prepared a consent, until when it could be granted, and whether it was."""

    institution: Address
    lapses_at: int
    granted: bool = False


@dataclass(frozen=True, slots=True)
class AssistedCounts:
    """Grants that staff of an institution prepared: all, those of one quarter, and those that were undone."""

    granted: int
    in_quarter: int
    undone: int


@dataclass(slots=True)
class AssistanceFacts:
    """What was prepared, and how often it was granted and undone, by institution."""

    prepared: dict[Key, Prepared] = field(default_factory=dict)
    granted: dict[Address, int] = field(default_factory=dict)
    undone: dict[Address, int] = field(default_factory=dict)
    in_quarter: dict[tuple[Address, int], int] = field(default_factory=dict)

    def counts_of(self, institution: Address, quarter: int) -> AssistedCounts:
        """Gives the counts of an institution; quarters are counted from the first of 1970."""
        return AssistedCounts(
            self.granted.get(institution, 0),
            self.in_quarter.get((institution, quarter), 0),
            self.undone.get(institution, 0),
        )

    def count_granted(self, terms: ConsentTerms, now: int) -> None:
        """Counts a grant at a time in seconds if it is an assisted one."""
        known = self.prepared.get((consent_id(terms), terms.subject_id))
        if terms.assurance != Assurance.STAFF_ASSISTED or known is None:
            return
        self.prepared[consent_id(terms), terms.subject_id] = replace(known, granted=True)
        quarter = known.institution, quarter_of(now)
        self.granted[known.institution] = self.granted.get(known.institution, 0) + 1
        self.in_quarter[quarter] = self.in_quarter.get(quarter, 0) + 1

    def count_undone(self, consent: ConsentId, subject_id: SubjectId, granted_at: int, now: int) -> None:
        """Counts a revocation at a time in seconds if it undoes an assisted grant."""
        known = self.prepared.get((consent, subject_id))
        if known is not None and known.granted and now < granted_at + TIME_TO_UNDO:
            self.undone[known.institution] = self.undone.get(known.institution, 0) + 1


def check_assistable(state: LedgerState, terms: ConsentTerms, now: int) -> None:
    """Checks what an assisted consent needs beside what every consent does, at block time ``now``, in seconds.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    if terms.assurance != Assurance.STAFF_ASSISTED:
        return
    check_caps(terms, now)
    known = state.assistance.prepared.get((consent_id(terms), terms.subject_id))
    if known is None or now >= known.lapses_at:
        raise refusal("AssistedGrantsNotPrepared", consent_id(terms))


def check_caps(terms: ConsentTerms, now: int) -> None:
    """Checks that terms lie within what an assisted consent may reach, at block time ``now``, in seconds.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    if terms.valid_until > now + LONGEST:
        raise refusal("AssistedGrantsPeriodExceeded", terms.valid_until, now + LONGEST)
    if terms.max_sensitivity > HIGHEST_LEVEL:
        raise refusal("AssistedGrantsSensitivityExceeded", terms.max_sensitivity, HIGHEST_LEVEL)
    if terms.actions & ~ACTIONS:
        raise refusal("AssistedGrantsActionsExceeded", terms.actions, ACTIONS)
    if terms.purposes & ~PURPOSES:
        raise refusal("AssistedGrantsPurposesExceeded", terms.purposes, PURPOSES)


@dataclass(frozen=True, slots=True)
class Assistance(SignedAct):
    """Says that staff prepared a consent."""

    FORM: ClassVar = ActForm(
        contract="Consents",
        function="assist",
        event="ConsentPrepared",
        signers=("institution",),
        members=(
            "bytes32 consentId",
            "bytes32 subjectId",
            "address institution",
            "bytes32 practitioner",
            "bytes32 evidenceHash",
            "uint256 nonce",
            "uint64 signBefore",
        ),
        help="Says that staff prepared a consent with a patient, who has a day to grant it; it grants nothing.",
    )

    consent_id: ConsentId
    subject_id: SubjectId
    institution: Address
    practitioner: bytes
    evidence_hash: bytes
    nonce: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks who helped whom, and that there is something to prepare."""
        known = state.institutions.get(self.institution)
        if known is None or known.standing_at(now) != Standing.ACTIVE:
            raise refusal("AssistedGrantsInstitutionInactive", self.institution)
        if self.subject_id not in state.subjects:
            raise refusal("AssistedGrantsSubjectUnknown", self.subject_id)
        if ZERO_32 in (self.practitioner, self.evidence_hash):
            raise refusal("AssistedGrantsEvidenceMissing", self.practitioner, self.evidence_hash)
        status = state.consent(self.consent_id).status
        if status != ConsentStatus.NONE:
            raise refusal("AssistedGrantsTooLate", self.consent_id, status)
        prepared = state.assistance.prepared.get((self.consent_id, self.subject_id))
        if prepared is not None and now < prepared.lapses_at:
            raise refusal("AssistedGrantsAlreadyPrepared", self.consent_id, prepared.lapses_at)
        check_signed(self, 0, known.signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Lets the subject grant for a day."""
        lapses_at = event.place.block.time + TIME_TO_GRANT
        state.assistance.prepared[self.consent_id, self.subject_id] = Prepared(self.institution, lapses_at)
