"""A `Projection` in memory: reads the events of a `MemoryLedger`, always up to date unless told to lag."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from consentry.core import events
from consentry.core.chain import BlockReference, EventPlace
from consentry.core.codes import ConsentStatus, Reason, RecordStatus, Standing
from consentry.core.emergencies import Debt, debts_after
from consentry.core.erasures import Erasure, Restriction
from consentry.core.guardianship import GuardianAppointment
from consentry.core.persons import SubjectUnlink
from consentry.core.signed_act import SignedAct
from consentry.core.signer_keys import RecoveryCompletion, RecoveryProposal, SignerRotation
from consentry.core.terms import Address, ConsentId, RecordId, SubjectId
from consentry.errors import LedgerUnavailableError
from consentry.gateway.ports import AccessView, ConsentView, InstitutionView, RecordView, SubjectView
from tests.support.memory_ledger import MemoryLedger

Kind = TypeVar("Kind")
Cursor = tuple[int, int]


class MemoryProjection:
    """Looks everything up in the log, without an index.

    Attributes:
        lags: while true no new block is taken in.
    """

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger
        self._seen = 0
        self.lags = False

    def _events(self, kind: type[Kind]) -> Iterator[Kind]:
        if not self.lags:
            self._seen = len(self._ledger.log)
        return (event for event in self._ledger.log[: self._seen] if isinstance(event, kind))

    def _last(self, kind: type[Kind], fits: Callable[[Kind], bool]) -> Kind | None:
        return next((event for event in reversed(list(self._events(kind))) if fits(event)), None)

    async def position(self) -> BlockReference | None:
        if not self.lags:
            self._seen = len(self._ledger.log)
        return self._ledger.log[self._seen - 1].place.block if self._seen else None

    async def wait_for(self, block_number: int) -> None:
        known = await self.position()
        if known is None or known.number < block_number:
            raise LedgerUnavailableError(f"projection does not reach block {block_number}")

    async def institution(self, address: Address) -> InstitutionView | None:
        event = self._last(events.InstitutionAdmitted, lambda e: e.institution == address)
        return self._institution(event) if event else None

    async def institutions(self, after: Cursor | None = None, limit: int | None = None) -> Sequence[InstitutionView]:
        found = [e for e in self._events(events.InstitutionAdmitted) if _is_after(e.place, after)]
        return [self._institution(event) for event in found[:limit]]

    def _institution(self, admitted: events.InstitutionAdmitted) -> InstitutionView:
        own = admitted.institution
        changed = self._last(events.InstitutionStandingChanged, lambda e: e.institution == own)
        standing = changed.standing if changed else Standing.ACTIVE
        keys = self._last(events.InstitutionKeysRotated, lambda e: e.institution == own) or admitted
        return InstitutionView(own, standing, admitted.region, keys.signer, keys.release_key, admitted.place)

    async def authority_region(self, address: Address) -> int | None:
        admitted = self._last(events.AuthorityAdmitted, lambda e: e.authority == address)
        changed = self._last(events.AuthorityStandingChanged, lambda e: e.authority == address)
        if admitted is None or (changed and changed.standing != Standing.ACTIVE):
            return None
        return admitted.region

    async def subject(self, subject_id: SubjectId) -> SubjectView | None:
        event = self._last(events.SubjectEnrolled, lambda e: e.subject_id == subject_id)
        return self._subject(event) if event else None

    def _subject(self, enrolled: events.SubjectEnrolled) -> SubjectView:
        signer = enrolled.signer
        proposed: dict[bytes, bytes] = {}
        for event in self._events(events.ActPerformed):
            if event.subject_id != enrolled.subject_id:
                continue
            match event.act:
                case RecoveryProposal():
                    proposed[event.act_hash] = event.act.signer
                case SignerRotation():
                    signer = event.act.signer
                case RecoveryCompletion():
                    signer = proposed[event.act.recovery]
        return SubjectView(enrolled.subject_id, signer, enrolled.custodian, enrolled.place)

    async def subjects_of_signer(self, signer: bytes) -> Sequence[SubjectView]:
        views = [self._subject(event) for event in self._events(events.SubjectEnrolled)]
        return [view for view in views if view.signer == signer]

    async def subjects_shown_with(self, signer: bytes) -> Sequence[SubjectView]:
        def shows(event: events.ActPerformed) -> bool:
            act = event.act
            return signer == (act.guardian if isinstance(act, GuardianAppointment) else getattr(act, "signer", None))

        enrolled = list(self._events(events.SubjectEnrolled))
        named = {event.subject_id for event in enrolled if event.signer == signer}
        named |= {event.subject_id for event in self._events(events.ActPerformed) if shows(event)}
        return [self._subject(event) for event in enrolled if event.subject_id in named]

    async def appointments_of(self, guardian: bytes) -> Sequence[events.ActPerformed]:
        return [
            event
            for event in self._events(events.ActPerformed)
            if isinstance(event.act, GuardianAppointment) and event.act.guardian == guardian
        ]

    async def record(self, record_id: RecordId) -> RecordView | None:
        event = self._last(events.RecordAnchored, lambda e: e.record_id == record_id)
        return self._record(event) if event else None

    async def records_of(self, subject_id: SubjectId, after: Cursor | None, limit: int) -> Sequence[RecordView]:
        found = [e for e in self._events(events.RecordAnchored) if e.subject_id == subject_id]
        return [self._record(e) for e in found if _is_after(e.place, after)][:limit]

    def _record(self, event: events.RecordAnchored) -> RecordView:
        return RecordView(event.record_id, event.leaf, self._status(event.record_id), event.place)

    def _status(self, record_id: RecordId) -> RecordStatus:
        erased = self._last(events.ActPerformed, _is_about(Erasure, record_id))
        if erased:
            return RecordStatus.ERASED
        if self._last(events.RecordSuperseded, lambda e: e.record_id == record_id):
            return RecordStatus.SUPERSEDED
        restriction = self._last(events.ActPerformed, _is_about(Restriction, record_id))
        restricted = restriction is not None and getattr(restriction.act, "restricted", False)
        return RecordStatus.RESTRICTED if restricted else RecordStatus.CURRENT

    async def consent(self, consent_id: ConsentId) -> ConsentView | None:
        event = self._last(events.ConsentGranted, lambda e: e.consent_id == consent_id)
        return self._consent(event) if event else None

    async def consents_of(self, subject_id: SubjectId, after: Cursor | None, limit: int) -> Sequence[ConsentView]:
        found = [e for e in self._events(events.ConsentGranted) if e.subject_id == subject_id]
        return [self._consent(e) for e in found if _is_after(e.place, after)][:limit]

    def _consent(self, event: events.ConsentGranted) -> ConsentView:
        revoked = self._last(events.ConsentRevoked, lambda e: e.consent_id == event.consent_id)
        permitted = [e for e in self._events(events.AccessDecided) if e.entry.reason == Reason.NONE]
        return ConsentView(
            consent_id=event.consent_id,
            terms=event.terms,
            signature=event.signature,
            status=ConsentStatus.REVOKED if revoked else ConsentStatus.ACTIVE,
            uses=sum(e.entry.request.consent_id == event.consent_id for e in permitted),
            granted_at=event.place.block.time,
            revoked_at=revoked.place.block.time if revoked else 0,
            place=event.place,
            revocation=revoked.place if revoked else None,
        )

    async def acts(
        self,
        *,
        subject_id: SubjectId | None = None,
        institution: Address | None = None,
        records: Sequence[RecordId] = (),
        kinds: Sequence[type[SignedAct]] = (),
        after: Cursor | None,
        limit: int,
    ) -> Sequence[events.ActPerformed]:
        found = [
            event
            for event in self._events(events.ActPerformed)
            if subject_id in (None, event.subject_id)
            and institution in (None, event.institution)
            and (not kinds or type(event.act) in kinds)
            and (not records or getattr(event.act, "record_id", None) in records)
            and _is_after(event.place, after)
        ]
        return found[:limit]

    async def act(self, act_hash: bytes) -> events.ActPerformed | None:
        return self._last(events.ActPerformed, lambda e: e.act_hash == act_hash)

    async def unlink_of(self, link: bytes) -> events.ActPerformed | None:
        return self._last(events.ActPerformed, lambda e: isinstance(e.act, SubjectUnlink) and e.act.link == link)

    async def debts_of_subject(self, subject_id: SubjectId) -> dict[bytes, Debt]:
        opened = [event for event in self._events(events.DebtOpened) if event.subject_id == subject_id]
        acts = [event for event in self._events(events.ActPerformed) if event.subject_id == subject_id]
        return debts_after([*opened, *acts])

    async def was_permitted(self, institution: Address, record_id: RecordId, since: int) -> bool:
        def fits(event: events.AccessDecided) -> bool:
            request = event.entry.request
            named = (request.institution, request.record_id) == (institution, record_id)
            return named and event.entry.reason == Reason.NONE

        event = self._last(events.AccessDecided, fits)
        return event is not None and event.place.block.time >= since

    async def accesses(
        self,
        *,
        subject_id: SubjectId | None = None,
        institutions: Sequence[Address] | None = None,
        after: Cursor | None,
        limit: int,
    ) -> Sequence[AccessView]:
        found = [
            event
            for event in self._events(events.AccessDecided)
            if subject_id in (None, event.entry.subject_id)
            and (institutions is None or event.entry.request.institution in institutions)
            and _is_after(event.place, after)
        ]
        return [AccessView(event.entry, event.place) for event in found[:limit]]


def _is_about(kind: type[SignedAct], record_id: RecordId) -> Callable[[events.ActPerformed], bool]:
    return lambda event: isinstance(event.act, kind) and getattr(event.act, "record_id", None) == record_id


def _is_after(place: EventPlace, cursor: Cursor | None) -> bool:
    return cursor is None or (place.block.number, place.log_index) > cursor
