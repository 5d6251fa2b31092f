"""Debts of emergency accesses: `contracts/Emergencies.sol`. Each is owed a notice to the patient and a review."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Final

from eth_hash.auto import keccak

from consentry.core.codes import (
    CLOCK_TOLERANCE,
    DEBT_PERIOD,
    GuardianScope,
    NoticeBy,
    ReviewerRole,
    ReviewOutcome,
)
from consentry.core.events import DebtClosed, DebtOpened
from consentry.core.participants import is_active_over
from consentry.core.refusals import refusal
from consentry.core.signed_act import ActForm, Holds, SignedAct
from consentry.core.signers import check_signed, signer_for
from consentry.core.terms import ZERO_32, Address, SubjectId

if TYPE_CHECKING:
    from consentry.core.events import ActPerformed, LedgerEvent
    from consentry.core.state import LedgerState

_WORD: Final = 32


@dataclass(frozen=True, slots=True)
class Debt:
    """An emergency access that was permitted, and what became of it; ``opened_at`` is block time in seconds."""

    institution: Address
    opened_at: int
    subject_id: SubjectId
    practitioner: bytes
    noticed: bool = False
    referred: bool = False
    reviewed: bool = False

    @property
    def closed(self) -> bool:
        """Whether nothing is owed any more."""
        return self.noticed and self.reviewed

    def is_overdue(self, now: int) -> bool:
        """Tells whether what is owed should have been there by block time ``now``."""
        return not self.closed and now >= self.opened_at + DEBT_PERIOD


@dataclass(slots=True)
class DebtFacts:
    """Every debt there ever was."""

    known: dict[bytes, Debt] = field(default_factory=dict)

    def open(self, event: DebtOpened) -> None:
        """Adds the debt of an access."""
        time = event.place.block.time
        self.known[event.debt_id] = Debt(event.institution, time, event.subject_id, event.practitioner)

    def change(self, debt_id_: bytes, become: Callable[[Debt], Debt]) -> None:
        """Notes what became of a debt; of one that nobody opened there is nothing to note."""
        debt = self.known.get(debt_id_)
        if debt is not None:
            self.known[debt_id_] = become(debt)

    def open_of(self, institution: Address) -> dict[bytes, Debt]:
        """Gives the open debts of an institution."""
        return {key: debt for key, debt in self.known.items() if debt.institution == institution and not debt.closed}

    def overdue_of(self, institution: Address, now: int) -> set[bytes]:
        """Gives the debts of an institution that should have been closed by block time ``now``."""
        return {key for key, debt in self.open_of(institution).items() if debt.is_overdue(now)}


def debts_after(events: Sequence[DebtOpened | ActPerformed]) -> dict[bytes, Debt]:
    """Gives debts as the events that open them and the acts about them leave them, in chain order."""
    facts = DebtFacts()
    for event in events:
        if isinstance(event, DebtOpened):
            facts.open(event)
        elif isinstance(event.act, EmergencyNotice | EmergencyReview):
            event.act.note(facts)
    return facts.known


def debt_id(institution: Address, request_id: int) -> bytes:
    """Names the debt of an emergency access: a request counts once, so does its debt."""
    return keccak(institution.rjust(_WORD, b"\0") + request_id.to_bytes(_WORD, "big"))


def _debt_of(state: LedgerState, act: EmergencyNotice | EmergencyReview) -> Debt:
    debt = state.debts.known.get(act.debt_id)
    if debt is None:
        raise refusal("EmergenciesDebtUnknown", act.debt_id)
    if (debt.subject_id, debt.institution) != (act.subject_id, act.institution):
        raise refusal("EmergenciesPartiesMismatch", act.debt_id, act.subject_id, act.institution)
    return debt


def _closing(state: LedgerState, act: EmergencyNotice | EmergencyReview, event: ActPerformed) -> tuple[DebtClosed, ...]:
    debt = state.debts.known.get(act.debt_id)
    closed = debt is not None and debt.closed
    return (DebtClosed(event.place, act.debt_id, act.subject_id, act.institution),) if closed else ()


def signer_of_institution(state: LedgerState, institution: Address) -> bytes:
    """Gives the ERC-7913 signer of an institution, empty when it is unknown."""
    known = state.institutions.get(institution)
    return known.signer if known else b""


@dataclass(frozen=True, slots=True)
class EmergencyNotice(SignedAct):
    """Says that the patient knows of an emergency access."""

    FORM: ClassVar = ActForm(
        contract="Emergencies",
        function="notice",
        event="EmergencyNoticed",
        signers=("subject, guardian or custodian",),
        members=(
            "bytes32 debtId",
            "bytes32 subjectId",
            "address institution",
            "bytes32 guardian",
            "bytes32 noticeHash",
            "uint64 sentAt",
            "uint8 by",
            "uint64 signBefore",
        ),
        help="Says that the patient knows of an emergency access.",
        codes={"by": NoticeBy},
    )

    debt_id: bytes
    subject_id: SubjectId
    institution: Address
    guardian: bytes
    notice_hash: bytes
    sent_at: int
    by: int
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks debt, notice and signature."""
        debt = _debt_of(state, self)
        if debt.noticed:
            raise refusal("EmergenciesAlreadyNoticed", self.debt_id)
        named = self.by == NoticeBy.PATIENT or (self.by == NoticeBy.CUSTODIAN and self.guardian == ZERO_32)
        if not named or self.notice_hash == ZERO_32:
            raise refusal("EmergenciesNoticeInvalid", self.by, self.guardian, self.notice_hash)
        if not debt.opened_at <= self.sent_at <= now + CLOCK_TOLERANCE:
            raise refusal("EmergenciesNoticeTimeInvalid", self.sent_at, debt.opened_at, now)
        if self.by == NoticeBy.PATIENT:
            signer = signer_for(state, self.subject_id, self.guardian, GuardianScope.SEE, now)
        else:
            signer = signer_of_institution(state, state.custodian_of(self.subject_id))
        check_signed(self, 0, signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Notes that the patient knows."""
        self.note(state.debts)

    def note(self, debts: DebtFacts) -> None:
        """Notes it among debts."""
        debts.change(self.debt_id, lambda debt: replace(debt, noticed=True))

    def brings(self, state: LedgerState, event: ActPerformed) -> tuple[LedgerEvent, ...]:
        """Closes the debt if it is reviewed, too."""
        return _closing(state, self, event)


@dataclass(frozen=True, slots=True)
class EmergencyReview(SignedAct):
    """Gives the outcome of a second person's look at an emergency access."""

    FORM: ClassVar = ActForm(
        contract="Emergencies",
        function="review",
        event="EmergencyReviewed",
        signers=("institution that looked, or authority",),
        members=(
            "bytes32 debtId",
            "bytes32 subjectId",
            "address institution",
            "address authority",
            "bytes32 reviewer",
            "uint8 role",
            "uint8 outcome",
            "bytes32 reasonHash",
            "uint64 signBefore",
        ),
        help="Reviews an emergency access, or leaves the review to an authority.",
        codes={"role": ReviewerRole, "outcome": ReviewOutcome},
        optional=frozenset({"authority"}),
    )

    debt_id: bytes
    subject_id: SubjectId
    institution: Address
    authority: Address
    reviewer: bytes
    role: int
    outcome: int
    reason_hash: bytes
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks debt, review, who reviews, and signature."""
        debt = _debt_of(state, self)
        if debt.reviewed:
            raise refusal("EmergenciesAlreadyReviewed", self.debt_id)
        if not self._is_valid():
            raise refusal("EmergenciesReviewInvalid", self.role, self.outcome, self.reason_hash)
        if self.reviewer in (ZERO_32, debt.practitioner):
            raise refusal("EmergenciesReviewerInvalid", self.debt_id, self.reviewer)
        by_authority = self.role == ReviewerRole.AUTHORITY
        if debt.referred and not by_authority:
            raise refusal("EmergenciesReferred", self.debt_id)
        fits = is_active_over(state, self.authority, self.institution) if by_authority else not any(self.authority)
        if not fits:
            raise refusal("EmergenciesAuthorityInvalid", self.authority, self.institution)
        signer = self.authority if by_authority else signer_of_institution(state, self.institution)
        check_signed(self, 0, signer, holds)

    def _is_valid(self) -> bool:
        known = self.role in set(ReviewerRole) and self.outcome in set(ReviewOutcome)
        passed_on = self.role == ReviewerRole.AUTHORITY and self.outcome == ReviewOutcome.REFERRED
        return known and not passed_on and self.reason_hash != ZERO_32

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Notes the outcome, or that an authority has to give it."""
        self.note(state.debts)

    def note(self, debts: DebtFacts) -> None:
        """Notes it among debts."""
        if self.outcome == ReviewOutcome.REFERRED:
            debts.change(self.debt_id, lambda debt: replace(debt, referred=True))
        else:
            debts.change(self.debt_id, lambda debt: replace(debt, reviewed=True))

    def brings(self, state: LedgerState, event: ActPerformed) -> tuple[LedgerEvent, ...]:
        """Closes the debt if the patient knows, too."""
        return _closing(state, self, event)
