"""Asking for a consent, and saying no: `contracts/modules/Asks.sol`, and what they leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from consentry.core.codes import DAY, Action, AskStatus, Assurance, Category, GuardianScope, Purpose, Standing
from consentry.core.consent import check_terms
from consentry.core.refusals import refusal
from consentry.core.signed_act import ActForm, Holds, SignedAct
from consentry.core.signers import check_signed, is_kept_from, signer_for
from consentry.core.terms import ZERO_32, Address, ConsentTerms, SubjectId
from consentry.core.typed_data import struct_hash

if TYPE_CHECKING:
    from consentry.core.events import ActPerformed
    from consentry.core.state import LedgerState

COOL_DOWN: Final = 30 * DAY
"""Seconds for which a denial keeps the same ask away; what a deployment with another time answers is not told here."""
SHORTEST_OPEN: Final = DAY
"""Seconds for which an ask stays open at least: whoever is asked has that long to deny."""
LONGEST_OPEN: Final = 90 * DAY
"""Seconds for which an ask can stay open."""
_LATEST: Final = 2**64 - 1
_PURPOSE_BITS: Final = 2**32 - 1

Matter = tuple[Address, SubjectId, int]
"""Who asks, whom, and for which purpose."""


@dataclass(slots=True)
class AskFacts:
    """Asks by their ids, the last one of each matter, and until when nobody may ask again."""

    asked: dict[bytes, ConsentAsk] = field(default_factory=dict)
    statuses: dict[bytes, AskStatus] = field(default_factory=dict)
    last: dict[Matter, bytes] = field(default_factory=dict)
    cool_down_ends: dict[Matter, int] = field(default_factory=dict)

    def status_of(self, ask_id: bytes, now: int) -> AskStatus:
        """Gives what an ask is at a time in seconds."""
        status = self.statuses.get(ask_id, AskStatus.NONE)
        lapsed = status == AskStatus.OPEN and now >= self.asked[ask_id].lapses_at
        return AskStatus.LAPSED if lapsed else status

    def close(self, terms: ConsentTerms) -> None:
        """Marks the ask that granted terms answer, if they answer one."""
        ask_id = ask_answered_by(terms)
        if ask_id in self.asked:
            self.statuses[ask_id] = AskStatus.ANSWERED


def ask_answered_by(terms: ConsentTerms) -> bytes:
    """Gives the id of the ask that terms would answer: their nonce. Of other terms it is that of no ask."""
    return terms.nonce.to_bytes(len(ZERO_32), "big")


def check_open(state: LedgerState, ask_id: bytes, now: int) -> None:
    """Checks that an ask is open at a time in seconds.

    Raises:
        LedgerRejectedError: it is not.
    """
    status = state.asks.status_of(ask_id, now)
    if status != AskStatus.OPEN:
        raise refusal("AsksNotOpen", ask_id, status)


def check_answer(state: LedgerState, terms: ConsentTerms, now: int) -> None:
    """Checks that terms whose nonce is the id of an ask lie within it, and that it is open at block time ``now``.

    Raises:
        LedgerRejectedError: the first Solidity error that applies.
    """
    ask_id = ask_answered_by(terms)
    ask = state.asks.asked.get(ask_id)
    if ask is None:
        return
    check_open(state, ask_id, now)
    if ask.subject_id != terms.subject_id:
        raise refusal("AsksSubjectMismatch", ask_id, terms.subject_id)
    if is_kept_from(state, terms.guardian, terms.subject_id, now):
        # What a shielded minor was asked is its own to answer, too.
        raise refusal("AsksShielded", ask_id, terms.guardian)
    if not is_within(terms, ask):
        raise refusal("AsksAnswerWider", ask_id)


def is_within(terms: ConsentTerms, ask: ConsentAsk) -> bool:
    """Tells whether terms are for what was asked and wider in nothing."""
    t, a = terms, ask
    same = (t.institution, t.purposes, t.records_root) == (a.institution, 1 << a.purpose, a.records_root)
    person = a.practitioner in (ZERO_32, t.practitioner)
    sets = t.categories & ~a.categories == 0 and t.actions & ~a.actions == 0
    content = t.max_sensitivity <= a.max_sensitivity and a.data_from <= t.data_from and t.data_until <= a.data_until
    return same and person and sets and content and t.valid_until <= a.valid_until and t.max_uses <= a.max_uses


def widest_answer(ask: ConsentAsk) -> ConsentTerms:
    """Gives the widest terms that answer an ask; whether they can be granted tells whether it can be asked."""
    return ConsentTerms(
        subject_id=ask.subject_id,
        guardian=ZERO_32,
        institution=ask.institution,
        group=ZERO_32,
        practitioner=ask.practitioner,
        records_root=ask.records_root,
        categories=ask.categories,
        purposes=1 << ask.purpose & _PURPOSE_BITS,
        actions=ask.actions,
        max_sensitivity=ask.max_sensitivity,
        data_from=ask.data_from,
        data_until=ask.data_until,
        valid_from=0,
        valid_until=ask.valid_until,
        max_uses=ask.max_uses,
        onward_disclosure=False,
        erase_by=_LATEST if ask.actions >> Action.STORE & 1 else 0,
        notice_hash=ask.notice_hash,
        notice_version=ask.notice_version,
        assurance=Assurance.DEVICE_KEY,
        nonce=int.from_bytes(struct_hash(ask), "big"),
    )


@dataclass(frozen=True, slots=True)
class ConsentAsk(SignedAct):
    """Asks a subject for a consent, for one purpose."""

    FORM: ClassVar = ActForm(
        contract="Consents",
        function="ask",
        event="ConsentAsked",
        signers=("institution",),
        members=(
            "address institution",
            "bytes32 subjectId",
            "bytes32 practitioner",
            "uint8 purpose",
            "uint32 categories",
            "bytes32 recordsRoot",
            "uint8 actions",
            "uint8 maxSensitivity",
            "uint16 dataFrom",
            "uint16 dataUntil",
            "uint64 validUntil",
            "uint32 maxUses",
            "bytes32 noticeHash",
            "uint32 noticeVersion",
            "uint64 lapsesAt",
            "uint256 nonce",
            "uint64 signBefore",
        ),
        help="Asks a subject for a consent for one purpose; it may grant less, deny, or let the ask lapse.",
        codes={"purpose": Purpose},
        sets={"categories": Category, "actions": Action},
        optional=frozenset({"practitioner", "categories", "records_root"}),
    )

    institution: Address
    subject_id: SubjectId
    practitioner: bytes
    purpose: int
    categories: int
    records_root: bytes
    actions: int
    max_sensitivity: int
    data_from: int
    data_until: int
    valid_until: int
    max_uses: int
    notice_hash: bytes
    notice_version: int
    lapses_at: int
    nonce: int
    sign_before: int

    @property
    def matter(self) -> Matter:
        """Who asks, whom, and for which purpose."""
        return self.institution, self.subject_id, self.purpose

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks who asks, what for, and whether the subject may be asked now."""
        known = state.institutions.get(self.institution)
        if known is None or known.standing_at(now) != Standing.ACTIVE:
            raise refusal("AsksInstitutionInactive", self.institution)
        if self.subject_id not in state.subjects:
            raise refusal("AsksSubjectUnknown", self.subject_id)
        check_terms(widest_answer(self), Standing.ACTIVE, now)
        self._check_quiet(state, now)
        check_signed(self, 0, known.signer, holds)

    def _check_quiet(self, state: LedgerState, now: int) -> None:
        earliest, latest = now + SHORTEST_OPEN, now + LONGEST_OPEN
        if not earliest <= self.lapses_at <= latest:
            raise refusal("AsksLapseInvalid", self.lapses_at, earliest, latest)
        last = state.asks.last.get(self.matter, ZERO_32)
        if state.asks.status_of(last, now) == AskStatus.OPEN:
            raise refusal("AsksStillOpen", last)
        ends = state.asks.cool_down_ends.get(self.matter, 0)
        if now < ends:
            raise refusal("AsksCoolingDown", *self.matter, ends)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Opens the ask."""
        state.asks.asked[event.act_hash] = self
        state.asks.statuses[event.act_hash] = AskStatus.OPEN
        state.asks.last[self.matter] = event.act_hash


@dataclass(frozen=True, slots=True)
class AskDenial(SignedAct):
    """Denies what was asked."""

    FORM: ClassVar = ActForm(
        contract="Consents",
        function="denyAsk",
        event="ConsentDenied",
        signers=("subject or guardian",),
        members=("bytes32 askId", "bytes32 subjectId", "bytes32 guardian", "uint64 signBefore"),
        help="Denies what was asked; the same cannot be asked again until the cool-down is over.",
    )

    ask_id: bytes
    subject_id: SubjectId
    guardian: bytes
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks that the ask is open and was to this subject."""
        check_open(state, self.ask_id, now)
        if state.asks.asked[self.ask_id].subject_id != self.subject_id:
            raise refusal("AsksSubjectMismatch", self.ask_id, self.subject_id)
        # What a shielded minor was asked is its own to deny.
        kept = is_kept_from(state, self.guardian, self.subject_id, now)
        signer = b"" if kept else signer_for(state, self.subject_id, self.guardian, GuardianScope.GRANT, now)
        check_signed(self, 0, signer, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Closes the ask and begins the cool-down; of an ask nobody made there is nothing to cool down from."""
        ask = state.asks.asked.get(self.ask_id)
        state.asks.statuses[self.ask_id] = AskStatus.DENIED
        if ask is not None:
            state.asks.cool_down_ends[ask.matter] = event.place.block.time + COOL_DOWN
