"""One person, several subjects: codes entered and resolved, links prepared, performed and looked back at.

The gateway signs none of it. A link is an authority's act; what it is about stays in the directories concerned, and is
kept there before the act goes on chain, so that no receipt is left without what opens it. How a link stands is always
asked of the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consentry.core.chain import EventPlace
from consentry.core.codes import DAY, UNLIMITED_USES
from consentry.core.events import ActPerformed
from consentry.core.identifiers import IdentifierKind, normalised
from consentry.core.persons import SubjectLink, SubjectUnlink
from consentry.core.terms import Address, SubjectId
from consentry.core.typed_data import struct_hash
from consentry.crypto.commitment import new_blinding
from consentry.crypto.person_links import commit_link, commit_unlink, verify_link
from consentry.errors import ConflictError, InvalidInputError, NotFoundError, VerificationError
from consentry.gateway import acts
from consentry.gateway.consents import is_in_force, is_kept_out
from consentry.gateway.person_ports import LinkOpening, Period, Persons, UnlinkOpening
from consentry.gateway.ports import Ledger, Projection

MOST_SUBJECTS: Final = 16
"""Subjects of one link; a person with more is linked in several."""
MOST_REASON: Final = 500
SIGN_SECONDS: Final = DAY
"""How long an authority has to sign what was prepared."""
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Resolved:
    """A subject of the person a code stands for; ``linked`` if a link led to it, and not the code itself."""

    subject_id: SubjectId
    custodian: Address
    linked: bool


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link as receipted, and how it was undone if it was; the reason is known where the unlink was prepared."""

    opening: LinkOpening
    event: ActPerformed
    undone: ActPerformed | None
    undoing: UnlinkOpening | None


