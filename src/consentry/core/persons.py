"""Receipts of links between the subjects of one person: `contracts/Persons.sol`, and what they leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

from consentry.core.codes import Standing
from consentry.core.participants import COUNTRY
from consentry.core.refusals import refusal
from consentry.core.signed_act import ActForm, Holds, SignedAct
from consentry.core.signers import check_signed
from consentry.core.terms import ZERO_32, Address

if TYPE_CHECKING:
    from consentry.core.events import ActPerformed
    from consentry.core.state import LedgerState


class LinkStatus(IntEnum):
    """Life of a link."""

    NONE = 0
    STANDING = 1
    UNDONE = 2


@dataclass(slots=True)
class LinkFacts:
    """Status and authority of every link by its hash, and the commitments receipted so far."""

    links: dict[bytes, tuple[LinkStatus, Address]] = field(default_factory=dict)
    commitments: set[bytes] = field(default_factory=set)

    def status_of(self, link: bytes) -> LinkStatus:
        """Gives the status of a link."""
        return self.links[link][0] if link in self.links else LinkStatus.NONE


def _check_receipt(state: LedgerState, act: SubjectLink | SubjectUnlink) -> None:
    known = state.authorities.get(act.authority)
    if known is None or known.standing != Standing.ACTIVE:
        raise refusal("PersonsAuthorityInactive", act.authority)
    if act.commitment == ZERO_32:
        raise refusal("PersonsCommitmentMissing")
    if act.commitment in state.links.commitments:
        raise refusal("PersonsCommitmentUsed", act.commitment)


@dataclass(frozen=True, slots=True)
class SubjectLink(SignedAct):
    """Says that several subjects are one person, by a commitment."""

    FORM: ClassVar = ActForm(
        contract="Persons",
        function="link",
        event="SubjectsLinked",
        signers=("authority",),
        members=("address authority", "bytes32 commitment", "uint64 signBefore"),
        help="Receipts that several subjects are one person; who they are stays off chain.",
    )

    authority: Address
    commitment: bytes
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks authority, commitment and signature."""
        _check_receipt(state, self)
        check_signed(self, 0, self.authority, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Adds the link."""
        state.links.commitments.add(self.commitment)
        state.links.links[event.act_hash] = (LinkStatus.STANDING, self.authority)


@dataclass(frozen=True, slots=True)
class SubjectUnlink(SignedAct):
    """Undoes a link."""

    FORM: ClassVar = ActForm(
        contract="Persons",
        function="unlink",
        event="SubjectsUnlinked",
        signers=("authority",),
        members=("address authority", "bytes32 link", "bytes32 commitment", "uint64 signBefore"),
        help="Receipts that a link was undone; what was decided meanwhile stands.",
    )

    authority: Address
    link: bytes
    commitment: bytes
    sign_before: int

    def check(self, state: LedgerState, holds: Holds, now: int) -> None:
        """Checks authority, commitment, link and signature."""
        _check_receipt(state, self)
        status, made_by = state.links.links.get(self.link, (LinkStatus.NONE, self.authority))
        if status != LinkStatus.STANDING:
            raise refusal("PersonsLinkNotStanding", self.link, status)
        if made_by != self.authority and state.authorities[self.authority].region != COUNTRY:
            raise refusal("PersonsLinkOfAnother", self.authority, made_by)
        check_signed(self, 0, self.authority, holds)

    def leave(self, state: LedgerState, event: ActPerformed) -> None:
        """Marks the link as undone."""
        state.links.commitments.add(self.commitment)
        known = state.links.links.get(self.link)
        if known:
            state.links.links[self.link] = (LinkStatus.UNDONE, known[1])