def _opens(opening: LinkOpening) -> bool:
    """Tells whether the authority signed for just these subjects: rows are not believed, nor is what was erased."""
    try:
        verify_link(opening.act.commitment, opening.blinding, opening.subjects)
    except (VerificationError, InvalidInputError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class PersonDesk:
    """What a custodian does about persons.

    Attributes:
        ledger: the chain.
        projection: what is known of it.
        persons: the directory.
        custodian: whose directory it is.
    """

    ledger: Ledger
    projection: Projection
    persons: Persons
    custodian: Address

    async def identify(
        self, kind: IdentifierKind, code: str, subject_id: SubjectId, now: int, *, resumed: bool = False
    ) -> Period:
        """Has a code stand for a subject of this custodian from ``now`` on, in seconds since the epoch.

        Raises:
            InvalidInputError: the code has not the form of its kind.
            NotFoundError: the subject is not one of this custodian's.
            ConflictError: the code stands for the subject already.
        """
        form = normalised(kind, code)
        await self._check_own(subject_id)
        known = await self.persons.period(kind, form, subject_id)
        if known is not None and known.until is None:
            if resumed:
                return known
            raise ConflictError("code stands for this subject already")
        await self.persons.add(kind, form, subject_id, now)
        return Period(now, None)

    async def end(
        self, kind: IdentifierKind, code: str, subject_id: SubjectId, now: int, *, resumed: bool = False
    ) -> Period:
        """Ends an entry at ``now``; that it was there stays on record.

        Raises:
            InvalidInputError: the code has not the form of its kind.
            NotFoundError: the code does not stand for the subject.
        """
        form = normalised(kind, code)
        known = await self.persons.period(kind, form, subject_id)
        if known is None or (known.until is not None and not resumed):
            raise NotFoundError("code does not stand for this subject")
        if known.until is None:
            await self.persons.end(kind, form, subject_id, now)
        return Period(known.since, now if known.until is None else known.until)

    async def _check_own(self, subject_id: SubjectId) -> None:
        subject = await self.projection.subject(subject_id)
        if subject is None or subject.custodian != self.custodian:
            raise NotFoundError("subject is not known")

    async def resolve(self, kind: IdentifierKind, code: str, asking: Address, clock: int) -> list[Resolved]:
        """Gives the subjects of the person a code stands for: all to the custodian, to others those they may know of.

        Args:
            kind: of the code.
            code: as it was presented.
            asking: the institution.
            clock: the gateway's time in seconds since the epoch.

        Raises:
            InvalidInputError: the code has not the form of its kind.
            NotFoundError: nobody, or nobody this institution may know of; the two cannot be told apart.
        """
        head = await self.ledger.head()
        await self.projection.wait_for(head.number)
        named = await self.persons.subjects_of(kind, normalised(kind, code))
        now, found = max(head.time, clock), list[Resolved]()
        for subject_id in await self._joined(named):
            subject = await self.projection.subject(subject_id)
            if subject is not None and (asking == self.custodian or await self._is_open_to(subject_id, asking, now)):
                found.append(Resolved(subject_id, subject.custodian, subject_id not in named))
        if not found:
            raise NotFoundError("person is not known")
        return found

    async def _joined(self, named: Sequence[SubjectId]) -> list[SubjectId]:
        """Gives subjects and all that standing links lead to from them."""
        found = list(named)
        for subject_id in found:  # grows while it is gone through
            for opening in await self.persons.links_of(subject_id):
                others = [other for other in opening.subjects if other not in found]
                if others and _opens(opening) and await self._stands(struct_hash(opening.act)):
                    found += others
        return found

    async def _stands(self, link: bytes) -> bool:
        return await self.projection.act(link) is not None and await self.projection.unlink_of(link) is None

    async def _is_open_to(self, subject_id: SubjectId, asking: Address, now: int) -> bool:
        """Tells whether a consent in force names an institution that the subject did not exclude."""
        if await is_kept_out(self.ledger, subject_id, asking):
            return False
        noted = await self.ledger.subject_facts(subject_id)
        after: tuple[int, int] | None = None
        while page := await self.projection.consents_of(subject_id, after, _PAGE):
            for view in page:
                left = view.terms.max_uses == UNLIMITED_USES or view.uses < view.terms.max_uses
                if view.terms.institution == asking and left and is_in_force(view, noted, now):
                    return True
            after = page[-1].place.block.number, page[-1].place.log_index
        return False

    async def prepare_link(self, subjects: Sequence[SubjectId], authority: Address, now: int) -> LinkOpening:
        """Makes a link for an authority to sign, and keeps what opens it.

        Raises:
            InvalidInputError: too few subjects, too many, or one twice.
            NotFoundError: a subject or the authority is not known, or none of the subjects is this custodian's.
        """
        if len(subjects) > MOST_SUBJECTS:
            raise InvalidInputError(f"subjects do not match (got {len(subjects)}, expected {MOST_SUBJECTS} at most)")
        blinding, ordered = new_blinding(), tuple(sorted(subjects))
        act = SubjectLink(authority, commit_link(blinding, ordered), now + SIGN_SECONDS)
        await self._check_concerned(ordered)
        await self._check_authority(authority)
        opening = LinkOpening(act, ordered, blinding)
        await self.persons.keep_link(opening)
        return opening

    async def _check_concerned(self, subjects: Sequence[SubjectId]) -> None:
        known = [await self.projection.subject(subject_id) for subject_id in subjects]
        custodians = [subject.custodian for subject in known if subject is not None]
        if len(custodians) < len(subjects) or self.custodian not in custodians:
            raise NotFoundError("subject is not known")

    async def _check_authority(self, authority: Address) -> None:
        if await self.projection.authority_region(authority) is None:
            raise NotFoundError("authority is not known")

    async def link(self, act: SubjectLink, signatures: Sequence[bytes], *, resumed: bool = False) -> EventPlace:
        """Has a prepared link receipted on chain.

        Raises:
            NotFoundError: it was not prepared here: what opens it would be lost.
            ConflictError: it was done before, or the contract refuses it.
            NotAuthenticError: the signature is not the authority's.
        """
        if await self.persons.link(struct_hash(act)) is None:
            raise NotFoundError("link is not known: it has to be prepared at this gateway")
        return await acts.perform(self.ledger, self.projection, act, signatures, resumed=resumed)

    async def keep(self, act: SubjectLink, subjects: Sequence[SubjectId], blinding: bytes) -> None:
        """Keeps the opening of a link that was prepared at another custodian, once it is on chain.

        Raises:
            NotFoundError: the chain has no such link, or it is about no subject of this custodian.
            VerificationError: the opening does not open it.
        """
        ordered = tuple(sorted(subjects))
        if await self.projection.act(struct_hash(act)) is None:
            raise NotFoundError("link is not known")
        verify_link(act.commitment, blinding, ordered)
        await self._check_concerned(ordered)
        await self.persons.keep_link(LinkOpening(act, ordered, blinding))

    async def prepare_unlink(self, link: bytes, authority: Address, reason: str, now: int) -> UnlinkOpening:
        """Makes an unlink for an authority to sign, and keeps what opens it.

        Raises:
            InvalidInputError: no reason, or one that is too long.
            NotFoundError: link or authority is not known here.
            ConflictError: the link does not stand.
        """
        if not 0 < len(reason.strip()) <= MOST_REASON:
            raise InvalidInputError(f"reason does not match (expected 1 to {MOST_REASON} characters)")
        if await self.persons.link(link) is None:
            raise NotFoundError("link is not known")
        await self._check_authority(authority)
        if not await self._stands(link):
            raise ConflictError("link does not stand")
        blinding = new_blinding()
        act = SubjectUnlink(authority, link, commit_unlink(blinding, link, reason), now + SIGN_SECONDS)
        made = UnlinkOpening(act, reason, blinding)
        await self.persons.keep_unlink(made)
        return made

    async def unlink(self, act: SubjectUnlink, signatures: Sequence[bytes], *, resumed: bool = False) -> EventPlace:
        """Has a prepared unlink receipted on chain; raises as `link` does."""
        if await self.persons.unlink(struct_hash(act)) is None:
            raise NotFoundError("unlink is not known: it has to be prepared at this gateway")
        return await acts.perform(self.ledger, self.projection, act, signatures, resumed=resumed)

    async def history(self, subject_id: SubjectId) -> list[LinkView]:
        """Gives every link of a subject that is on chain, undone ones too, in chain order."""
        found: list[LinkView] = []
        for opening in await self.persons.links_of(subject_id):
            event = await self.projection.act(struct_hash(opening.act))
            if event is not None:
                undone = await self.projection.unlink_of(event.act_hash)
                undoing = await self.persons.unlink(undone.act_hash) if undone else None
                found.append(LinkView(opening, event, undone, undoing))
        return sorted(found, key=lambda view: (view.event.place.block.number, view.event.place.log_index))
